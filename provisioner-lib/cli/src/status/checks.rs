//! The checks, by their subject.

use std::fmt::Write;

use cast_spot_provisioner::{
    resource::last,
    verify::{Check, Checked, Verification},
};

use crate::{
    plan::table,
    style::{BOLD, DIM, RED, YELLOW, green},
};

/// All checks, with a heading for each subject.
pub(super) fn render(checks: &[Checked]) -> String {
    let mut text = String::new();
    let mut previous = "";
    for subject in checks.chunk_by(|one, next| subject_of(&one.check) == subject_of(&next.check)) {
        let _ = writeln!(text, "\n{BOLD}{}{BOLD:#}", subject_of(&subject[0].check));
        let answered = |checked: &Checked| (checked.verdict.clone(), checked.warning);
        let alike: Vec<&[Checked]> = subject.chunk_by(|one, next| answered(one) == answered(next)).collect();
        let is_of_iam = matches!(subject[0].check, Check::Allowed { .. });
        match alike[..] {
            // IAM did not answer.
            [all] if is_of_iam && !all[0].verdict.passed => {
                let _ = writeln!(text, "  {RED}FAIL{RED:#}  {} calls that could not be checked", all.len());
                text += &detail(all, &mut previous);
                continue;
            }
            _ if is_of_iam => text += &counted(subject),
            _ => {}
        }
        for alike in alike.into_iter().filter(|alike| !is_of_iam || !alike[0].verdict.passed) {
            text += &alike.iter().map(row).collect::<String>();
            text += &detail(alike, &mut previous);
        }
    }
    text
}

/// Permissions in AWS are many: those that are as they should be are counted. `--json` has each of them.
fn counted(checks: &[Checked]) -> String {
    let mut text = String::new();
    for (allowed, words) in
        [(true, "calls that it makes are allowed"), (false, "calls in another cluster are denied")]
    {
        let is_so = |check: &Check| matches!(check, Check::Allowed { expected, .. } if *expected == allowed);
        let passed = checks.iter().filter(|checked| checked.verdict.passed && is_so(&checked.check)).count();
        if passed > 0 {
            let _ = writeln!(text, "  {}    {passed} {words}", green("ok"));
        }
    }
    text
}

fn row(checked: &Checked) -> String {
    let what = what(&checked.check);
    if checked.warning {
        format!("  {YELLOW}warn{YELLOW:#}  {what}\n")
    } else if checked.verdict.passed {
        format!("  {}    {what}\n", green("ok"))
    } else {
        format!("  {RED}FAIL{RED:#}  {what}\n")
    }
}

/// The answer to checks that failed alike or warn, below the last of them. `previous` is the previous answer.
fn detail<'c>(alike: &'c [Checked], previous: &mut &'c str) -> String {
    let is_shown = |checked: &&Checked| checked.warning || !checked.verdict.passed;
    let Some(Checked { verdict, .. }) = alike.first().filter(is_shown) else {
        return String::new();
    };
    let lines = if verdict.detail == *previous { "as above" } else { &verdict.detail };
    *previous = &verdict.detail;
    let mut text = String::new();
    for line in lines.lines() {
        let _ = writeln!(text, "        {DIM}{line}{DIM:#}");
    }
    text
}

/// Resources that are as they should be, below `heading`, or their differences; and the checks.
pub(super) fn comparison(found: &Verification, heading: &str, objects: &str, width: usize) -> String {
    let Verification { planned, checks } = found;
    let state = if planned.plan.is_empty() {
        let all = planned.plan.steps.len();
        format!("\n{BOLD}{heading}{BOLD:#}\n  {}    all {all}{objects} are as they should be\n", green("ok"))
    } else {
        table::steps(planned, width)
    };
    state + &table::unmanaged(&planned.plan) + &render(checks) + "\n"
}

fn subject_of(check: &Check) -> String {
    match check {
        Check::Allowed { principal_arn, .. } => format!("Permissions of {} in AWS", last(principal_arn)),
        Check::Kubernetes { cluster, .. } => {
            format!("Kubernetes permissions of the function in {cluster} (self-reported)")
        }
        Check::Available { .. } => "The agent's pods".to_owned(),
        Check::Notice { .. } | Check::Reserved { .. } => "The deployed function".to_owned(),
    }
}

fn what(check: &Check) -> String {
    let may = |expected: bool| if expected { "may" } else { "may not" };
    match check {
        Check::Allowed { action, resource, context, expected, .. } => {
            let on = if resource == "*" { String::new() } else { format!(" on {}", short(resource)) };
            let under: Vec<String> =
                context.iter().filter_map(|(key, value)| condition(key, value)).collect();
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
        Check::Notice { function, .. } => format!("{function} passes its self-test"),
        Check::Reserved { function } => format!("{function} has concurrency of its own"),
    }
}

/// The end of an ARN: the kind of resource and its name.
fn short(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or(arn)
}

/// A condition that differs between the checks of a principal.
fn condition(key: &str, value: &str) -> Option<String> {
    if let Some((_, cluster)) = key.split_once("Tag/kubernetes.io/cluster/") {
        return Some(format!(" of cluster {cluster}"));
    }
    (key == "iam:PassedToService").then(|| format!(" to {value}"))
}

/// The last line, with a hint if anything is wrong.
pub(super) fn verdict(verification: &Verification) -> String {
    let steps = &verification.planned.plan.steps;
    let differing = steps.iter().filter(|step| step.action.writes()).count();
    let foreign = verification.planned.plan.conflicts().count();
    let failed = verification.checks.iter().filter(|checked| !checked.verdict.passed).count();
    let (all, tried) = (steps.len(), verification.checks.len());
    if verification.is_good() {
        let warnings = match verification.checks.iter().filter(|checked| checked.warning).count() {
            0 => String::new(),
            warnings => format!(", {warnings} with a warning"),
        };
        return format!(
            "{} {all} resources are as they should be, all {tried} checks passed{warnings}\n",
            green("✓")
        );
    }
    let mut parts = Vec::new();
    if differing > 0 {
        parts.push(format!("{differing} of {all} resources differ"));
    }
    if foreign > 0 {
        parts.push(format!("{foreign} not managed by cast-spot"));
    }
    let unexpected = verification.planned.plan.unexpected().count();
    if unexpected > 0 {
        parts.push(format!("{unexpected} that cast-spot has not made"));
    }
    parts.push(match failed {
        0 => format!("all {tried} checks passed"),
        failed => format!("{failed} of {tried} checks failed"),
    });
    let hint = if differing + foreign > 0 {
        "run `cast-spot onboard` to repair it"
    } else if unexpected > 0 {
        "find out who has made what is not managed by cast-spot, and delete it if nothing needs it"
    } else {
        "`cast-spot status --json` has every detail of the checks"
    };
    format!("{RED}✗{RED:#} {}\nhint: {hint}\n", parts.join(", "))
}
