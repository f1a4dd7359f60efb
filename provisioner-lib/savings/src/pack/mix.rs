//! Which kinds of nodes, and about how many of each: a linear programme over groups of pods that ask for the same
//! kinds in about the same proportion. Its solution is in fractions of nodes; it is where the search starts.

use std::collections::BTreeMap;

use microlp::{ComparisonOp, OptimizationDirection, Variable};

use super::types::{CPU, Class, MEMORY, Problem, Vector};

/// Kinds that are best for some group, at most so many for each.
const PER_GROUP: usize = 4;

/// Pods that are taken together.
struct Group {
    eligible: Vec<bool>,
    asked: Vec<f64>,
    /// Classes, with the part of each that is in it.
    classes: Vec<(usize, f64)>,
}

/// A solution.
pub(super) struct Mix {
    /// How many nodes of each kind, in fractions.
    pub(super) nodes: Vec<f64>,
    /// Which part of each class goes to which kinds.
    pub(super) shares: Vec<Vec<(usize, f64)>>,
}

/// The cheapest mix of the kinds `allowed`; `None` if these kinds do not do.
pub(super) fn mix(problem: &Problem, counts: &[usize], allowed: &[bool]) -> Option<Mix> {
    let groups = groups(problem, counts, allowed);
    let worth_it = worth_it(problem, &groups)?;
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
    for group in &groups {
        let mut shares = Vec::new();
        let mut of_group = Vec::new();
        for kind in worth_it.iter().filter(|kind| group.eligible[**kind]) {
            let share = programme.add_var(0.0, (0.0, 1.0));
            shares.push((share, 1.0));
            of_group.push((*kind, share));
            let room = rooms.entry(*kind).or_insert_with(|| vec![Vec::new(); problem.dimensions]);
            for (room, asked) in room.iter_mut().zip(&group.asked).filter(|(_, asked)| **asked > 0.0) {
                room.push((share, *asked));
            }
        }
        programme.add_constraint(shares, ComparisonOp::Eq, 1.0);
        of_groups.push(of_group);
    }
    for (kind, rooms) in rooms {
        for (dimension, mut sum) in rooms.into_iter().enumerate().filter(|(_, sum)| !sum.is_empty()) {
            sum.push((nodes[&kind], -scaled(dimension, problem.kinds[kind].room[dimension])));
            programme.add_constraint(sum, ComparisonOp::Le, 0.0);
        }
    }
    for (class, count) in
        problem.classes.iter().zip(counts).filter(|(class, count)| **count > 0 && alone(problem, class))
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

/// Amounts of about one: cores, GiB, dozens of pods.
fn scaled(dimension: usize, amount: u64) -> f64 {
    let unit = match dimension {
        CPU => 1000.0,
        MEMORY => 1024.0 * 1024.0 * 1024.0,
        _ => 1.0,
    };
    amount as f64 / unit
}

/// Whether at most one of the class is on a node.
pub(super) fn alone(problem: &Problem, class: &Class) -> bool {
    let itself = |counter: &&usize| class.rules.counted.contains(counter);
    class.rules.apart.iter().filter(itself).any(|counter| problem.counters[*counter].domains.is_none())
}

fn groups(problem: &Problem, counts: &[usize], allowed: &[bool]) -> Vec<Group> {
    let mut found: BTreeMap<(Vec<bool>, i32), Group> = BTreeMap::new();
    for (index, (class, count)) in
        problem.classes.iter().zip(counts).enumerate().filter(|(_, (_, count))| **count > 0)
    {
        let parts = parts(problem, class, allowed);
        let part = 1.0 / parts.len().max(1) as f64;
        for eligible in parts {
            let group = found.entry((eligible.clone(), proportion(&class.asked))).or_insert_with(|| Group {
                eligible,
                asked: vec![0.0; problem.dimensions],
                classes: Vec::new(),
            });
            for (dimension, sum) in group.asked.iter_mut().enumerate() {
                *sum += scaled(dimension, class.asked[dimension]) * *count as f64 * part;
            }
            group.classes.push((index, part));
        }
    }
    found.into_values().collect()
}

/// GiB a core in steps of a quarter power of two; -99 and 99 where one of them is not asked for.
fn proportion(asked: &Vector) -> i32 {
    match (asked[CPU], asked[MEMORY]) {
        (_, 0) => -99,
        (0, _) => 99,
        _ => ((scaled(MEMORY, asked[MEMORY]) / scaled(CPU, asked[CPU])).log2() * 4.0).round() as i32,
    }
}

/// Kinds for each part of a class: one part for each zone over which it is spread.
fn parts(problem: &Problem, class: &Class, allowed: &[bool]) -> Vec<Vec<bool>> {
    let eligible: Vec<bool> = class.eligible.iter().zip(allowed).map(|(one, other)| *one && *other).collect();
    let spread = class.rules.spread.iter().map(|spread| spread.counter);
    let itself = |counter: &usize| class.rules.counted.contains(counter);
    let mut splitting = spread.chain(class.rules.apart.iter().copied()).filter(itself);
    let domains = splitting.find_map(|counter| problem.counters[counter].domains.as_ref());
    let Some(domains) = domains else { return vec![eligible] };
    let mut parts: BTreeMap<usize, Vec<bool>> = BTreeMap::new();
    for (kind, domain) in domains.iter().enumerate().filter(|(kind, _)| eligible[*kind]) {
        if let Some(domain) = domain {
            parts.entry(*domain).or_insert_with(|| vec![false; eligible.len()])[kind] = true;
        }
    }
    if parts.is_empty() { vec![eligible] } else { parts.into_values().collect() }
}

/// The kinds that serve each group by itself, or all groups that ask for the same kinds together, for the least.
fn worth_it(problem: &Problem, groups: &[Group]) -> Option<Vec<usize>> {
    let mut together: BTreeMap<&Vec<bool>, Vec<f64>> = BTreeMap::new();
    for group in groups {
        let sum = together.entry(&group.eligible).or_insert_with(|| vec![0.0; problem.dimensions]);
        sum.iter_mut().zip(&group.asked).for_each(|(sum, asked)| *sum += asked);
    }
    let alone = groups.iter().map(|group| (&group.eligible, &group.asked));
    let all = alone.chain(together.iter().map(|(eligible, asked)| (*eligible, asked)));
    let mut found = Vec::new();
    for (eligible, asked) in all {
        let mut costs: Vec<(f64, usize)> = (0..problem.kinds.len())
            .filter(|kind| eligible[*kind])
            .map(|kind| (alone_cost(problem, kind, asked), kind))
            .collect();
        if costs.is_empty() {
            return None;
        }
        costs.sort_by(|one, other| one.0.total_cmp(&other.0));
        found.extend(costs.iter().take(PER_GROUP).map(|(_, kind)| *kind));
    }
    found.sort_unstable();
    found.dedup();
    Some(found)
}

fn alone_cost(problem: &Problem, kind: usize, asked: &[f64]) -> f64 {
    let found = &problem.kinds[kind];
    let nodes = asked.iter().enumerate().map(|(dimension, asked)| {
        if *asked == 0.0 { 0.0 } else { asked / scaled(dimension, found.room[dimension]) }
    });
    nodes.fold(0.0, f64::max) * found.hourly.micros() as f64
}
