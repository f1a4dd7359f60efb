//! Packing node by node. A wave is one new node and the pods that move when it is up. All of them fit on it, so neither
//! their order matters nor whether one of them goes to an earlier node that still has room.

use std::collections::BTreeMap;

use super::{
    mix::{self, Mix},
    objective,
    state::State,
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
}

/// A pod of this class has no node, and a further node would not change that.
pub(super) struct Unplaceable(pub(super) usize);

/// Fills the whole nodes of a mix one after the other, each with the pods that the mix has for its kind, then adds
/// nodes until every pod has one. Adds the pods that were placed to `work`.
pub(super) fn fill(
    problem: &Problem,
    counts: &[usize],
    mix: &Mix,
    allowed: &[bool],
    work: &mut u64,
) -> Result<Waves, Unplaceable> {
    *work += counts.iter().sum::<usize>() as u64;
    let left = counts.to_vec();
    let mut filling = Filling { problem, state: State::new(problem, &[]), left, waves: Waves::default() };
    filling.add_mix(mix);
    // Pods that did not fit where the mix has them need another mix.
    for _ in 0..ROUNDS {
        let Some(mix) = mix::mix(problem, &filling.left, allowed) else { break };
        if mix.nodes.iter().all(|nodes| *nodes < 1.0) {
            break;
        }
        filling.add_mix(&mix);
    }
    while let Some(first) = filling.left.iter().position(|count| *count > 0) {
        let kind =
            objective::best_kind(problem, &mut filling.state, &filling.left).ok_or(Unplaceable(first))?;
        if !filling.add_wave(kind, &mut counts.to_vec(), 1) {
            return Err(Unplaceable(first));
        }
    }
    let waves = filling.waves;
    let cheapest = waves.pods.iter().zip(&waves.nodes).map(|(pods, kind)| cheapest(problem, pods, *kind));
    // Of the same profile, so constraints on other pods still hold.
    Ok(Waves { nodes: cheapest.collect(), pods: waves.pods })
}

struct Filling<'p> {
    problem: &'p Problem,
    state: State<'p>,
    /// Pods of each class without a node.
    left: Vec<usize>,
    waves: Waves,
}

impl Filling<'_> {
    /// Adds the whole nodes of a mix: zones by turns, for pods that are spread over zones, and in each zone the most
    /// expensive nodes first, so that they get the pods that need them.
    fn add_mix(&mut self, mix: &Mix) {
        let counts = self.left.clone();
        let mut by_zone: Vec<Vec<usize>> = vec![Vec::new(); self.problem.zones];
        let mut quotas: BTreeMap<usize, (usize, Vec<usize>)> = BTreeMap::new();
        for (kind, nodes) in mix.nodes.iter().enumerate().filter(|(_, nodes)| **nodes >= 1.0) {
            let nodes = nodes.floor() as usize;
            by_zone[self.problem.kinds[kind].zone].extend(std::iter::repeat_n(kind, nodes));
            let of_kind = |shares: &Vec<(usize, f64)>| {
                let shares = shares.iter().filter(|(found, _)| *found == kind).map(|(_, share)| share);
                shares.sum::<f64>()
            };
            let quota = mix.shares.iter().map(of_kind).zip(&counts);
            let quota = quota.map(|(share, count)| (share * *count as f64).round() as usize);
            quotas.insert(kind, (nodes, quota.collect()));
        }
        while by_zone.iter().any(|kinds| !kinds.is_empty()) {
            for kind in by_zone.iter_mut().filter_map(Vec::pop) {
                let Some((nodes, quota)) = quotas.get_mut(&kind) else { continue };
                self.add_wave(kind, quota, *nodes);
                *nodes -= 1;
            }
        }
    }

    /// Adds a node, the first of `nodes` for which `quotas` are meant, with a fair share of the quotas, so that the last
    /// node is not left with pods that do not go together, and then with any pods that fill it. Returns false, and adds
    /// none, if it takes no pod.
    fn add_wave(&mut self, kind: usize, quotas: &mut [usize], nodes: usize) -> bool {
        self.state.add(kind);
        let mut taken = Vec::new();
        if nodes > 1 {
            // Where a share is a fraction of a pod, classes take turns.
            let turn = |class: usize| {
                (class as f64 * GOLDEN_RATIO + self.waves.nodes.len() as f64 * GOLDEN_RATIO * GOLDEN_RATIO)
                    .fract()
            };
            let fair = quotas.iter().enumerate();
            let fair =
                fair.map(|(class, quota)| (*quota as f64 / nodes as f64 + turn(class)).floor() as usize);
            let mut fair: Vec<usize> = fair.zip(&*quotas).map(|(fair, quota)| fair.min(*quota)).collect();
            let before = fair.clone();
            self.add_pods(kind, &mut fair, &mut taken);
            for ((quota, before), after) in quotas.iter_mut().zip(before).zip(fair) {
                *quota -= before - after;
            }
        }
        self.add_pods(kind, quotas, &mut taken);
        self.add_pods(kind, &mut self.left.clone(), &mut taken);
        if taken.is_empty() {
            self.state.remove_last();
            return false;
        }
        self.waves.nodes.push(kind);
        self.waves.pods.push(taken);
        true
    }

    /// Places pods on the last node, at most the quota of each class, until none fits.
    fn add_pods(&mut self, kind: usize, quotas: &mut [usize], taken: &mut Vec<usize>) {
        let node = self.state.nodes.len() - 1;
        let classes = self.problem.classes.iter().enumerate();
        let mut open: Vec<usize> =
            classes.filter(|(_, class)| class.eligible[kind]).map(|(class, _)| class).collect();
        loop {
            let (left, state) = (&self.left, &self.state);
            open.retain(|class| {
                quotas[*class] > 0 && left[*class] > 0 && state.fits(*class, &state.rule_state(*class), node)
            });
            let best = open.iter().map(|class| (weight(self.problem, state, *class, node), *class));
            let Some((_, class)) = best.max_by(|one, other| one.0.total_cmp(&other.0)) else { break };
            self.state.place(class, node);
            self.left[class] -= 1;
            quotas[class] -= 1;
            taken.push(class);
        }
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

/// The cheapest kind of the same profile that holds these pods.
fn cheapest(problem: &Problem, pods: &[usize], kind: usize) -> usize {
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
    (0..kind).filter(|kind| problem.kinds[*kind].profile == profile).find(holds).unwrap_or(kind)
}
