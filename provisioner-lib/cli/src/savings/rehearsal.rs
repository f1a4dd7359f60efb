//! The risk of each workload: a rehearsal in which all Spot nodes of the proposal are interrupted at once.

use std::collections::BTreeMap;

use cast_spot_rehearsal::{
    Action, Budget, ClusterSpec, ExitTime, NodeSpec, Outcome, PdbSpec, PodState, WorkloadKind, WorkloadSpec,
    WorldSpec, outcome::Fate, run,
};
use cast_spot_savings::{
    report::{Missing, Risk},
    risk::{self, InterruptionScenario},
    verdict::Kind,
};

use crate::terminal::Screen;

/// A rehearsal of more pods takes too long for a report.
const MOST_PODS: usize = 10_000;
/// How long before the end of its grace a process exits. One that uses all of it is not killed for that.
const EXIT_BEFORE_KILL_MS: u64 = 500;

/// Rehearses the storm. None if it is too big.
pub(super) fn risks(storm: &InterruptionScenario, screen: &mut Screen) -> Option<BTreeMap<usize, Risk>> {
    let pods: usize = storm.workloads.iter().map(|workload| workload.nodes.len()).sum();
    if pods > MOST_PODS {
        return None;
    }
    let notices = storm.nodes.iter().filter(|node| node.is_spot).count();
    screen.progress(&format!("rehearsing {notices} Spot notices at once"));
    // The rehearsal has its own clock, and so its own runtime.
    let world = world(storm);
    let outcome = std::thread::scope(|scope| scope.spawn(|| run("savings", world)).join());
    let outcome = outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    screen.progress("");
    Some(outcomes(storm, &outcome))
}

/// The note instead of risks.
pub(super) fn too_big(storm: &InterruptionScenario) -> Missing {
    let pods: usize = storm.workloads.iter().map(|workload| workload.nodes.len()).sum();
    Missing {
        what: format!(
            "the interruption of the Spot nodes was not rehearsed: {pods} pods are more than {MOST_PODS}"
        ),
        hint: "cast-spot rehearse simulates storms of any kind".to_owned(),
    }
}

fn world(storm: &InterruptionScenario) -> WorldSpec {
    // Group, time and calls are the defaults; the nodes and pods are replaced.
    let mut spec = WorldSpec::baseline(1, storm.nodes.len(), 0);
    spec.group().max = (storm.nodes.len() * 2) as u32;
    spec.group().mixed = true;
    let nodes: Vec<NodeSpec> = storm
        .nodes
        .iter()
        .enumerate()
        .map(|(index, node)| NodeSpec {
            zone: node.zone.clone(),
            capacity: node.room,
            ..NodeSpec::baseline(index, node.room)
        })
        .collect();
    let names: Vec<String> = nodes.iter().map(|node| node.name.clone()).collect();
    let cluster = ClusterSpec {
        name: std::mem::take(&mut spec.cluster().name),
        registered: true,
        nodes,
        workloads: storm.workloads.iter().map(|workload| workload_of(workload, &names)).collect(),
        pdbs: storm.budgets.iter().map(budget_of).collect(),
        ..ClusterSpec::default()
    };
    *spec.cluster() = cluster;
    for (index, _) in storm.nodes.iter().enumerate().filter(|(_, node)| node.is_spot) {
        spec.interrupt(index, Action::Terminate, 0);
    }
    spec
}

fn workload_of(workload: &risk::Workload, names: &[String]) -> WorkloadSpec {
    let nodes = workload.nodes.iter().map(|node| names[*node].clone()).collect();
    WorkloadSpec {
        namespace: workload.namespace.clone(),
        kind: match workload.kind {
            Kind::Deployment | Kind::ReplicaSet | Kind::ReplicationController => WorkloadKind::Deployment,
            Kind::StatefulSet => WorkloadKind::StatefulSet,
            Kind::DaemonSet => WorkloadKind::DaemonSet,
            Kind::Job => WorkloadKind::Job,
            Kind::StaticPod => WorkloadKind::Mirror,
            Kind::Pod | Kind::Other(_) => WorkloadKind::Bare,
        },
        priority_class: workload.priority_class.clone(),
        grace_s: workload.grace_s,
        exit: ExitTime::Ms((u64::from(workload.grace_s) * 1_000).saturating_sub(EXIT_BEFORE_KILL_MS)),
        state: PodState::Ready,
        ..WorkloadSpec::deployment(&workload.label, nodes)
    }
}

fn budget_of(budget: &risk::Budget) -> PdbSpec {
    PdbSpec {
        namespace: budget.namespace.clone(),
        name: budget.name.clone(),
        app: budget.label.clone(),
        budget: match (budget.demands, budget.keeps) {
            (risk::Amount::Number(number), true) => Budget::MinAvailable(number),
            (risk::Amount::Number(number), false) => Budget::MaxUnavailable(number),
            (risk::Amount::Percent(percent), true) => Budget::MinAvailablePercent(percent),
            (risk::Amount::Percent(percent), false) => Budget::MaxUnavailablePercent(percent),
        },
        always_allow_unhealthy: budget.always_allow_unhealthy,
        change: None,
    }
}

/// The outcome of the pods, by the place of their workload.
fn outcomes(storm: &InterruptionScenario, outcome: &Outcome) -> BTreeMap<usize, Risk> {
    let mut risks: BTreeMap<usize, Risk> = BTreeMap::new();
    let by_label: BTreeMap<(&str, &str), usize> = storm
        .workloads
        .iter()
        .map(|workload| ((workload.namespace.as_str(), workload.label.as_str()), workload.place))
        .collect();
    for node in &outcome.timelines {
        for pod in &node.pods {
            let Some(place) = by_label.get(&(pod.namespace.as_str(), pod.workload.as_str())) else {
                continue;
            };
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
