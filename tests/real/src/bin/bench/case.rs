//! The cases, and the bar of each: what the best tuned rival, a daemon, needs on such a machine.

/// Nodes that get their notices at once, and the pods that are evicted from each.
pub(crate) struct Case {
    pub(crate) nodes: usize,
    pub(crate) pods: usize,
    pub(crate) bar: Bar,
}

/// Ranges in seconds from sending, best run to worst; `None` where the rival was not measured.
pub(crate) struct Bar {
    pub(crate) cordon_median: Option<(f64, f64)>,
    pub(crate) cordon_last: Option<(f64, f64)>,
    pub(crate) last_eviction: Option<(f64, f64)>,
}

pub(crate) const CASES: [Case; 4] = [
    Case {
        nodes: 1,
        pods: 30,
        bar: Bar { cordon_median: None, cordon_last: Some((0.3, 0.9)), last_eviction: Some((0.9, 2.1)) },
    },
    Case {
        nodes: 1,
        pods: 110,
        bar: Bar { cordon_median: None, cordon_last: None, last_eviction: Some((2.1, 2.1)) },
    },
    Case {
        nodes: 10,
        pods: 30,
        bar: Bar { cordon_median: None, cordon_last: Some((0.8, 10.0)), last_eviction: Some((4.0, 15.0)) },
    },
    Case {
        nodes: 50,
        pods: 10,
        bar: Bar {
            cordon_median: Some((6.0, 6.0)),
            cordon_last: Some((9.0, 27.0)),
            last_eviction: Some((14.0, 48.0)),
        },
    },
];

impl Case {
    /// `NODESxPODS`
    pub(crate) fn name(&self) -> String {
        format!("{}x{}", self.nodes, self.pods)
    }

    /// How many calls to the API server a node may take.
    pub(crate) fn calls_allowed(&self) -> usize {
        8 + self.pods
    }
}
