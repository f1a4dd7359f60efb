//! Pods and offers in, nodes out: the cheapest nodes that were found on which the kube-scheduler places every pod.

mod counters;
mod exact;
mod kinds;
mod mix;
mod problem;
mod settle;
mod state;
mod trial;
mod types;
mod waves;

use serde::Serialize;

mod search;

use self::{search::Found, types::Problem};
use crate::{catalog::Offer, demand::Demand, fit::Reason, money::Money};

/// A node of a proposal.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Node {
    /// Index of its offer, in the list that was given.
    pub offer: usize,
    /// Indices of its pods, in [`Demand::pods`]: one placement of many that the scheduler may come to.
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
    /// Pods that no offer takes, in the demand's order.
    pub unplaced: Vec<Unplaced>,
    /// How many pods the played scheduler has placed in the search: its work, the same on every machine.
    pub effort: u64,
}

impl Packing {
    /// What its nodes cost for one hour.
    #[must_use]
    pub fn hourly(&self, offers: &[Offer]) -> Money {
        self.nodes.iter().map(|node| offers[node.offer].hourly).sum()
    }
}

/// How pods come to the new nodes.
///
/// The kube-scheduler takes pods one after the other and spreads them, so that in the end what is left of the nodes
/// is in small pieces, and big pods that come late find none that is big enough. EKS has no other profile. So fewer
/// nodes do where the pods do not come all at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arrival {
    /// Node by node, in the order of [`Packing::nodes`]: when one is up its pods move, then comes the next.
    #[default]
    InWaves,
    /// All nodes are there and empty, all pods wait, and come in any order.
    AnyOrder,
}

/// The cheapest nodes that were found for all pods of `demand`.
#[must_use]
pub fn pack(demand: &Demand, offers: &[Offer], arrival: Arrival) -> Packing {
    let problem = Problem::new(demand, offers);
    finish(&problem, search::search(&problem, arrival))
}

fn finish(problem: &Problem, found: Found) -> Packing {
    let Found { nodes: kinds, counts, waves, effort } = found;
    let placed: Vec<(usize, usize)> = match waves {
        Some(waves) => {
            let placed = waves.into_iter().enumerate();
            placed.flat_map(|(node, pods)| pods.into_iter().map(move |class| (class, node))).collect()
        }
        None => trial::play(problem, &counts, &kinds, trial::LISTED).placed,
    };
    let mut turns = vec![0; problem.kinds.len()];
    let nodes = kinds.iter().map(|kind| {
        let offers = &problem.kinds[*kind].offers;
        let turn = turns[*kind];
        turns[*kind] += 1;
        Node { offer: offers[turn % offers.len()], pods: Vec::new() }
    });
    let mut nodes: Vec<Node> = nodes.collect();
    let mut members: Vec<_> = problem.classes.iter().map(|class| class.members.iter()).collect();
    for (class, node) in placed {
        nodes[node].pods.extend(members[class].next());
    }
    let alone = "on the nodes that take them, affinity, anti-affinity or spread leave it no place";
    let left = members.into_iter().flatten();
    let left = left.map(|pod| Unplaced { pod: *pod, reason: Reason::OtherPods(alone.to_owned()) });
    let impossible = problem.impossible.iter();
    let impossible = impossible.map(|(pod, reason)| Unplaced { pod: *pod, reason: reason.clone() });
    let mut unplaced: Vec<_> = left.chain(impossible).collect();
    unplaced.sort_by_key(|found| found.pod);
    Packing { nodes, unplaced, effort }
}
