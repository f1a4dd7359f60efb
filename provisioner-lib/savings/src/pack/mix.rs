//! About how many nodes of which kinds: a linear programme over groups of pods that fit the same kinds and request CPU
//! and memory in about the same proportion. The search starts at its solution, which is in fractions of nodes.

use std::collections::BTreeMap;

use microlp::{ComparisonOp, OptimizationDirection, Variable};

use super::{
    limits::pools_and_zones,
    shares::Shares,
    types::{CPU, Class, MEMORY, Problem, Vector},
};

/// The best kinds for a group that the programme may choose from.
const PER_GROUP: usize = 4;

/// Pods that the programme takes together.
struct Group {
    eligible: Vec<bool>,
    /// Whether its shares of pools and zones are capped.
    is_capped: bool,
    requests: Vec<f64>,
    /// Classes, and the part of each that is in the group.
    classes: Vec<(usize, f64)>,
}

/// A solution.
#[derive(Default)]
pub(super) struct Mix {
    /// How many nodes of each kind, in fractions.
    pub(super) nodes: Vec<f64>,
    /// The part of each class that goes to each kind.
    pub(super) shares: Vec<Vec<(usize, f64)>>,
}

impl Mix {
    /// Micro-dollars for an hour.
    pub(super) fn cost(&self, problem: &Problem) -> f64 {
        let kinds = self.nodes.iter().zip(&problem.kinds);
        kinds.map(|(nodes, kind)| nodes * kind.hourly.micros() as f64).sum()
    }
}

/// The cheapest mix of the `allowed` kinds; `None` if they do not take every pod.
pub(super) fn mix(problem: &Problem, counts: &[usize], shares: &Shares, allowed: &[bool]) -> Option<Mix> {
    let groups = groups(problem, counts, shares, allowed);
    // Too few kinds of some zone may be allowed for the caps.
    solved(problem, counts, &groups, true).or_else(|| {
        let has_caps = groups.iter().any(|group| group.is_capped);
        if has_caps { solved(problem, counts, &groups, false) } else { None }
    })
}

fn solved(problem: &Problem, counts: &[usize], groups: &[Group], keeps_caps: bool) -> Option<Mix> {
    let worth_it = worth_it(problem, groups)?;
    let mut programme = microlp::Problem::new(OptimizationDirection::Minimize);
    let nodes: BTreeMap<usize, Variable> = worth_it
        .iter()
        .map(|kind| {
            let dollars = problem.kinds[*kind].hourly.micros() as f64 / 1e6;
            (*kind, programme.add_var(dollars, (0.0, f64::INFINITY)))
        })
        .collect();
    let mut rooms: BTreeMap<usize, Vec<Vec<(Variable, f64)>>> = BTreeMap::new();
    let mut of_groups = Vec::new();
    for group in groups {
        let mut shares = Vec::new();
        let mut by_zone: BTreeMap<usize, Vec<(Variable, f64)>> = BTreeMap::new();
        let is_worth_it = |kind| group.eligible[kind] && worth_it.contains(&kind);
        let (pools, zones) = pools_and_zones(&problem.kinds, is_worth_it);
        let (in_pool, in_zone) = problem.caps.shares(pools, zones);
        let mut of_group = Vec::new();
        for kind in worth_it.iter().filter(|kind| group.eligible[**kind]) {
            let pool = problem.kinds[*kind].pool.filter(|_| keeps_caps && group.is_capped);
            let share = programme.add_var(0.0, (0.0, if pool.is_some() { in_pool } else { 1.0 }));
            if pool.is_some() {
                by_zone.entry(problem.kinds[*kind].zone).or_default().push((share, 1.0));
            }
            shares.push((share, 1.0));
            of_group.push((*kind, share));
            let room = rooms.entry(*kind).or_insert_with(|| vec![Vec::new(); problem.dimensions]);
            for (room, requests) in
                room.iter_mut().zip(&group.requests).filter(|(_, requests)| **requests > 0.0)
            {
                room.push((share, *requests));
            }
        }
        programme.add_constraint(shares, ComparisonOp::Eq, 1.0);
        for zone in by_zone.into_values() {
            programme.add_constraint(zone, ComparisonOp::Le, in_zone);
        }
        of_groups.push(of_group);
    }
    for (kind, rooms) in rooms {
        for (dimension, mut sum) in rooms.into_iter().enumerate().filter(|(_, sum)| !sum.is_empty()) {
            sum.push((nodes[&kind], -scaled(dimension, problem.kinds[kind].room[dimension])));
            programme.add_constraint(sum, ComparisonOp::Le, 0.0);
        }
    }
    for (class, count) in
        problem.classes.iter().zip(counts).filter(|(class, count)| **count > 0 && is_alone(problem, class))
    {
        let sum: Vec<_> =
            nodes.iter().filter(|(kind, _)| class.eligible[**kind]).map(|(_, nodes)| (*nodes, 1.0)).collect();
        programme.add_constraint(sum, ComparisonOp::Ge, *count as f64);
    }
    let solution = programme.solve().ok()?.into_solution().ok()?;
    let mut found = vec![0.0; problem.kinds.len()];
    for (kind, nodes) in nodes {
        found[kind] = solution.var_value(nodes).max(0.0);
    }
    let mut shares = vec![Vec::new(); problem.classes.len()];
    for (group, of_group) in groups.iter().zip(of_groups) {
        for (kind, share) in of_group {
            let share = solution.var_value(share);
            let classes = group.classes.iter().filter(|_| share > 1e-9);
            classes.for_each(|(class, part)| shares[*class].push((kind, share * part)));
        }
    }
    Some(Mix { nodes: found, shares })
}

