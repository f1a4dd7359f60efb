//! Today's nodes in the problem. Those that do not stay are cordoned while their pods move, but their pods count as
//! long as they are there. Those that stay are kinds of nodes that cost nothing, with one node each.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::to_string;

use super::{
    kinds::Pools,
    types::{CPU, Dimensions, MEMORY, NodeKind},
};
use crate::{
    catalog::{CAPACITY_TYPE, HOSTNAME, Market, OFFER_LABELS},
    demand::{Demand, Pod, TodayNode},
    money::Money,
    offers::Offer,
};

/// The nodes that do not stay, grouped: nodes of a group are equal to all constraints.
pub(super) struct Today<'d> {
    nodes: &'d [TodayNode],
    /// Group of each node that does not stay.
    groups: Vec<Option<usize>>,
    /// The first node of each group.
    first: Vec<usize>,
}

impl<'d> Today<'d> {
    pub(super) fn new(demand: &'d Demand, keys: &BTreeSet<String>) -> Self {
        let mut found: BTreeMap<String, usize> = BTreeMap::new();
        let mut first = Vec::new();
        let groups = demand.nodes.iter().enumerate().map(|(place, node)| {
            let keys = keys.iter().filter(|key| *key != HOSTNAME);
            let labels: Vec<_> = keys.map(|key| node.labels.get(key)).collect();
            let key = to_string(&(node.zone(), labels, &node.taints)).unwrap_or_default();
            node.stays.is_none().then(|| {
                *found.entry(key).or_insert_with(|| {
                    first.push(place);
                    first.len() - 1
                })
            })
        });
        Self { nodes: &demand.nodes, groups: groups.collect(), first }
    }

    /// A node of each group.
    pub(super) fn examples(&self) -> impl Iterator<Item = &'d TodayNode> {
        self.first.iter().map(|node| &self.nodes[*node])
    }

    /// The group of the pod's node.
    pub(super) fn group_of(&self, pod: &Pod) -> Option<usize> {
        self.groups[pod.node?]
    }

    /// How many nodes each group has, and its zone as a number.
    pub(super) fn groups(&self, zones: &[&str]) -> Vec<(u32, Option<usize>)> {
        let count = |group| self.groups.iter().filter(|found| **found == Some(group)).count() as u32;
        let zone = |node: &TodayNode| zones.iter().position(|zone| node.zone() == Some(zone));
        self.examples().enumerate().map(|(group, node)| (count(group), zone(node))).collect()
    }
}

/// Nodes that stay, as offers of one node, by their place in [`Demand::nodes`].
pub(super) fn offers(demand: &Demand) -> Vec<(usize, Offer)> {
    let staying = demand.nodes.iter().enumerate().filter_map(|(place, node)| {
        let stays = node.stays.as_ref()?;
        let instance_type = OFFER_LABELS[2].iter().find_map(|key| node.labels.get(*key));
        let is_spot = node.labels.get(CAPACITY_TYPE).is_some_and(|market| market == Market::Spot.label());
        Some((
            place,
            Offer {
                instance_type: instance_type.cloned().unwrap_or_default(),
                zone: node.zone().unwrap_or_default().to_owned(),
                market: if is_spot { Market::Spot } else { Market::OnDemand },
                hourly: Money::ZERO,
                vcpus: 0,
                memory_mib: 0,
                allocatable: stays.free.clone(),
                max_pods: u32::try_from(stays.free_pods).unwrap_or(u32::MAX),
                max_volumes: u32::try_from(stays.free_volumes).unwrap_or(u32::MAX),
                labels: node.labels.clone(),
                taints: node.taints.clone(),
            },
        ))
    });
    staying.collect()
}

/// The pods of all nodes that stay, in the order of [`offers`].
pub(super) fn staying_pods(demand: &Demand) -> impl Iterator<Item = &Pod> {
    demand.nodes.iter().filter_map(|node| node.stays.as_ref()).flat_map(|stays| &stays.pods)
}

/// The kind of one node that stays.
pub(super) fn kind(
    demand: &Demand,
    node: usize,
    offer: &Offer,
    profile: usize,
    dimensions: &Dimensions,
    zones: &[&str],
    pools: &Pools<'_>,
) -> NodeKind {
    let stays = demand.nodes[node].stays.clone().unwrap_or_default();
    let room = dimensions.vector(&stays.free, stays.free_pods, stays.free_volumes);
    let allocatable = [stays.allocatable.cpu.max(room[CPU]), stays.allocatable.memory.max(room[MEMORY])];
    let zone = zones.iter().position(|zone| *zone == offer.zone).unwrap_or(0);
    let stays = Some((node, Vec::new()));
    NodeKind {
        offers: Vec::new(),
        stays,
        profile,
        hourly: Money::ZERO,
        zone,
        zones: vec![zone],
        pool: pools.of(offer),
        is_on_demand: offer.market == Market::OnDemand,
        room,
        allocatable,
    }
}
