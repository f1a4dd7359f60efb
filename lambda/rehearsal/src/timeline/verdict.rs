//! The lines below the chart: what came of it, which laws were broken, what to do next.

use std::collections::BTreeMap;

use crate::outcome::{Fate, NodeTimeline, Outcome};

use super::hints;
use super::paint::{self, BAD, BOLD, GOOD, count, duration};
use super::reports::Reports;

/// Broken laws beyond this number are only counted.
const VIOLATIONS_SHOWN: usize = 12;
/// Errors beyond this number are only counted.
const ERRORS_SHOWN: usize = 5;
/// Reasons of replacements beyond this number are only counted.
const REASONS_SHOWN: usize = 3;

/// All lines below the chart, none wider than `width` where words allow it.
pub(super) fn lines(outcome: &Outcome, reports: &Reports<'_>, width: usize) -> Vec<String> {
    let pods = outcome.world.pods;
    let (sign, style) = match (pods.killed + pods.left, pods.total) {
        _ if outcome.lacks_replacement() => ('✗', BAD),
        (0, 0) => ('–', BOLD),
        (0, _) => ('✓', GOOD.bold()),
        _ => ('✗', BAD),
    };
    let text = format!("{sign} {}", sentence(outcome, reports));
    let mut lines = paint::lines(&text, width, 2, style);
    lines.extend(replacement_reasons(outcome, width));
    lines.extend(errors(outcome, width));
    lines.extend(violations(outcome, width));
    lines.extend(hints::lines(outcome, reports, width));
    lines
}

/// `27 of 27 pods ended gracefully; cordoned 75 ms after the notice, node empty after 8.2 s, replacement
/// Ready 71 s before the deadline`.
fn sentence(outcome: &Outcome, reports: &Reports<'_>) -> String {
    let parts = [cordon(outcome), empty(outcome), replacement(outcome, reports)];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    let pods = pods(outcome, reports);
    if parts.is_empty() { pods } else { format!("{pods}; {}", parts.join(", ")) }
}

fn pods(outcome: &Outcome, reports: &Reports<'_>) -> String {
    let pods = outcome.world.pods;
    if pods.total == 0 {
        return "no pod had to leave".to_owned();
    }
    let over = match pods.deleted {
        0 => String::new(),
        some if only_budgets(outcome, reports) => format!(" ({some} over a PodDisruptionBudget)"),
        some => format!(" ({some} deleted at the last moment)"),
    };
    let good = pods.drained + pods.deleted;
    let mut parts = vec![format!("{good} of {} ended gracefully{over}", count(pods.total, "pod"))];
    let lost = [(pods.killed, "killed"), (pods.left, "left")].into_iter();
    parts.extend(lost.filter(|&(number, _)| number > 0).map(|(number, how)| format!("{number} {how}")));
    parts.join(", ")
}

/// Whether a budget that allowed no disruption is the reason of every delete.
fn only_budgets(outcome: &Outcome, reports: &Reports<'_>) -> bool {
    let pods = outcome.timelines.iter().flat_map(|node| &node.pods);
    pods.filter(|pod| pod.fate == Fate::Deleted).all(|pod| {
        let reason = reports.reason(&pod.uid).unwrap_or_default();
        reason.trim_start_matches("a ").starts_with("PodDisruptionBudget")
    })
}

/// When the cordons took effect. (The report counts to the API server's answer, half a round trip later.)
fn cordon(outcome: &Outcome) -> Option<String> {
    let all = outcome.timelines.len();
    let cordoned: Vec<u64> =
        (outcome.timelines.iter()).filter_map(|node| Some(node.since_notice(node.cordoned_ms?))).collect();
    let last = duration(cordoned.iter().copied().max().unwrap_or(0));
    match (cordoned.len(), all) {
        (_, 0) => None,
        (0, 1) => Some("not cordoned".to_owned()),
        (1, 1) => Some(format!("cordoned {last} after the notice")),
        (0, _) => Some("no node cordoned".to_owned()),
        (some, _) if some < all => {
            Some(format!("{some} of {all} nodes cordoned, within {last} of the notice"))
        }
        _ => Some(format!("every node cordoned within {last} of the notice")),
    }
}

fn empty(outcome: &Outcome) -> Option<String> {
    let times: Option<Vec<u64>> = outcome.timelines.iter().map(NodeTimeline::empty_ms).collect();
    let times = times?;
    let last = duration(times.iter().copied().max()?);
    match times.len() {
        1 => Some(format!("node empty after {last}")),
        _ => Some(format!("all nodes empty after {last}")),
    }
}

