//! Instances and groups of a random world.

use super::dice::Dice;
use crate::{ClusterSpec, GroupSpec, HookSpec, NodeSpec, WorkloadSpec, WorldSpec};

/// Group of the other cluster's node.
const OTHER_GROUP: &str = "another-spot";

pub(super) fn machines(spec: &mut WorldSpec, rng: &mut Dice) {
    let group = spec.group();
    group.capacity_rebalance = rng.chance(15);
    group.managed_node_group = rng.chance(10).then(|| "spot-nodes".to_owned());
    group.hooks = (0..rng.one(&[0, 0, 0, 0, 1, 1, 2])).map(|number| hook(rng, number)).collect();
    group.terminates_ms = rng.u64(10_000..=60_000);
    group.suspended = if rng.chance(7) { vec!["Launch".to_owned()] } else { Vec::new() };
    group.operator = rng.chance(5).then(|| "operator.amazonaws.com".to_owned());
    group.mixed = rng.chance(50);
    group.spare_capacity = rng.chance(15).then(|| rng.u32(0..=2));
    let names: Vec<String> = spec.cluster().nodes.iter().map(|node| node.name.clone()).collect();
    for node in &mut spec.cluster().nodes {
        match rng.u8(..30) {
            0 => node.joined = false,
            1 => node.group = None,
            2 => node.unschedulable = true,
            3 => node.annotations.clear(),
            7 => node.standby = true,
            8..=10 => node.recommended_ms = Some(rng.u64(0..30_000)),
            4 | 6 => node.private_dns_name.clone_from(&names[rng.usize(..names.len())]),
            5 => {
                "resource-name".clone_into(&mut node.hostname_type);
                node.private_dns_name = format!("{}.eu-west-1.compute.internal", node.instance);
            }
            _ => {}
        }
    }
    for node in &mut spec.cluster().nodes {
        strangers(node, rng);
    }
    if rng.chance(15) {
        spec.clusters.push(another(rng.chance(30)));
        let group = GroupSpec { cluster: "another".to_owned(), ..GroupSpec::baseline(3) };
        spec.groups.push(GroupSpec { name: OTHER_GROUP.to_owned(), ..group });
    }
}

fn hook(rng: &mut Dice, number: usize) -> HookSpec {
    let consumer_ms = rng.u64(500..60_000);
    HookSpec {
        name: format!("hook-{number}"),
        timeout_ms: rng.one(&[30_000, 30_000, 60_000, 300_000, 3_600_000]),
        consumer_ms: rng.chance(50).then_some(consumer_ms),
    }
}

/// Few nodes are another handler's, bought on demand, in a capacity reservation, or shutting down.
fn strangers(node: &mut NodeSpec, rng: &mut Dice) {
    match rng.u8(..40) {
        0 => {
            node.group = None;
            node.purchase.tags.insert("karpenter.sh/nodepool".to_owned(), "default".to_owned());
            node.labels.insert("karpenter.sh/nodepool".to_owned(), "default".to_owned());
        }
        1 => {
            node.group = None;
            node.purchase.operator = Some("eks.amazonaws.com".to_owned());
            node.labels.insert("eks.amazonaws.com/compute-type".to_owned(), "auto".to_owned());
        }
        2 => node.purchase.lifecycle = None,
        3 => {
            node.purchase.lifecycle = None;
            node.purchase.reservation = Some("cr-0123456789abcdef0".to_owned());
        }
        4 => node.shuts_down_ms = Some(rng.u64(0..60_000)),
        _ => {}
    }
}

/// Another cluster with one node; the function may know it or not.
fn another(registered: bool) -> ClusterSpec {
    let node = NodeSpec {
        instance: "i-0c000000000000001".to_owned(),
        group: Some(OTHER_GROUP.to_owned()),
        ..NodeSpec::baseline(0, 0)
    };
    ClusterSpec {
        name: "another".to_owned(),
        registered,
        workloads: vec![WorkloadSpec::deployment("web", vec![node.name.clone()])],
        nodes: vec![node],
        ..ClusterSpec::default()
    }
}
