//! Limits of a packing that no pod asks for: how much of a workload one Spot pool or zone may have, and how many nodes
//! and zones there are at least. The scheduler does not know them, so only the search keeps to them.

use std::collections::{BTreeMap, BTreeSet};

use super::types::{Class, Floor, NodeKind, Problem, Team};
use crate::{choices::Caps, demand::Pod, money::Money};

/// The limits of a packing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The greatest shares of a workload's Spot pods.
    pub caps: Caps,
    /// The least number of new nodes, as far as there are pods for them.
    pub nodes: usize,
    /// The least number of new On-Demand nodes, as far as there are pods that only they take.
    pub on_demand: usize,
    /// The least number of zones with nodes, as far as there are pods and offers for them.
    pub zones: usize,
    /// Zones of nodes that stay and have pods.
    pub standing: BTreeSet<String>,
}

impl Limits {
    /// The cheapest packing, whatever it risks.
    pub const NONE: Self =
        Self { caps: Caps::NONE, nodes: 0, on_demand: 0, zones: 0, standing: BTreeSet::new() };
}

impl Caps {
    pub(super) fn are_set(self) -> bool {
        self.pool_percent < 100 || self.zone_percent < 100
    }

    /// The greatest shares in one of so many pools, and in one of so many zones.
    pub(super) fn shares(self, pools: usize, zones: usize) -> (f64, f64) {
        let share =
            |percent: u32, of: usize| (f64::from(percent) / 100.0).max(1.0 / of.max(1) as f64).min(1.0);
        (share(self.pool_percent, pools), share(self.zone_percent, zones))
    }

    /// The most of a workload's Spot pods in one pool, and in one zone, where there are enough of them.
    pub(crate) fn most(self, pods: usize) -> (usize, usize) {
        let (pool, zone) = self.shares(usize::MAX, usize::MAX);
        (whole_pods(pods, pool), whole_pods(pods, zone))
    }

    /// How many pools each of so many zones needs.
    pub(super) fn pools_by_zone(self, zones: usize) -> usize {
        let (_, in_zone) = self.shares(1, zones);
        ((in_zone * 100.0 / f64::from(self.pool_percent.max(1))) - 0.001).ceil().clamp(1.0, 4.0) as usize
    }
}

/// Pools and zones of the Spot kinds that `is_eligible`.
pub(super) fn pools_and_zones(kinds: &[NodeKind], is_eligible: impl Fn(usize) -> bool) -> (usize, usize) {
    let spot = kinds.iter().enumerate().filter(|(kind, found)| found.pool.is_some() && is_eligible(*kind));
    let (pools, zones): (BTreeSet<_>, BTreeSet<_>) =
        spot.map(|(_, found)| (found.pool, found.zones[0])).unzip();
    (pools.len(), zones.len())
}

/// Gives the classes of one owner a team, and returns the teams. `pods` has one of each class. Without caps there are
/// none.
pub(super) fn teams(pods: &[&Pod], caps: Caps, classes: &mut [Class], kinds: &[NodeKind]) -> Vec<Team> {
    let mut by_owner: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (place, pod) in pods.iter().enumerate().filter(|_| caps.are_set()) {
        if let Some(owner) = &pod.owner {
            by_owner.entry((&pod.namespace, owner)).or_default().push(place);
        }
    }
    let spot = kinds.iter().filter(|kind| kind.pool.is_some());
    let mut staying = vec![0; classes.len()];
    for class in spot.filter_map(|kind| kind.stays.as_ref()).flat_map(|(_, pods)| pods) {
        staying[*class] += 1;
    }
    let mut teams = Vec::new();
    for places in by_owner.into_values() {
        let pods: usize = places.iter().map(|place| classes[*place].members.len() + staying[*place]).sum();
        let (pools, zones) =
            pools_and_zones(kinds, |kind| places.iter().any(|place| classes[*place].eligible[kind]));
        if pods < 2 || pools == 0 {
            continue;
        }
        let (pool, zone) = caps.shares(pools, zones);
        let most = |share: f64| whole_pods(pods, share) as u32;
        for place in &places {
            classes[*place].team = Some(teams.len());
        }
        teams.push(Team { pool: most(pool), zone: most(zone) });
    }
    teams
}

/// The most pods that are within a share of all, but no fewer than as many places need as the share asks for: of four
/// pods in three places, one place has two.
fn whole_pods(pods: usize, share: f64) -> usize {
    let places = (1.0 / share - 1e-6).ceil() as usize;
    ((pods as f64 * share + 1e-6) as usize).max(pods.div_ceil(places))
}

