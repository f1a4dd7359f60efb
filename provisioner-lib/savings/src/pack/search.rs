//! The search: a mix of kinds by linear programme, filled wave by wave and repaired. Several sizes of nodes are tried:
//! big ones leave less room in pieces, small ones exceed the sum of the requests by less.

use std::collections::BTreeSet;

use super::{
    exact,
    local_search::repaired,
    mix::{Mix, mix},
    objective::cost,
    types::{CPU, Problem},
    waves::{Unplaceable, Waves, fill},
};

/// The cheapest waves that were found, and how many pods were placed in the search. Without waves if none could be
/// repaired.
pub(super) fn search(problem: &Problem) -> (Waves, u64) {
    let mut counts: Vec<usize> = problem.classes.iter().map(|class| class.members.len()).collect();
    let mut work = 0;
    let mut found = Vec::new();
    for (mix, allowed) in starts(problem, &counts) {
        let waves = loop {
            match fill(problem, &counts, &mix, &allowed, &mut work) {
                Ok(waves) => break waves,
                Err(Unplaceable(class)) => counts[class] -= 1,
            }
        };
        found.extend(repaired(problem, waves, &mut work));
    }
    let best = found.into_iter().min_by_key(|waves| cost(problem, &waves.nodes)).unwrap_or_default();
    if counts.iter().sum::<usize>() > exact::FEW {
        return (best, work);
    }
    let cheaper = exact::cheapest(problem, &counts, &best.nodes, &mut work);
    (cheaper.unwrap_or(best), work)
}

/// One mix for each greatest size of nodes, the biggest first, without those that come to the same, and the kinds
/// that it may use.
fn starts(problem: &Problem, counts: &[usize]) -> Vec<(Mix, Vec<bool>)> {
    let mut starts = Vec::new();
    let mut seen = BTreeSet::new();
    let most = problem.kinds.iter().map(|kind| kind.room[CPU]).max().unwrap_or(0);
    for halved in 0..6 {
        let allowed: Vec<bool> = problem.kinds.iter().map(|kind| kind.room[CPU] <= most >> halved).collect();
        let Some(mix) = mix(problem, counts, &allowed) else { break };
        let rounded = mix.nodes.iter().map(|nodes| (nodes.floor() as usize, *nodes > 0.01));
        if seen.insert(rounded.collect::<Vec<_>>()) {
            starts.push((mix, allowed));
        }
    }
    if starts.is_empty() {
        starts.push((Mix::default(), vec![true; problem.kinds.len()]));
    }
    starts
}
