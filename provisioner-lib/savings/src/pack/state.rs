//! Nodes with pods on them, and whether one more fits: the scheduler's filters on numbers.

use super::types::{CPU, MEMORY, Problem};

/// Nodes and what is on them.
#[derive(Clone)]
pub(super) struct State<'p> {
    pub(super) problem: &'p Problem,
    /// Kind of each node.
    pub(super) nodes: Vec<usize>,
    /// What is left of each node, dimension by dimension.
    free: Vec<u64>,
    /// CPU and memory that the scores see as taken.
    seen: Vec<[u64; 2]>,
    tallies: Vec<Tally>,
    /// Pods of each class by node, and by zone.
    own: Vec<Vec<u32>>,
    by_zone: Vec<Vec<u32>>,
}

/// One counter's numbers.
#[derive(Clone, Default)]
struct Tally {
    /// Pods by domain.
    pods: Vec<u32>,
    /// Nodes by domain.
    nodes: Vec<u32>,
    all: u32,
}

/// What a class's rules come to at one moment, the same for all nodes.
pub(super) struct Gate {
    /// For each spread constraint the most pods that the domain may have before.
    at_most: Vec<i64>,
    /// It needs no other pod near.
    first: bool,
}

impl<'p> State<'p> {
    pub(super) fn new(problem: &'p Problem, nodes: &[usize]) -> Self {
        let tallies = problem.counters.iter().map(|counter| Tally {
            pods: vec![0; counter.values],
            nodes: vec![0; counter.values],
            all: 0,
        });
        let mut this = Self {
            problem,
            nodes: Vec::new(),
            free: Vec::new(),
            seen: Vec::new(),
            tallies: tallies.collect(),
            own: vec![Vec::new(); problem.classes.len()],
            by_zone: vec![vec![0; problem.zones]; problem.classes.len()],
        };
        for kind in nodes {
            this.add(*kind);
        }
        this
    }

    /// One more node.
    pub(super) fn add(&mut self, kind: usize) {
        let found = &self.problem.kinds[kind];
        self.nodes.push(kind);
        self.free.extend(&found.room);
        self.seen.push([found.allocatable[0] - found.room[CPU], found.allocatable[1] - found.room[MEMORY]]);
        let node = self.nodes.len() - 1;
        for (counter, tally) in self.problem.counters.iter().zip(&mut self.tallies) {
            if counter.domains.is_none() {
                tally.pods.push(0);
                tally.nodes.push(0);
            }
            if let Some(domain) = counter.domain(kind, node) {
                tally.pods[domain] += counter.from_the_start[kind];
                tally.all += counter.from_the_start[kind];
                tally.nodes[domain] += 1;
            }
        }
    }

    /// What the rules of a class come to now.
    pub(super) fn gate(&self, class: usize) -> Gate {
        let rules = &self.problem.classes[class].rules;
        let at_most = rules.spread.iter().map(|spread| {
            let tally = &self.tallies[spread.counter];
            let there = tally.pods.iter().zip(&tally.nodes).filter(|(_, nodes)| **nodes > 0);
            let domains = there.clone().count();
            let least = there.map(|(pods, _)| *pods).min().unwrap_or(0);
            let least = if domains < spread.min_domains { 0 } else { least };
            i64::from(least) + i64::from(spread.max_skew) - i64::from(spread.counts_itself)
        });
        let first = rules.near_itself && rules.near.iter().all(|near| self.tallies[*near].all == 0);
        Gate { at_most: at_most.collect(), first }
    }

    /// Whether the node takes one more of the class.
    pub(super) fn fits(&self, class: usize, gate: &Gate, node: usize) -> bool {
        let asks = &self.problem.classes[class];
        let kind = self.nodes[node];
        if !asks.eligible[kind] {
            return false;
        }
        let free = &self.free[node * self.problem.dimensions..];
        if asks.sparse.iter().any(|(dimension, amount)| free[*dimension] < *amount) {
            return false;
        }
        let rules = &asks.rules;
        rules.apart.iter().all(|counter| self.count(*counter, node).is_none_or(|pods| pods == 0))
            && rules
                .near
                .iter()
                .all(|counter| self.count(*counter, node).is_some_and(|pods| gate.first || pods > 0))
            && rules.spread.iter().zip(&gate.at_most).all(|(spread, at_most)| {
                self.count(spread.counter, node).is_some_and(|pods| pods <= *at_most)
            })
    }

