//! What was tried, by who it was tried for.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use cast_spot_provisioner::{
    resource::last,
    verify::{Check, Checked, Verification},
};

use crate::plan::table::green;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const RED: Style = AnsiColor::Red.on_default().bold();

/// All checks, under a heading for each subject.
pub(super) fn render(checks: &[Checked]) -> String {
    let mut text = String::new();
    let mut subject = String::new();
    for checked in checks {
        let next = subject_of(&checked.check);
        if next != subject {
            let _ = writeln!(text, "\n{BOLD}{next}{BOLD:#}");
            subject = next;
        }
        text += &line(checked);
    }
    text
}

/// That there is no drift.
pub(super) fn resources(count: usize) -> String {
    format!("\n{BOLD}Resources{BOLD:#}\n  {}    all {count} are as they should be\n", green("ok"))
}

fn subject_of(check: &Check) -> String {
    match check {
        Check::Allowed { principal_arn, .. } => format!("Rights of {} in AWS", last(principal_arn)),
        Check::Kubernetes { group, .. } => format!("Rights of {group} in the cluster"),
        Check::Available { .. } => "The agent's pods".to_owned(),
        Check::Notice { .. } => "The deployed function".to_owned(),
    }
}

fn line(checked: &Checked) -> String {
    let what = what(&checked.check);
    if checked.verdict.passed {
        return format!("  {}    {what}\n", green("ok"));
    }
    let mut text = format!("  {RED}FAIL{RED:#}  {what}\n");
    for detail in checked.verdict.detail.lines() {
        let _ = writeln!(text, "        {DIM}{detail}{DIM:#}");
    }
    text
}

fn what(check: &Check) -> String {
    let may = |expected: bool| if expected { "may" } else { "may not" };
    match check {
        Check::Allowed { action, resource, context, expected, .. } => {
            let on = if resource == "*" { String::new() } else { format!(" on {}", short(resource)) };
            let under: Vec<String> =
                context.iter().filter_map(|(key, value)| circumstance(key, value)).collect();
            format!("{} {action}{on}{}", may(*expected), under.concat())
        }
        Check::Kubernetes { verb, api_group, resource, subresource, expected, .. } => {
            let group = if api_group.is_empty() { String::new() } else { format!(".{api_group}") };
            let sub = if subresource.is_empty() { String::new() } else { format!("/{subresource}") };
            format!("{} {verb} {resource}{group}{sub}", may(*expected))
        }
        Check::Available { namespace, deployment } => {
            format!("{deployment} in namespace {namespace} is available")
        }
        Check::Notice { function } => format!("{function} answers a Spot notice in dry run"),
    }
}

/// The end of an ARN: what kind of thing it is, and its name.
fn short(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or(arn)
}

/// What the check is about. The rest of a context is the same for all checks of a principal.
fn circumstance(key: &str, value: &str) -> Option<String> {
    if let Some((_, cluster)) = key.split_once("Tag/kubernetes.io/cluster/") {
        return Some(format!(" of cluster {cluster}"));
    }
    (key == "iam:PassedToService").then(|| format!(" to {value}"))
}

/// What it all comes to.
pub(super) fn verdict(verification: &Verification) -> String {
    let steps = &verification.planned.plan.steps;
    let differing = steps.iter().filter(|step| step.action.writes()).count();
    let foreign = verification.planned.plan.conflicts().count();
    let failed = verification.checks.iter().filter(|checked| !checked.verdict.passed).count();
    let (all, tried) = (steps.len(), verification.checks.len());
    if verification.is_good() {
        return format!("{} {all} resources are as they should be, all {tried} checks passed\n", green("✓"));
    }
    let mut parts = Vec::new();
    if differing > 0 {
        parts.push(format!("{differing} of {all} resources differ"));
    }
    if foreign > 0 {
        parts.push(format!("{foreign} in the way"));
    }
    parts.push(match failed {
        0 => format!("all {tried} checks passed"),
        failed => format!("{failed} of {tried} checks failed"),
    });
    let hint = if differing + foreign > 0 {
        "`cast-spot onboard` shows the same and mends it"
    } else {
        "`cast-spot status --json` has all that was asked in a check"
    };
    format!("{RED}✗{RED:#} {}\nhint: {hint}\n", parts.join(", "))
}
