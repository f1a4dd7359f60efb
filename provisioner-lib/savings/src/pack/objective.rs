//! What the search minimises, the price of the nodes for an hour, and which further node is worth its price.

use super::{
    state::State,
    types::{CPU, Class, MEMORY, PODS, Problem},
};
use crate::money::Money;

/// The price of nodes of these kinds for an hour.
pub(super) fn cost(problem: &Problem, nodes: &[usize]) -> Money {
    nodes.iter().map(|kind| problem.kinds[*kind].hourly).sum()
}

/// The kind whose node takes most of the pods in `left` for its price. `None` if none takes any.
pub(super) fn best_kind(problem: &Problem, state: &mut State<'_>, left: &[usize]) -> Option<usize> {
    let weights = weights(problem, left);
    let mut waiting: Vec<usize> = (0..problem.classes.len()).filter(|class| left[*class] > 0).collect();
    waiting.sort_by(|one, other| weights[*other].total_cmp(&weights[*one]));
    let mut best: Option<(f64, usize)> = None;
    for kind in 0..problem.kinds.len() {
        let is_new = problem.kinds[kind].stays.is_none();
        if !is_new || !waiting.iter().any(|class| problem.classes[*class].eligible[kind]) {
            continue;
        }
        state.add(kind);
        let value = value_of_last(problem, state, left, &waiting, &weights);
        state.remove_last();
        let value = value / problem.kinds[kind].hourly.micros().max(1) as f64;
        if value > 0.0 && best.is_none_or(|(most, _)| value > most) {
            best = Some((value, kind));
        }
    }
    best.map(|(_, kind)| kind)
}

/// The weight of the pods that the last node, which is empty, would take if they came in the order of `waiting`.
fn value_of_last(
    problem: &Problem,
    state: &State<'_>,
    left: &[usize],
    waiting: &[usize],
    weights: &[f64],
) -> f64 {
    let node = state.nodes.len() - 1;
    let mut free = state.free(node).to_vec();
    let mut value = 0.0;
    for class in waiting {
        if !state.fits(*class, &state.rule_state(*class), node) {
            continue;
        }
        let Class { nonzero, rules, .. } = &problem.classes[*class];
        let room = nonzero.iter().map(|(dimension, amount)| free[*dimension] / amount).min().unwrap_or(0);
        // A pod that keeps others of its class away comes alone.
        let is_alone = rules.anti_affinity.iter().any(|counter| rules.counted.contains(counter));
        let taken = room.min(left[*class] as u64).min(if is_alone { 1 } else { u64::MAX });
        let taken = taken.min(state.share_left(*class, node));
        let taken = taken.min(state.teams.left(problem, *class, state.nodes[node]));
        for (dimension, amount) in nonzero {
            free[*dimension] -= amount * taken;
        }
        value += weights[*class] * taken as f64;
    }
    value
}

/// The weight of one pod of each class: its share of the CPU, the memory and the number of the pods in `left`.
fn weights(problem: &Problem, left: &[usize]) -> Vec<f64> {
    let mut sum = [0.0; 3];
    for (class, count) in problem.classes.iter().zip(left) {
        for dimension in [CPU, MEMORY, PODS] {
            sum[dimension] += class.requests[dimension] as f64 * *count as f64;
        }
    }
    let weight = |class: &Class| {
        let share = |dimension: usize| {
            if sum[dimension] > 0.0 { class.requests[dimension] as f64 / sum[dimension] } else { 0.0 }
        };
        // Addresses for pods seldom run out.
        share(CPU) + share(MEMORY) + 0.1 * share(PODS)
    };
    problem.classes.iter().map(weight).collect()
}
