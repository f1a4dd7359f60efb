//! From a guess to nodes that stand every course: nodes are added where pods found no place, and taken away or made
//! smaller where nobody misses them.

use super::{
    state::State,
    trial::{self, Counts, Course},
    types::{CPU, MEMORY, PODS, Problem},
};
use crate::money::Money;

/// How much searching is done, in pods placed by the played scheduler. The same input gives the same nodes, on any
/// machine.
pub(super) struct Effort {
    left: u64,
    pub(super) spent: u64,
}

impl Effort {
    pub(super) fn new(most: u64) -> Self {
        Self { left: most, spent: 0 }
    }

    /// Whether there is any left.
    pub(super) fn more(&self) -> bool {
        self.left > 0
    }

    pub(super) fn spend(&mut self, pods: usize) {
        let pods = pods as u64;
        self.spent += pods;
        self.left = self.left.saturating_sub(pods);
    }
}

/// A class that no further node helps.
pub(super) struct Stuck(pub(super) usize);

pub(super) fn cost(problem: &Problem, nodes: &[usize]) -> Money {
    nodes.iter().map(|kind| problem.kinds[*kind].hourly).sum()
}

/// What a set of nodes is held to.
pub(super) struct Task<'t> {
    pub(super) problem: &'t Problem,
    /// Pods of each class.
    pub(super) counts: &'t Counts,
    /// All of them must place all pods.
    pub(super) courses: &'t [Course],
}

/// Adds to `nodes` until all courses place all pods, nodes of `preferred` kinds where they help.
pub(super) fn grow(
    task: &Task<'_>,
    preferred: &[bool],
    nodes: &mut Vec<usize>,
    effort: &mut Effort,
) -> Result<(), Stuck> {
    let pods: usize = task.counts.iter().sum();
    let mut stood = 0;
    let mut next = 0;
    while stood < task.courses.len() {
        let course = task.courses[next % task.courses.len()];
        let mut outcome = trial::play(task.problem, task.counts, nodes, course);
        effort.spend(pods);
        if outcome.all_placed() {
            stood += 1;
            next += 1;
        } else {
            let before = nodes.len();
            // With a node for each pod and more it is not room that lacks.
            if let Some(class) =
                outcome.left.iter().position(|count| *count > 0).filter(|_| before > 2 * pods)
            {
                return Err(Stuck(class));
            }
            extend(task.problem, preferred, &mut outcome, course)?;
            nodes.extend(&outcome.state.nodes[before..]);
            stood = 0;
        }
    }
    Ok(())
}

/// Adds the nodes that those who are left fill best for their price, one after the other.
pub(super) fn extend(
    problem: &Problem,
    preferred: &[bool],
    outcome: &mut trial::Outcome<'_>,
    course: Course,
) -> Result<(), Stuck> {
    let mut rng = fastrand::Rng::with_seed(course.seed);
    while let Some(first) = outcome.left.iter().position(|count| *count > 0) {
        let best = best_kind(problem, &mut outcome.state, &outcome.left, preferred);
        let best = best
            .or_else(|| best_kind(problem, &mut outcome.state, &outcome.left, &vec![true; preferred.len()]));
        let Some(kind) = best else { return Err(Stuck(first)) };
        outcome.state.add(kind);
        let waiting = std::mem::replace(&mut outcome.left, vec![0; problem.classes.len()]);
        let waiting = waiting.iter().enumerate();
        let mut waiting: Vec<usize> =
            waiting.flat_map(|(class, count)| std::iter::repeat_n(class, *count)).collect();
        // Big ones first: these nodes are chosen for what just fits.
        waiting.sort_by_key(|class| std::cmp::Reverse(problem.classes[*class].size));
        waiting = trial::passes(outcome, problem, waiting, course.choice, &mut rng);
        for class in waiting {
            outcome.left[class] += 1;
        }
    }
    Ok(())
}

/// The kind whose node takes most of what is left for its price. `None` if none takes anything.
pub(super) fn best_kind(
    problem: &Problem,
    state: &mut State<'_>,
    left: &[usize],
    allowed: &[bool],
) -> Option<usize> {
    let weights = weights(problem, left);
    let mut waiting: Vec<usize> = (0..problem.classes.len()).filter(|class| left[*class] > 0).collect();
    waiting.sort_by(|one, other| weights[*other].total_cmp(&weights[*one]));
    let mut best: Option<(f64, usize)> = None;
    for kind in (0..problem.kinds.len()).filter(|kind| allowed[*kind]) {
        if !waiting.iter().any(|class| problem.classes[*class].eligible[kind]) {
            continue;
        }
        state.add(kind);
        let taken = taken(problem, state, left, &waiting, &weights);
        state.remove_last();
        let price = problem.kinds[kind].hourly.micros().max(1) as f64;
        let worth = taken / price;
        if worth > 0.0 && best.is_none_or(|(most, _)| worth > most) {
            best = Some((worth, kind));
        }
    }
    best.map(|(_, kind)| kind)
}

