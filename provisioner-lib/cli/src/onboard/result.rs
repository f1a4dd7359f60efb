//! What an onboarding has come to: names to copy, the key, next steps.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use cast_spot_provisioner::{
    names,
    onboard::Planned,
    plan::Action,
    provider::AccessKey,
    report::Report,
    resource::{Kind, Principal},
    spec::{Access, Spec},
};

use super::outcome;
use crate::plan::table::green;

const BOLD: Style = Style::new().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();

/// The result. `kept` is the file that the key was written to.
pub(super) fn render(spec: &Spec, planned: &Planned, report: &Report, kept: Option<&str>) -> String {
    let mut text = "\n".to_owned();
    if report.is_complete() {
        let _ = writeln!(text, "{}", headline(planned, report));
        text += &names_to_copy(spec, planned);
    } else {
        text += &outcome::incomplete(report, "cast-spot onboard");
    }
    if let Some(key) = &report.access_key {
        text += &key_in(key, kept);
    } else if planned
        .plan
        .steps
        .iter()
        .any(|step| step.id.kind == Kind::AccessKey && step.action == Action::Keep)
    {
        text += "\nThe access key is as it was; its secret is shown only when it is made. --rotate-key makes another.\n";
    }
    text += &outcome::backups(report);
    if report.is_complete() {
        text += &next_steps(spec, planned);
    }
    text
}

fn key_in(key: &AccessKey, kept: Option<&str>) -> String {
    let AccessKey { id, secret } = key;
    match kept {
        Some(file) => format!("\nThe access key {id} is in {file}, readable by you alone.\n"),
        None => format!(
            "\n{YELLOW}The access key, shown now and never again:{YELLOW:#}\n  \
             AccessKeyId      {id}\n  SecretAccessKey  {secret}\n"
        ),
    }
}

fn headline(planned: &Planned, report: &Report) -> String {
    let cluster = &planned.facts.cluster.name;
    match report.done() {
        0 => format!("{} cluster {cluster} is onboarded; nothing was to be done", green("✓")),
        1 => format!("{} cluster {cluster} is onboarded; 1 step was done", green("✓")),
        done => format!("{} cluster {cluster} is onboarded; {done} steps were done", green("✓")),
    }
}

fn names_to_copy(spec: &Spec, planned: &Planned) -> String {
    let facts = &planned.facts;
    let (partition, account) = (&facts.identity.partition, &facts.identity.account);
    let who = match spec.access {
        Access::Role { .. } => "Role ARN",
        Access::User { .. } => "User ARN",
    };
    let mut rows = vec![(who, principal_arn(spec, planned))];
    if let Access::Role { external_id, .. } = &spec.access {
        rows.push(("External id", external_id.clone()));
    }
    rows.push(("Role of new nodes", names::node_role(&spec.cluster, &facts.cluster.arn)));
    let function = format!("arn:{partition}:lambda:{}:{account}:function:{}", facts.region, names::FUNCTION);
    rows.push(("Function", function));
    let mut text = "\n".to_owned();
    for (name, value) in rows {
        let _ = writeln!(text, "  {name:18} {BOLD}{value}{BOLD:#}");
    }
    text
}

/// ARN of the user or role that manages the cluster.
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
        "\nNext:\n  cast-spot status {place}\n      tries that it works: rights, and what the function says of its own access\n"
    );
    if let Access::User { .. } = spec.access {
        let _ = writeln!(
            text,
            "  cast-spot onboard {place} --mode user --rotate-key\n      makes a new key and disables this one"
        );
    }
    let _ = writeln!(text, "  cast-spot offboard {place}\n      takes it all out again");
    text
}