fn replacement(outcome: &Outcome, reports: &Reports<'_>) -> Option<String> {
    if let [node] = outcome.timelines.as_slice() {
        let reported = reports.replacement_of(&node.instance);
        let Some(track) = &node.replacement else {
            return Some(match reported {
                Some("none asked for") => "no replacement asked for".to_owned(),
                Some(outcome) => format!("no replacement ({outcome})"),
                None => "no replacement".to_owned(),
            });
        };
        let is_shown = node.is_replaced_by_health_check() || reports.replacement_failed(&node.instance);
        let why = reported.filter(|_| is_shown).map(|outcome| format!(" ({outcome})")).unwrap_or_default();
        let by = if node.is_replaced_by_health_check() { " by the group's health check" } else { "" };
        return Some(match track.ready_ms {
            None => format!("replacement{by}{why} not Ready"),
            Some(ready) => format!("replacement{by}{why} Ready {}", before_deadline(node, ready)),
        });
    }
    let all = outcome.timelines.len();
    let unasked = |node: &NodeTimeline| reports.replacement_of(&node.instance) == Some("none asked for");
    let ready: Vec<u64> = (outcome.timelines.iter())
        .filter_map(|node| Some(node.since_notice(node.replacement.as_ref()?.ready_ms?)))
        .collect();
    match ready.iter().max() {
        None if all == 0 => None,
        None if outcome.timelines.iter().all(unasked) => Some("no replacement asked for".to_owned()),
        None => Some("no replacement Ready".to_owned()),
        Some(&last) => {
            let late = outcome.timelines.iter().filter(|node| node.is_replaced_by_health_check()).count();
            let failed = outcome.timelines.iter().filter(|node| reports.replacement_failed(&node.instance));
            let notes = [(failed.count(), "not got by the handler"), (late, "by the group's health check")];
            let notes: Vec<String> = (notes.into_iter().filter(|&(number, _)| number > 0))
                .map(|(number, what)| format!("{number} {what}"))
                .collect();
            let late = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join(", ")) };
            Some(format!("{} of {all} replacements Ready within {}{late}", ready.len(), duration(last)))
        }
    }
}

fn before_deadline(node: &NodeTimeline, ready_ms: u64) -> String {
    match node.reclaimed_ms {
        Some(deadline) if ready_ms <= deadline => {
            format!("{} before the deadline", duration(deadline - ready_ms))
        }
        Some(deadline) => format!("{} after the deadline", duration(ready_ms - deadline)),
        None => format!("after {}", duration(node.since_notice(ready_ms))),
    }
}

/// Why a replacement was asked for as it was, or is missing: each reason once.
fn replacement_reasons(outcome: &Outcome, width: usize) -> Vec<String> {
    let mut nodes: BTreeMap<String, usize> = BTreeMap::new();
    // A second delivery does not show again that it was asked for before.
    for report in outcome.reports.iter().map(|report| &report["replacement"]) {
        if let Some(reason) = report["reason"].as_str().filter(|_| report["outcome"] != "already") {
            let how = if report["method"] == "verify" { "replacement only watched" } else { "replacement" };
            *nodes.entry(format!("{how}: {reason}")).or_default() += 1;
        }
    }
    let more = nodes.len().saturating_sub(REASONS_SHOWN);
    let shown = nodes.into_iter().take(REASONS_SHOWN).flat_map(|(text, number)| {
        let times = if number > 1 { format!(" ({number} reports)") } else { String::new() };
        paint::wrap(&format!("{text}{times}"), width, 2)
    });
    let mut lines: Vec<String> = shown.collect();
    if more > 0 {
        lines.push(format!("and {} (--json has all)", count(more, "more reason")));
    }
    lines
}

/// What the function did not handle.
fn errors(outcome: &Outcome, width: usize) -> Vec<String> {
    let shown = outcome.errors.iter().take(ERRORS_SHOWN).flat_map(|error| {
        let named = match error.instances.as_slice() {
            [] => String::new(),
            [one] => format!(" for {one}"),
            [first, others @ ..] => format!(" for {first} and {} more", others.len()),
        };
        let text = format!("✗ delivery at {}{named}: {}", duration(error.at_ms), error.error);
        paint::lines(&text, width, 4, BAD)
    });
    let mut lines: Vec<String> = shown.collect();
    if outcome.errors.len() > ERRORS_SHOWN {
        let more = count(outcome.errors.len() - ERRORS_SHOWN, "more error");
        lines.push(paint::with(BAD, &format!("✗ and {more} (--json has all)")));
    }
    lines
}

fn violations(outcome: &Outcome, width: usize) -> Vec<String> {
    let broken = &outcome.world.violations;
    let shown = broken.iter().take(VIOLATIONS_SHOWN).flat_map(|violation| {
        let at = duration(violation.at_ms);
        paint::lines(&format!("✗ law {} broken at {at}: {}", violation.law, violation.what), width, 4, BAD)
    });
    let mut lines: Vec<String> = shown.collect();
    if broken.len() > VIOLATIONS_SHOWN {
        let more = count(broken.len() - VIOLATIONS_SHOWN, "more violation");
        lines.push(paint::with(BAD, &format!("✗ and {more}")));
    }
    lines
}

/// How much a node needs a look: by lost pods, then by the time until it was empty.
pub(super) fn badness(node: &NodeTimeline) -> (usize, u64) {
    (node.lost_of_all().0, node.empty_ms().unwrap_or(0))
}
