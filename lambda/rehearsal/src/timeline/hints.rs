//! What to do about lost pods: one line for each way in which they were lost.

use std::collections::BTreeMap;

use crate::outcome::{Fate, NodeTimeline, PodTrack};

use super::node::Painter;
use super::paint::{self, WAITS, count};
use super::reports::Reports;

/// Hints beyond this number repeat themselves.
const HINTS_SHOWN: usize = 3;
/// The longest grace that still fits into a notice, in milliseconds.
const LONGEST_GRACE_MS: u64 = 100_000;

/// One line for each way in which pods were lost, the commonest first.
pub(super) fn lines(painter: &Painter<'_>) -> Vec<String> {
    let mut ways: BTreeMap<Loss, Vec<(&NodeTimeline, &PodTrack)>> = BTreeMap::new();
    for node in &painter.outcome.timelines {
        for pod in node.pods.iter().filter(|pod| matches!(pod.fate, Fate::Killed | Fate::Left)) {
            ways.entry(Loss::of(node, pod, &painter.reports)).or_default().push((node, pod));
        }
    }
    let mut ways: Vec<_> = ways.into_iter().collect();
    ways.sort_by_key(|(_, pods)| std::cmp::Reverse(pods.len()));
    let hints = ways.into_iter().take(HINTS_SHOWN).map(|(loss, pods)| {
        let reason = reason(loss, &pods, &painter.reports).unwrap_or_default();
        let text = format!("hint: {} {}{reason}", count(pods.len(), "pod"), loss.advice());
        let hint = paint::wrap(&text, painter.layout.width(), 6).join("\n");
        hint.replacen("hint:", &paint::with(WAITS.bold(), "hint:"), 1)
    });
    hints.collect()
}

/// The report's reason for the first of these pods that has one, else for its node.
fn reason(loss: Loss, pods: &[(&NodeTimeline, &PodTrack)], reports: &Reports<'_>) -> Option<String> {
    // Of a pod that was let go and did not go, the report cannot say why.
    if matches!(loss, Loss::GraceOver | Loss::TooSlow) {
        return None;
    }
    let of_pod = pods.iter().find_map(|(_, pod)| Some((*pod, reports.reason(&pod.uid)?)));
    if let Some((pod, reason)) = of_pod {
        return Some(format!(" (the report says of {}/{}: {reason})", pod.namespace, pod.name));
    }
    let reason = pods.iter().find_map(|(node, _)| reports.of(&node.instance)?["reason"].as_str())?;
    let is_of_node = !matches!(loss, Loss::Refused | Loss::Frozen);
    is_of_node.then(|| format!(" (the report says: {reason})"))
}

/// Ways in which a pod is lost, as far as the world and the report can tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Loss {
    /// The handler left the node to another owner.
    Observed,
    /// The handler ignored the notice.
    Ignored,
    /// The notice came after the deadline.
    Missed,
    /// It came back to the node, and was not asked again.
    CameBack,
    /// No eviction of it reached the API server.
    NeverAsked,
    /// It was asked, and never allowed to go.
    Refused,
    /// It was terminating, and its own grace ran out.
    GraceOver,
    /// It was terminating, and EC2 took the node first, or its grace was cut to the time left.
    TooSlow,
    /// The node went to sleep with it.
    Frozen,
}

impl Loss {
    fn of(node: &NodeTimeline, pod: &PodTrack, reports: &Reports<'_>) -> Self {
        let reason = reports.reason(&pod.uid).unwrap_or_default();
        match (pod.asked_ms, pod.terminating_ms) {
            _ if pod.fate == Fate::Left && node.reclaimed_ms.is_none() => Self::Frozen,
            (None, None) if reason.contains("came back") => Self::CameBack,
            (None, None) => match reports.of(&node.instance).and_then(|report| report["outcome"].as_str()) {
                Some("observed") => Self::Observed,
                Some("ignored") => Self::Ignored,
                Some("missed") => Self::Missed,
                _ => Self::NeverAsked,
            },
            (Some(_), None) => Self::Refused,
            (_, Some(begun)) => {
                let grace = pod.ended_ms.map_or(0, |ended| ended.saturating_sub(begun));
                let cut = grace > LONGEST_GRACE_MS || reason.contains("grace was cut");
                let first = pod.ended_ms < node.reclaimed_ms || node.reclaimed_ms.is_none();
                if first && !cut { Self::GraceOver } else { Self::TooSlow }
            }
        }
    }

    fn advice(self) -> &'static str {
        match self {
            Self::Observed => {
                "got no eviction from cast-spot, which leaves them to the owner of the node; the rehearsal \
                 does not simulate that owner"
            }
            Self::Ignored => "got no eviction, because the notice was ignored",
            Self::Missed => "got no eviction, because the notice came after the deadline",
            Self::CameBack => "came back to the node, and no further eviction was sent",
            Self::NeverAsked => "got no eviction that reached the API server",
            Self::Refused => {
                "had no leave to go: give the workload one more replica than its PodDisruptionBudget asks \
                 for, or let cast-spot override it with --pdb-at-deadline delete"
            }
            Self::GraceOver => {
                "did not exit within the grace period after SIGTERM: handle SIGTERM, or raise \
                 terminationGracePeriodSeconds (100 s still fit into a notice)"
            }
            Self::TooSlow => {
                "needed more time than a notice leaves: keep terminationGracePeriodSeconds and the time to \
                 exit below 100 s"
            }
            Self::Frozen => "froze with the instance, and go on with it when it comes back",
        }
    }
}