/// Amounts near one: cores and GiB.
fn scaled(dimension: usize, amount: u64) -> f64 {
    let unit = match dimension {
        CPU => 1000.0,
        MEMORY => 1024.0 * 1024.0 * 1024.0,
        _ => 1.0,
    };
    amount as f64 / unit
}

/// Whether at most one of the class is on a node.
pub(super) fn is_alone(problem: &Problem, class: &Class) -> bool {
    let itself = |counter: &&usize| class.rules.counted.contains(counter);
    class
        .rules
        .anti_affinity
        .iter()
        .filter(itself)
        .any(|counter| problem.counters[*counter].domains.is_none())
}

fn groups(problem: &Problem, counts: &[usize], shares: &Shares, allowed: &[bool]) -> Vec<Group> {
    let mut found: BTreeMap<(Vec<bool>, i32, bool), Group> = BTreeMap::new();
    for (index, (class, count)) in
        problem.classes.iter().zip(counts).enumerate().filter(|(_, (_, count))| **count > 0)
    {
        for (part, eligible) in parts(problem, class, shares, allowed) {
            // A part of a domain has its share already.
            let is_capped = class.team.is_some() && part > 0.999;
            let key = (eligible.clone(), proportion(&class.requests), is_capped);
            let group = found.entry(key).or_insert_with(|| Group {
                eligible,
                is_capped,
                requests: vec![0.0; problem.dimensions],
                classes: Vec::new(),
            });
            for (dimension, sum) in group.requests.iter_mut().enumerate() {
                *sum += scaled(dimension, class.requests[dimension]) * *count as f64 * part;
            }
            group.classes.push((index, part));
        }
    }
    found.into_values().collect()
}

/// GiB a core in steps of a quarter power of two; -99 and 99 where one of them is not requested.
fn proportion(requests: &Vector) -> i32 {
    match (requests[CPU], requests[MEMORY]) {
        (_, 0) => -99,
        (0, _) => 99,
        _ => ((scaled(MEMORY, requests[MEMORY]) / scaled(CPU, requests[CPU])).log2() * 4.0).round() as i32,
    }
}

/// The parts of a class with the kinds for each. A class that is spread has one part for each domain with a share.
fn parts(problem: &Problem, class: &Class, shares: &Shares, allowed: &[bool]) -> Vec<(f64, Vec<bool>)> {
    let eligible: Vec<bool> = class.eligible.iter().zip(allowed).map(|(one, other)| *one && *other).collect();
    let itself = |counter: &usize| class.rules.counted.contains(counter);
    let spread = class.rules.spread.iter().map(|spread| spread.counter).filter(itself);
    let anti_affinity = class.rules.anti_affinity.iter().copied().filter(itself);
    let split = spread.chain(anti_affinity).find(|counter| problem.counters[*counter].domains.is_some());
    let Some(counter) = split else { return vec![(1.0, eligible)] };
    let mut parts: BTreeMap<usize, Vec<bool>> = BTreeMap::new();
    for kind in (0..eligible.len()).filter(|kind| eligible[*kind]) {
        if let Some(domain) = problem.counters[counter].domain(kind, 0) {
            parts.entry(domain).or_insert_with(|| vec![false; eligible.len()])[kind] = true;
        }
    }
    let share = |domain: &usize| shares.of(counter).map_or(1, |shares| shares[*domain]);
    let whole: u32 = parts.keys().map(share).sum();
    if whole == 0 {
        return vec![(1.0, eligible)];
    }
    let parts = parts.into_iter().filter(|(domain, _)| share(domain) > 0);
    parts.map(|(domain, eligible)| (f64::from(share(&domain)) / f64::from(whole), eligible)).collect()
}

/// The kinds that are cheapest for each group, and for all groups of the same kinds together. `None` if a group has no
/// kind.
fn worth_it(problem: &Problem, groups: &[Group]) -> Option<Vec<usize>> {
    let mut together: BTreeMap<(&Vec<bool>, bool), Vec<f64>> = BTreeMap::new();
    for group in groups {
        let key = (&group.eligible, group.is_capped);
        let sum = together.entry(key).or_insert_with(|| vec![0.0; problem.dimensions]);
        sum.iter_mut().zip(&group.requests).for_each(|(sum, requests)| *sum += requests);
    }
    let alone = groups.iter().map(|group| ((&group.eligible, group.is_capped), &group.requests));
    let all = alone.chain(together.iter().map(|(key, requests)| (*key, requests)));
    let mut found = Vec::new();
    for ((eligible, is_capped), requests) in all {
        let mut costs: Vec<(f64, usize)> = (0..problem.kinds.len())
            .filter(|kind| eligible[*kind])
            .map(|kind| (alone_cost(problem, kind, requests), kind))
            .collect();
        if costs.is_empty() {
            return None;
        }
        costs.sort_by(|one, other| one.0.total_cmp(&other.0));
        // Caps need some of every zone.
        let mut by_zone = vec![0; problem.zones];
        found.extend(costs.iter().map(|(_, kind)| *kind).filter(|kind| {
            let taken = &mut by_zone[if is_capped { problem.kinds[*kind].zone } else { 0 }];
            *taken += 1;
            *taken <= PER_GROUP
        }));
    }
    found.sort_unstable();
    found.dedup();
    Some(found)
}

fn alone_cost(problem: &Problem, kind: usize, requests: &[f64]) -> f64 {
    let found = &problem.kinds[kind];
    let nodes = requests.iter().enumerate().map(|(dimension, requests)| {
        if *requests == 0.0 { 0.0 } else { requests / scaled(dimension, found.room[dimension]) }
    });
    nodes.fold(0.0, f64::max) * found.hourly.micros() as f64
}
