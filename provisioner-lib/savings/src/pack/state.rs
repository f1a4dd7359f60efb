//! Nodes with pods on them, and whether one more pod fits: the scheduler's filters on numbers.

use super::{
    limits::TeamCounts,
    shares::Shares,
    types::{CPU, MEMORY, Problem, Rules, Spread},
};

/// What a spread constraint over domains that are not nodes counts.
#[derive(Clone, Copy)]
pub(super) enum Spreading<'p> {
    /// All nodes are there: every domain that new nodes can be in counts, as all nodes in one zone are not what a
    /// spread over zones is for.
    Final,
    /// Nodes come one by one, and each domain gets its share.
    Shares(&'p Shares),
    /// Nodes come one by one, and pods that have not moved yet count where they run today.
    Moving,
}

/// Nodes and the pods on them.
#[derive(Clone)]
pub(super) struct State<'p> {
    pub(super) problem: &'p Problem,
    spreading: Spreading<'p>,
    /// Kind of each node.
    pub(super) nodes: Vec<usize>,
    /// Free room of each node, dimension by dimension.
    free: Vec<u64>,
    /// CPU and memory that the scores count as taken.
    pub(super) scored: Vec<[u64; 2]>,
    /// For each counter of the problem.
    topology: Vec<TopologyCounts>,
    /// Pods of each class by node.
    pub(super) by_node: Vec<Vec<u32>>,
    /// Pods of each class by zone.
    pub(super) by_zone: Vec<Vec<u32>>,
    /// Pods of each workload by pool and zone.
    pub(super) teams: TeamCounts,
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
    /// Pods by domain on today's nodes that have not moved yet.
    waiting: Vec<u32>,
    /// Today's nodes by domain.
    today: Vec<u32>,
}

/// The constraints of a class at one moment, the same for all nodes.
pub(super) struct RuleState {
    /// For each spread constraint the most pods that a domain may have before another one comes; `None` if it is the
    /// domain's share.
    at_most: Vec<Option<i64>>,
    /// Whether the pod is the first of those that its affinity asks for, so that any domain does.
    is_first: bool,
}

impl<'p> State<'p> {
    pub(super) fn new(problem: &'p Problem, nodes: &[usize], spreading: Spreading<'p>) -> Self {
        let topology = problem.counters.iter().map(|counter| {
            let zeros = vec![0; counter.values];
            let mut counts = TopologyCounts {
                pods: zeros.clone(),
                nodes: zeros.clone(),
                all: 0,
                waiting: zeros.clone(),
                today: zeros,
            };
            if matches!(spreading, Spreading::Moving) {
                for (domain, (nodes, _)) in counter.today.iter().zip(&problem.today) {
                    if let Some(domain) = domain {
                        counts.today[*domain] += nodes;
                    }
                }
                for (class, _) in problem.classes.iter().zip(&counter.members).filter(|(_, counts)| **counts)
                {
                    let domains =
                        class.from.iter().flatten().filter_map(|group| *counter.today.get(*group)?);
                    domains.for_each(|domain| counts.waiting[domain] += 1);
                }
            }
            counts
        });
        let mut this = Self {
            problem,
            spreading,
            nodes: Vec::new(),
            free: Vec::new(),
            scored: Vec::new(),
            topology: topology.collect(),
            by_node: vec![Vec::new(); problem.classes.len()],
            by_zone: vec![vec![0; problem.zones]; problem.classes.len()],
            teams: TeamCounts::new(problem),
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
        for class in found.stays.iter().flat_map(|(_, pods)| pods) {
            self.count(*class, node);
        }
    }

    /// Takes a pod off the group of today's nodes where it runs.
    pub(super) fn leave(&mut self, class: usize, group: usize) {
        for counter in &self.problem.classes[class].rules.counted {
            let domain = self.problem.counters[*counter].today.get(group).copied().flatten();
            if let Some(domain) = domain {
                self.topology[*counter].waiting[domain] -= 1;
            }
        }
    }

    /// Removes the node that was added last, which has to be new and empty.
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
        let at_most = rules.spread.iter().map(|spread| self.at_most(spread));
        let is_first = rules.matches_itself && rules.affinity.iter().all(|one| self.topology[*one].all == 0);
        RuleState { at_most: at_most.collect(), is_first }
    }

    fn at_most(&self, spread: &Spread) -> Option<i64> {
        let counts = &self.topology[spread.counter];
        let is_of_nodes = self.problem.counters[spread.counter].domains.is_none();
        let least_domains = match self.spreading {
            Spreading::Shares(_) if !is_of_nodes => return None,
            Spreading::Moving => spread.min_domains,
            Spreading::Shares(_) | Spreading::Final => spread.min_domains.max(spread.domains.len()),
        };
        let present = (0..counts.pods.len())
            .filter(|domain| counts.nodes[*domain] + counts.today.get(*domain).unwrap_or(&0) > 0);
        let pods = |domain: usize| counts.pods[domain] + counts.waiting.get(domain).unwrap_or(&0);
        let least = match present.clone().count() {
            domains if domains < least_domains => 0,
            _ => present.map(pods).min().unwrap_or(0),
        };
        Some(i64::from(least) + i64::from(spread.max_skew) - i64::from(spread.counts_itself))
    }

