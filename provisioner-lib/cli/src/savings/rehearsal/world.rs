//! The configuration with Spot as a world: its nodes and pods, the cluster's PodDisruptionBudgets, and a notice for each
//! Spot node.

use std::{
    collections::BTreeMap,
    num::{IntErrorKind, ParseIntError},
};

use cast_spot_rehearsal::{
    Action, Budget, ExitTime, NodeSpec, PdbSpec, WorkloadKind, WorkloadSpec, WorldSpec,
};
use cast_spot_savings::{
    compare::Comparison,
    snapshot::Snapshot,
    verdict::{Judged, Kind, covers},
};
use k8s_openapi::{
    api::{core::v1::PodSpec, policy::v1::PodDisruptionBudget},
    apimachinery::pkg::util::intstr::IntOrString,
};

/// How long before the end of its grace a process exits. One that uses all of it is not killed for that.
const EXIT_BEFORE_KILL_MS: u64 = 500;

pub(super) fn of(comparison: &Comparison, snapshot: &Snapshot) -> WorldSpec {
    let nodes = comparison.nodes.len();
    // Group, time and calls are the defaults; the nodes and pods are replaced.
    let mut spec = WorldSpec::baseline(1, nodes, 0);
    spec.group().max = (nodes * 2) as u32;
    spec.group().mixed = true;
    let cluster = spec.cluster();
    let placed = comparison.nodes.iter().enumerate();
    cluster.nodes = placed
        .map(|(index, node)| NodeSpec {
            zone: node.machine.zone.clone().unwrap_or_default(),
            capacity: node.room(),
            ..NodeSpec::baseline(index, 0)
        })
        .collect();
    let mut node_of = BTreeMap::new();
    for (node, placed) in cluster.nodes.iter().zip(&comparison.nodes) {
        node_of.extend(placed.pods.iter().map(|pod| (*pod, node.name.as_str())));
    }
    let judged = comparison.judged.iter().enumerate();
    let (workloads, judged): (Vec<_>, Vec<_>) = judged
        .filter_map(|(place, judged)| {
            let nodes = judged.owned.pods.iter().filter_map(|pod| node_of.get(pod));
            let nodes: Vec<String> = nodes.map(|name| (*name).to_owned()).collect();
            let pod = snapshot.pods[*judged.owned.pods.first()?].spec.as_ref()?;
            (!nodes.is_empty()).then(|| (workload(place, judged, pod, nodes), judged))
        })
        .unzip();
    let budgets = snapshot.pod_disruption_budgets.iter();
    cluster.pdbs = budgets.flat_map(|budget| budgets_of(budget, snapshot, &workloads, &judged)).collect();
    cluster.workloads = workloads;
    for (index, _) in comparison.nodes.iter().enumerate().filter(|(_, node)| node.is_spot()) {
        spec.interrupt(index, Action::Terminate, 0);
    }
    spec
}

/// The label by which a budget selects a workload, unique in its namespace.
pub(super) fn label(place: usize, judged: &Judged) -> String {
    format!("{}-{place}", judged.owned.name)
}

fn workload(place: usize, judged: &Judged, pod: &PodSpec, nodes: Vec<String>) -> WorkloadSpec {
    let grace_s = grace_s(pod.termination_grace_period_seconds);
    WorkloadSpec {
        namespace: judged.owned.namespace.clone(),
        kind: match judged.owned.kind {
            Kind::Deployment | Kind::ReplicaSet | Kind::ReplicationController => WorkloadKind::Deployment,
            Kind::StatefulSet => WorkloadKind::StatefulSet,
            Kind::DaemonSet => WorkloadKind::DaemonSet,
            Kind::Job => WorkloadKind::Job,
            Kind::StaticPod => WorkloadKind::Mirror,
            Kind::Pod | Kind::Other(_) => WorkloadKind::Bare,
        },
        priority_class: pod.priority_class_name.clone(),
        grace_s,
        exit: ExitTime::Ms((u64::from(grace_s) * 1_000).saturating_sub(EXIT_BEFORE_KILL_MS)),
        ..WorkloadSpec::deployment(&label(place, judged), nodes)
    }
}