impl Class {
    /// The kinds of new nodes that take its pods.
    fn new_kinds<'k>(&self, kinds: &'k [NodeKind]) -> impl Iterator<Item = &'k NodeKind> {
        let eligible = kinds.iter().zip(&self.eligible).filter(|(_, is_eligible)| **is_eligible);
        eligible.map(|(kind, _)| kind).filter(|kind| kind.stays.is_none())
    }

    /// Whether new nodes take its pods, and only On-Demand ones.
    pub(super) fn is_on_demand(&self, kinds: &[NodeKind]) -> bool {
        let mut new = self.new_kinds(kinds).peekable();
        new.peek().is_some() && new.all(|kind| kind.is_on_demand)
    }
}

impl Floor {
    pub(super) fn new(limits: &Limits, zones: &[&str], classes: &[Class], kinds: &[NodeKind]) -> Self {
        let movable = classes.iter().filter(|class| class.new_kinds(kinds).next().is_some());
        let pods: usize = movable.map(|class| class.members.len()).sum();
        let takes = |kind: usize| classes.iter().any(|class| class.eligible[kind]);
        let used = kinds.iter().enumerate().filter(|(kind, found)| found.stays.is_none() && takes(*kind));
        let reachable: BTreeSet<usize> = used.flat_map(|(_, kind)| kind.zones.iter().copied()).collect();
        let standing = limits.standing.iter().filter_map(|name| zones.iter().position(|zone| zone == name));
        let standing: BTreeSet<usize> = standing.collect();
        let more = reachable.difference(&standing).count().min(pods);
        let on_demand = classes.iter().filter(|class| class.is_on_demand(kinds));
        let on_demand: usize = on_demand.map(|class| class.members.len()).sum();
        Self {
            nodes: limits.nodes.min(pods),
            on_demand: limits.on_demand.min(on_demand),
            zones: limits.zones.min(standing.len() + more),
            standing,
        }
    }

    /// New nodes without which the floor cannot be met.
    pub(super) fn least_nodes(&self) -> usize {
        self.nodes.max(self.on_demand).max(self.zones.saturating_sub(self.standing.len()))
    }

    /// How many nodes and zones are missing from nodes of these kinds.
    pub(super) fn missing(&self, kinds: &[NodeKind], nodes: &[usize]) -> usize {
        let (any, on_demand) = self.missing_nodes(kinds, nodes);
        let zones = if self.zones < 2 { 0 } else { self.zones.saturating_sub(self.zones_of(kinds, nodes).0) };
        any + on_demand + zones
    }

    /// How many nodes are missing from nodes of these kinds: any, and On-Demand ones.
    pub(super) fn missing_nodes(&self, kinds: &[NodeKind], nodes: &[usize]) -> (usize, usize) {
        let new = || nodes.iter().filter(|kind| kinds[**kind].stays.is_none());
        let on_demand = new().filter(|kind| kinds[**kind].is_on_demand).count();
        (self.nodes.saturating_sub(new().count()), self.on_demand.saturating_sub(on_demand))
    }

    /// How many zones new nodes of these kinds and the standing ones can be in, and those that they are in for sure.
    fn zones_of(&self, kinds: &[NodeKind], nodes: &[usize]) -> (usize, BTreeSet<usize>) {
        let mut fixed = self.standing.clone();
        let mut open = BTreeSet::new();
        let mut movable = 0;
        for kind in nodes.iter().filter(|kind| kinds[**kind].stays.is_none()) {
            match kinds[*kind].zones[..] {
                [zone] => {
                    fixed.insert(zone);
                }
                ref zones => {
                    movable += 1;
                    open.extend(zones.iter().copied());
                }
            }
        }
        (fixed.len() + open.difference(&fixed).count().min(movable), fixed)
    }

    /// Moves nodes to zones that have none, for the least money, until there are enough zones or no node can move.
    pub(super) fn widen(&self, problem: &Problem, nodes: &mut [usize], pods: &[Vec<usize>]) {
        loop {
            let (before, fixed) = self.zones_of(&problem.kinds, nodes);
            if before >= self.zones {
                return;
            }
            let alone = |node: usize| {
                let zones = &problem.kinds[nodes[node]].zones;
                let same = nodes.iter().filter(|kind| problem.kinds[**kind].zones == *zones).count();
                same == 1 && !self.standing.contains(&zones[0])
            };
            let mut best: Option<(Money, usize, usize)> = None;
            let is_new = |node: &usize| problem.kinds[nodes[*node]].stays.is_none();
            for node in (0..nodes.len()).filter(is_new).filter(|node| !alone(*node)) {
                let takes = |kind: &usize| {
                    let zones = &problem.kinds[*kind].zones;
                    let is_new = problem.kinds[*kind].stays.is_none();
                    is_new
                        && zones.iter().all(|zone| !fixed.contains(zone))
                        && holds(problem, *kind, &pods[node])
                };
                let Some(kind) = (0..problem.kinds.len()).find(takes) else { continue };
                let more = problem.kinds[kind].hourly - problem.kinds[nodes[node]].hourly;
                if best.is_none_or(|(least, ..)| more < least) {
                    best = Some((more, node, kind));
                }
            }
            let Some((_, node, kind)) = best else { return };
            let kept = std::mem::replace(&mut nodes[node], kind);
            if self.zones_of(&problem.kinds, nodes).0 <= before {
                nodes[node] = kept;
                return;
            }
        }
    }
}

