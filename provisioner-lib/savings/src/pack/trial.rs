//! The kube-scheduler, played: pods come in some order, one after the other, and each goes to some node that fits.
//! Neither the order nor the choice is ours, so a set of nodes counts only if the pods find a place whatever both
//! are.
//!
//! EKS runs the default profile, which spreads (LeastAllocated). Beside it stands the choice of any node that fits,
//! for all that the scores of a live cluster depend on and nobody can foresee: soft spread by Service and zone,
//! preferred affinities, images that are there already, the sample of nodes that it looks at.

use fastrand::Rng;

use super::{state::State, types::Problem};

/// How many of each class are to be placed.
pub(super) type Counts = Vec<usize>;

/// The order in which pods come. Priority goes before it, as in the scheduler's queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// As the API server lists them.
    Listed,
    /// Small ones first: what is left is in pieces when the big ones come.
    Rising,
    /// Big ones first; see [`super::size`].
    Falling,
    /// Shuffled.
    Random,
}

/// Which of the nodes that fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    /// By the default profile's scores for resources.
    Resources,
    /// By these and by those for soft spread over nodes and zones, which every pod of a workload has that is
    /// selected by a Service or a controller.
    Spread,
}

/// One way in which the scheduler might go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Course {
    pub(super) order: Order,
    pub(super) choice: Choice,
    pub(super) seed: u64,
}

const fn course(order: Order, choice: Choice, seed: u64) -> Course {
    Course { order, choice, seed }
}

/// The courses that nodes must stand onto which pods come in any order, those first that find most faults.
pub(super) const ANY_ORDER: [Course; 9] = {
    use Choice::{Resources, Spread};
    use Order::{Falling, Listed, Random, Rising};
    [
        course(Random, Spread, 1),
        course(Rising, Resources, 2),
        course(Rising, Spread, 3),
        course(Random, Resources, 4),
        course(Listed, Spread, 5),
        course(Listed, Resources, 6),
        course(Random, Spread, 7),
        course(Random, Resources, 8),
        course(Falling, Spread, 9),
    ]
};

/// What the cluster most likely comes to.
pub(super) const LISTED: Course = course(Order::Listed, Choice::Spread, 5);

/// Above this many nodes that fit the scheduler stops looking (percentageOfNodesToScore, adaptive, at least 100).
fn looked_at(nodes: usize) -> usize {
    let percent = 50_usize.saturating_sub(nodes / 125).max(5);
    if nodes <= 100 { nodes } else { (nodes * percent / 100).max(100) }
}

/// Where each pod went, as (class, node), and what found no place.
pub(super) struct Outcome<'p> {
    pub(super) state: State<'p>,
    pub(super) placed: Vec<(usize, usize)>,
    pub(super) left: Counts,
}

impl Outcome<'_> {
    pub(super) fn all_placed(&self) -> bool {
        self.left.iter().all(|count| *count == 0)
    }
}

/// Plays one course over empty nodes.
pub(super) fn play<'p>(
    problem: &'p Problem,
    counts: &[usize],
    nodes: &[usize],
    course: Course,
) -> Outcome<'p> {
    let mut rng = Rng::with_seed(course.seed);
    let waiting = order(problem, counts, course.order, &mut rng);
    let mut outcome = Outcome {
        state: State::new(problem, nodes),
        placed: Vec::with_capacity(waiting.len()),
        left: vec![0; problem.classes.len()],
    };
    for class in passes(&mut outcome, problem, waiting, course.choice, &mut rng) {
        outcome.left[class] += 1;
    }
    outcome
}

/// Tries each until nothing changes; who found no place. A pod that waits for another one is tried again when others
/// have come.
pub(super) fn passes(
    outcome: &mut Outcome<'_>,
    problem: &Problem,
    mut waiting: Vec<usize>,
    choice: Choice,
    rng: &mut Rng,
) -> Vec<usize> {
    loop {
        let before = waiting.len();
        waiting = pass(outcome, problem, waiting, choice, rng);
        if waiting.is_empty() || waiting.len() == before {
            return waiting;
        }
    }
}

/// Tries each once; who found no place.
fn pass(
    outcome: &mut Outcome<'_>,
    problem: &Problem,
    waiting: Vec<usize>,
    choice: Choice,
    rng: &mut Rng,
) -> Vec<usize> {
    // Room only gets less: what asks for nothing but room and found none need not try again.
    let mut hopeless = vec![false; problem.classes.len()];
    let mut start = 0;
    let mut still = Vec::new();
    for class in waiting {
        let found = if hopeless[class] { None } else { find(&outcome.state, class, choice, &mut start, rng) };
        if let Some(node) = found {
            outcome.state.place(class, node);
            outcome.placed.push((class, node));
        } else {
            let rules = &problem.classes[class].rules;
            hopeless[class] = rules.near.is_empty() && rules.spread.is_empty();
            still.push(class);
        }
    }
    still
}

/// A node for one of the class.
fn find(state: &State<'_>, class: usize, choice: Choice, start: &mut usize, rng: &mut Rng) -> Option<usize> {
    let nodes = state.nodes.len();
    if nodes == 0 {
        return None;
    }
    let gate = state.gate(class);
    let turn = (*start..nodes).chain(0..*start);
    let fitting = turn.filter(|node| state.fits(class, &gate, *node)).take(looked_at(nodes));
    let mut best: Option<(f64, usize)> = None;
    let mut consider = |score: f64, node: usize, rng: &mut Rng| {
        // The scheduler's scores are whole numbers; equal ones are drawn from.
        let score = score.floor() + rng.f64();
        if best.is_none_or(|(most, _)| score > most) {
            best = Some((score, node));
        }
    };
    let mut last = *start;
    if choice == Choice::Spread {
        let crowd = state.crowd(class);
        let crowds: Vec<(usize, f64)> = fitting.map(|node| (node, crowd(node))).collect();
        let densest = crowds.iter().map(|(_, crowd)| *crowd).fold(0.0, f64::max);
        let emptiest = crowds.iter().map(|(_, crowd)| *crowd).fold(f64::MAX, f64::min);
        for (node, crowd) in crowds {
            last = node + 1;
            let spread = if densest > 0.0 { 100.0 * (densest + emptiest - crowd) / densest } else { 100.0 };
            consider(state.score(class, node) + 2.0 * spread, node, rng);
        }
    } else {
        for node in fitting {
            last = node + 1;
            consider(state.score(class, node), node, rng);
        }
    }
    *start = last % nodes;
    best.map(|(_, node)| node)
}

fn order(problem: &Problem, counts: &[usize], order: Order, rng: &mut Rng) -> Vec<usize> {
    let mut waiting = Vec::with_capacity(counts.iter().sum());
    for (class, count) in counts.iter().enumerate() {
        waiting.extend(std::iter::repeat_n(class, *count));
    }
    match order {
        Order::Listed => waiting.sort_by_key(|class| problem.classes[*class].members[0]),
        Order::Random => rng.shuffle(&mut waiting),
        Order::Rising => waiting.sort_by_key(|class| problem.classes[*class].size),
        Order::Falling => waiting.sort_by_key(|class| std::cmp::Reverse(problem.classes[*class].size)),
    }
    waiting.sort_by_key(|class| std::cmp::Reverse(problem.classes[*class].priority));
    waiting
}
