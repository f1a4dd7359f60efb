//! Onboards a cluster with your AWS credentials and kubeconfig, without a question:
//!
//! ```sh
//! cargo run --example onboard -- prod arn:aws:iam::210987654321:user/console 3f0c91d2 bootstrap.zip
//! ```

use std::{env, error::Error, fs, io, io::Write};

use cast_spot_provisioner::{
    apply::{CancelToken, Progress},
    onboard::{PlanError, onboard, plan},
    provider::{Aws, Connection},
    spec::Request,
};
use tokio::runtime::Builder;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let [cluster, principal, external_id, zip] = args.as_slice() else {
        return Err("arguments: CLUSTER PRINCIPAL EXTERNAL_ID ZIP".into());
    };
    let request = Request {
        cluster: cluster.clone(),
        principal: Some(principal.clone()),
        external_id: Some(external_id.clone()),
        package: Some(fs::read(zip)?),
        ..Request::default()
    };
    let spec = request.validate()?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let aws = runtime.block_on(Aws::connect(&Connection::default())).map_err(PlanError::Calls)?;
    let planned = runtime.block_on(plan(&spec, &aws))?;
    let mut out = io::stdout();
    for step in planned.plan.writes() {
        writeln!(out, "{:?} {}", step.action, step.id)?;
    }
    let mut show = |progress: Progress<'_>| {
        if let Progress::Done(step) = progress {
            // A closed pipe must not end the onboarding.
            let _ = writeln!(io::stdout(), "done: {}", step.id);
        }
    };
    // `CancelToken::cancel` from elsewhere ends the run after the steps that have started.
    let report = runtime.block_on(onboard(&spec, planned, &aws, &CancelToken::new(), &mut show))?;
    serde_json::to_writer_pretty(out, &report)?;
    if report.is_complete() { Ok(()) } else { Err("not complete; run it again to continue".into()) }
}
