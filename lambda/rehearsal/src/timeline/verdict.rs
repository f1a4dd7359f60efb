//! The lines below the chart: what came of it, which laws were broken, what to do next.

use std::collections::BTreeMap;

use crate::outcome::{Fate, NodeTimeline};

use super::hints;
use super::node::Painter;
use super::paint::{self, BAD, BOLD, GOOD, PLAIN, count, duration};

/// Broken laws beyond this number are only counted.
const VIOLATIONS_SHOWN: usize = 12;
/// Errors beyond this number are only counted.
const ERRORS_SHOWN: usize = 5;
/// Reasons of replacements beyond this number are only counted.
const REASONS_SHOWN: usize = 3;

/// All lines below the chart, none wider than the layout where words allow it.
pub(super) fn lines(painter: &Painter<'_>) -> Vec<String> {
    let (outcome, width) = (painter.outcome, painter.layout.width());
    let pods = outcome.world.pods;
    let (sign, style) = match (pods.killed + pods.left, pods.total) {
        _ if outcome.lacks_replacement() => ('✗', BAD),
        (0, 0) => ('–', BOLD),
        (0, _) => ('✓', GOOD.bold()),
        _ => ('✗', BAD),
    };
    let bad = errors(painter).into_iter().chain(violations(painter));
    let bad = bad.flat_map(|text| paint::lines(&format!("✗ {text}"), width, 4, BAD));
    let reasons = replacement_reasons(painter);
    let mut lines = paint::lines(&format!("{sign} {}", sentence(painter)), width, 2, style);
    lines.extend(reasons.iter().flat_map(|text| paint::lines(text, width, 2, PLAIN)));
    lines.extend(bad);
    lines.extend(hints::lines(painter));
    lines
}

/// `27 of 27 pods ended gracefully; cordoned 75 ms after the notice, node empty after 8.2 s, replacement
/// Ready 71 s before the deadline`.
fn sentence(painter: &Painter<'_>) -> String {
    let nodes = &painter.outcome.timelines[..];
    let replacement = match nodes {
        [] => None,
        [node] => Some(replacement(painter, node)),
        _ => Some(replacements(painter, nodes)),
    };
    let parts: Vec<String> = [cordon(nodes), empty(nodes), replacement].into_iter().flatten().collect();
    let pods = pods(painter);
    if parts.is_empty() { pods } else { format!("{pods}; {}", parts.join(", ")) }
}

fn pods(painter: &Painter<'_>) -> String {
    let pods = painter.outcome.world.pods;
    if pods.total == 0 {
        return "no pod had to leave".to_owned();
    }
    let over = match pods.deleted {
        0 => String::new(),
        some if only_budgets(painter) => format!(" ({some} over a PodDisruptionBudget)"),
        some => format!(" ({some} deleted at the last moment)"),
    };
    let good = pods.drained + pods.deleted;
    let good = format!("{good} of {} ended gracefully{over}", count(pods.total, "pod"));
    let lost = counted([(pods.killed, "killed"), (pods.left, "left")]);
    [good].into_iter().chain(lost).collect::<Vec<_>>().join(", ")
}

