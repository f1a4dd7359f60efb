//! A simulation of the kube-scheduler: pods come one after the other, and each goes to a node that fits.
//!
//! What the scheduler's scores depend on in a live cluster is not known here: preferred affinities, images that a node
//! has already, the sample of nodes that it scores. So a placement is tried with several seeds and with two sets of
//! scores.

use fastrand::Rng;

use super::{state::State, types::Problem};

/// One run of the scheduler.
pub(super) struct SchedulerRun {
    /// Whether the scores for resources come with those for soft spread over nodes and zones, which apply to every pod
    /// that a Service or a controller selects.
    spreads: bool,
    pub(super) rng: Rng,
    /// For each class the nodes that still have room for it. Within a run room only gets less.
    open: Vec<Vec<usize>>,
    /// How many nodes there were when that was found out, by class.
    known: Vec<usize>,
    /// The class and the node of each pod that was placed.
    pub(super) placed: Vec<(usize, usize)>,
}

impl SchedulerRun {
    pub(super) fn new(problem: &Problem, spreads: bool, seed: u64) -> Self {
        let classes = problem.classes.len();
        let (open, known) = (vec![Vec::new(); classes], vec![0; classes]);
        Self { spreads, rng: Rng::with_seed(seed), open, known, placed: Vec::new() }
    }

    /// Places pods, given by their classes, in passes until one places none. Returns those without a node. A later
    /// pass may place a pod that waits for another one.
    pub(super) fn place_all(&mut self, state: &mut State<'_>, mut waiting: Vec<usize>) -> Vec<usize> {
        loop {
            let before = waiting.len();
            waiting = self.pass(state, waiting);
            if waiting.is_empty() || waiting.len() == before {
                return waiting;
            }
        }
    }

    fn pass(&mut self, state: &mut State<'_>, waiting: Vec<usize>) -> Vec<usize> {
        // What kept a pod of a class from every node does so until another pod is placed.
        let mut refused = vec![false; state.problem.classes.len()];
        let mut start = 0;
        let mut left = Vec::new();
        for class in waiting {
            let found = if refused[class] { None } else { self.node_for(state, class, &mut start) };
            if let Some(node) = found {
                state.place(class, node);
                self.placed.push((class, node));
                if !state.problem.classes[class].rules.counted.is_empty() {
                    refused.fill(false);
                }
            } else {
                refused[class] = true;
                left.push(class);
            }
        }
        left
    }

    /// The node that scores best for one pod of the class, of a sample that begins at `start`.
    fn node_for(&mut self, state: &State<'_>, class: usize, start: &mut usize) -> Option<usize> {
        let nodes = state.nodes.len();
        let open = &mut self.open[class];
        open.extend(self.known[class]..nodes);
        self.known[class] = nodes;
        open.retain(|node| state.has_room(class, *node));
        let rules = &state.problem.classes[class].rules;
        let now = state.rule_state(class);
        let (before, after) = open.split_at(open.partition_point(|node| *node < *start));
        let fits = after.iter().chain(before).filter(|node| state.keeps_rules(rules, &now, **node));
        let sample: Vec<usize> = fits.copied().take(sample_size(nodes)).collect();
        *start = (sample.last()? + 1) % nodes;
        let crowd = state.crowd(class);
        let crowds = || sample.iter().map(|node| crowd(*node));
        let (most, least) = (crowds().fold(0.0, f64::max), crowds().fold(f64::MAX, f64::min));
        let weight = if self.spreads { 200.0 } else { 0.0 };
        let mut best: Option<(f64, usize)> = None;
        for node in sample {
            let spread = weight * (most + least - crowd(node)) / most;
            // The scheduler's scores are whole numbers; of equal ones it draws.
            let score = (state.score(class, node) + spread).floor() + self.rng.f64();
            if best.is_none_or(|(highest, _)| score > highest) {
                best = Some((score, node));
            }
        }
        best.map(|(_, node)| node)
    }
}

/// How many nodes that fit are scored (percentageOfNodesToScore, adaptive, at least 100).
fn sample_size(nodes: usize) -> usize {
    let percent = 50_usize.saturating_sub(nodes / 125).max(5);
    if nodes <= 100 { nodes } else { (nodes * percent / 100).max(100) }
}
