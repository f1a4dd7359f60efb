//! What came of a run that did not complete: what stands, what failed, what comes next.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use cast_spot_provisioner::report::{Outcome, Report};

use crate::{
    refusal::{self, INTERRUPTED, NOT_GOOD, REFUSED},
    terminal::Screen,
};

const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
/// Names of steps in a list; the rest is counted.
const MOST: usize = 8;

/// What the run comes to.
pub(crate) fn exit_code(report: &Report) -> u8 {
    if report.is_complete() {
        0
    } else if report.failures().any(|(_, error)| refusal::is_refusal(error)) {
        REFUSED
    } else if report.stopped && report.failures().next().is_none() {
        INTERRUPTED
    } else {
        NOT_GOOD
    }
}

/// What is known when somebody did not wait. `looking` is the command that shows what there is.
pub(crate) fn abandoned(screen: &mut Screen, looking: &str) {
    screen.say(&format!(
        "{RED}✗ interrupted{RED:#} while steps were running; `{looking}` shows what is there now, and \
         running the same command again goes on from there\n"
    ));
}

/// Everything that failed with its hints, and what was not reached. `doing` is the command to run again.
pub(crate) fn incomplete(report: &Report, doing: &str) -> String {
    let mut text = String::new();
    let left: Vec<String> = of(report, |outcome| *outcome == Outcome::NotReached);
    let failed = report.failures().count();
    let ended = if report.stopped { "interrupted" } else { "not complete" };
    let _ = writeln!(
        text,
        "{RED}✗ {ended}{RED:#}: {} done, {failed} failed, {} not reached; what is done stands",
        report.done(),
        left.len()
    );
    let mut hints: Vec<&str> = Vec::new();
    for (id, error) in report.failures() {
        let complaint = refusal::of_call(error);
        let _ = writeln!(text, "{RED}error:{RED:#} {id}: {}", complaint.error);
        hints.extend(error.hint.as_deref().filter(|hint| !hints.contains(hint)));
    }
    for hint in hints {
        let _ = writeln!(text, "{YELLOW}hint:{YELLOW:#} {hint}");
    }
    if !left.is_empty() {
        let more = left.len().saturating_sub(MOST);
        let names = left.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let _ = writeln!(text, "not reached: {names}{more}");
    }
    let _ = writeln!(text, "`{doing}` again goes on from here");
    text
}

fn of(report: &Report, is: impl Fn(&Outcome) -> bool) -> Vec<String> {
    report.steps.iter().filter(|step| is(&step.outcome)).map(|step| step.id.to_string()).collect()
}

/// What was there before and was changed in place.
pub(crate) fn backups(report: &Report) -> String {
    let mut text = String::new();
    for step in &report.steps {
        if let Some(backup) = &step.backup {
            let _ = writeln!(text, "\nBefore this run, {} was part of:\n", step.id);
            for line in backup.lines() {
                let _ = writeln!(text, "    {line}");
            }
        }
    }
    text
}
