//! Packing node by node. A wave is one new node and the pods that move when it is up. All of them fit on it, so neither
//! their order matters nor whether one of them goes to an earlier node that still has room.

use super::{
    effort::Effort,
    exchange,
    mix::{self, Mix},
    objective,
    shares::Shares,
    state::{Spreading, State},
    types::Problem,
};

/// Its multiples, without their whole parts, are spread evenly over 0 to 1.
const GOLDEN_RATIO: f64 = 0.618_033_988_75;
/// Further mixes that are tried for the pods that are left.
const ROUNDS: usize = 4;

/// Nodes in the order in which they come, and the pods that move to each.
#[derive(Clone, Default)]
pub(super) struct Waves {
    /// The kind of each node.
    pub(super) nodes: Vec<usize>,
    /// The classes of the pods of each wave.
    pub(super) pods: Vec<Vec<usize>>,
    /// The classes of the pods on each node after a run of the scheduler, once there was one.
    pub(super) placed: Vec<Vec<usize>>,
}

/// So many pods of this class have no node, and a further node would not change that.
pub(super) struct Unplaceable {
    pub(super) class: usize,
    pub(super) pods: usize,
}

/// Fills the nodes that stay, then the whole nodes of a mix one after the other, each with the pods that the mix has for
/// its kind, then adds nodes until every pod has one. With `floor_first` new nodes that the floor asks for come before
/// the nodes that stay, which may have room for every pod.
pub(super) fn fill(
    problem: &Problem,
    counts: &[usize],
    mix: &Mix,
    allowed: &[bool],
    floor_first: bool,
    effort: &mut Effort,
) -> Result<Waves, Unplaceable> {
    effort.add(counts.iter().sum());
    let shares = Shares::new(problem, counts);
    let state = State::new(problem, &problem.staying(), Spreading::Shares(&shares));
    let pods = vec![Vec::new(); state.nodes.len()];
    let on_demand = problem.classes.iter().map(|class| class.is_on_demand(&problem.kinds)).collect();
    let mut filling = Filling { problem, state, left: counts.to_vec(), on_demand, pods, reserves: true };
    if floor_first {
        filling.add_floor();
    }
    filling.top_up();
    if problem.staying().is_empty() {
        filling.add_mix(mix);
    }
    // Pods that did not fit where the mix has them need another mix.
    for _ in 0..ROUNDS {
        let shares = filling.state.left_of(&shares);
        let Some(mix) = mix::mix(problem, &filling.left, &shares, allowed) else { break };
        if mix.nodes.iter().all(|nodes| *nodes < 1.0) {
            break;
        }
        filling.add_mix(&mix);
    }
    while let Some(first) = filling.left.iter().position(|count| *count > 0) {
        let kind = objective::best_kind(problem, &mut filling.state, &filling.left);
        if kind.is_some_and(|kind| filling.add_wave(kind, &mut counts.to_vec(), 1)) {
            continue;
        }
        // No new node takes the pods that wait for one.
        filling.reserves = false;
        let added = filling.top_up();
        filling.reserves = true;
        if added {
            continue;
        }
        let waiting = (0..problem.classes.len()).filter(|class| filling.left[*class] > 0);
        if !filling.state.teams.lift(problem, waiting) {
            return Err(Unplaceable { class: first, pods: filling.left[first] });
        }
    }
    let Filling { state, pods, .. } = filling;
    let (mut nodes, mut teams) = (state.nodes, state.teams);
    // Of the same profile, so constraints on other pods still hold.
    for (kind, pods) in nodes.iter_mut().zip(&pods) {
        *kind = cheapest(problem, pods, *kind, |to| teams.moved(problem, pods, *kind, to));
    }
    problem.floor.widen(problem, &mut nodes, &pods);
    Ok(Waves { nodes, pods, placed: Vec::new() }.by_zone(problem))
}

impl Waves {
    /// The same zone by zone, behind the nodes that stay: pods that are spread fill the first zone while it is the
    /// only one with new nodes, then each further one, which has fewer.
    fn by_zone(self, problem: &Problem) -> Self {
        let mut waves: Vec<_> = self.nodes.into_iter().zip(self.pods).collect();
        waves.sort_by_key(|(kind, _)| {
            let kind = &problem.kinds[*kind];
            (kind.stays.is_none(), kind.zone)
        });
        let (nodes, pods) = waves.into_iter().unzip();
        Self { nodes, pods, placed: self.placed }
    }
}

