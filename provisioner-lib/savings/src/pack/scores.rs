//! The scheduler's scores on numbers.

use super::state::State;
use crate::choices::Scoring;

impl State<'_> {
    /// The scheduler's NodeResourcesFit and NodeResourcesBalancedAllocation, 0 to 200.
    pub(super) fn score(&self, class: usize, node: usize) -> f64 {
        let pod = &self.problem.classes[class].scored;
        let allocatable = &self.problem.kinds[self.nodes[node]].allocatable;
        let share = |of: usize| {
            let taken = self.scored[node][of].saturating_add(pod[of]);
            (taken as f64 / allocatable[of].max(1) as f64).min(1.0)
        };
        let (cpu, memory) = (share(0), share(1));
        let taken = match self.problem.scoring {
            Scoring::LeastAllocated => 2.0 - cpu - memory,
            Scoring::MostAllocated => cpu + memory,
        };
        taken * 50.0 + (1.0 - (cpu - memory).abs() / 2.0) * 100.0
    }

    /// PodTopologySpread's score of each node by the default constraints (maxSkew 3 by node, 5 by zone) before it is
    /// normalised: lower with fewer pods of the class, and never zero.
    pub(super) fn crowd(&self, class: usize) -> impl Fn(usize) -> f64 {
        let weight = |domains: usize| (domains as f64 + 2.0).ln();
        let (node_weight, zone_weight) = (weight(self.nodes.len()), weight(self.problem.zones));
        let (by_node, by_zone) = (&self.by_node[class], &self.by_zone[class]);
        move |node| {
            let here = by_node.get(node).copied().unwrap_or(0);
            let zone = by_zone[self.problem.kinds[self.nodes[node]].zone];
            (f64::from(here) * node_weight + 2.0 + f64::from(zone) * zone_weight + 4.0).round()
        }
    }
}
