//! Exit codes of runs, and the text on what is incomplete: what was done, what failed, and how to continue.

use std::fmt::Write;

use cast_spot_provisioner::{
    plan::{Action, Change},
    report::{Outcome, Report, StepReport},
};

use crate::{
    error::{self, EXIT_INCOMPLETE, EXIT_INTERRUPTED, EXIT_REFUSED},
    style::{RED, YELLOW},
};

/// Names in a list; the others are counted.
const MOST: usize = 8;

/// Exit code of a run.
pub(super) fn exit_code(report: &Report) -> u8 {
    if report.is_complete() && report.warnings().is_empty() {
        0
    } else if report.is_complete() {
        EXIT_INCOMPLETE
    } else if report.failures().any(|(_, error)| error::is_refusal(error)) {
        EXIT_REFUSED
    } else if report.stopped && report.failures().next().is_none() {
        EXIT_INTERRUPTED
    } else {
        EXIT_INCOMPLETE
    }
}

/// The text after a run of `command` that was abandoned.
pub(super) fn abandoned(command: &str) -> String {
    format!(
        "{RED}✗ interrupted{RED:#} while steps were running; `{command} --dry-run` shows the current state, \
         and `{command}` continues\n"
    )
}

/// Every failure with its hints, and the steps that were not attempted. `command` is to be run again.
pub(super) fn incomplete(report: &Report, command: &str) -> String {
    let mut text = String::new();
    let left = report.steps.iter().filter(|step| step.outcome == Outcome::NotReached);
    let left: Vec<String> = left.map(|step| step.id.to_string()).collect();
    let ended = if report.stopped { "interrupted" } else { "not complete" };
    let (done, failed) = (report.done(), report.failures().count());
    let _ = writeln!(
        text,
        "{RED}✗ {ended}{RED:#}: {done} done, {failed} failed, {} not attempted. Completed steps are kept",
        left.len()
    );
    let mut hints: Vec<&str> = Vec::new();
    for (id, error) in report.failures() {
        let _ = writeln!(text, "{RED}error:{RED:#} {id}: {}", error::of_call(error).error);
        hints.extend(error.hint.as_deref().filter(|hint| !hints.contains(hint)));
    }
    for hint in hints {
        let _ = writeln!(text, "{YELLOW}hint:{YELLOW:#} {hint}");
    }
    if !left.is_empty() {
        let _ = writeln!(text, "not attempted: {}", listed(&left, MOST));
    }
    let _ = writeln!(text, "run `{command}` again to continue");
    text
}

/// The first `most` names; the others are counted.
pub(crate) fn listed(names: &[String], most: usize) -> String {
    let (shown, more) = names.split_at(names.len().min(most));
    let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
    shown.join(", ") + &more
}

/// What is left to do or to look at. The last lines of a command.
pub(crate) fn warnings(warnings: &[String]) -> String {
    let lines = warnings.iter().map(|warning| format!("{YELLOW}warning:{YELLOW:#} {warning}\n"));
    if warnings.is_empty() { String::new() } else { format!("\n{}", lines.collect::<String>()) }
}

/// Whether the step has ended that a principal is administrator of the cluster.
fn ends_cluster_admin(step: &StepReport) -> bool {
    step.outcome == Outcome::Done
        && matches!(&step.action, Action::Update { changes }
            if changes.iter().any(Change::ends_cluster_admin))
}

/// Rights that were narrowed, and the previous content of what was changed in place.
pub(super) fn notes(report: &Report) -> String {
    let mut text = String::new();
    for step in &report.steps {
        if ends_cluster_admin(step) {
            let _ = writeln!(text, "\nNarrowed: {} is not administrator of the cluster any more", step.id);
        }
        if let Some(backup) = &step.backup {
            let _ = writeln!(text, "\nPrevious content of aws-auth, before {} changed:\n", step.id);
            for line in backup.lines() {
                let _ = writeln!(text, "    {line}");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use cast_spot_provisioner::resource::{Id, Kind};

    use super::*;

    #[test]
    fn who_is_no_longer_administrator_is_named() {
        let change = Change { field: "groups".into(), from: r#"["system:masters"]"#.into(), to: "[]".into() };
        let step = |outcome| StepReport {
            id: Id::new(Kind::AwsAuth, "cast-eks-prod"),
            action: Action::Update { changes: vec![change.clone()] },
            outcome,
            backup: None,
            warning: None,
        };
        let shown = |outcome| notes(&Report { steps: vec![step(outcome)], ..Report::default() });
        let narrowed =
            "\nNarrowed: aws-auth entry cast-eks-prod is not administrator of the cluster any more\n";
        assert_eq!(shown(Outcome::Done), narrowed);
        assert_eq!(shown(Outcome::NotReached), "");
    }

    #[test]
    fn a_warning_fails_a_run_and_is_not_previous_content() {
        let step = StepReport {
            id: Id::new(Kind::AccessKey, "cast-eks-prod"),
            action: Action::Create,
            outcome: Outcome::Done,
            backup: None,
            warning: Some("an old key is still active: denied".to_owned()),
        };
        let report = Report { steps: vec![step], ..Report::default() };
        assert_eq!(notes(&report), "");
        let text = anstream::adapter::strip_str(&warnings(&report.warnings())).to_string();
        assert_eq!(text, "\nwarning: access key cast-eks-prod: an old key is still active: denied\n");
        assert_eq!(exit_code(&report), EXIT_INCOMPLETE);
        let unseen = Report { run_warnings: vec!["not known".to_owned()], ..Report::default() };
        assert_eq!((exit_code(&unseen), exit_code(&Report::default())), (EXIT_INCOMPLETE, 0));
    }
}
