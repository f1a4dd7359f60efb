//! The search: a mix of kinds by linear programme, grown until it stands, then trimmed. Several sizes of nodes are
//! tried: big ones are cheaper for what they hold and leave less in pieces, small ones end nearer to the sum.

use super::{
    Arrival, exact,
    mix::{Mix, mix},
    settle::{self, Effort, Stuck, Task},
    trial::{self, Counts},
    types::{CPU, Problem},
    waves::{self, Waves},
};

/// Pods placed by the played scheduler, at most, unless even the first nodes need more.
const EFFORT: u64 = 250_000;

pub(super) struct Found {
    pub(super) nodes: Vec<usize>,
    /// Pods of each class that have a place.
    pub(super) counts: Counts,
    /// Where they are put, if that is part of it.
    pub(super) waves: Option<Vec<Vec<usize>>>,
    pub(super) effort: u64,
}

pub(super) fn search(problem: &Problem, arrival: Arrival) -> Found {
    let mut counts: Counts = problem.classes.iter().map(|class| class.members.len()).collect();
    let mut effort = Effort::new(EFFORT);
    match arrival {
        Arrival::AnyOrder => {
            let nodes = in_any_order(problem, &mut counts, &mut effort);
            Found { nodes, counts, waves: None, effort: effort.spent }
        }
        Arrival::InWaves => match in_waves(problem, &mut counts, &mut effort) {
            Some(Waves { nodes, pods }) => Found { nodes, counts, waves: Some(pods), effort: effort.spent },
            // What stands all at once stands in waves, too.
            None => search(problem, Arrival::AnyOrder),
        },
    }
}

fn in_any_order(problem: &Problem, counts: &mut Counts, effort: &mut Effort) -> Vec<usize> {
    let courses = &trial::ANY_ORDER;
    let mut best: Option<Vec<usize>> = None;
    // Big nodes leave less in pieces; small ones are seldom worth the time.
    for start in starts(problem, counts).into_iter().take(3) {
        // A pod that no node helps is none that another start could place.
        let nodes = loop {
            let task = Task { problem, counts, courses };
            let mut nodes = start.nodes.clone();
            match settle::grow(&task, &start.preferred, &mut nodes, effort) {
                Ok(()) => break nodes,
                Err(Stuck(class)) => counts[class] -= 1,
            }
        };
        let cost = |nodes: &[usize]| settle::cost(problem, nodes);
        if best.as_ref().is_none_or(|best| cost(&nodes) < cost(best)) {
            best = Some(nodes);
        }
        if !effort.more() {
            break;
        }
    }
    let mut nodes = best.unwrap_or_default();
    let task = Task { problem, counts, courses };
    settle::trim(&task, &mut nodes, effort);
    if counts.iter().sum::<usize>() > exact::FEW {
        return nodes;
    }
    let stands = |kinds: &[usize]| settle::stands(&task, kinds, effort).then(|| kinds.to_vec());
    exact::cheapest(&task, &nodes, stands).unwrap_or(nodes)
}

fn in_waves(problem: &Problem, counts: &mut Counts, effort: &mut Effort) -> Option<Waves> {
    let mut found = Vec::new();
    for start in starts(problem, counts) {
        let waves = loop {
            match waves::fill(problem, counts, &start.mix, &start.allowed, effort) {
                Ok(waves) => break waves,
                Err(class) => counts[class] -= 1,
            }
        };
        found.push(waves);
    }
    let settled: Vec<_> =
        found.into_iter().filter_map(|waves| waves::settle(problem, waves, effort)).collect();
    let settled = settled.into_iter();
    let best = settled.min_by_key(|waves| settle::cost(problem, &waves.nodes))?;
    if counts.iter().sum::<usize>() > exact::FEW {
        return Some(best);
    }
    let task = Task { problem, counts, courses: &[] };
    let cheaper = exact::cheapest(&task, &best.nodes, |kinds| {
        let waves = waves::settle(problem, exact::assign(&task, kinds, effort)?, effort)?;
        (waves.nodes == kinds).then_some(waves)
    });
    Some(cheaper.unwrap_or(best))
}

struct Start {
    mix: Mix,
    allowed: Vec<bool>,
    /// Its whole nodes.
    nodes: Vec<usize>,
    /// Kinds to grow by.
    preferred: Vec<bool>,
}

/// One start for each greatest size of nodes, the biggest first, without those that come to the same.
fn starts(problem: &Problem, counts: &[usize]) -> Vec<Start> {
    let mut starts: Vec<Start> = Vec::new();
    let most = problem.kinds.iter().map(|kind| kind.room[CPU]).max().unwrap_or(0);
    for halved in 0..6 {
        let allowed: Vec<bool> = problem.kinds.iter().map(|kind| kind.room[CPU] <= most >> halved).collect();
        let Some(mix) = mix(problem, counts, &allowed) else { break };
        let nodes = mix.nodes.iter().enumerate();
        let nodes: Vec<usize> =
            nodes.flat_map(|(kind, nodes)| std::iter::repeat_n(kind, nodes.floor() as usize)).collect();
        let preferred: Vec<bool> = mix.nodes.iter().map(|nodes| *nodes > 0.01).collect();
        if starts.iter().all(|start| start.nodes != nodes || start.preferred != preferred) {
            starts.push(Start { mix, allowed, nodes, preferred });
        }
    }
    if starts.is_empty() {
        let mix =
            Mix { nodes: vec![0.0; problem.kinds.len()], shares: vec![Vec::new(); problem.classes.len()] };
        let all = vec![true; problem.kinds.len()];
        starts.push(Start { mix, allowed: all.clone(), nodes: Vec::new(), preferred: all });
    }
    starts
}
