//! The cluster at an earlier time, for comparison.

use jiff::Timestamp;
use serde::Serialize;

use super::{Namespace, Range, Report};
use crate::money::Money;

/// Figures of an earlier snapshot, at the prices of the report: what differs is the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Before {
    /// Name of the cluster, if it is known.
    pub cluster: Option<String>,
    /// When its nodes and pods were read, if that is known.
    pub read_at: Option<Timestamp>,
    /// Number of nodes.
    pub nodes: usize,
    /// The price of a month of all nodes whose price is known.
    pub monthly: Money,
    /// EC2 instances without a known price, which the sum lacks.
    pub unpriced: usize,
    /// Its possible savings, if they are known.
    pub range: Option<Range>,
    /// The costs of its namespaces.
    pub namespaces: Vec<Namespace>,
}

impl Before {
    /// The figures of the report on an earlier snapshot.
    #[must_use]
    pub fn of(earlier: Report) -> Self {
        Self {
            cluster: earlier.cluster,
            read_at: earlier.read_at,
            nodes: earlier.today.count,
            monthly: earlier.today.monthly,
            unpriced: earlier.today.unpriced,
            range: earlier.range,
            namespaces: earlier.namespaces,
        }
    }

    /// The cost of a namespace in a month at that time, if it is known; nothing if it had no pods.
    #[must_use]
    pub fn monthly_of(&self, namespace: &str) -> Option<Money> {
        let found = self.namespaces.iter().find(|found| found.name == namespace);
        found.map_or(Some(Money::ZERO), |found| found.cost.monthly_today)
    }
}
