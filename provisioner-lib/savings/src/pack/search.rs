//! The search: a mix of kinds by linear programme, filled wave by wave and repaired. Several sizes of nodes are tried:
//! big ones leave less room in pieces, small ones exceed the sum of the requests by less.

use std::collections::BTreeSet;

use super::{
    effort::Effort,
    exact,
    local_search::repaired,
    mix::{Mix, mix},
    objective::cost,
    shares::Shares,
    types::{CPU, Class, MEMORY, NodeKind, Problem},
    waves::{Unplaceable, Waves, fill},
};
use crate::money::Money;

/// Nodes of which one more or less makes no difference.
const MANY: usize = 500;

/// The cheapest waves that were found, and how many pods were placed in the search. Without waves if none could be
/// repaired.
pub(super) fn search(problem: &Problem) -> (Waves, u64) {
    let mut counts: Vec<usize> = problem.classes.iter().map(|class| class.members.len()).collect();
    let mut effort = Effort::new(counts.iter().sum());
    let (mut filled, mut floor_first_helps) = (Vec::new(), true);
    for (mix, allowed) in starts(problem, &counts) {
        // Filled nodes cost more than their mix, and with many of them a smaller size has nothing to gain.
        let enough = filled.iter().filter(|((missing, _), _): &&((usize, Money), Waves)| *missing == 0);
        let least = enough.map(|((_, cost), _)| cost.micros() as f64).reduce(f64::min);
        let is_big = filled.iter().any(|(_, waves)| waves.nodes.len() >= MANY);
        if is_big || least.is_some_and(|least| mix.cost(problem) >= least) {
            continue;
        }
        for floor_first in [false, true].into_iter().take(1 + usize::from(floor_first_helps)) {
            let waves = loop {
                match fill(problem, &counts, &mix, &allowed, floor_first, &mut effort) {
                    Ok(waves) => break Some(waves),
                    // All are of the same pods, so that none is cheaper for lack of one.
                    Err(_) if !filled.is_empty() => break None,
                    Err(Unplaceable { class, pods }) => counts[class] -= pods,
                }
            };
            let Some(waves) = waves else { break };
            let value = value(problem, &waves.nodes);
            if floor_first {
                floor_first_helps = filled.last().is_some_and(|(plain, _)| value.0 < plain.0);
            }
            filled.push((value, waves));
            if value.0 == 0 {
                break;
            }
        }
    }
    filled.sort_by_key(|(value, _)| *value);
    let mut best: Option<((usize, Money), Waves)> = None;
    for (filled, waves) in filled {
        // A repair seldom removes nodes.
        if best.as_ref().is_some_and(|(least, _)| filled >= *least) {
            break;
        }
        let Some(waves) = repaired(problem, waves, &mut effort) else { continue };
        let value = value(problem, &waves.nodes);
        if best.as_ref().is_none_or(|(least, _)| value < *least) {
            best = Some((value, waves));
        }
    }
    let best = best.map(|(_, waves)| waves).unwrap_or_default();
    if counts.iter().sum::<usize>() > exact::FEW {
        return (best, effort.done);
    }
    // As many nodes more as the floor may ask for are about as expensive.
    let (missing, known) = value(problem, &best.nodes);
    let known = known * if missing > 0 { problem.floor.least_nodes() as i64 + 1 } else { 1 };
    let cheaper = exact::cheapest(problem, &counts, known, &mut effort);
    (cheaper.unwrap_or(best), effort.done)
}

/// What is least of the best nodes: by how much they fall below the floor, then their price.
fn value(problem: &Problem, nodes: &[usize]) -> (usize, Money) {
    (problem.floor.missing(&problem.kinds, nodes), cost(problem, nodes))
}

/// One mix for each greatest size of nodes, the biggest first, without those that come to the same, and the kinds
/// that it may use.
fn starts(problem: &Problem, counts: &[usize]) -> Vec<(Mix, Vec<bool>)> {
    let mut starts = Vec::new();
    let mut seen = BTreeSet::new();
    let new = problem.kinds.iter().filter(|kind| kind.stays.is_none());
    let most = new.map(|kind| kind.room[CPU]).max().unwrap_or(0);
    let sizes = (0..6).map(|halved| {
        let allowed = problem.kinds.iter();
        allowed.map(|kind| kind.stays.is_none() && kind.room[CPU] <= most >> halved).collect::<Vec<bool>>()
    });
    for allowed in sizes.chain(of_many(problem, counts)).chain(of_many_on_demand(problem, counts)) {
        let Some(mix) = mix(problem, counts, &Shares::new(problem, counts), &allowed) else { continue };
        let rounded = mix.nodes.iter().map(|nodes| (nodes.floor() as usize, *nodes > 0.01));
        if seen.insert(rounded.collect::<Vec<_>>()) {
            starts.push((mix, allowed));
        }
    }
    if starts.is_empty() {
        starts.push((Mix::default(), vec![true; problem.kinds.len()]));
    }
    starts
}

/// The kinds of which a node fewer than the floor asks for cannot take all pods; none if one node may be enough.
fn of_many(problem: &Problem, counts: &[usize]) -> Option<Vec<bool>> {
    small(problem, counts, problem.floor.least_nodes(), |_| true, |_| true)
}

/// The same for the floor of On-Demand nodes, with all kinds of Spot nodes.
fn of_many_on_demand(problem: &Problem, counts: &[usize]) -> Option<Vec<bool>> {
    let is_of_pods = |class: &Class| class.is_on_demand(&problem.kinds);
    small(problem, counts, problem.floor.on_demand, is_of_pods, |kind| kind.is_on_demand)
}

/// The kinds without those of `chosen` of which a node fewer than `least` takes the sum of the pods.
fn small(
    problem: &Problem,
    counts: &[usize],
    least: usize,
    is_of_pods: impl Fn(&Class) -> bool,
    is_chosen: impl Fn(&NodeKind) -> bool,
) -> Option<Vec<bool>> {
    let fewer = least.checked_sub(1).filter(|fewer| *fewer > 0)?;
    let sum = |dimension: usize| {
        let classes = problem.classes.iter().zip(counts).filter(|(class, _)| is_of_pods(class));
        classes.map(|(class, count)| u128::from(class.requests[dimension]) * *count as u128).sum::<u128>()
    };
    let sums = [CPU, MEMORY].map(|dimension| (dimension, sum(dimension)));
    let is_small = |kind: &NodeKind| {
        let small =
            |(dimension, sum): &(usize, u128)| u128::from(kind.room[*dimension]) * (fewer as u128) < *sum;
        kind.stays.is_none() && (!is_chosen(kind) || sums.iter().any(small))
    };
    Some(problem.kinds.iter().map(is_small).collect())
}