    fn spreads(&self, spread: &Spread, at_most: Option<i64>, node: usize) -> bool {
        let Some(domain) = self.problem.counters[spread.counter].domain(self.nodes[node], node) else {
            return false;
        };
        let counts = &self.topology[spread.counter];
        let pods = i64::from(counts.pods[domain] + counts.waiting.get(domain).unwrap_or(&0));
        let of_share = || match self.spreading {
            Spreading::Shares(shares) => {
                let share = shares.of(spread.counter).map_or(0, |shares| shares[domain]);
                i64::from(share) - i64::from(spread.counts_itself)
            }
            Spreading::Final | Spreading::Moving => 0,
        };
        pods <= at_most.unwrap_or_else(of_share)
    }

    /// The shares without the pods that are placed.
    pub(super) fn left_of(&self, shares: &Shares) -> Shares {
        let left = |(counter, shares): (usize, &Option<Vec<u32>>)| {
            let left = shares.as_ref()?.iter().zip(&self.topology[counter].pods);
            Some(left.map(|(share, placed)| share.saturating_sub(*placed)).collect())
        };
        Shares(shares.0.iter().enumerate().map(left).collect())
    }

    /// How many more pods of the class the shares of the node's domains let in.
    pub(super) fn share_left(&self, class: usize, node: usize) -> u64 {
        let Spreading::Shares(shares) = self.spreading else { return u64::MAX };
        let left = self.problem.classes[class].rules.spread.iter().filter_map(|spread| {
            let domain = self.problem.counters[spread.counter].domain(self.nodes[node], node)?;
            let share = shares.of(spread.counter)?[domain];
            Some(u64::from(share.saturating_sub(self.topology[spread.counter].pods[domain])))
        });
        left.min().unwrap_or(u64::MAX)
    }

    /// Whether a class has room on the node that other pods may still take, but none gives back.
    pub(super) fn has_room(&self, class: usize, node: usize) -> bool {
        let pod = &self.problem.classes[class];
        let free = &self.free[node * self.problem.dimensions..];
        pod.eligible[self.nodes[node]]
            && pod.nonzero.iter().all(|(dimension, amount)| free[*dimension] >= *amount)
            && pod
                .rules
                .anti_affinity
                .iter()
                .all(|counter| self.pods_in(*counter, node).is_none_or(|pods| pods == 0))
    }

    fn pods_in(&self, counter: usize, node: usize) -> Option<u32> {
        let domain = self.problem.counters[counter].domain(self.nodes[node], node)?;
        Some(self.topology[counter].pods[domain])
    }

    /// Whether one more pod of the class fits on the node.
    pub(super) fn fits(&self, class: usize, now: &RuleState, node: usize) -> bool {
        let rules = &self.problem.classes[class].rules;
        self.has_room(class, node) && self.keeps_rules(rules, now, node)
    }

    /// Whether affinity and spread let a pod with these rules on the node.
    pub(super) fn keeps_rules(&self, rules: &Rules, now: &RuleState, node: usize) -> bool {
        let near =
            |counter: &usize| self.pods_in(*counter, node).is_some_and(|pods| now.is_first || pods > 0);
        let mut spread = rules.spread.iter().zip(&now.at_most);
        rules.affinity.iter().all(near)
            && spread.all(|(spread, at_most)| self.spreads(spread, *at_most, node))
    }

    /// Puts a pod of the class on the node.
    pub(super) fn place(&mut self, class: usize, node: usize) {
        let pod = &self.problem.classes[class];
        for (dimension, amount) in &pod.nonzero {
            self.free[node * self.problem.dimensions + dimension] -= amount;
        }
        for (scored, more) in self.scored[node].iter_mut().zip(pod.scored) {
            *scored = scored.saturating_add(more);
        }
        self.count(class, node);
    }

    /// Takes a pod off the node, of a class that no counter counts.
    pub(super) fn take_off(&mut self, class: usize, node: usize) {
        let pod = &self.problem.classes[class];
        for (dimension, amount) in &pod.nonzero {
            self.free[node * self.problem.dimensions + dimension] += amount;
        }
        for (scored, less) in self.scored[node].iter_mut().zip(pod.scored) {
            *scored = scored.saturating_sub(less);
        }
        self.by_node[class][node] -= 1;
        self.by_zone[class][self.problem.kinds[self.nodes[node]].zone] -= 1;
        self.teams.take_off(self.problem, class, self.nodes[node]);
    }

    /// Counts a pod of the class that is on the node.
    fn count(&mut self, class: usize, node: usize) {
        let kind = self.nodes[node];
        let by_node = &mut self.by_node[class];
        if by_node.len() <= node {
            by_node.resize(self.nodes.len(), 0);
        }
        by_node[node] += 1;
        self.by_zone[class][self.problem.kinds[kind].zone] += 1;
        self.teams.place(self.problem, class, kind);
        for counter in &self.problem.classes[class].rules.counted {
            if let Some(domain) = self.problem.counters[*counter].domain(kind, node) {
                self.topology[*counter].pods[domain] += 1;
                self.topology[*counter].all += 1;
            }
        }
    }
}
