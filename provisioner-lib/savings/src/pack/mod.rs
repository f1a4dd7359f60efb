//! Packs pods onto the cheapest nodes that were found on which the kube-scheduler places every pod.
//!
//! ```text
//! demand, offers ─► problem ─► search ┬► shares: pods by zone
//!                                     ├► mix: a linear programme
//!                                     ├► waves: filled node by node, and valued by objective
//!                                     ├► local_search: repaired until simulate places every pod
//!                                     └► exact: for few pods
//! ```
//!
//! docs/decisions/0008 has the reasons.

mod counters;
mod effort;
mod exact;
mod exchange;
mod kinds;
mod limits;
mod local_search;
mod mix;
mod moves;
mod objective;
mod problem;
mod scores;
mod search;
mod shares;
mod simulate;
mod state;
mod today;
mod types;
mod waves;

use std::collections::{BTreeMap, BTreeSet};

pub use self::limits::Limits;
use self::types::{NodeKind, Problem};
use crate::{demand::Demand, fit::Reason, offers::Offer};

/// A node of a proposal.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Index of its offer, in the list that was given.
    pub offer: usize,
    /// Indices of its pods, in [`Demand::pods`]: one placement of many that the scheduler may come to.
    pub pods: Vec<usize>,
    /// Indices of the pods that move when it has come. Some of them may go to an earlier node.
    pub wave: Vec<usize>,
}

/// A node of today that stays, with pods that move to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Refilled {
    /// Its index in [`Demand::nodes`].
    pub node: usize,
    /// Indices of the pods that move to it, in [`Demand::pods`].
    pub pods: Vec<usize>,
    /// Indices of the pods that move when it is open. Some of them may go to an earlier node.
    pub wave: Vec<usize>,
}

/// A pod that no node takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Unplaced {
    /// Its index in [`Demand::pods`].
    pub pod: usize,
    /// Why.
    pub reason: Reason,
}

/// A proposal.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Packing {
    /// Nodes of today that take more pods. They do so one after the other, before the first new node comes, and are
    /// cordoned until then.
    pub refilled: Vec<Refilled>,
    /// The new nodes, in the order in which they come and their pods move.
    pub nodes: Vec<Node>,
    /// Pods that no offer takes, in the demand's order.
    pub unplaced: Vec<Unplaced>,
    /// Pods that were placed in the search, a measure of its work that is the same on every machine.
    pub work: u64,
}

/// Finds nodes for all pods of `demand`, each from one of the offers.
#[must_use]
pub fn pack(demand: &Demand, offers: &[Offer]) -> Packing {
    pack_within(demand, offers, &Limits::NONE)
}

/// The same within limits, which it keeps to as far as every pod has a node.
#[must_use]
pub fn pack_within(demand: &Demand, offers: &[Offer], limits: &Limits) -> Packing {
    let problem = Problem::new(demand, offers, limits);
    let (waves, work) = search::search(&problem);
    // Of the zones of a kind the one with the fewest nodes.
    let mut by_zone: BTreeMap<&str, usize> = limits.standing.iter().map(|zone| (zone.as_str(), 1)).collect();
    for kind in waves.nodes.iter().filter(|kind| problem.kinds[**kind].offers.len() == 1) {
        *by_zone.entry(&offers[problem.kinds[*kind].offers[0]].zone).or_default() += 1;
    }
    let (mut nodes, mut refilled) = (Vec::new(), Vec::new());
    let moves = moves::moves(&problem, &waves);
    for ((kind, moving), placed) in waves.nodes.iter().zip(&moves).zip(moves::placed(&moves, &waves)) {
        let NodeKind { offers: of_kind, stays, .. } = &problem.kinds[*kind];
        let member = |(class, member): &moves::Member| problem.classes[*class].members[*member];
        let pods: Vec<usize> = placed.iter().map(member).collect();
        let wave: Vec<usize> = moving.iter().map(member).collect();
        if let Some((node, _)) = stays {
            refilled.push(Refilled { node: *node, pods, wave });
        } else {
            let crowd = |offer: &usize| by_zone.get(offers[*offer].zone.as_str()).copied().unwrap_or(0);
            let Some(offer) = of_kind.iter().copied().min_by_key(crowd) else { continue };
            if of_kind.len() > 1 {
                *by_zone.entry(&offers[offer].zone).or_default() += 1;
            }
            nodes.push(Node { offer, pods, wave });
        }
    }
    let waves = nodes.iter().map(|node| &node.wave).chain(refilled.iter().map(|node| &node.wave));
    let moving: BTreeSet<usize> = waves.flatten().copied().collect();
    let left_over = "affinity, anti-affinity or spread exclude every node that is big enough";
    let left_over = |pod| Unplaced { pod, reason: Reason::OtherPods(left_over.to_owned()) };
    let members = problem.classes.iter().flat_map(|class| &class.members).copied();
    let mut unplaced: Vec<Unplaced> = members.filter(|pod| !moving.contains(pod)).map(left_over).collect();
    unplaced.extend(problem.impossible.into_iter().map(|(pod, reason)| Unplaced { pod, reason }));
    refilled.retain(|node| !node.pods.is_empty() || !node.wave.is_empty());
    unplaced.sort_by_key(|found| found.pod);
    Packing { refilled, nodes, unplaced, work }
}
