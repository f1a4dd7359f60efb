//! Packing node by node. A wave is one new node and the pods that move when it is up: all of them fit on it, so it
//! does not matter in which order they come, nor whether one goes to what an earlier node has left.

use std::collections::BTreeMap;

use super::{
    mix::{self, Mix},
    objective,
    state::State,
    types::Problem,
};

/// Spreads evenly whatever it is taken multiples of.
const GOLDEN: f64 = 0.618_033_988_75;
/// How often a mix is sought for what is left.
const ROUNDS: usize = 4;

/// Nodes in the order in which they come, with the pods of each wave by class.
#[derive(Clone, Default)]
pub(super) struct Waves {
    pub(super) nodes: Vec<usize>,
    pub(super) pods: Vec<Vec<usize>>,
}

/// Fills the whole nodes of a mix one after the other, each by the pods that the mix has for its kind, then adds
/// nodes until every pod has one. `Err` is a class that no further node helps.
pub(super) fn fill(
    problem: &Problem,
    counts: &[usize],
    mix: &Mix,
    allowed: &[bool],
    work: &mut u64,
) -> Result<Waves, usize> {
    *work += counts.iter().sum::<usize>() as u64;
    let left = counts.to_vec();
    let mut filling = Filling { problem, state: State::new(problem, &[]), left, waves: Waves::default() };
    filling.whole_nodes(mix);
    // What nodes could not be filled to the brim with needs another mix.
    for _ in 0..ROUNDS {
        let Some(mix) = mix::mix(problem, &filling.left, allowed) else { break };
        if mix.nodes.iter().all(|nodes| *nodes < 1.0) {
            break;
        }
        filling.whole_nodes(&mix);
    }
    while let Some(first) = filling.left.iter().position(|count| *count > 0) {
        let kind = objective::best_kind(problem, &mut filling.state, &filling.left).ok_or(first)?;
        if !filling.wave(kind, &mut counts.to_vec(), 1) {
            return Err(first);
        }
    }
    let waves = filling.waves;
    let cheapest = waves.pods.iter().zip(&waves.nodes).map(|(pods, kind)| cheapest(problem, pods, *kind));
    // Within a profile no other pod has a say in it.
    Ok(Waves { nodes: cheapest.collect(), pods: waves.pods })
}

struct Filling<'p> {
    problem: &'p Problem,
    state: State<'p>,
    left: Vec<usize>,
    waves: Waves,
}

impl Filling<'_> {
    /// The dearest first, what they are bought for is not to go elsewhere; zones in turns, so that what is spread
    /// over them can be.
    fn whole_nodes(&mut self, mix: &Mix) {
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
                self.wave(kind, quota, *nodes);
                *nodes -= 1;
            }
        }
    }

    /// One more node, the first of `nodes` that `quotas` are for: a fair share of them, so that the last of them is
    /// not left with pods that do not go together; then what fills it. Whether it took any; if not it is not there.
    fn wave(&mut self, kind: usize, quotas: &mut [usize], nodes: usize) -> bool {
        self.state.add(kind);
        let mut taken = Vec::new();
        if nodes > 1 {
            // Where a share is no whole pod, classes take turns.
            let turn = |class: usize| {
                (class as f64 * GOLDEN + self.waves.nodes.len() as f64 * GOLDEN * GOLDEN).fract()
            };
            let fair = quotas.iter().enumerate();
            let fair =
                fair.map(|(class, quota)| (*quota as f64 / nodes as f64 + turn(class)).floor() as usize);
            let mut fair: Vec<usize> = fair.zip(&*quotas).map(|(fair, quota)| fair.min(*quota)).collect();
            let before = fair.clone();
            self.take(kind, &mut fair, &mut taken);
            for ((quota, before), after) in quotas.iter_mut().zip(before).zip(fair) {
                *quota -= before - after;
            }
        }
        self.take(kind, quotas, &mut taken);
        self.take(kind, &mut self.left.clone(), &mut taken);
        if taken.is_empty() {
            self.state.remove_last();
            return false;
        }
        self.waves.nodes.push(kind);
        self.waves.pods.push(taken);
        true
    }

    fn take(&mut self, kind: usize, quotas: &mut [usize], taken: &mut Vec<usize>) {
        let node = self.state.nodes.len() - 1;
        let classes = self.problem.classes.iter().enumerate();
        let mut open: Vec<usize> =
            classes.filter(|(_, class)| class.eligible[kind]).map(|(class, _)| class).collect();
        loop {
            let (left, state) = (&self.left, &self.state);
            open.retain(|class| {
                quotas[*class] > 0 && left[*class] > 0 && state.fits(*class, &state.gate(*class), node)
            });
            let best = open.iter().map(|class| (use_of(self.problem, state, *class, node), *class));
            let Some((_, class)) = best.max_by(|one, other| one.0.total_cmp(&other.0)) else { break };
            self.state.place(class, node);
            self.left[class] -= 1;
            quotas[class] -= 1;
            taken.push(class);
        }
    }
}

/// How much of what is left a pod takes, the more the more there is left of it: big ones first, and what runs out
/// is spared.
fn use_of(problem: &Problem, state: &State<'_>, class: usize, node: usize) -> f64 {
    let room = &problem.kinds[state.nodes[node]].room;
    let free = state.free(node);
    let sparse = problem.classes[class].sparse.iter();
    let parts = sparse.map(|(dimension, asked)| {
        let room = room[*dimension] as f64;
        (*asked as f64 / room) * (free[*dimension] as f64 / room)
    });
    parts.sum()
}

/// The cheapest kind of the same profile that holds these pods.
fn cheapest(problem: &Problem, pods: &[usize], kind: usize) -> usize {
    let mut asked = vec![0_u64; problem.dimensions];
    for class in pods {
        for (dimension, amount) in &problem.classes[*class].sparse {
            asked[*dimension] = asked[*dimension].saturating_add(*amount);
        }
    }
    let holds =
        |kind: &usize| asked.iter().zip(&problem.kinds[*kind].room).all(|(asked, room)| asked <= room);
    let profile = problem.kinds[kind].profile;
    (0..kind).filter(|kind| problem.kinds[*kind].profile == profile).find(holds).unwrap_or(kind)
}
