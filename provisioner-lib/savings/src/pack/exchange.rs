//! Exchanges of single pods that fill a node better.

use super::{
    state::State,
    types::{PODS, Problem},
};

/// Exchanges on one node, at most.
const MOST: usize = 8;
/// The part of a node that an exchange has to fill.
const LEAST_GAIN: f64 = 0.005;

/// Exchanges pods on the node, whose classes are `taken`, for bigger ones of those that are `left`. Only pods that no
/// constraint counts, so that nothing else depends on them. Returns whether there was one.
pub(super) fn exchange(state: &mut State<'_>, node: usize, taken: &mut [usize], left: &mut [usize]) -> bool {
    let problem = state.problem;
    let kind = state.nodes[node];
    let is_free = |class: &usize| {
        let class = &problem.classes[*class];
        class.rules.is_empty() && class.rules.counted.is_empty() && class.eligible[kind]
    };
    let open = (0..left.len()).filter(|class| left[*class] > 0).filter(is_free);
    let mut open: Vec<(usize, f64)> = open.map(|class| (class, part(problem, class, kind))).collect();
    open.sort_by(|one, other| other.1.total_cmp(&one.1));
    for exchanges in 0..MOST {
        let mut best: Option<(f64, usize, usize)> = None;
        let free = state.free(node);
        for (place, out) in taken.iter().enumerate().filter(|(_, class)| is_free(class)) {
            let freed = &problem.classes[*out].requests;
            let part_out = part(problem, *out, kind);
            let least = best.map_or(LEAST_GAIN, |best| best.0);
            let fits = |class: usize| {
                let mut requests = problem.classes[class].nonzero.iter();
                state.teams.left(problem, class, kind) > 0
                    && requests.all(|(dimension, amount)| free[*dimension] + freed[*dimension] >= *amount)
            };
            // The biggest come first.
            let mut bigger = open.iter().take_while(|(_, part)| part - part_out > least);
            if let Some((class, part)) = bigger.find(|(class, _)| left[*class] > 0 && fits(*class)) {
                best = Some((part - part_out, place, *class));
            }
        }
        let Some((_, place, class)) = best else { return exchanges > 0 };
        let out = std::mem::replace(&mut taken[place], class);
        state.take_off(out, node);
        state.place(class, node);
        left[out] += 1;
        left[class] -= 1;
    }
    true
}

/// The sum of the parts of the node's resources that a pod takes.
fn part(problem: &Problem, class: usize, kind: usize) -> f64 {
    let requests = problem.classes[class].nonzero.iter().filter(|(dimension, _)| *dimension != PODS);
    let room = &problem.kinds[kind].room;
    requests.map(|(dimension, amount)| *amount as f64 / room[*dimension] as f64).sum()
}
