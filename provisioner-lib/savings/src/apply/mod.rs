//! A proposal as objects to apply: Karpenter's NodePools and EC2NodeClass, PodDisruptionBudgets, patches of workloads,
//! and the steps in order.

mod allowed;
mod pools;
mod steps;
mod workloads;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::{core::v1::Node, policy::v1::PodDisruptionBudget};

use serde_json::{Value, json};

use self::pools::{PREFIX, Pool};
pub use self::{steps::Step, workloads::Patch};
use crate::{
    catalog::{DEFAULT_ROOT_VOLUME, GIB, Market},
    compare::Comparison,
    demand::Demand,
    machines::{machines, root_volume},
    money::Money,
    prices::PriceList,
    report::Verdict,
    snapshot::Snapshot,
    verdict::{Judged, Kind},
};

/// Stands for the name of the cluster where it is not known.
pub const CLUSTER: &str = "CLUSTER";

/// Everything that makes a cluster what is proposed.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifests {
    /// karpenter.k8s.aws/v1 EC2NodeClass: what instances need beside their type, for all pools. None without pools.
    pub node_class: Option<Value>,
    /// karpenter.sh/v1 NodePools: one for each kind of node group and market, with the proposed nodes of each. None if
    /// nodes only go away.
    pub pools: Vec<(Value, Proposed)>,
    /// Budgets of workloads on Spot that have none.
    pub budgets: Vec<PodDisruptionBudget>,
    /// Workloads that lack something for Spot nodes.
    pub patches: Vec<Patch>,
    /// The steps, in order.
    pub steps: Vec<Step>,
    cluster: Option<String>,
    currency: String,
    hours_per_month: u32,
}

/// The proposed nodes of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proposed {
    /// Number of nodes.
    pub nodes: usize,
    /// Pods on them, without those of DaemonSets.
    pub pods: usize,
    /// The price of an hour.
    pub hourly: Money,
}

/// Why there is nothing to apply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is nothing to apply: {0}")]
pub struct NothingProposed(String);

/// The objects of the proposal with Spot.
pub fn manifests(
    comparison: &Comparison,
    snapshot: &Snapshot,
    prices: &PriceList,
) -> Result<Manifests, NothingProposed> {
    let report = &comparison.report;
    if let Some(unknown) = &report.unknown {
        return Err(NothingProposed(unknown.clone()));
    }
    let is_new = comparison.nodes.iter().any(|node| node.offer.is_some());
    if report.spot.as_today || !is_new && report.spot.configuration.count == report.today.count {
        return Err(NothingProposed("nothing cheaper than today's nodes was found".to_owned()));
    }
    let selected = Demand::read(snapshot).node_label_keys();
    let pools = pools::pools(&comparison.nodes, &selected);
    let moving = comparison.judged.iter().zip(&report.workloads);
    let moving = moving.filter(|(_, workload)| workload.verdict != Verdict::Stays);
    let moving: Vec<Judged> = moving.map(|(judged, _)| judged.clone()).collect();
    let has_spot = pools.iter().any(|pool| pool.market == Market::Spot);
    let both = pools.iter().any(|pool| pool.architectures().len() > 1);
    let patches = if has_spot || both { workloads::patches(&moving, snapshot, both) } else { Vec::new() };
    let machines = machines(snapshot, &prices.discounted(report.discount_percent).catalog);
    let losing_work = moving.iter().filter(|judged| matches!(judged.owned.kind, Kind::Job | Kind::Pod));
    let losing_work: BTreeSet<usize> = losing_work.flat_map(|judged| &judged.owned.pods).copied().collect();
    let as_node_pool = |pool: &Pool<'_>| {
        let pods = || pool.nodes.iter().flat_map(|node| &node.pods);
        let is_interruptible = !pods().any(|pod| losing_work.contains(pod));
        let proposed = Proposed { nodes: pool.nodes.len(), pods: pods().count(), hourly: pool.hourly() };
        (pool.node_pool(&prices.catalog, is_interruptible), proposed)
    };
    let mut node_pools: Vec<(Value, Proposed)> = pools.iter().map(as_node_pool).collect();
    give_each_its_name(&mut node_pools);
    let budgets = workloads::budgets(&moving, snapshot);
    let (has_pools, has_budgets) = (!node_pools.is_empty(), !budgets.is_empty());
    let mut steps = steps::apply(has_pools, has_budgets);
    steps.extend(steps::steps(comparison, snapshot, &machines, &patches));
    Ok(Manifests {
        node_class: has_pools.then(|| node_class(snapshot, root_volume(&machines))),
        pools: node_pools,
        budgets,
        steps,
        patches,
        cluster: report.cluster.clone(),
        currency: report.currency.clone(),
        hours_per_month: report.hours_per_month,
    })
}

/// Templates may differ only by what a name has no place for.
fn give_each_its_name(pools: &mut [(Value, Proposed)]) {
    for place in 1..pools.len() {
        let name = pools[place].0["metadata"]["name"].clone();
        let before = pools[..place].iter().filter(|(pool, _)| pool["metadata"]["name"] == name).count();
        if before > 0 {
            let name = format!("{}-{}", name.as_str().unwrap_or_default(), before + 1);
            pools[place].0["metadata"]["name"] = name.into();
        }
    }
}

/// Named as in Karpenter's "Getting Started" guide: the role of nodes, and the tag of subnets and security groups.
fn node_class(snapshot: &Snapshot, root_volume: u64) -> Value {
    let cluster = snapshot.cluster.as_deref().unwrap_or(CLUSTER);
    let is_bottlerocket = |node: &Node| {
        let info = node.status.as_ref().and_then(|status| status.node_info.as_ref());
        info.is_some_and(|info| info.os_image.contains("Bottlerocket"))
    };
    let bottlerocket =
        snapshot.nodes.iter().filter(|node| is_bottlerocket(node)).count() * 2 > snapshot.nodes.len();
    let (image, device_name) =
        if bottlerocket { ("bottlerocket@latest", "/dev/xvdb") } else { ("al2023@latest", "/dev/xvda") };
    let tagged = json!([{ "tags": { "karpenter.sh/discovery": cluster } }]);
    let mut spec = BTreeMap::from([
        ("amiSelectorTerms", json!([{ "alias": image }])),
        ("role", json!(format!("KarpenterNodeRole-{cluster}"))),
        ("securityGroupSelectorTerms", tagged.clone()),
        ("subnetSelectorTerms", tagged),
    ]);
    let size = root_volume.div_ceil(GIB);
    if size > DEFAULT_ROOT_VOLUME / GIB {
        let volume = json!({ "encrypted": true, "volumeSize": format!("{size}Gi"), "volumeType": "gp3" });
        spec.insert("blockDeviceMappings", json!([{ "deviceName": device_name, "ebs": volume }]));
    }
    json!({
        "apiVersion": "karpenter.k8s.aws/v1",
        "kind": "EC2NodeClass",
        "metadata": { "name": PREFIX },
        "spec": spec,
    })
}