/// Whether the Spot nodes of these kinds are of as many pools and zones as the caps ask for.
pub(super) fn within_caps(problem: &Problem, counts: &[usize], nodes: &[usize]) -> bool {
    problem.teams.iter().enumerate().all(|(team, most)| {
        let classes = || (0..counts.len()).filter(|class| problem.classes[*class].team == Some(team));
        let takes = |kind: usize| classes().any(|class| problem.classes[class].eligible[kind]);
        if nodes.iter().any(|kind| problem.kinds[*kind].pool.is_none() && takes(*kind)) {
            return true;
        }
        let pods = classes().map(|class| counts[class] as u64).sum::<u64>();
        let (pools, zones) = pools_and_zones(&problem.kinds, |kind| nodes.contains(&kind) && takes(kind));
        u64::from(most.pool) * pools as u64 >= pods && u64::from(most.zone) * zones as u64 >= pods
    })
}

/// Whether an empty node of the kind takes all of these pods together.
pub(super) fn holds(problem: &Problem, kind: usize, pods: &[usize]) -> bool {
    let mut free = problem.kinds[kind].room.clone();
    pods.iter().all(|class| {
        let class = &problem.classes[*class];
        class.eligible[kind]
            && class.nonzero.iter().all(|(dimension, amount)| match free[*dimension].checked_sub(*amount) {
                Some(left) => {
                    free[*dimension] = left;
                    true
                }
                None => false,
            })
    })
}

/// Pods of each team by pool and by zone.
#[derive(Clone)]
pub(super) struct TeamCounts {
    most: Vec<Team>,
    pools: Vec<BTreeMap<usize, u32>>,
    zones: Vec<BTreeMap<usize, u32>>,
}

impl TeamCounts {
    pub(super) fn new(problem: &Problem) -> Self {
        let none = vec![BTreeMap::new(); problem.teams.len()];
        Self { most: problem.teams.clone(), pools: none.clone(), zones: none }
    }

    /// How many more pods of the class a kind of node may take.
    pub(super) fn left(&self, problem: &Problem, class: usize, kind: usize) -> u64 {
        let (Some(team), Some(pool)) = (problem.classes[class].team, problem.kinds[kind].pool) else {
            return u64::MAX;
        };
        let count = |counts: &BTreeMap<usize, u32>, place: usize| counts.get(&place).copied().unwrap_or(0);
        let in_pool = self.most[team].pool.saturating_sub(count(&self.pools[team], pool));
        let in_zone = count(&self.zones[team], problem.kinds[kind].zones[0]);
        u64::from(in_pool.min(self.most[team].zone.saturating_sub(in_zone)))
    }

    pub(super) fn place(&mut self, problem: &Problem, class: usize, kind: usize) {
        if let (Some(team), Some(pool)) = (problem.classes[class].team, problem.kinds[kind].pool) {
            *self.pools[team].entry(pool).or_default() += 1;
            *self.zones[team].entry(problem.kinds[kind].zones[0]).or_default() += 1;
        }
    }

    pub(super) fn take_off(&mut self, problem: &Problem, class: usize, kind: usize) {
        if let (Some(team), Some(pool)) = (problem.classes[class].team, problem.kinds[kind].pool) {
            let less = |count: &mut u32| *count = count.saturating_sub(1);
            self.pools[team].entry(pool).and_modify(less);
            self.zones[team].entry(problem.kinds[kind].zones[0]).and_modify(less);
        }
    }

    /// Whether these pods may be on a node of the kind `to` in place of `from`; then they are counted there.
    pub(super) fn moved(&mut self, problem: &Problem, pods: &[usize], from: usize, to: usize) -> bool {
        if problem.kinds[from].pool == problem.kinds[to].pool {
            return true;
        }
        let before = self.clone();
        for class in pods {
            self.take_off(problem, *class, from);
        }
        let fits = pods.iter().all(|class| {
            let fits = self.left(problem, *class, to) > 0;
            self.place(problem, *class, to);
            fits
        });
        if !fits {
            *self = before;
        }
        fits
    }

    /// Lifts the caps of these classes: other limits leave them no place. Returns whether there were any.
    pub(super) fn lift(&mut self, problem: &Problem, classes: impl Iterator<Item = usize>) -> bool {
        let mut lifted = false;
        for team in classes.filter_map(|class| problem.classes[class].team) {
            lifted |= self.most[team].pool < u32::MAX;
            self.most[team] = Team { pool: u32::MAX, zone: u32::MAX };
        }
        lifted
    }
}
