//! Few pods: all sets of nodes in the order of their price, until one does.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::{
    settle::{self, Effort, Task},
    state::State,
    waves::Waves,
};

/// So many pods are few.
pub(super) const FEW: usize = 10;
/// Sets that are looked at, at most.
const SETS: usize = 60_000;

/// The cheapest set of nodes for which `does` has an answer, if it is cheaper than `known` and found in time.
pub(super) fn cheapest<T>(
    task: &Task<'_>,
    known: &[usize],
    mut does: impl FnMut(&[usize]) -> Option<T>,
) -> Option<T> {
    let problem = task.problem;
    let known = settle::cost(problem, known);
    let pods: usize = task.counts.iter().sum();
    let useful = |kind: &usize| {
        let classes = problem.classes.iter().zip(task.counts);
        classes.filter(|(_, count)| **count > 0).any(|(class, _)| class.eligible[*kind])
    };
    let kinds: Vec<usize> = (0..problem.kinds.len()).filter(useful).collect();
    let mut open = BinaryHeap::from([Reverse((crate::money::Money::ZERO, Vec::<usize>::new()))]);
    for _ in 0..SETS {
        let Reverse((cost, nodes)) = open.pop()?;
        if settle::room_for_all(task, &nodes)
            && let Some(found) = does(&nodes)
        {
            return Some(found);
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

/// A place on these nodes for every pod, if there is one.
pub(super) fn assign(task: &Task<'_>, nodes: &[usize], effort: &mut Effort) -> Option<Waves> {
    let classes = task.counts.iter().enumerate();
    let mut pods: Vec<usize> =
        classes.flat_map(|(class, count)| std::iter::repeat_n(class, *count)).collect();
    pods.sort_by_key(|class| Reverse(task.problem.classes[*class].size));
    let mut placed = vec![Vec::new(); nodes.len()];
    let found = place(&State::new(task.problem, nodes), &pods, &mut placed, effort);
    found.then(|| Waves { nodes: nodes.to_vec(), pods: placed })
}

fn place(state: &State<'_>, pods: &[usize], placed: &mut [Vec<usize>], effort: &mut Effort) -> bool {
    let Some((class, others)) = pods.split_first() else { return true };
    effort.spend(1);
    let gate = state.gate(*class);
    for node in 0..state.nodes.len() {
        // Of empty nodes of one kind the first stands for all.
        let same = placed[node].is_empty()
            && (0..node).any(|other| placed[other].is_empty() && state.nodes[other] == state.nodes[node]);
        if same || !state.fits(*class, &gate, node) {
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
