//! A packing as a configuration. A pod without a node in it keeps its node of today, with the other pods on it.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Inputs, Kept, Placed, keep_on_demand, node_of,
    today::{Counted, sum},
};
use crate::{
    demand::{self, Demand},
    fit,
    machines::Place,
    pack::{self, Packing, pack},
    quantity::Resources,
    report::{Configuration, HOURS_PER_MONTH, Name, Proposal, Saves, Unplaced},
    verdict::{Judged, follow_neighbours},
};

/// A proposed configuration.
#[derive(Default)]
pub(super) struct Proposed {
    pub(super) proposal: Proposal,
    /// The new nodes.
    pub(super) nodes: Vec<Placed>,
    /// Today's nodes that stay.
    pub(super) kept: Vec<Kept>,
    pub(super) unplaced: Vec<Unplaced>,
    /// Pods that the scheduler may treat differently.
    pub(super) note: Option<String>,
}

impl Inputs<'_> {
    /// Packs until no workload changes its market and no further node stays. A workload that fits no Spot node stays
    /// On-Demand, a pod without a node keeps today's, and if the result costs more than today, today is the proposal.
    pub(super) fn propose(&self, judged: &mut [Judged], name: Name, today: &Configuration) -> Proposed {
        let mut kept = BTreeSet::new();
        let mut without: Vec<Unplaced> = Vec::new();
        loop {
            let demand = self.pinned(judged, name, &kept);
            let packing = pack(&demand, &self.offers);
            let found: Vec<(usize, Unplaced)> =
                packing.unplaced.iter().map(|found| self.unplaced(&demand, found, name)).collect();
            if name == Name::Spot && keep_on_demand(judged, &found) {
                follow_neighbours(judged, self.snapshot);
                continue;
            }
            let before = kept.len();
            kept.extend(found.iter().filter_map(|(_, pod)| pod.keeps_node.clone()));
            let is_stable = kept.len() == before;
            // Pending pods are found again in the next round.
            let stay = found.into_iter().filter(|(_, pod)| is_stable || pod.keeps_node.is_some());
            without.extend(stay.map(|(_, pod)| pod));
            if is_stable {
                return self.proposed(&demand, &packing, &kept, without, name, today);
            }
        }
    }

    fn proposed(
        &self,
        demand: &Demand,
        packing: &Packing,
        kept: &BTreeSet<String>,
        unplaced: Vec<Unplaced>,
        name: Name,
        today: &Configuration,
    ) -> Proposed {
        let nodes: Vec<Placed> = packing
            .nodes
            .iter()
            .map(|node| Placed {
                offer: self.offers[node.offer].clone(),
                pods: node.pods.iter().map(|pod| demand.pods[*pod].source).collect(),
            })
            .collect();
        let configuration = self.configuration(demand, &nodes, kept);
        // A removed node without a price may cost more than the difference; one that stays is on both sides.
        let is_whole = today.unpriced == configuration.unpriced && today.hourly.micros() > 0;
        if is_whole && configuration.hourly > today.hourly {
            return self.as_today(unplaced, name, today);
        }
        let kept = self.kept(kept);
        let note = self.beside_kept(&demand.pods, &kept);
        let is_known = is_whole || configuration.hourly < today.hourly;
        let saves = is_known.then(|| saves(&configuration, today));
        Proposed { proposal: Proposal { configuration, saves, as_today: false }, nodes, kept, unplaced, note }
    }

    /// Nothing cheaper was found: all stays, and what waits goes on waiting.
    fn as_today(&self, unplaced: Vec<Unplaced>, name: Name, today: &Configuration) -> Proposed {
        let mut waiting: Vec<Unplaced> =
            unplaced.into_iter().filter(|pod| pod.keeps_node.is_none()).collect();
        let reported: BTreeSet<(String, String)> =
            waiting.iter().map(|pod| (pod.namespace.clone(), pod.pod.clone())).collect();
        for pod in self.demand.pods.iter().filter(|pod| node_of(self.snapshot, pod.source).is_none()) {
            if !reported.contains(&(pod.namespace.clone(), pod.name.clone())) {
                waiting.push(Unplaced {
                    configuration: name,
                    namespace: pod.namespace.clone(),
                    pod: pod.name.clone(),
                    reason: "no node is added, as that would cost more than today".to_owned(),
                    keeps_node: None,
                });
            }
        }
        let configuration = today.clone();
        let saves = Some(saves(&configuration, today));
        Proposed {
            proposal: Proposal { configuration, saves, as_today: true },
            kept: self.kept(&self.of_ec2()),
            unplaced: waiting,
            ..Proposed::default()
        }
    }

    fn unplaced(&self, demand: &Demand, found: &pack::Unplaced, name: Name) -> (usize, Unplaced) {
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

    /// The proposed nodes, those that stay, and those that are not of EC2.
    fn configuration(&self, demand: &Demand, nodes: &[Placed], kept: &BTreeSet<String>) -> Configuration {
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
        let by_source: BTreeMap<usize, &demand::Pod> =
            demand.pods.iter().map(|pod| (pod.source, pod)).collect();
        for pod in nodes.iter().flat_map(|node| &node.pods) {
            requested = requested.plus(&by_source[pod].requests);
        }
        for pod in self.snapshot.pods.iter().filter(|pod| demand::is_live(pod)) {
            let Some(spec) = &pod.spec else { continue };
            if spec.node_name.as_ref().is_some_and(|node| kept.contains(node)) {
                requested = requested.plus(&demand::requests(spec));
            }
        }
        for machine in self.machines.values() {
            let stays = kept.contains(&machine.name);
            if stays {
                allocatable = allocatable.plus(&machine.allocatable);
            }
            if stays || machine.place != Place::Ec2 {
                counted.push(Counted::of(machine));
            }
        }
        sum(counted, &requested, &allocatable)
    }
}

fn saves(configuration: &Configuration, today: &Configuration) -> Saves {
    let hourly = today.hourly - configuration.hourly;
    Saves {
        hourly,
        monthly: hourly * i64::from(HOURS_PER_MONTH),
        percent: percent(hourly.micros(), today.hourly.micros()),
    }
}

/// Percent with one decimal, rounded down so that no more is promised than is saved.
pub(super) fn percent(part: i64, whole: i64) -> String {
    let tenths = (i128::from(part) * 1_000).div_euclid(i128::from(whole));
    let sign = if tenths < 0 { "-" } else { "" };
    format!("{sign}{}.{}", tenths.abs() / 10, tenths.abs() % 10)
}
