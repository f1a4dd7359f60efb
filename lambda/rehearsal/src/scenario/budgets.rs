//! PodDisruptionBudgets that stand in the way, and a namespace that goes away by itself.

use crate::{Api, Budget, Fault, FaultKind, PdbSpec, TerminatingNamespace, WorkloadSpec, WorldSpec};

use super::Options;
use super::cluster::{add_deployment, victims};

/// A Deployment whose budget never allows a disruption.
pub(super) fn pdb_blocked(spec: &mut WorldSpec, options: &Options) {
    add_deployment(spec, options, "ledger");
    spec.cluster().pdbs.push(PdbSpec::over("ledger", Budget::MaxUnavailable(0)));
}

/// The same, but the budget is relaxed after a minute.
pub(super) fn pdb_frees_late(spec: &mut WorldSpec, options: &Options) {
    add_deployment(spec, options, "ledger");
    spec.cluster().pdbs.push(PdbSpec {
        change: Some((60_000, Budget::MaxUnavailable(1))),
        ..PdbSpec::over("ledger", Budget::MaxUnavailable(0))
    });
}

/// One replica, and a budget that wants one available: the commonest slip of all.
pub(super) fn single_replica(spec: &mut WorldSpec, options: &Options) {
    let (nodes, _) = victims(spec, options);
    for (number, node) in nodes.into_iter().enumerate() {
        let name = if number == 0 { "admin".to_owned() } else { format!("admin-{}", number + 1) };
        let cluster = spec.cluster();
        cluster.pdbs.push(PdbSpec::over(&name, Budget::MinAvailable(1)));
        cluster.workloads.push(WorkloadSpec::deployment(&name, vec![node]));
    }
}

/// Two budgets over one Deployment. Each of them alone would allow the disruption.
pub(super) fn two_pdbs(spec: &mut WorldSpec, options: &Options) {
    add_deployment(spec, options, "ledger");
    let budget = PdbSpec::over("ledger", Budget::MaxUnavailable(1));
    let second = PdbSpec { name: "team-default".to_owned(), ..budget.clone() };
    spec.cluster().pdbs.extend([budget, second]);
}

/// A Deployment with six pods on the node whose budget allows all of them to go, and is written to by others.
pub(super) fn conflicts(spec: &mut WorldSpec, options: &Options) {
    let (nodes, survivor) = victims(spec, options);
    let nodes = nodes.iter().flat_map(|node| vec![node.clone(); 6]).chain([survivor]).collect();
    spec.cluster().workloads.push(WorkloadSpec::deployment("ledger", nodes));
    spec.cluster().pdbs = vec![PdbSpec::over("ledger", Budget::MinAvailable(1))];
    spec.faults
        .push(Fault::always(Api::Kubernetes, FaultKind::ConflictFor(8_000)).on("create pods/eviction"));
}

/// A preview environment is deleted; its controller needs 20 s to come to the pods.
pub(super) fn namespace_terminating(spec: &mut WorldSpec, options: &Options) {
    "preview".clone_into(&mut add_deployment(spec, options, "branch-42").namespace);
    spec.cluster()
        .terminating
        .push(TerminatingNamespace { name: "preview".to_owned(), pods_deleted_ms: Some(20_000) });
}
