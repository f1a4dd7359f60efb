//! The cluster that the scenarios change, and the ways in which notices reach it.

use crate::{Action, Budget, Notice, PdbSpec, WorkloadSpec, WorldSpec, world::baseline::LEAD_MS};

use super::options::{Options, PDB_AT_DEADLINE, REPLACEMENT, word};

/// The baseline cluster with the chosen sizes, before any notice. Each Deployment of namespace `shop` has a
/// PodDisruptionBudget that allows one disruption.
pub(super) fn calm(options: &Options) -> WorldSpec {
    let notices = options.notices(1);
    let mut spec = WorldSpec::baseline(options.seed, options.cluster_size(notices), options.pods_per_node);
    spec.pace.latency_ms = options.latency_ms;
    spec.settings.cold = options.cold;
    spec.env("CAST_SPOT_PDB_POLICY", word(&PDB_AT_DEADLINE, &options.pdb_at_deadline));
    spec.env("CAST_SPOT_REPLACEMENT", word(&REPLACEMENT, &options.replacement));
    if let Some(event) = &options.event {
        spec.start = event.time;
        for (node, announced) in spec.cluster().nodes.iter_mut().zip(&event.instances) {
            node.instance.clone_from(&announced.id);
            if let Some(account) = &announced.account {
                node.purchase.account.clone_from(account);
            }
            if let (Some(region), Some(letter)) = (&announced.region, node.zone.pop()) {
                node.zone = format!("{region}{letter}");
            }
        }
        let zones: Vec<String> = spec.cluster().nodes.iter().map(|node| node.zone.clone()).collect();
        let known = &mut spec.group().zones;
        for zone in zones {
            if !known.contains(&zone) {
                known.push(zone);
            }
        }
    }
    let cluster = spec.cluster();
    let shop = cluster.workloads.iter().filter(|workload| workload.namespace == "shop");
    cluster.pdbs = shop.map(|workload| PdbSpec::over(&workload.name, Budget::MaxUnavailable(1))).collect();
    spec
}

/// Names of the nodes that get a notice, and the name of one that gets none (where there is one).
pub(super) fn victims(spec: &mut WorldSpec, options: &Options) -> (Vec<String>, String) {
    let names: Vec<String> = spec.cluster().nodes.iter().map(|node| node.name.clone()).collect();
    let survivor = names.last().cloned().unwrap_or_default();
    (names.into_iter().take(options.notices(1)).collect(), survivor)
}

/// Adds a Deployment of namespace `shop`: one pod on each node that gets a notice and one elsewhere.
pub(super) fn add_deployment<'a>(
    spec: &'a mut WorldSpec,
    options: &Options,
    name: &str,
) -> &'a mut WorkloadSpec {
    let (mut nodes, survivor) = victims(spec, options);
    nodes.push(survivor);
    spec.cluster().workloads.push(WorkloadSpec::deployment(name, nodes));
    spec.cluster().workload(name)
}

/// EC2 announces `action` for the first nodes at 0 ms and nothing else, and the function is invoked at once; or what the
/// chosen event says.
pub(super) fn interrupt(spec: &mut WorldSpec, options: &Options, action: Action) {
    spec.notices.clear();
    spec.deliveries.clear();
    let Some(event) = &options.event else {
        for index in 0..options.notices(1) {
            ungroup(spec, index, action);
            spec.interrupt(index, action, 0);
        }
        return;
    };
    for (index, announced) in event.instances.iter().enumerate() {
        ungroup(spec, index, announced.action);
        let ago = event.time.duration_since(announced.time).as_millis();
        spec.notices.push(Notice {
            instance: announced.id.clone(),
            action: announced.action,
            at_ms: 0,
            lead_ms: LEAD_MS.saturating_sub(u64::try_from(ago).unwrap_or(0)),
        });
    }
    spec.deliver(0, event.payload.clone());
}

/// Auto Scaling groups terminate only: an instance that EC2 stops or hibernates is in none.
fn ungroup(spec: &mut WorldSpec, index: usize, action: Action) {
    if action != Action::Terminate
        && let Some(node) = spec.cluster().nodes.get_mut(index)
    {
        node.group = None;
    }
}
