//! The risk of each workload: a rehearsal in which all Spot nodes of the proposal are interrupted at once.

mod world;

use std::collections::BTreeMap;

use cast_spot_rehearsal::{Outcome, outcome::Fate, run};
use cast_spot_savings::{
    compare::Comparison,
    report::{Missing, Risk},
    snapshot::Snapshot,
};

use crate::terminal::Screen;

/// A rehearsal of more pods takes too long for a report.
const MOST_PODS: usize = 10_000;

/// Rehearses the loss of all Spot nodes: the outcome by the place of each workload. Empty without Spot nodes, and for
/// too many pods.
pub(super) fn risks(
    comparison: &Comparison,
    snapshot: &Snapshot,
    screen: &mut Screen,
) -> BTreeMap<usize, Risk> {
    let notices = notices(comparison);
    if notices == 0 || pods(comparison) > MOST_PODS {
        return BTreeMap::new();
    }
    screen.progress(&format!("rehearsing {notices} Spot notices at once"));
    // The rehearsal has its own clock, and so its own runtime.
    let world = world::of(comparison, snapshot);
    let outcome = std::thread::scope(|scope| scope.spawn(|| run("savings", world)).join());
    let outcome = outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    screen.progress("");
    by_workload(comparison, &outcome)
}

/// Why nothing was rehearsed, if there was something to rehearse.
pub(super) fn missing(comparison: &Comparison) -> Option<Missing> {
    let pods = pods(comparison);
    (notices(comparison) > 0 && pods > MOST_PODS).then(|| Missing {
        what: format!(
            "the interruption of the Spot nodes was not rehearsed: {pods} pods are more than {MOST_PODS}"
        ),
        hint: "cast-spot rehearse simulates storms of any kind".to_owned(),
    })
}

fn notices(comparison: &Comparison) -> usize {
    comparison.nodes.iter().filter(|node| node.is_spot()).count()
}

fn pods(comparison: &Comparison) -> usize {
    comparison.nodes.iter().map(|node| node.pods.len()).sum()
}

/// The outcome of the pods, by the place of their workload.
fn by_workload(comparison: &Comparison, outcome: &Outcome) -> BTreeMap<usize, Risk> {
    let mut risks: BTreeMap<usize, Risk> = BTreeMap::new();
    let workloads = comparison.judged.iter().enumerate();
    let places: BTreeMap<_, usize> = workloads
        .map(|(place, judged)| ((judged.owned.namespace.as_str(), world::label(place, judged)), place))
        .collect();
    for node in &outcome.timelines {
        for pod in &node.pods {
            let Some(place) = places.get(&(pod.namespace.as_str(), pod.workload.clone())) else { continue };
            let risk = risks.entry(*place).or_default();
            match pod.fate {
                Fate::Stays => continue,
                Fate::Drained => risk.ended += 1,
                Fate::Deleted => (risk.ended, risk.over_budget) = (risk.ended + 1, risk.over_budget + 1),
                Fate::Killed | Fate::Left => risk.killed += 1,
            }
            risk.pods += 1;
            let after = pod.ended_ms.map(|ended| ended.saturating_sub(node.notice_ms));
            risk.last_end_ms = risk.last_end_ms.max(after);
        }
    }
    risks
}