/// terminationGracePeriodSeconds, 30 by default.
fn grace_s(seconds: Option<i64>) -> u32 {
    u32::try_from(seconds.unwrap_or(30).max(0)).unwrap_or(u32::MAX)
}

/// A budget over several workloads of a namespace, but not over all, is one over each: stricter with numbers, and with
/// percentages the same but for rounding.
fn budgets_of(
    found: &PodDisruptionBudget,
    snapshot: &Snapshot,
    workloads: &[WorkloadSpec],
    judged: &[&Judged],
) -> Vec<PdbSpec> {
    let Some(spec) = &found.spec else { return Vec::new() };
    let namespace = found.metadata.namespace.clone().unwrap_or_default();
    let of = |app: Option<String>| PdbSpec {
        namespace: namespace.clone(),
        name: found.metadata.name.clone().unwrap_or_default(),
        app,
        budget: budget(spec.min_available.as_ref(), spec.max_unavailable.as_ref()),
        always_allow_unhealthy: spec.unhealthy_pod_eviction_policy.as_deref() == Some("AlwaysAllow"),
        change: None,
    };
    let is_covered = |judged: &Judged| {
        let first = judged.owned.pods.first();
        first.is_some_and(|pod| covers(found, &judged.owned.namespace, &snapshot.pods[*pod]))
    };
    let covered = workloads.iter().zip(judged).filter(|(_, judged)| is_covered(judged));
    let labels: Vec<_> = covered.map(|(workload, _)| Some(workload.name.clone())).collect();
    let all = workloads.iter().filter(|workload| workload.namespace == namespace).count();
    if labels.len() > 1 && labels.len() == all {
        return vec![of(None)];
    }
    labels.into_iter().map(of).collect()
}

fn budget(min_available: Option<&IntOrString>, max_unavailable: Option<&IntOrString>) -> Budget {
    match (min_available, max_unavailable) {
        (_, Some(IntOrString::Int(most))) => Budget::MaxUnavailable(number(*most)),
        (_, Some(IntOrString::String(most))) => Budget::MaxUnavailablePercent(percent(most)),
        (Some(IntOrString::Int(least)), None) => Budget::MinAvailable(number(*least)),
        (Some(IntOrString::String(least)), None) => Budget::MinAvailablePercent(percent(least)),
        (None, None) => Budget::MinAvailable(1),
    }
}

fn number(number: i32) -> u32 {
    number.max(0).unsigned_abs()
}

/// At most 100.
fn percent(text: &str) -> u32 {
    match text.trim_end_matches('%').parse() {
        Ok(percent) => u32::min(percent, 100),
        Err(error) if *ParseIntError::kind(&error) == IntErrorKind::PosOverflow => 100,
        Err(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_and_grace_periods_are_clamped() {
        let text = |percent: &str| budget(Some(&IntOrString::String(percent.to_owned())), None);
        let number = |number| budget(None, Some(&IntOrString::Int(number)));
        for (case, found, expected) in [
            ("percent", text("50%"), Budget::MinAvailablePercent(50)),
            ("more than all", text("150%"), Budget::MinAvailablePercent(100)),
            ("more than there is", text("99999999999%"), Budget::MinAvailablePercent(100)),
            ("no number", text("half"), Budget::MinAvailablePercent(0)),
            ("a number", number(3), Budget::MaxUnavailable(3)),
            ("below zero", number(-1), Budget::MaxUnavailable(0)),
        ] {
            assert_eq!(found, expected, "{case}");
        }
        for (grace, expected) in [
            (None, 30),
            (Some(0), 0),
            (Some(300), 300),
            (Some(-1), 0),
            (Some(i64::from(u32::MAX) + 1), u32::MAX),
            (Some(i64::MAX), u32::MAX),
        ] {
            assert_eq!(grace_s(grace), expected, "{grace:?}");
        }
    }
}