/// The figures that are not 0, in words.
fn counted<const N: usize>(figures: [(usize, &'static str); N]) -> impl Iterator<Item = String> {
    let some = figures.into_iter().filter(|&(number, _)| number > 0);
    some.map(|(number, what)| format!("{number} {what}"))
}

/// Whether a budget that allowed no disruption is the reason of every delete.
fn only_budgets(painter: &Painter<'_>) -> bool {
    let pods = painter.outcome.timelines.iter().flat_map(|node| &node.pods);
    pods.filter(|pod| pod.fate == Fate::Deleted).all(|pod| {
        let reason = painter.reports.reason(&pod.uid).unwrap_or_default();
        reason.trim_start_matches("a ").starts_with("PodDisruptionBudget")
    })
}

/// When the cordons took effect. (The report counts to the API server's answer, half a round trip later.)
fn cordon(nodes: &[NodeTimeline]) -> Option<String> {
    let cordoned: Vec<u64> = nodes.iter().filter_map(NodeTimeline::cordoned_after).collect();
    let last = duration(cordoned.iter().copied().max().unwrap_or(0));
    Some(match (cordoned.len(), nodes.len()) {
        (_, 0) => return None,
        (0, 1) => "not cordoned".to_owned(),
        (1, 1) => format!("cordoned {last} after the notice"),
        (0, _) => "no node cordoned".to_owned(),
        (some, all) if some < all => format!("{some} of {all} nodes cordoned, within {last} of the notice"),
        _ => format!("every node cordoned within {last} of the notice"),
    })
}

fn empty(nodes: &[NodeTimeline]) -> Option<String> {
    let times: Option<Vec<u64>> = nodes.iter().map(NodeTimeline::empty_ms).collect();
    let last = duration(times?.into_iter().max()?);
    let what = if nodes.len() == 1 { "node" } else { "all nodes" };
    Some(format!("{what} empty after {last}"))
}

fn replacement(painter: &Painter<'_>, node: &NodeTimeline) -> String {
    let reported = painter.reports.replacement_of(&node.instance);
    if node.replacement.is_none() {
        return match reported {
            Some("none asked for") => "no replacement asked for".to_owned(),
            Some(outcome) => format!("no replacement ({outcome})"),
            None => "no replacement".to_owned(),
        };
    }
    let is_late = node.is_replaced_by_health_check();
    let by = if is_late { " by the group's health check" } else { "" };
    let is_shown = is_late || painter.reports.replacement_failed(&node.instance);
    let why = reported.filter(|_| is_shown).map(|outcome| format!(" ({outcome})")).unwrap_or_default();
    let deadline = node.reclaimed_ms.map(|ms| node.since_notice(ms));
    let ready = match (node.ready_after(), deadline) {
        (None, _) => "not Ready".to_owned(),
        (Some(ready), None) => format!("Ready after {}", duration(ready)),
        (Some(ready), Some(end)) if ready <= end => {
            format!("Ready {} before the deadline", duration(end - ready))
        }
        (Some(ready), Some(end)) => format!("Ready {} after the deadline", duration(ready - end)),
    };
    format!("replacement{by}{why} {ready}")
}

fn replacements(painter: &Painter<'_>, nodes: &[NodeTimeline]) -> String {
    let number_of = |is: &dyn Fn(&&NodeTimeline) -> bool| nodes.iter().filter(is).count();
    let unasked = number_of(&|node| painter.reports.replacement_of(&node.instance) == Some("none asked for"));
    let ready: Vec<u64> = nodes.iter().filter_map(NodeTimeline::ready_after).collect();
    let Some(&last) = ready.iter().max() else {
        let how = if unasked == nodes.len() { "asked for" } else { "Ready" };
        return format!("no replacement {how}");
    };
    let failed = number_of(&|node| painter.reports.replacement_failed(&node.instance));
    let late = number_of(&|node| node.is_replaced_by_health_check());
    let but = counted([(failed, "not got by the handler"), (late, "by the group's health check")]);
    let but = but.collect::<Vec<_>>().join(", ");
    let but = if but.is_empty() { but } else { format!(" ({but})") };
    format!("{} of {} replacements Ready within {}{but}", ready.len(), nodes.len(), duration(last))
}

/// Why a replacement was asked for as it was, or is missing: each reason once.
fn replacement_reasons(painter: &Painter<'_>) -> Vec<String> {
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    // A second delivery does not show again that it was asked for before.
    for report in painter.outcome.reports.iter().map(|report| &report["replacement"]) {
        if let Some(reason) = report["reason"].as_str().filter(|_| report["outcome"] != "already") {
            let how = if report["method"] == "verify" { "replacement only watched" } else { "replacement" };
            *reasons.entry(format!("{how}: {reason}")).or_default() += 1;
        }
    }
    let texts = reasons.into_iter().map(|(text, number)| match number {
        1 => text,
        _ => format!("{text} ({number} reports)"),
    });
    paint::first(texts, REASONS_SHOWN, |more| format!("and {} (--json has all)", count(more, "more reason")))
}

/// What the function did not handle.
fn errors(painter: &Painter<'_>) -> Vec<String> {
    let texts = painter.outcome.errors.iter().map(|error| {
        let named = match error.instances.as_slice() {
            [] => String::new(),
            [one] => format!(" for {one}"),
            [first, others @ ..] => format!(" for {first} and {} more", others.len()),
        };
        format!("delivery at {}{named}: {}", duration(error.at_ms), error.error)
    });
    paint::first(texts, ERRORS_SHOWN, |more| format!("and {} (--json has all)", count(more, "more error")))
}

fn violations(painter: &Painter<'_>) -> Vec<String> {
    let texts = painter.outcome.world.violations.iter().map(|violation| {
        format!("law {} broken at {}: {}", violation.law, duration(violation.at_ms), violation.what)
    });
    paint::first(texts, VIOLATIONS_SHOWN, |more| format!("and {}", count(more, "more violation")))
}
