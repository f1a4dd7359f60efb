//! The reasons below the chart of a node: what the handler reported of cordon, replacement and lost pods.

use std::collections::BTreeMap;

use anstyle::Style;

use crate::outcome::{Fate, NodeTimeline, PodTrack};

use super::fold::label;
use super::node::Painter;
use super::paint::{self, BAD, DIM, FORCED, WAITS};
use super::reports::Reports;

/// Reasons of pods beyond this number are only counted.
const REASONS_SHOWN: usize = 4;

/// All reasons for one node.
pub(super) fn lines(painter: &Painter<'_>, node: &NodeTimeline) -> Vec<String> {
    let Painter { reports, layout, .. } = painter;
    let mut by_reason: BTreeMap<&str, Vec<&PodTrack>> = BTreeMap::new();
    for pod in node.pods.iter().filter(|pod| !matches!(pod.fate, Fate::Drained | Fate::Stays)) {
        if let Some(reason) = reports.reason(&pod.uid) {
            by_reason.entry(reason).or_default().push(pod);
        }
    }
    let of_pods = by_reason.into_iter().map(|(reason, pods)| {
        let who = match *pods {
            [one] => format!("{}/{}", one.namespace, one.name),
            _ => label(&pods, layout.label),
        };
        let is_lost = pods.iter().any(|pod| pod.fate != Fate::Deleted);
        (format!("{who}: {reason}"), if is_lost { BAD } else { FORCED })
    });
    let others = |more| (format!("and {} (--json has all)", paint::count(more, "more reason")), DIM);
    let reasons = refused_cordon(reports, node).into_iter().chain(launcher(reports, node));
    let reasons = reasons.chain(paint::first(of_pods, REASONS_SHOWN, others));
    reasons.flat_map(|(text, style)| paint::lines(&format!("↳ {text}"), layout.width(), 2, style)).collect()
}

/// Why the node was not cordoned, where the handler tried.
fn refused_cordon(reports: &Reports<'_>, node: &NodeTimeline) -> Option<(String, Style)> {
    let cordon = &reports.of(&node.instance)?["cordon"];
    let reason = cordon["reason"].as_str().filter(|_| cordon["outcome"] == "failed")?;
    Some((format!("cordon: {reason}"), BAD))
}

/// The outcome of a replacement that the handler did not bring about, and who did.
fn launcher(reports: &Reports<'_>, node: &NodeTimeline) -> Option<(String, Style)> {
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
