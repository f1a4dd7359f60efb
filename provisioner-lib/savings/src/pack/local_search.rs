//! Repairs of waves in which affinity, anti-affinity or spread leave a pod without a node: it moves to a further
//! node at the end.

use std::cmp::Reverse;

use fastrand::Rng;

use super::{objective, simulate::SchedulerRun, state::State, types::Problem, waves::Waves};

/// Runs of the scheduler that place every pod before waves are taken.
const RUNS: u64 = 4;
/// Repairs after which waves are given up.
const MOST_REPAIRS: usize = 20;

/// Repairs the waves until several runs of the scheduler in a row place every pod. `None`: it does not come to an end.
/// Adds the pods that were placed to `work`.
pub(super) fn repaired(problem: &Problem, mut waves: Waves, work: &mut u64) -> Option<Waves> {
    // Pods without constraints on others all find a node: each fits on the node of its wave, whatever went there
    // before it.
    if problem.classes.iter().all(|class| class.rules.is_empty()) {
        return Some(waves);
    }
    let (mut passed, mut repairs) = (0, 0);
    while passed < RUNS {
        *work += waves.pods.iter().map(Vec::len).sum::<usize>() as u64;
        let (mut state, late) = simulated(problem, &waves, passed);
        if late.is_empty() {
            passed += 1;
            continue;
        }
        (passed, repairs) = (0, repairs + 1);
        if repairs > MOST_REPAIRS {
            return None;
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

/// The nodes after a run of the scheduler wave by wave, and the classes of the pods without a node.
fn simulated<'p>(problem: &'p Problem, waves: &Waves, seed: u64) -> (State<'p>, Vec<usize>) {
    let mut run = SchedulerRun { spreads: !seed.is_multiple_of(2), rng: Rng::with_seed(seed) };
    let mut state = State::new(problem, &[]);
    let mut waiting = Vec::new();
    for (kind, pods) in waves.nodes.iter().zip(&waves.pods) {
        state.add(*kind);
        let mut pods = pods.clone();
        run.rng.shuffle(&mut pods);
        waiting.extend(pods);
        waiting = run.place_all(&mut state, waiting);
    }
    waiting.sort_unstable();
    (state, waiting)
}

/// Adds nodes until all that wait are placed. `None` if no further node takes any of them.
fn add_nodes(problem: &Problem, state: &mut State<'_>, mut waiting: Vec<usize>) -> Option<()> {
    let mut run = SchedulerRun { spreads: true, rng: Rng::with_seed(5) };
    while !waiting.is_empty() {
        let mut left = vec![0; problem.classes.len()];
        for class in &waiting {
            left[*class] += 1;
        }
        let kind = objective::best_kind(problem, state, &left)?;
        state.add(kind);
        // Big ones first: the node is chosen for the pods that just fit.
        waiting.sort_by_key(|class| (Reverse(problem.classes[*class].size), *class));
        waiting = run.place_all(state, waiting);
    }
    Some(())
}
