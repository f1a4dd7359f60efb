//! The reasons below the chart of a node: what the handler reported of cordon, replacement and lost pods.

use std::collections::BTreeMap;

use crate::outcome::{Fate, NodeTimeline, PodTrack};

use super::chart::Layout;
use super::fold::label;
use super::paint::{self, BAD, DIM, FORCED, WAITS};
use super::reports::Reports;

/// Reasons of pods beyond this number are only counted.
const REASONS_SHOWN: usize = 4;

/// All reasons for one node.
pub(super) fn lines(reports: &Reports<'_>, node: &NodeTimeline, layout: Layout) -> Vec<String> {
    let cordon = refused_cordon(reports, node).map(|text| (text, BAD));
    let mut reasons: Vec<_> = cordon.into_iter().chain(launcher(reports, node)).collect();
    let mut by_reason: BTreeMap<&str, Vec<&PodTrack>> = BTreeMap::new();
    for pod in node.pods.iter().filter(|pod| !matches!(pod.fate, Fate::Drained | Fate::Stays)) {
        if let Some(reason) = reports.reason(&pod.uid) {
            by_reason.entry(reason).or_default().push(pod);
        }
    }
    let more = by_reason.len().saturating_sub(REASONS_SHOWN);
    reasons.extend(by_reason.into_iter().take(REASONS_SHOWN).map(|(reason, pods)| {
        let who = match *pods {
            [one] => format!("{}/{}", one.namespace, one.name),
            _ => label(&pods, layout.label),
        };
        let is_lost = pods.iter().any(|pod| pod.fate != Fate::Deleted);
        (format!("{who}: {reason}"), if is_lost { BAD } else { FORCED })
    }));
    if more > 0 {
        reasons.push((format!("and {} (--json has all)", paint::count(more, "more reason")), DIM));
    }
    let width = layout.width();
    reasons.iter().flat_map(|(text, style)| paint::lines(&format!("↳ {text}"), width, 2, *style)).collect()
}

/// Why the node was not cordoned, where the handler tried.
fn refused_cordon(reports: &Reports<'_>, node: &NodeTimeline) -> Option<String> {
    let cordon = &reports.of(&node.instance)?["cordon"];
    let reason = cordon["reason"].as_str().filter(|_| cordon["outcome"] == "failed")?;
    Some(format!("cordon: {reason}"))
}

/// The outcome of a replacement that the handler did not bring about, and who did.
fn launcher(reports: &Reports<'_>, node: &NodeTimeline) -> Option<(String, anstyle::Style)> {
    let is_late = node.is_replaced_by_health_check();
    let has_failed = reports.replacement_failed(&node.instance);
    let then = match &node.replacement {
        _ if !is_late && !has_failed => return None,
        None => "",
        Some(_) if is_late => "; the group's health check replaced it after the instance was gone",
        Some(_) => "; launched before the instance was gone all the same",
    };
    let outcome = reports.replacement_of(&node.instance).unwrap_or("no report");
    Some((format!("replacement: {outcome}{then}"), if has_failed { BAD } else { WAITS }))
}
