//! What happens to instances, and how pods take it.

use crate::{Budget, Deletion, ExitTime, PdbSpec, PodState, WorkloadKind, WorkloadSpec, WorldSpec};

use super::Options;
use super::cluster::{add_deployment, calm, victims};

/// An hour of grace.
const HOUR_S: u32 = 3_600;

/// A pod that would like ten minutes, and really needs a minute and a half.
pub(super) fn long_grace(spec: &mut WorldSpec, options: &Options) {
    let encoder = add_deployment(spec, options, "encoder");
    encoder.grace_s = 600;
    encoder.exit = ExitTime::Ms(90_000);
}

/// The scheduler has chosen the node for a pod before the cordon; its volume is attached for a minute.
pub(super) fn late_pod(spec: &mut WorldSpec, options: &Options) {
    add_deployment(spec, options, "database").binds_after_ms = Some(60_000);
}

/// The function knows no cluster of the notice. Another cluster is registered.
pub(super) fn unregistered_cluster(spec: &mut WorldSpec, options: &Options) {
    let mut other = calm(&Options { cluster_nodes: Some(3), nodes: Some(1), event: None, ..options.clone() });
    let mut cluster = std::mem::take(other.cluster());
    "staging".clone_into(&mut cluster.name);
    for (number, node) in cluster.nodes.iter_mut().enumerate() {
        node.instance = format!("i-0b{number:015x}");
        node.group = Some("staging-spot".to_owned());
    }
    let mut group = other.group().clone();
    "staging-spot".clone_into(&mut group.name);
    "staging".clone_into(&mut group.cluster);
    spec.cluster().registered = false;
    spec.clusters.push(cluster);
    spec.groups.push(group);
}

/// Instances that are shutting down when their notices come. One pod stands under a budget without room.
pub(super) fn shutting_down(spec: &mut WorldSpec, options: &Options) {
    add_deployment(spec, options, "ledger").exit = ExitTime::Ms(2_000);
    spec.cluster().pdbs.push(PdbSpec::over("ledger", Budget::MaxUnavailable(0)));
    let (victims, _) = victims(spec, options);
    for node in spec.cluster().nodes.iter_mut().filter(|node| victims.contains(&node.name)) {
        node.shuts_down_ms = Some(0);
    }
}

/// The first node's instance claims the name of a node that stays.
pub(super) fn wrong_node_name(spec: &mut WorldSpec, _: &Options) {
    if let [first, .., last] = spec.cluster().nodes.as_mut_slice() {
        first.private_dns_name.clone_from(&last.name);
    }
}

/// A worker terminates with an hour of grace since before the notice. A Deployment's only pods are held by their
/// budget, until another client deletes them with an hour of grace.
pub(super) fn terminating_long_grace(spec: &mut WorldSpec, options: &Options) {
    let (nodes, _) = victims(spec, options);
    spec.cluster().workloads.push(WorkloadSpec {
        kind: WorkloadKind::StatefulSet,
        grace_s: HOUR_S,
        exit: ExitTime::Never,
        state: PodState::Terminating,
        ..WorkloadSpec::deployment("worker", nodes.clone())
    });
    spec.cluster()
        .workloads
        .push(WorkloadSpec { exit: ExitTime::Never, ..WorkloadSpec::deployment("ledger", nodes) });
    spec.cluster().pdbs.push(PdbSpec::over("ledger", Budget::MaxUnavailable(0)));
    let deletion = Deletion { workload: "ledger".to_owned(), at_ms: 20_000, grace_s: Some(HOUR_S) };
    spec.cluster().deletions.push(deletion);
}
