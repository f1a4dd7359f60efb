//! A packing as a configuration. What has no place in it keeps the node that it has.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Ground, Placed,
    today::{Counted, sum},
};
use crate::{
    demand::Demand,
    fit,
    machines::Place,
    pack::Packing,
    quantity::Resources,
    report::{Configuration, Name, Unplaced},
};

/// A proposed configuration.
pub(super) struct Proposed {
    pub(super) configuration: Configuration,
    pub(super) nodes: Vec<Placed>,
    /// Places in the snapshot's pods, and what is said of them.
    pub(super) unplaced: Vec<(usize, Unplaced)>,
    /// Whether there was anything to propose from.
    pub(super) is_reckoned: bool,
}

impl Ground<'_> {
    pub(super) fn proposed(&self, demand: &Demand, packing: &Packing, name: Name) -> Proposed {
        if self.offers.is_empty() {
            let configuration = Configuration::default();
            return Proposed { configuration, nodes: Vec::new(), unplaced: Vec::new(), is_reckoned: false };
        }
        let unplaced: Vec<(usize, Unplaced)> =
            packing.unplaced.iter().map(|found| self.unplaced(demand, found, name)).collect();
        let nodes: Vec<Placed> = packing
            .nodes
            .iter()
            .map(|node| Placed {
                offer: self.offers[node.offer].clone(),
                pods: node.pods.iter().map(|pod| demand.pods[*pod].source).collect(),
            })
            .collect();
        Proposed {
            configuration: self.configuration(demand, &nodes, &unplaced),
            nodes,
            unplaced,
            is_reckoned: true,
        }
    }

    fn unplaced(&self, demand: &Demand, found: &crate::pack::Unplaced, name: Name) -> (usize, Unplaced) {
        let pod = &demand.pods[found.pod];
        let keeps = self.machine_of(pod.source).map(|machine| machine.name.clone());
        let unplaced = Unplaced {
            configuration: name,
            namespace: pod.namespace.clone(),
            pod: pod.name.clone(),
            reason: found.reason.to_string(),
            keeps_node: keeps,
        };
        (pod.source, unplaced)
    }

    /// The proposed nodes, those that pods keep, and those that are not of EC2.
    fn configuration(
        &self,
        demand: &Demand,
        nodes: &[Placed],
        unplaced: &[(usize, Unplaced)],
    ) -> Configuration {
        let types: BTreeMap<_, _> =
            self.prices.catalog.types.iter().map(|found| (found.name.as_str(), found)).collect();
        let (mut counted, mut requested, mut allocatable) =
            (Vec::new(), Resources::default(), Resources::default());
        for node in nodes {
            let known = types.get(node.offer.instance_type.as_str());
            counted.push(Counted {
                instance_type: node.offer.instance_type.clone(),
                market: Some(node.offer.market),
                zone: Some(node.offer.zone.clone()),
                vcpus: known.map_or(0, |known| known.vcpus),
                memory_mib: known.map_or(0, |known| known.memory_mib),
                hourly: Some(node.offer.hourly),
            });
            allocatable = allocatable.plus(&node.offer.allocatable);
            for daemon in fit::daemons_on(&demand.daemons, &node.offer) {
                requested = requested.plus(&daemon.requests);
            }
        }
        let by_source: BTreeMap<usize, &crate::demand::Pod> =
            demand.pods.iter().map(|pod| (pod.source, pod)).collect();
        for pod in nodes.iter().flat_map(|node| &node.pods) {
            requested = requested.plus(&by_source[pod].requests);
        }
        let kept: BTreeSet<&String> =
            unplaced.iter().filter_map(|(_, pod)| pod.keeps_node.as_ref()).collect();
        for machine in self.machines.values() {
            if machine.place != Place::Ec2 || kept.contains(&machine.name) {
                counted.push(Counted::of(machine));
            }
        }
        sum(counted, &requested, &allocatable)
    }
}
