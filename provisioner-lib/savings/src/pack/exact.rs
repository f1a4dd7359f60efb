//! For few pods: all sets of nodes in the order of their price, up to the first that takes every pod.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::{
    effort::Effort,
    limits::within_caps,
    local_search::repaired,
    state::{Spreading, State},
    types::Problem,
    waves::Waves,
};
use crate::money::Money;

/// Up to this many pods are few.
pub(super) const FEW: usize = 10;
/// Sets that are tried, at most.
const SETS: usize = 60_000;
/// Pods that are placed for one set, at most.
const TRIES: u64 = 5_000;
/// The same for all sets.
const MOST_WORK: u64 = 50_000;

/// The cheapest set of nodes that takes every pod and meets the floor, if it is cheaper than `known`
/// and found in time.
pub(super) fn cheapest(
    problem: &Problem,
    counts: &[usize],
    known: Money,
    effort: &mut Effort,
) -> Option<Waves> {
    let pods: usize = counts.iter().sum();
    let useful = |kind: &usize| {
        let mut classes = problem.classes.iter().zip(counts);
        problem.kinds[*kind].stays.is_none()
            && classes.any(|(class, count)| *count > 0 && class.eligible[*kind])
    };
    let staying = problem.staying();
    let kinds: Vec<usize> = (0..problem.kinds.len()).filter(useful).collect();
    let mut open = BinaryHeap::from([Reverse((Money::ZERO, Vec::<usize>::new()))]);
    let most = effort.done + MOST_WORK;
    for _ in 0..SETS {
        let Reverse((cost, nodes)) = open.pop().filter(|_| effort.done < most)?;
        let all = [&staying[..], &nodes].concat();
        if problem.floor.missing(&problem.kinds, &all) == 0
            && has_room(problem, counts, &all)
            && within_caps(problem, counts, &all)
            && let Some(waves) = assigned(problem, counts, &all, effort)
            && let Some(waves) = repaired(problem, waves, effort)
            && waves.nodes == all
            && waves.is_used(&waves.placed, problem)
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
    let most = effort.done + TRIES;
    let found = place(&State::new(problem, nodes, Spreading::Final), &pods, &mut placed, 0, effort, most);
    found.then(|| Waves { nodes: nodes.to_vec(), pods: placed, placed: Vec::new() })
}

/// Places the pods, the first of them not before the node `from`.
fn place(
    state: &State<'_>,
    pods: &[usize],
    placed: &mut [Vec<usize>],
    from: usize,
    effort: &mut Effort,
    most: u64,
) -> bool {
    let problem = state.problem;
    // A floor is of nodes that have pods.
    let is_unused =
        |(pods, kind): &(&Vec<usize>, &usize)| pods.is_empty() && problem.kinds[**kind].stays.is_none();
    if problem.floor.least_nodes() > 1
        && placed.iter().zip(&state.nodes).filter(is_unused).count() > pods.len()
    {
        return false;
    }
    let Some((class, others)) = pods.split_first() else { return true };
    effort.add(1);
    if effort.done > most || !effort.more() {
        return false;
    }
    let rule_state = state.rule_state(*class);
    for node in from..state.nodes.len() {
        // Of empty nodes of one kind the first stands for all.
        let same = placed[node].is_empty()
            && (0..node).any(|other| placed[other].is_empty() && state.nodes[other] == state.nodes[node]);
        let is_capped = state.teams.left(problem, *class, state.nodes[node]) == 0;
        if same || is_capped || !state.fits(*class, &rule_state, node) {
            continue;
        }
        let mut next = state.clone();
        next.place(*class, node);
        placed[node].push(*class);
        // Equal pods come in the order of the nodes, unless their order matters.
        let is_free = others.first() == Some(class) && problem.classes[*class].rules.is_empty();
        if place(&next, others, placed, if is_free { node } else { 0 }, effort, most) {
            return true;
        }
        placed[node].pop();
    }
    false
}
