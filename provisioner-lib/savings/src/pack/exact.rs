//! For few pods: all sets of nodes in the order of their price, up to the first that takes every pod.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::{
    effort::Effort,
    local_search::repaired,
    objective::cost,
    state::{Spreading, State},
    types::Problem,
    waves::Waves,
};
use crate::money::Money;

/// Up to this many pods are few.
pub(super) const FEW: usize = 10;
/// Sets that are tried, at most.
const SETS: usize = 60_000;

/// The cheapest set of nodes that takes every pod, if it is cheaper than `known` and found in time.
pub(super) fn cheapest(
    problem: &Problem,
    counts: &[usize],
    known: &[usize],
    effort: &mut Effort,
) -> Option<Waves> {
    let known = cost(problem, known);
    let pods: usize = counts.iter().sum();
    let useful = |kind: &usize| {
        let mut classes = problem.classes.iter().zip(counts);
        problem.kinds[*kind].stays.is_none()
            && classes.any(|(class, count)| *count > 0 && class.eligible[*kind])
    };
    let staying = problem.staying();
    let kinds: Vec<usize> = (0..problem.kinds.len()).filter(useful).collect();
    let mut open = BinaryHeap::from([Reverse((Money::ZERO, Vec::<usize>::new()))]);
    for _ in 0..SETS {
        let Reverse((cost, nodes)) = open.pop()?;
        let all = [&staying[..], &nodes].concat();
        if has_room(problem, counts, &all)
            && let Some(waves) = assigned(problem, counts, &all, effort)
            && let Some(waves) = repaired(problem, waves, effort)
            && waves.nodes == all
        {
            return Some(waves);
        }
        if nodes.len() == pods {
            continue;
        }
        // Each set once: kinds in their order.
        for kind in kinds.iter().filter(|kind| nodes.last().is_none_or(|last| *kind >= last)) {
            let cost = cost + problem.kinds[*kind].hourly;
            if cost >= known {
                break;
            }
            let mut more = nodes.clone();
            more.push(*kind);
            open.push(Reverse((cost, more)));
        }
    }
    None
}

/// Whether the sums fit, before pods are placed one by one.
fn has_room(problem: &Problem, counts: &[usize], nodes: &[usize]) -> bool {
    (0..problem.dimensions).all(|dimension| {
        let classes = problem.classes.iter().zip(counts);
        let requests = classes.map(|(class, count)| u128::from(class.requests[dimension]) * *count as u128);
        let room = nodes.iter().map(|kind| u128::from(problem.kinds[*kind].room[dimension]));
        requests.sum::<u128>() <= room.sum()
    })
}

/// A node of these for every pod, if there is one.
fn assigned(problem: &Problem, counts: &[usize], nodes: &[usize], effort: &mut Effort) -> Option<Waves> {
    let classes = counts.iter().enumerate();
    let mut pods: Vec<usize> =
        classes.flat_map(|(class, count)| std::iter::repeat_n(class, *count)).collect();
    pods.sort_by_key(|class| Reverse(problem.classes[*class].size));
    let mut placed = vec![Vec::new(); nodes.len()];
    let found = place(&State::new(problem, nodes, Spreading::Final), &pods, &mut placed, effort);
    found.then(|| Waves { nodes: nodes.to_vec(), pods: placed, placed: Vec::new() })
}

fn place(state: &State<'_>, pods: &[usize], placed: &mut [Vec<usize>], effort: &mut Effort) -> bool {
    let Some((class, others)) = pods.split_first() else { return true };
    effort.add(1);
    if !effort.more() {
        return false;
    }
    let rule_state = state.rule_state(*class);
    for node in 0..state.nodes.len() {
        // Of empty nodes of one kind the first stands for all.
        let same = placed[node].is_empty()
            && (0..node).any(|other| placed[other].is_empty() && state.nodes[other] == state.nodes[node]);
        if same || !state.fits(*class, &rule_state, node) {
            continue;
        }
        let mut next = state.clone();
        next.place(*class, node);
        placed[node].push(*class);
        if place(&next, others, placed, effort) {
            return true;
        }
        placed[node].pop();
    }
    false
}