struct Filling<'p> {
    problem: &'p Problem,
    state: State<'p>,
    /// Pods of each class without a node.
    left: Vec<usize>,
    /// Classes that only On-Demand nodes take.
    on_demand: Vec<bool>,
    /// Pods of each node's wave.
    pods: Vec<Vec<usize>>,
    /// Whether pods wait for nodes that the floor asks for.
    reserves: bool,
}

impl Filling<'_> {
    /// Adds pods to the nodes, and returns whether there were any.
    fn top_up(&mut self) -> bool {
        let mut added = false;
        for node in 0..self.pods.len() {
            let more = self.add_pods(node, &mut self.left.clone());
            added |= !more.is_empty();
            self.pods[node].extend(more);
        }
        added
    }

    /// Adds the cheapest nodes that the floor asks for, each with a part of the pods of every workload that goes there.
    fn add_floor(&mut self) {
        let Problem { floor, kinds, .. } = self.problem;
        loop {
            let mut nodes = self.state.nodes.clone();
            let missing = floor.missing(kinds, &nodes);
            let new = (0..kinds.len()).filter(|kind| kinds[*kind].stays.is_none());
            let mut helping = new.filter(|kind| {
                nodes.push(*kind);
                let helps = floor.missing(kinds, &nodes) < missing;
                nodes.pop();
                helps
            });
            if missing == 0 || !helping.any(|kind| self.add_part(kind, missing + 1)) {
                return;
            }
        }
    }

    /// Adds a node with one of so many parts of the pods of every workload that goes there. Returns false, and adds none,
    /// if it takes no pod.
    fn add_part(&mut self, kind: usize, parts: usize) -> bool {
        let classes = self.problem.classes.iter().zip(&self.left);
        let open = classes.map(|(class, left)| if class.eligible[kind] { *left } else { 0 });
        let mut rest = open.clone().sum::<usize>().div_ceil(parts);
        let quotas = open.map(|open| {
            let quota = open.div_ceil(parts).min(rest);
            rest -= quota;
            quota
        });
        let mut quotas: Vec<usize> = quotas.collect();
        self.state.add(kind);
        let taken = self.add_pods(self.pods.len(), &mut quotas);
        self.keep(taken)
    }

    /// Keeps the last node with the pods that it has taken, or removes it if there are none.
    fn keep(&mut self, taken: Vec<usize>) -> bool {
        let is_used = !taken.is_empty();
        if is_used {
            self.pods.push(taken);
        } else {
            self.state.remove_last();
        }
        is_used
    }

    /// Adds the whole nodes of a mix, the most expensive first, so that they get the pods that need them.
    fn add_mix(&mut self, mix: &Mix) {
        let counts = self.left.clone();
        for (kind, nodes) in mix.nodes.iter().enumerate().rev().filter(|(_, nodes)| **nodes >= 1.0) {
            let nodes = nodes.floor() as usize;
            let of_kind = |shares: &Vec<(usize, f64)>| {
                let shares = shares.iter().filter(|(found, _)| *found == kind).map(|(_, share)| share);
                shares.sum::<f64>()
            };
            let quota = mix.shares.iter().map(of_kind).zip(&counts);
            let mut quota: Vec<usize> =
                quota.map(|(share, count)| (share * *count as f64).round() as usize).collect();
            for nodes in (1..=nodes).rev() {
                self.add_wave(kind, &mut quota, nodes);
            }
        }
    }

    /// Adds a node, the first of `nodes` for which `quotas` are meant, with a fair share of the quotas, so that the last
    /// node is not left with pods that do not go together, and then with any pods that fill it. Returns false, and adds
    /// none, if it takes no pod.
    fn add_wave(&mut self, kind: usize, quotas: &mut [usize], nodes: usize) -> bool {
        let node = self.state.nodes.len();
        self.state.add(kind);
        let mut taken = Vec::new();
        if nodes > 1 {
            // Where a share is a fraction of a pod, classes take turns.
            let turn = |class: usize| {
                (class as f64 * GOLDEN_RATIO + node as f64 * GOLDEN_RATIO * GOLDEN_RATIO).fract()
            };
            let fair = quotas.iter().enumerate();
            let fair =
                fair.map(|(class, quota)| (*quota as f64 / nodes as f64 + turn(class)).floor() as usize);
            let mut fair: Vec<usize> = fair.zip(&*quotas).map(|(fair, quota)| fair.min(*quota)).collect();
            let before = fair.clone();
            taken.extend(self.add_pods(node, &mut fair));
            for ((quota, before), after) in quotas.iter_mut().zip(before).zip(fair) {
                *quota -= before - after;
            }
        }
        taken.extend(self.add_pods(node, quotas));
        taken.extend(self.add_pods(node, &mut self.left.clone()));
        if exchange::exchange(&mut self.state, node, &mut taken, &mut self.left) {
            taken.extend(self.add_pods(node, &mut self.left.clone()));
        }
        self.keep(taken)
    }

    /// Places pods on the node, at most the quota of each class, until none fits or the others are needed for nodes that
    /// the floor asks for. Returns their classes.
    fn add_pods(&mut self, node: usize, quotas: &mut [usize]) -> Vec<usize> {
        let mut taken = Vec::new();
        let (problem, kind) = (self.problem, self.state.nodes[node]);
        let (any, on_demand) = problem.floor.missing_nodes(&problem.kinds, &self.state.nodes);
        let is_new = problem.kinds[kind].stays.is_none();
        let classes = problem.classes.iter().enumerate();
        let mut open: Vec<usize> =
            classes.filter(|(_, class)| class.eligible[kind]).map(|(class, _)| class).collect();
        loop {
            let (left, state) = (&self.left, &self.state);
            let is_on_demand = |class: &usize| self.on_demand[*class];
            let left_on_demand =
                || (0..left.len()).filter(is_on_demand).map(|class| left[class]).sum::<usize>();
            let is_first = is_new && state.free(node) == problem.kinds[kind].room;
            let is_last = self.reserves && !is_first && any > 0 && left.iter().sum::<usize>() <= any;
            let is_last_on_demand =
                self.reserves && !is_first && on_demand > 0 && left_on_demand() <= on_demand;
            open.retain(|class| {
                !(is_last || is_last_on_demand && is_on_demand(class))
                    && quotas[*class] > 0
                    && left[*class] > 0
                    && state.teams.left(self.problem, *class, kind) > 0
                    && state.fits(*class, &state.rule_state(*class), node)
            });
            let best = open.iter().map(|class| (weight(self.problem, state, *class, node), *class));
            let Some((_, class)) = best.max_by(|one, other| one.0.total_cmp(&other.0)) else { break };
            self.state.place(class, node);
            self.left[class] -= 1;
            quotas[class] -= 1;
            taken.push(class);
        }
        taken
    }
}

