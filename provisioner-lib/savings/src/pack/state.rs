//! Nodes with pods on them, and whether one more pod fits: the scheduler's filters and scores on numbers.

use super::types::{CPU, MEMORY, Problem};

/// Nodes and the pods on them.
#[derive(Clone)]
pub(super) struct State<'p> {
    pub(super) problem: &'p Problem,
    /// Kind of each node.
    pub(super) nodes: Vec<usize>,
    /// Free room of each node, dimension by dimension.
    free: Vec<u64>,
    /// CPU and memory that the scores count as taken.
    scored: Vec<[u64; 2]>,
    /// For each counter of the problem.
    topology: Vec<TopologyCounts>,
    /// Pods of each class by node.
    by_node: Vec<Vec<u32>>,
    /// Pods of each class by zone.
    by_zone: Vec<Vec<u32>>,
}

/// What one counter has counted.
#[derive(Clone, Default)]
struct TopologyCounts {
    /// Pods by domain.
    pods: Vec<u32>,
    /// Nodes by domain.
    nodes: Vec<u32>,
    /// Pods in all domains.
    all: u32,
}

/// The constraints of a class at one moment, the same for all nodes.
pub(super) struct RuleState {
    /// For each spread constraint the most pods that a domain may have before another one comes.
    at_most: Vec<i64>,
    /// Whether the pod is the first of those that its affinity asks for, so that any domain does.
    is_first: bool,
}

impl<'p> State<'p> {
    pub(super) fn new(problem: &'p Problem, nodes: &[usize]) -> Self {
        let topology = problem.counters.iter().map(|counter| TopologyCounts {
            pods: vec![0; counter.values],
            nodes: vec![0; counter.values],
            all: 0,
        });
        let mut this = Self {
            problem,
            nodes: Vec::new(),
            free: Vec::new(),
            scored: Vec::new(),
            topology: topology.collect(),
            by_node: vec![Vec::new(); problem.classes.len()],
            by_zone: vec![vec![0; problem.zones]; problem.classes.len()],
        };
        for kind in nodes {
            this.add(*kind);
        }
        this
    }

    /// Adds a node.
    pub(super) fn add(&mut self, kind: usize) {
        let found = &self.problem.kinds[kind];
        let node = self.nodes.len();
        self.nodes.push(kind);
        self.free.extend(&found.room);
        self.scored.push([found.allocatable[0] - found.room[CPU], found.allocatable[1] - found.room[MEMORY]]);
        for (counter, counts) in self.problem.counters.iter().zip(&mut self.topology) {
            if counter.domains.is_none() {
                counts.pods.push(0);
                counts.nodes.push(0);
            }
            if let Some(domain) = counter.domain(kind, node) {
                counts.pods[domain] += counter.daemon_pods[kind];
                counts.all += counter.daemon_pods[kind];
                counts.nodes[domain] += 1;
            }
        }
    }

    /// Removes the node that was added last, which has to be empty.
    pub(super) fn remove_last(&mut self) {
        let Some(kind) = self.nodes.pop() else { return };
        let node = self.nodes.len();
        self.free.truncate(node * self.problem.dimensions);
        self.scored.pop();
        for (counter, counts) in self.problem.counters.iter().zip(&mut self.topology) {
            if let Some(domain) = counter.domain(kind, node) {
                counts.pods[domain] -= counter.daemon_pods[kind];
                counts.all -= counter.daemon_pods[kind];
                counts.nodes[domain] -= 1;
            }
            if counter.domains.is_none() {
                counts.pods.pop();
                counts.nodes.pop();
            }
        }
    }

    /// Free room of a node.
    pub(super) fn free(&self, node: usize) -> &[u64] {
        let dimensions = self.problem.dimensions;
        &self.free[node * dimensions..(node + 1) * dimensions]
    }

    /// The constraints of a class with the pods that are placed now.
    pub(super) fn rule_state(&self, class: usize) -> RuleState {
        let rules = &self.problem.classes[class].rules;
        let at_most = rules.spread.iter().map(|spread| {
            let counts = &self.topology[spread.counter];
            let present = counts.pods.iter().zip(&counts.nodes).filter(|(_, nodes)| **nodes > 0);
            let least = match present.clone().count() {
                domains if domains < spread.min_domains => 0,
                _ => present.map(|(pods, _)| *pods).min().unwrap_or(0),
            };
            i64::from(least) + i64::from(spread.max_skew) - i64::from(spread.counts_itself)
        });
        let is_first = rules.matches_itself && rules.affinity.iter().all(|one| self.topology[*one].all == 0);
        RuleState { at_most: at_most.collect(), is_first }
    }

    /// Whether one more pod of the class fits on the node.
    pub(super) fn fits(&self, class: usize, now: &RuleState, node: usize) -> bool {
        let pod = &self.problem.classes[class];
        let free = &self.free[node * self.problem.dimensions..];
        if !pod.eligible[self.nodes[node]]
            || pod.nonzero.iter().any(|(dimension, amount)| free[*dimension] < *amount)
        {
            return false;
        }
        let count = |counter: usize| {
            let domain = self.problem.counters[counter].domain(self.nodes[node], node)?;
            Some(i64::from(self.topology[counter].pods[domain]))
        };
        let rules = &pod.rules;
        rules.anti_affinity.iter().all(|counter| count(*counter).is_none_or(|pods| pods == 0))
            && rules.affinity.iter().all(|one| count(*one).is_some_and(|pods| now.is_first || pods > 0))
            && rules
                .spread
                .iter()
                .zip(&now.at_most)
                .all(|(spread, at_most)| count(spread.counter).is_some_and(|pods| pods <= *at_most))
    }

    /// Puts a pod of the class on the node.
    pub(super) fn place(&mut self, class: usize, node: usize) {
        let pod = &self.problem.classes[class];
        let kind = self.nodes[node];
        for (dimension, amount) in &pod.nonzero {
            self.free[node * self.problem.dimensions + dimension] -= amount;
        }
        for (scored, more) in self.scored[node].iter_mut().zip(pod.scored) {
            *scored = scored.saturating_add(more);
        }
        let by_node = &mut self.by_node[class];
        if by_node.len() <= node {
            by_node.resize(self.nodes.len(), 0);
        }
        by_node[node] += 1;
        self.by_zone[class][self.problem.kinds[kind].zone] += 1;
        for counter in &pod.rules.counted {
            if let Some(domain) = self.problem.counters[*counter].domain(kind, node) {
                self.topology[*counter].pods[domain] += 1;
                self.topology[*counter].all += 1;
            }
        }
    }

    /// The scheduler's NodeResourcesFit (LeastAllocated) and NodeResourcesBalancedAllocation, 0 to 200.
    pub(super) fn score(&self, class: usize, node: usize) -> f64 {
        let pod = &self.problem.classes[class].scored;
        let allocatable = &self.problem.kinds[self.nodes[node]].allocatable;
        let share = |of: usize| {
            let taken = self.scored[node][of].saturating_add(pod[of]);
            (taken as f64 / allocatable[of].max(1) as f64).min(1.0)
        };
        let (cpu, memory) = (share(0), share(1));
        (2.0 - cpu - memory) * 50.0 + (1.0 - (cpu - memory).abs() / 2.0) * 100.0
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
