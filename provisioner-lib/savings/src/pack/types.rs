//! The problem as the search reads it: names are numbers, amounts are vectors.

use std::collections::BTreeSet;

use crate::{
    choices::{Caps, Scoring},
    demand::Demand,
    fit::Reason,
    money::Money,
    quantity::Resources,
};

/// Amounts by dimension; see [`Dimensions`].
pub(super) type Vector = Vec<u64>;

pub(super) const CPU: usize = 0;
pub(super) const MEMORY: usize = 1;
pub(super) const PODS: usize = 2;

const EPHEMERAL_STORAGE: &str = "ephemeral-storage";
const VOLUMES: &str = "attachable-volumes";

/// Names of what is counted on a node: CPU, memory and pods always, the others where a pod asks for them.
pub(super) struct Dimensions(Vec<String>);

impl Dimensions {
    pub(super) fn of(demand: &Demand) -> Self {
        let requests = || demand.pods.iter().map(|pod| &pod.requests);
        let asks_for_storage = requests().any(|requests| requests.ephemeral_storage > 0);
        let has_volumes = demand.pods.iter().any(|pod| !pod.volumes.is_empty());
        let extended: BTreeSet<&str> =
            requests().flat_map(|requests| requests.extended.keys().map(String::as_str)).collect();
        let names = ["cpu", "memory", "pods"].into_iter();
        let names = names.chain(asks_for_storage.then_some(EPHEMERAL_STORAGE));
        let names = names.chain(has_volumes.then_some(VOLUMES)).chain(extended);
        Self(names.map(str::to_owned).collect())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// `resources` beside `pods` pods and `volumes` volumes.
    pub(super) fn vector(&self, resources: &Resources, pods: u64, volumes: u64) -> Vector {
        let amount = |(dimension, name): (usize, &String)| match (dimension, name.as_str()) {
            (CPU, _) => resources.cpu,
            (MEMORY, _) => resources.memory,
            (PODS, _) => pods,
            (_, EPHEMERAL_STORAGE) => resources.ephemeral_storage,
            (_, VOLUMES) => volumes,
            (_, name) => resources.extended.get(name).copied().unwrap_or(0),
        };
        self.0.iter().enumerate().map(amount).collect()
    }
}

/// The most pods of a workload in one Spot pool and in one zone.
#[derive(Clone, Copy)]
pub(super) struct Team {
    pub(super) pool: u32,
    pub(super) zone: u32,
}

/// The least that a packing has.
pub(super) struct Floor {
    pub(super) nodes: usize,
    pub(super) on_demand: usize,
    pub(super) zones: usize,
    /// Zones of nodes that stay and have pods.
    pub(super) standing: BTreeSet<usize>,
}

/// Pods with the same requests and constraints.
pub(super) struct Class {
    /// Their indices in the demand.
    pub(super) members: Vec<usize>,
    /// For each of them the group of today's nodes that it runs on.
    pub(super) from: Vec<Option<usize>>,
    /// Requests of one pod.
    pub(super) requests: Vector,
    /// The same without zeros.
    pub(super) nonzero: Vec<(usize, u64)>,
    /// CPU and memory as the scheduler's scores count them: never zero.
    pub(super) scored: [u64; 2],
    /// For "big ones first": memory and CPU as shares of the requests of all pods.
    pub(super) size: u64,
    /// Whether it fits each kind of node when the node is empty.
    pub(super) eligible: Vec<bool>,
    /// Constraints on other pods.
    pub(super) rules: Rules,
    /// The workload whose shares are capped, in [`Problem::teams`].
    pub(super) team: Option<usize>,
}

/// Constraints of a class on the counts of pods.
#[derive(Default)]
pub(super) struct Rules {
    /// Counters that a pod of the class counts in.
    pub(super) counted: Vec<usize>,
    /// Counters that must be zero in the node's domain.
    pub(super) anti_affinity: Vec<usize>,
    /// Counters that must not be zero in the node's domain, unless all are zero everywhere and the pod matches itself.
    pub(super) affinity: Vec<usize>,
    /// Whether the pod's own affinity selects it.
    pub(super) matches_itself: bool,
    pub(super) spread: Vec<Spread>,
}

impl Rules {
    pub(super) fn is_empty(&self) -> bool {
        self.affinity.is_empty() && self.spread.is_empty() && self.anti_affinity.is_empty()
    }
}

/// A spread constraint.
pub(super) struct Spread {
    pub(super) counter: usize,
    pub(super) max_skew: u32,
    /// minDomains, else 1.
    pub(super) min_domains: usize,
    /// Domains that new nodes can be in.
    pub(super) domains: BTreeSet<usize>,
    /// Whether the constraint selects the pod itself.
    pub(super) counts_itself: bool,
}

/// Counts pods by topology domain.
#[derive(PartialEq, Eq)]
pub(super) struct Counter {
    /// Domain of each kind of node; `None` if each node is a domain.
    pub(super) domains: Option<Vec<Option<usize>>>,
    /// Number of domains, if they are not nodes.
    pub(super) values: usize,
    /// Kinds whose nodes take part.
    pub(super) takes_part: Vec<bool>,
    /// DaemonSets' pods that are counted on a node of each kind.
    pub(super) daemon_pods: Vec<u32>,
    /// For each group of today's nodes the domain that it takes part in.
    pub(super) today: Vec<Option<usize>>,
    /// Which classes count.
    pub(super) members: Vec<bool>,
}

impl Counter {
    /// The domain that `node`, a node of the kind, takes part in.
    pub(super) fn domain(&self, kind: usize, node: usize) -> Option<usize> {
        let domain = self.domains.as_ref().map_or(Some(node), |domains| domains[kind]);
        domain.filter(|_| self.takes_part[kind])
    }
}

/// A kind of node: offers of one price that differ in nothing that a pod asks about.
pub(super) struct NodeKind {
    /// The offers, taken in turns.
    pub(super) offers: Vec<usize>,
    /// A node of today that stays, of which there is only this one, and the classes of the pods that stay on it.
    pub(super) stays: Option<(usize, Vec<usize>)>,
    /// Labels and taints; see [`super::kinds::Profiles`].
    pub(super) profile: usize,
    pub(super) hourly: Money,
    /// Zone of its first offer, as a number.
    pub(super) zone: usize,
    /// Zones of its offers.
    pub(super) zones: Vec<usize>,
    /// Pool of instance type and zone, as a number; none of On-Demand nodes, and none without caps.
    pub(super) pool: Option<usize>,
    /// Whether its nodes are On-Demand.
    pub(super) is_on_demand: bool,
    /// Room for pods beside the DaemonSets.
    pub(super) room: Vector,
    /// Allocatable CPU and memory, DaemonSets included.
    pub(super) allocatable: [u64; 2],
}

/// Demand and offers, ready for the search.
pub(super) struct Problem {
    pub(super) dimensions: usize,
    pub(super) classes: Vec<Class>,
    pub(super) kinds: Vec<NodeKind>,
    pub(super) counters: Vec<Counter>,
    /// The greatest shares of a workload's Spot pods.
    pub(super) caps: Caps,
    /// Workloads whose shares are capped.
    pub(super) teams: Vec<Team>,
    /// The least that the packing has.
    pub(super) floor: Floor,
    /// How many zones offers are in.
    pub(super) zones: usize,
    /// How many of today's nodes that do not stay are in each group, and the zone of the group.
    pub(super) today: Vec<(u32, Option<usize>)>,
    /// How the scheduler scores free resources.
    pub(super) scoring: Scoring,
    /// Pods that no offer takes.
    pub(super) impossible: Vec<(usize, Reason)>,
}

impl Problem {
    /// The kinds of today's nodes that stay.
    pub(super) fn staying(&self) -> Vec<usize> {
        (0..self.kinds.len()).filter(|kind| self.kinds[*kind].stays.is_some()).collect()
    }
}
