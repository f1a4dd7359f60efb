//! Pods and offers in, nodes out.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    catalog::Offer,
    demand::{Daemon, Demand, Pod},
    fit::{self, Reason},
    money::Money,
    quantity::Resources,
};

/// A node of a proposal.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Node {
    /// Index of its offer, in the list that was given.
    pub offer: usize,
    /// Indices of its pods, in [`Demand::pods`].
    pub pods: Vec<usize>,
}

/// A pod without a node.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Unplaced {
    /// Its index in [`Demand::pods`].
    pub pod: usize,
    /// Why.
    pub reason: Reason,
}

/// A proposal.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Packing {
    /// The nodes.
    pub nodes: Vec<Node>,
    /// Pods that no offer takes.
    pub unplaced: Vec<Unplaced>,
}

impl Packing {
    /// What its nodes cost for one hour.
    #[must_use]
    pub fn hourly(&self, offers: &[Offer]) -> Money {
        self.nodes.iter().map(|node| offers[node.offer].hourly).sum()
    }
}

/// The cheapest nodes that were found for all pods of `demand`.
#[must_use]
pub fn pack(demand: &Demand, offers: &[Offer]) -> Packing {
    let daemons: Vec<Vec<&Daemon>> =
        offers.iter().map(|offer| fit::daemons_on(&demand.daemons, offer)).collect();
    let mut order: Vec<usize> = (0..demand.pods.len()).collect();
    order.sort_by_key(|pod| std::cmp::Reverse(demand.pods[*pod].requests.cpu));
    let mut packing = Packing::default();
    let mut used: Vec<(Resources, usize)> = Vec::new();
    let mut cheapest: BTreeMap<usize, Result<usize, Reason>> = BTreeMap::new();
    for pod in order {
        let asked = &demand.pods[pod];
        let open = packing.nodes.iter().zip(&used).position(|(node, used)| {
            fit::fits_empty(asked, &offers[node.offer], &daemons[node.offer]).is_ok()
                && has_room(asked, &offers[node.offer], used)
        });
        if let Some(node) = open {
            packing.nodes[node].pods.push(pod);
            used[node] = (used[node].0.plus(&asked.requests), used[node].1 + 1);
            continue;
        }
        match cheapest.entry(pod).or_insert_with(|| choose(asked, offers, &daemons)) {
            Ok(offer) => {
                packing.nodes.push(Node { offer: *offer, pods: vec![pod] });
                let own = daemons[*offer].iter().fold(asked.requests.clone(), |sum, d| sum.plus(&d.requests));
                used.push((own, 1 + daemons[*offer].len()));
            }
            Err(reason) => packing.unplaced.push(Unplaced { pod, reason: reason.clone() }),
        }
    }
    packing
}

fn choose(pod: &Pod, offers: &[Offer], daemons: &[Vec<&Daemon>]) -> Result<usize, Reason> {
    let fitting = (0..offers.len()).filter(|o| fit::fits_empty(pod, &offers[*o], &daemons[*o]).is_ok());
    let best = fitting.min_by_key(|o| offers[*o].hourly);
    let reason = || match offers.first() {
        Some(offer) => fit::fits_empty(pod, offer, &daemons[0]).err(),
        None => None,
    };
    best.ok_or_else(|| reason().unwrap_or_else(|| Reason::Obstacle("there are no offers".to_owned())))
}

fn has_room(pod: &Pod, offer: &Offer, (used, count): &(Resources, usize)) -> bool {
    let sum = used.plus(&pod.requests);
    sum.cpu <= offer.allocatable.cpu
        && sum.memory <= offer.allocatable.memory
        && sum.ephemeral_storage <= offer.allocatable.ephemeral_storage
        && *count < offer.max_pods as usize
}