    /// Pods that a counter has counted in the domain of a node.
    fn count(&self, counter: usize, node: usize) -> Option<i64> {
        let domain = self.problem.counters[counter].domain(self.nodes[node], node)?;
        Some(i64::from(self.tallies[counter].pods[domain]))
    }

    /// Puts one of the class on the node.
    pub(super) fn place(&mut self, class: usize, node: usize) {
        let asks = &self.problem.classes[class];
        let at = node * self.problem.dimensions;
        for (dimension, amount) in &asks.sparse {
            self.free[at + dimension] -= amount;
        }
        let seen = &mut self.seen[node];
        seen.iter_mut().zip(asks.seen).for_each(|(seen, more)| *seen = seen.saturating_add(more));
        let own = &mut self.own[class];
        if own.len() <= node {
            own.resize(self.nodes.len(), 0);
        }
        own[node] += 1;
        self.by_zone[class][self.problem.kinds[self.nodes[node]].zone] += 1;
        for counter in &asks.rules.counted {
            if let Some(domain) = self.problem.counters[*counter].domain(self.nodes[node], node) {
                self.tallies[*counter].pods[domain] += 1;
                self.tallies[*counter].all += 1;
            }
        }
    }

    /// Takes the node that came last away again. Nothing may be on it.
    pub(super) fn remove_last(&mut self) {
        let Some(kind) = self.nodes.pop() else { return };
        self.free.truncate(self.nodes.len() * self.problem.dimensions);
        self.seen.pop();
        let node = self.nodes.len();
        for (counter, tally) in self.problem.counters.iter().zip(&mut self.tallies) {
            if let Some(domain) = counter.domain(kind, node) {
                tally.pods[domain] -= counter.from_the_start[kind];
                tally.all -= counter.from_the_start[kind];
                tally.nodes[domain] -= 1;
            }
            if counter.domains.is_none() {
                tally.pods.pop();
                tally.nodes.pop();
            }
        }
    }

    /// The scheduler's NodeResourcesFit (LeastAllocated) and NodeResourcesBalancedAllocation, 0 to 200.
    pub(super) fn score(&self, class: usize, node: usize) -> f64 {
        let seen = &self.problem.classes[class].seen;
        let has = &self.problem.kinds[self.nodes[node]].allocatable;
        let share = |of: usize| {
            (((self.seen[node][of].saturating_add(seen[of])) as f64) / (has[of].max(1) as f64)).min(1.0)
        };
        let (cpu, memory) = (share(0), share(1));
        (2.0 - cpu - memory) * 50.0 + (1.0 - (cpu - memory).abs() / 2.0) * 100.0
    }

    /// PodTopologySpread's score by the default constraints (maxSkew 3 by node, 5 by zone) before it is normalised:
    /// the fewer of the class there are, the better.
    pub(super) fn crowd(&self, class: usize) -> impl Fn(usize) -> f64 {
        let weight = |domains: usize| (domains as f64 + 2.0).ln();
        let (by_node, by_zone) = (weight(self.nodes.len()), weight(self.problem.zones));
        let (own, zones) = (&self.own[class], &self.by_zone[class]);
        move |node| {
            let here = own.get(node).copied().unwrap_or(0);
            let zone = zones[self.problem.kinds[self.nodes[node]].zone];
            (f64::from(here) * by_node + 2.0 + f64::from(zone) * by_zone + 4.0).round()
        }
    }

    /// What is left of a node.
    pub(super) fn free(&self, node: usize) -> &[u64] {
        let dimensions = self.problem.dimensions;
        &self.free[node * dimensions..(node + 1) * dimensions]
    }
}
