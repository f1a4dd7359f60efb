//! Repairs of waves in which affinity, anti-affinity or spread leave a pod without a node, which moves to a further node
//! at the end, or a node without a pod, which is removed.

use std::cmp::Reverse;

use super::{
    effort::Effort,
    moves::moves,
    objective,
    simulate::SchedulerRun,
    state::{Spreading, State},
    types::Problem,
    waves::Waves,
};

/// Runs of the scheduler that place every pod before waves are taken.
const RUNS: u64 = 4;
/// Repairs after which waves are given up.
const MOST_REPAIRS: usize = 20;
/// Times that all pods without a place are tried before a placement is given up.
const MOST_PASSES: usize = 20;

/// Repairs the waves until several runs of the scheduler in a row place every pod, and every new node has pods. `None`: it
/// does not come to an end.
pub(super) fn repaired(problem: &Problem, mut waves: Waves, effort: &mut Effort) -> Option<Waves> {
    // Pods without constraints on others all find a node: each fits on the node of its wave, whatever went there
    // before it.
    if problem.classes.iter().all(|class| class.rules.is_empty()) {
        waves.placed.clone_from(&waves.pods);
        return Some(waves);
    }
    let (mut passed, mut repairs) = (0, 0);
    // Waves that passed the runs, with nodes that got no pod.
    let mut good = None;
    while passed < RUNS {
        if !effort.more() {
            return good;
        }
        effort.add(waves.pods.iter().map(Vec::len).sum::<usize>());
        let (mut state, placed, late) = simulated(problem, &waves, passed);
        if late.is_empty() {
            passed += 1;
            waves.placed = placed;
            if passed < RUNS {
                continue;
            }
            if waves.is_used(&waves.pods, problem) && waves.is_a_placement(problem) {
                waves.placed.clone_from(&waves.pods);
            } else if !waves.is_used(&waves.placed, problem) {
                good = Some(waves.clone());
                waves.remove_unused(problem);
                (passed, repairs) = (0, repairs + 1);
            }
            continue;
        }
        (passed, repairs) = (0, repairs + 1);
        if repairs > MOST_REPAIRS {
            return good;
        }
        for class in &late {
            let wave = waves.pods.iter_mut().rev().find(|pods| pods.contains(class))?;
            wave.remove(wave.iter().position(|found| found == class)?);
        }
        let before = waves.nodes.len();
        add_nodes(problem, &mut state, late.clone())?;
        // They come when all nodes are there.
        waves.nodes.extend(&state.nodes[before..]);
        waves.pods.resize(waves.nodes.len(), Vec::new());
        waves.pods.last_mut()?.extend(late);
    }
    Some(waves)
}

impl Waves {
    /// Whether all pods keep their constraints if each is on the node of its wave.
    fn is_a_placement(&self, problem: &Problem) -> bool {
        let mut state = State::new(problem, &self.nodes, Spreading::Final);
        // In turns, for the sake of spread.
        let longest = self.pods.iter().map(Vec::len).max().unwrap_or(0);
        let turn = |turn: usize| {
            let pods = self.pods.iter().enumerate();
            pods.filter_map(move |(node, pods)| Some((*pods.get(turn)?, node)))
        };
        let mut left: Vec<(usize, usize)> = (0..longest).flat_map(turn).collect();
        for _ in 0..MOST_PASSES {
            let before = left.len();
            left.retain(|(class, node)| {
                let fits = state.fits(*class, &state.rule_state(*class), *node);
                if fits {
                    state.place(*class, *node);
                }
                !fits
            });
            if left.is_empty() || left.len() == before {
                break;
            }
        }
        left.is_empty()
    }

    /// Whether every new node has pods if these are the pods of each node.
    pub(super) fn is_used(&self, pods: &[Vec<usize>], problem: &Problem) -> bool {
        let mut nodes = self.nodes.iter().zip(pods);
        nodes.all(|(kind, pods)| !pods.is_empty() || problem.kinds[*kind].stays.is_some())
    }

    /// Removes new nodes without a pod; what would have moved to them moves with the wave before.
    fn remove_unused(&mut self, problem: &Problem) {
        let mut moving = Vec::new();
        for node in (0..self.nodes.len()).rev() {
            if self.placed[node].is_empty() && problem.kinds[self.nodes[node]].stays.is_none() {
                self.nodes.remove(node);
                self.placed.remove(node);
                moving.append(&mut self.pods.remove(node));
            } else {
                self.pods[node].append(&mut moving);
            }
        }
        if let Some(first) = self.pods.first_mut() {
            first.append(&mut moving);
        }
    }
}

/// The nodes after a run of the scheduler wave by wave, with the classes of the pods on each, and of those without a
/// node.
fn simulated<'p>(problem: &'p Problem, waves: &Waves, seed: u64) -> (State<'p>, Vec<Vec<usize>>, Vec<usize>) {
    let mut run = SchedulerRun::new(problem, !seed.is_multiple_of(2), seed);
    let mut state = State::new(problem, &[], Spreading::Moving);
    let mut waiting = Vec::new();
    for (kind, pods) in waves.nodes.iter().zip(moves(problem, waves)) {
        state.add(*kind);
        for (class, member) in &pods {
            let from = problem.classes[*class].from[*member];
            if let Some(group) = from {
                state.leave(*class, group);
            }
        }
        let mut pods: Vec<usize> = pods.into_iter().map(|(class, _)| class).collect();
        run.rng.shuffle(&mut pods);
        waiting.extend(pods);
        waiting = run.place_all(&mut state, waiting);
    }
    waiting.sort_unstable();
    let mut placed = vec![Vec::new(); waves.nodes.len()];
    for (class, node) in run.placed {
        placed[node].push(class);
    }
    (state, placed, waiting)
}

/// Adds nodes until all that wait are placed. `None` if no further node takes any of them.
fn add_nodes(problem: &Problem, state: &mut State<'_>, mut waiting: Vec<usize>) -> Option<()> {
    let mut run = SchedulerRun::new(problem, true, 5);
    while !waiting.is_empty() {
        let mut left = vec![0; problem.classes.len()];
        for class in &waiting {
            left[*class] += 1;
        }
        let Some(kind) = objective::best_kind(problem, state, &left) else {
            // Where the scheduler has put the others, the caps may leave no place.
            if state.teams.lift(problem, waiting.iter().copied()) {
                continue;
            }
            return None;
        };
        state.add(kind);
        // Big ones first: the node is chosen for the pods that just fit.
        waiting.sort_by_key(|class| (Reverse(problem.classes[*class].size), *class));
        waiting = run.place_all(state, waiting);
    }
    Some(())
}
