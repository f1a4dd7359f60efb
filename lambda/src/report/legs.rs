//! The outcomes of both legs as one report.

use std::collections::BTreeMap;

use super::{CordonOutcome, CordonReport, EventSummary, Outcome, PodReport, ReplacementReport, Report};

/// Outcome of the drain leg.
#[derive(Debug)]
pub(crate) struct Drained {
    /// Node that was drained.
    pub(crate) node: Option<String>,
    /// The cordon.
    pub(crate) cordon: CordonReport,
    /// Every pod.
    pub(crate) pods: Vec<PodReport>,
    /// Why the node's pods could not be handled, or why there were none to handle.
    pub(crate) reason: Option<String>,
}

impl Drained {
    /// A leg that failed as a whole.
    pub(crate) fn failed(reason: String) -> Self {
        let cordon = CordonReport::failed(reason.clone());
        Self { node: None, cordon, pods: Vec::new(), reason: Some(reason) }
    }
}

impl Report {
    /// The report on a notice whose instance was located.
    pub(crate) fn of_legs(event: EventSummary, drained: Drained, replacement: ReplacementReport) -> Self {
        let Drained { node, cordon, pods, reason } = drained;
        let is_unfinished = pods.iter().any(PodReport::is_unfinished);
        let uncordoned = (cordon.outcome == CordonOutcome::Failed)
            .then(|| format!("the node was not cordoned: {}", cordon.reason.as_deref().unwrap_or_default()));
        let outcome = match &reason {
            Some(_) => Outcome::Failed,
            None if is_unfinished || uncordoned.is_some() => Outcome::Incomplete,
            None if replacement.is_missing() => Outcome::DrainedWithoutReplacement,
            None => Outcome::Drained,
        };
        let mut summary = BTreeMap::new();
        for pod in &pods {
            *summary.entry(pod.outcome).or_default() += 1;
        }
        let reason = reason.or(uncordoned);
        let report = Self::without_action(event, outcome, String::new());
        Self { reason, node, cordon, pods, summary, replacement, ..report }
    }
}
