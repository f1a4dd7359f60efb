//! The cases, and what AWS Node Termination Handler, tuned, takes for them on such a machine.

/// Nodes that get their notices at the same moment, and the pods of each.
pub(crate) struct Case {
    pub(crate) nodes: usize,
    pub(crate) pods: usize,
    /// One PodDisruptionBudget covers all pods of the case. It allows all evictions at once.
    pub(crate) budget: bool,
    /// `None` if it was not measured.
    pub(crate) daemon: Option<Daemon>,
}

/// AWS Node Termination Handler with 50 workers, 100 calls a second and bursts of 200: seconds from the notices, best
/// run to worst, until the API server had answered. Measured once, without latency, on two idle cores.
pub(crate) struct Daemon {
    pub(crate) cordon_last: (f64, f64),
    pub(crate) last_eviction: (f64, f64),
}

pub(crate) const CASES: [Case; 6] = [
    case(1, 30, false, Some(Daemon { cordon_last: (0.48, 0.48), last_eviction: (0.76, 0.76) })),
    case(1, 110, false, Some(Daemon { cordon_last: (0.23, 0.23), last_eviction: (0.68, 0.68) })),
    case(10, 30, false, Some(Daemon { cordon_last: (0.47, 1.17), last_eviction: (5.1, 5.1) })),
    case(10, 30, true, None),
    case(50, 10, false, Some(Daemon { cordon_last: (11.0, 12.0), last_eviction: (14.0, 14.0) })),
    case(50, 10, true, None),
];

const fn case(nodes: usize, pods: usize, budget: bool, daemon: Option<Daemon>) -> Case {
    Case { nodes, pods, budget, daemon }
}

impl Case {
    /// `NODESxPODS`, and `-budget` where there is one.
    pub(crate) fn name(&self) -> String {
        format!("{}x{}{}", self.nodes, self.pods, if self.budget { "-budget" } else { "" })
    }

    /// The limit of calls to the API server for each node.
    pub(crate) fn calls_allowed(&self) -> usize {
        8 + self.pods
    }
}
