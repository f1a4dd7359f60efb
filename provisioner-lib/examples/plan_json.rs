//! Prints the plan of an onboarding as JSON, from facts that the caller has. Makes no call.

use std::{collections::BTreeSet, env, error::Error, fs, io, io::Write};

use cast_spot_provisioner::{
    desired::desired,
    facts::{Cluster, Facts, Identity, PreviousRuns},
    plan::{Action, Observed, diff},
    spec::Request,
};
use zip::{ZipWriter, write::SimpleFileOptions};

fn main() -> Result<(), Box<dyn Error>> {
    let zip = match env::args().nth(1) {
        Some(path) => fs::read(path)?,
        None => placeholder()?,
    };
    let request = Request {
        cluster: "prod".to_owned(),
        principal: Some("arn:aws:iam::210987654321:user/console".to_owned()),
        external_id: Some("3f0c91d2".to_owned()),
        package: Some(zip),
        ..Request::default()
    };
    let spec = request.validate()?;
    let arn = "arn:aws:eks:eu-west-1:123456789012:cluster/prod".to_owned();
    let facts = Facts {
        identity: Identity {
            partition: "aws".to_owned(),
            account: "123456789012".to_owned(),
            arn: "arn:aws:iam::123456789012:user/me".to_owned(),
        },
        region: "eu-west-1".to_owned(),
        cluster: Cluster { status: "ACTIVE".to_owned(), ..Cluster::gone("prod", arn) },
        function: None,
        register: BTreeSet::new(),
        earlier: PreviousRuns::default(),
    };
    // Nothing was observed, so every resource is created.
    let plan = diff(&desired(&spec, &facts)?, &Observed::new(), spec.adopt);
    assert!(plan.steps.iter().all(|step| step.action == Action::Create));
    serde_json::to_writer_pretty(io::stdout(), &plan.steps)?;
    Ok(())
}

/// The zip of a program for x86_64 that does nothing: the head of an ELF file.
fn placeholder() -> Result<Vec<u8>, Box<dyn Error>> {
    let mut zip = ZipWriter::new(io::Cursor::new(Vec::new()));
    zip.start_file("bootstrap", SimpleFileOptions::default())?;
    zip.write_all(b"\x7fELF\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\x3e\0")?;
    Ok(zip.finish()?.into_inner())
}
