//! Packs pods onto the cheapest nodes that were found on which the kube-scheduler places every pod.
//!
//! ```text
//! demand, offers ─► problem ─► search ┬► mix: a linear programme
//!                                     ├► waves: filled node by node, and valued by objective
//!                                     ├► local_search: repaired until simulate places every pod
//!                                     └► exact: for few pods
//! ```
//!
//! docs/decisions/0008 has the reasons.

mod counters;
mod exact;
mod kinds;
mod local_search;
mod mix;
mod objective;
mod problem;
mod search;
mod simulate;
mod state;
mod types;
mod waves;

use serde::Serialize;

use self::types::Problem;
use crate::{demand::Demand, fit::Reason, offers::Offer};

/// A node of a proposal.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Node {
    /// Index of its offer, in the list that was given.
    pub offer: usize,
    /// Indices of its pods, in [`Demand::pods`]: one placement of many that the scheduler may come to.
    pub pods: Vec<usize>,
}

/// A pod that no node takes.
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
    /// Pods that no offer takes, in the demand's order.
    pub unplaced: Vec<Unplaced>,
    /// Pods that were placed in the search, a measure of its work that is the same on every machine.
    pub work: u64,
}

/// Finds nodes for all pods of `demand`, each from one of the offers.
#[must_use]
pub fn pack(demand: &Demand, offers: &[Offer]) -> Packing {
    let problem = Problem::new(demand, offers);
    let (waves, work) = search::search(&problem);
    let mut members: Vec<_> = problem.classes.iter().map(|class| class.members.iter().copied()).collect();
    let mut turns = vec![0; problem.kinds.len()];
    let mut nodes = Vec::new();
    for (kind, pods) in waves.nodes.into_iter().zip(waves.pods) {
        let offers = &problem.kinds[kind].offers;
        let pods = pods.into_iter().filter_map(|class| members[class].next()).collect();
        nodes.push(Node { offer: offers[turns[kind] % offers.len()], pods });
        turns[kind] += 1;
    }
    let left_over = "affinity, anti-affinity or spread exclude every node that is big enough";
    let left_over = |pod| Unplaced { pod, reason: Reason::OtherPods(left_over.to_owned()) };
    let mut unplaced: Vec<Unplaced> = members.into_iter().flatten().map(left_over).collect();
    unplaced.extend(problem.impossible.into_iter().map(|(pod, reason)| Unplaced { pod, reason }));
    unplaced.sort_by_key(|found| found.pod);
    Packing { nodes, unplaced, work }
}