/// The share of the node that a pod takes, in each dimension weighted by the share that is free: big pods first, and
/// few that need what is scarce.
fn weight(problem: &Problem, state: &State<'_>, class: usize, node: usize) -> f64 {
    let room = &problem.kinds[state.nodes[node]].room;
    let free = state.free(node);
    let nonzero = problem.classes[class].nonzero.iter();
    let parts = nonzero.map(|(dimension, requests)| {
        let room = room[*dimension] as f64;
        (*requests as f64 / room) * (free[*dimension] as f64 / room)
    });
    parts.sum()
}

/// The cheapest kind of the same profile that holds these pods and may have them.
fn cheapest(problem: &Problem, pods: &[usize], kind: usize, mut may: impl FnMut(usize) -> bool) -> usize {
    let mut requests = vec![0_u64; problem.dimensions];
    for class in pods {
        for (dimension, amount) in &problem.classes[*class].nonzero {
            requests[*dimension] = requests[*dimension].saturating_add(*amount);
        }
    }
    let holds = |kind: &usize| {
        requests.iter().zip(&problem.kinds[*kind].room).all(|(requests, room)| requests <= room)
    };
    let profile = problem.kinds[kind].profile;
    let same = (0..kind).filter(|kind| problem.kinds[*kind].profile == profile);
    same.filter(holds).find(|kind| may(*kind)).unwrap_or(kind)
}
