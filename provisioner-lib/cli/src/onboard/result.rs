//! The result of an onboarding as text: names to copy, the key, next steps.

use std::fmt::Write;

use cast_spot_provisioner::{
    names,
    onboard::Planned,
    plan::Action,
    provider::AccessKey,
    report::Report,
    resource::{Kind, Principal},
    spec::{Access, Spec},
};

use crate::{
    style::{BOLD, YELLOW},
    workflow::{Finished, headline},
    zip::Zip,
};

/// Where a new key is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum KeyPlace {
    /// In this file.
    File(String),
    /// In the result itself.
    Result,
    /// Nowhere: no one has seen its secret.
    Nowhere,
}

/// The result.
pub(super) fn render(
    spec: &Spec,
    planned: &Planned,
    report: &Report,
    (kept, zip): (&KeyPlace, Option<&Zip>),
) -> Finished {
    let mut steps = planned.plan.steps.iter();
    let details = match &report.access_key {
        Some(key) => key_in(key, kept),
        None if steps.any(|step| step.id.kind == Kind::AccessKey && step.action == Action::Keep) => {
            "\nThe access key is unchanged; its secret is shown only when it is made. --rotate-key makes another.\n"
                .to_owned()
        }
        None => String::new(),
    };
    Finished {
        headline: headline(&planned.facts.cluster.name, "onboarded", report, &planned.plan)
            + &names_to_copy(spec, planned, zip),
        details,
        next: next_steps(spec, planned),
        ..Finished::default()
    }
}

fn key_in(key: &AccessKey, kept: &KeyPlace) -> String {
    let AccessKey { id, secret } = key;
    match kept {
        KeyPlace::File(file) => format!("\nThe access key {id} is in {file}, readable by you alone.\n"),
        KeyPlace::Nowhere => format!(
            "\n{YELLOW}The access key {id} was made, and its secret is not shown:{YELLOW:#} standard output is not a terminal.\n\
             `cast-spot onboard --rotate-key` makes another one, and disables this one.\n"
        ),
        KeyPlace::Result => format!(
            "\n{YELLOW}The access key, shown now and never again:{YELLOW:#}\n  \
             AccessKeyId      {id}\n  SecretAccessKey  {secret}\n"
        ),
    }
}

fn names_to_copy(spec: &Spec, planned: &Planned, zip: Option<&Zip>) -> String {
    let facts = &planned.facts;
    let row = |name: &str, value: &str| format!("  {name:18} {BOLD}{value}{BOLD:#}\n");
    let (label, external_id) = match &spec.access {
        Access::Role { external_id, .. } => ("Role ARN", row("External id", external_id)),
        Access::User { .. } => ("User ARN", String::new()),
    };
    let (partition, account) = (&facts.identity.partition, &facts.identity.account);
    let function = format!("arn:{partition}:lambda:{}:{account}:function:{}", facts.region, names::FUNCTION);
    let node_role = names::node_role(&spec.cluster, &facts.cluster.arn);
    let principal = row(label, &principal_arn(spec, planned));
    let zip = zip.map_or_else(String::new, |zip| row("Zip", &zip.origin()));
    let nodes = row("Role of new nodes", &node_role);
    ["\n", &principal, &external_id, &nodes, &row("Function", &function), &zip].concat()
}

/// ARN of the principal that manages the cluster.
pub(super) fn principal_arn(spec: &Spec, planned: &Planned) -> String {
    let facts = &planned.facts;
    let name = facts.principal();
    let principal = match spec.access {
        Access::Role { .. } => Principal::Role(name),
        Access::User { .. } => Principal::User(name),
    };
    principal.arn(&facts.identity.partition, &facts.identity.account)
}

fn next_steps(spec: &Spec, planned: &Planned) -> String {
    let place = format!("--cluster {} --region {}", spec.cluster, planned.facts.region);
    let mut text = format!(
        "\nNext:\n  cast-spot status {place}\n      checks that it works: permissions and the function's self-test\n"
    );
    if let Access::User { .. } = spec.access {
        let _ = writeln!(
            text,
            "  cast-spot onboard {place} --mode user --rotate-key\n      makes a new key and disables this one"
        );
    }
    let _ = writeln!(text, "  cast-spot offboard {place}\n      removes everything again");
    text
}