/// Worth of what the last node, which is empty, would take of those who wait, in their order.
fn taken(problem: &Problem, state: &State<'_>, left: &[usize], waiting: &[usize], weights: &[f64]) -> f64 {
    let node = state.nodes.len() - 1;
    let mut free = state.free(node).to_vec();
    let mut worth = 0.0;
    for class in waiting {
        let asks = &problem.classes[*class];
        if !state.fits(*class, &state.gate(*class), node) {
            continue;
        }
        let room = asks.sparse.iter().map(|(dimension, amount)| free[*dimension] / amount).min().unwrap_or(0);
        // Who keeps others of its kind away comes alone.
        let alone = asks.rules.apart.iter().any(|counter| asks.rules.counted.contains(counter));
        let most = if alone { 1 } else { u64::MAX };
        let taken = room.min(left[*class] as u64).min(most);
        for (dimension, amount) in &asks.sparse {
            free[*dimension] -= amount * taken;
        }
        worth += weights[*class] * taken as f64;
    }
    worth
}

/// What one pod of each class is worth: its share of the cheapest node that is as full as can be.
fn weights(problem: &Problem, left: &[usize]) -> Vec<f64> {
    let mut sum = [0.0; 3];
    for (class, count) in problem.classes.iter().zip(left) {
        for dimension in [CPU, MEMORY, PODS] {
            sum[dimension] += class.asked[dimension] as f64 * *count as f64;
        }
    }
    let share = |class: &super::types::Class| {
        let of = |dimension: usize| {
            if sum[dimension] > 0.0 { class.asked[dimension] as f64 / sum[dimension] } else { 0.0 }
        };
        // Addresses for pods are seldom what runs out.
        of(CPU) + of(MEMORY) + 0.1 * of(PODS)
    };
    problem.classes.iter().map(share).collect()
}

/// Takes away and makes smaller, as long as all courses still place all pods and there is effort left.
pub(super) fn trim(task: &Task<'_>, nodes: &mut Vec<usize>, effort: &mut Effort) {
    loop {
        let before = cost(task.problem, nodes);
        remove(task, nodes, effort);
        shrink(task, nodes, effort);
        if cost(task.problem, nodes) == before || !effort.more() {
            break;
        }
    }
}

/// Whether all courses place all pods.
pub(super) fn stands(task: &Task<'_>, nodes: &[usize], effort: &mut Effort) -> bool {
    let pods: usize = task.counts.iter().sum();
    room_for_all(task, nodes)
        && task.courses.iter().all(|course| {
            effort.spend(pods);
            trial::play(task.problem, task.counts, nodes, *course).all_placed()
        })
}

fn distinct(nodes: &[usize]) -> Vec<usize> {
    let mut kinds = nodes.to_vec();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

/// Dearest first.
fn remove(task: &Task<'_>, nodes: &mut Vec<usize>, effort: &mut Effort) {
    for kind in distinct(nodes).into_iter().rev() {
        while let Some(at) = nodes.iter().position(|found| *found == kind).filter(|_| effort.more()) {
            let mut fewer = nodes.clone();
            fewer.remove(at);
            if !stands(task, &fewer, effort) {
                break;
            }
            *nodes = fewer;
        }
    }
}

/// One node of a kind for a cheaper one, the one that saves most first.
fn shrink(task: &Task<'_>, nodes: &mut Vec<usize>, effort: &mut Effort) {
    for kind in distinct(nodes).into_iter().rev() {
        let Some(at) = nodes.iter().position(|found| *found == kind) else { continue };
        for cheaper in 0..kind {
            if !effort.more() {
                return;
            }
            let mut other = nodes.clone();
            other[at] = cheaper;
            if cost(task.problem, &other) < cost(task.problem, nodes) && stands(task, &other, effort) {
                *nodes = other;
                break;
            }
        }
    }
}

/// Whether the sums fit, before anything is played.
pub(super) fn room_for_all(task: &Task<'_>, nodes: &[usize]) -> bool {
    let problem = task.problem;
    (0..problem.dimensions).all(|dimension| {
        let asked = problem.classes.iter().zip(task.counts);
        let asked: u128 =
            asked.map(|(class, count)| u128::from(class.asked[dimension]) * *count as u128).sum();
        asked <= nodes.iter().map(|kind| u128::from(problem.kinds[*kind].room[dimension])).sum()
    })
}
