//! What running nodes show of their types, and of types that do not run.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Node;

use super::{Machine, Place};
use crate::{
    catalog::{Architecture, Catalog, DEFAULT_ROOT_VOLUME, InstanceType, MIB},
    demand::EBS,
    objects,
    quantity::Resources,
    snapshot::Snapshot,
};

/// The capacity of a running node of a type. It overrides what is calculated for the type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// status.allocatable.
    pub allocatable: Resources,
    /// status.allocatable.pods.
    pub max_pods: Option<u32>,
    /// Attachable volumes that the EBS CSI driver reports (CSINode).
    pub max_volumes: Option<u32>,
}

/// The capacity of running nodes by instance type, the least of each resource, so that no proposal promises more. What a
/// node does not report, such as devices whose plugin is not up yet, hides nothing: the others count, and for devices
/// that no node shows the catalog.
#[must_use]
pub fn observed(
    snapshot: &Snapshot,
    machines: &BTreeMap<String, Machine>,
    catalog: &Catalog,
) -> BTreeMap<String, Observed> {
    let mut found: BTreeMap<String, Observed> = BTreeMap::new();
    for node in &snapshot.nodes {
        let Some(machine) = machines.get(objects::name(&node.metadata)) else { continue };
        let (Place::Ec2, Some(name)) = (machine.place, &machine.instance_type) else { continue };
        if machine.allocatable == Resources::default() {
            continue;
        }
        let least = found.entry(name.clone()).or_default();
        least.allocatable = least.allocatable.least_known(&machine.allocatable);
        least.max_pods = least_known(least.max_pods, most_pods(node));
        least.max_volumes = least_known(least.max_volumes, max_volumes(snapshot, &machine.name));
    }
    for known in &catalog.types {
        if let Some(seen) = found.get_mut(&known.name) {
            for (name, count) in &known.devices {
                seen.allocatable.extended.entry(name.clone()).or_insert(*count);
            }
        }
    }
    found
}

fn least_known(one: Option<u32>, other: Option<u32>) -> Option<u32> {
    one.into_iter().chain(other).min()
}

/// Memory that kernel and hypervisor keep of a type that does not run, as nodes of today show it: by architecture and
/// memory of a type in MiB the hundredths of a percent, the most of each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeptMemory(BTreeMap<(Architecture, u64), u64>);

impl KeptMemory {
    /// Reads it from today's instances.
    #[must_use]
    pub fn of(machines: &BTreeMap<String, Machine>, catalog: &Catalog) -> Self {
        let mut kept: BTreeMap<(Architecture, u64), u64> = BTreeMap::new();
        for machine in machines.values().filter(|machine| machine.place == Place::Ec2) {
            let known = machine.instance_type.as_deref().and_then(|name| catalog.instance_type(name));
            let Some(known) = known.filter(|known| known.memory_mib > 0) else { continue };
            let whole = known.memory_mib.saturating_mul(MIB);
            let lost = u128::from(whole.saturating_sub(machine.capacity_memory));
            // A node whose kernel keeps nothing does not report its memory.
            if machine.capacity_memory > 0 && lost > 0 {
                let hundredths = u64::try_from((lost * 10_000).div_ceil(u128::from(whole))).unwrap_or(10_000);
                let most = kept.entry((known.architecture, known.memory_mib)).or_default();
                *most = hundredths.max(*most);
            }
        }
        Self(kept)
    }

    /// Hundredths of a percent that are kept of a type: as much as of the biggest running one that has no more memory,
    /// because bigger ones lose a smaller part; none if there is none.
    #[must_use]
    pub fn hundredths(&self, of: &InstanceType) -> Option<u64> {
        let smaller = self.0.range((of.architecture, 0)..=(of.architecture, of.memory_mib));
        smaller.last().map(|(_, hundredths)| *hundredths)
    }
}

/// Whether the VPC CNI assigns prefixes in place of single addresses (`ENABLE_PREFIX_DELEGATION`, and always with IPv6):
/// every node of today whose type can show it takes more pods than the type has single addresses for.
#[must_use]
pub fn prefixes(snapshot: &Snapshot, machines: &BTreeMap<String, Machine>, catalog: &Catalog) -> bool {
    let shown = snapshot.nodes.iter().filter_map(|node| {
        let machine = machines.get(objects::name(&node.metadata))?;
        let name = machine.instance_type.as_deref().filter(|_| machine.place == Place::Ec2)?;
        let known = catalog.instance_type(name)?;
        let can_show = known.max_pods() < known.max_pods_with_prefixes();
        Some(most_pods(node)? > known.pods_with_addresses()).filter(|_| can_show)
    });
    let shown: Vec<bool> = shown.collect();
    !shown.is_empty() && shown.into_iter().all(|shows| shows)
}

/// status.allocatable.pods.
pub(crate) fn most_pods(node: &Node) -> Option<u32> {
    node.status.as_ref()?.allocatable.as_ref()?.get("pods")?.0.parse().ok()
}

/// The kubelet's volume of new nodes in bytes: the smallest of today's EC2 instances, as other node groups may have
/// smaller ones than the biggest; else the default.
#[must_use]
pub fn root_volume(machines: &BTreeMap<String, Machine>) -> u64 {
    smallest_root_volume(machines).unwrap_or(DEFAULT_ROOT_VOLUME)
}

/// The smallest volume of today's EC2 instances.
#[must_use]
pub fn smallest_root_volume(machines: &BTreeMap<String, Machine>) -> Option<u64> {
    let of_ec2 = machines.values().filter(|machine| machine.place == Place::Ec2);
    of_ec2.filter_map(|machine| machine.root_volume).min()
}

pub(crate) fn max_volumes(snapshot: &Snapshot, node: &str) -> Option<u32> {
    let csi = snapshot.csi_nodes.iter().find(|csi| objects::name(&csi.metadata) == node)?;
    let driver = csi.spec.drivers.iter().find(|driver| EBS.contains(&driver.name.as_str()))?;
    u32::try_from(driver.allocatable.as_ref()?.count?).ok()
}
