//! The goals of the warm function: close to the bare cordons and evictions, nothing throttled, few calls.

use serde::Serialize;

use crate::{
    bare::Bare,
    case::Case,
    round::{Round, Start},
};

/// Limit of the last cordon, as a multiple of the bare cordons.
const CORDONS: f64 = 3.0;
/// Limit of the last eviction, as a multiple of the bare cordons and evictions together.
const EVICTIONS: f64 = 1.5;

/// All rounds of a case.
#[derive(Debug, Serialize)]
pub(crate) struct Played {
    pub(crate) rounds: Vec<Round>,
    pub(crate) bare: Vec<Bare>,
}

/// One figure with its goal.
#[derive(Debug, Serialize)]
pub(crate) struct Goal {
    pub(crate) case: String,
    pub(crate) what: &'static str,
    pub(crate) ours: f64,
    /// The figure of the bare client.
    pub(crate) bare: Option<f64>,
    /// The limit.
    pub(crate) at_most: f64,
    pub(crate) kept: bool,
}

/// The goals over the warm rounds. Times have a goal only with several nodes: with one, the calls to EC2 before the
/// single cordon weigh too much.
pub(crate) fn of(case: &Case, played: &Played) -> Vec<Goal> {
    let warm: Vec<_> = played.rounds.iter().filter(|round| round.start == Start::Warm).collect();
    if warm.is_empty() || played.bare.is_empty() {
        return Vec::new();
    }
    let goal = |what, ours, bare, at_most| Goal {
        case: case.name(),
        what,
        ours,
        bare,
        at_most,
        kept: ours <= at_most,
    };
    let of_warm = |value: fn(&Round) -> f64| median(warm.iter().map(|round| value(round)));
    let cordons = median(played.bare.iter().map(|bare| bare.cordons));
    let both = median(played.bare.iter().map(|bare| bare.cordons + bare.evictions));
    let mut goals = Vec::new();
    if case.nodes > 1 {
        goals.push(goal(
            "last cordon, s",
            of_warm(|round| round.cordon_last),
            Some(cordons),
            CORDONS * cordons,
        ));
        goals.push(goal(
            "last eviction, s",
            of_warm(|round| round.last_eviction),
            Some(both),
            EVICTIONS * both,
        ));
    }
    let throttled = warm.iter().map(|round| round.throttled).max().unwrap_or_default();
    goals.push(goal("answered 429, at most", throttled as f64, None, 0.0));
    let calls = of_warm(|round| round.all_calls() as f64) / case.nodes as f64;
    goals.push(goal("calls a node", calls, None, case.calls_allowed() as f64));
    goals
}

/// The middle one of an odd number of values.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::case::CASES;

    fn warm(cordon_last: f64, last_eviction: f64, throttled: usize) -> Round {
        Round {
            start: Start::Warm,
            located: 0.05,
            cordon_median: 0.1,
            cordon_last,
            last_eviction,
            gone: 1.0,
            calls: BTreeMap::from([("create pods/eviction".to_owned(), 380)]),
            throttled,
            handshakes: 1,
            processes: 1,
            cpu_seconds: 0.1,
            peak_memory_kib: 1,
        }
    }

    fn missed(rounds: Vec<Round>) -> Vec<&'static str> {
        let bare = vec![Bare { cordons: 0.1, evictions: 0.9 }];
        let goals = of(&CASES[2], &Played { rounds, bare });
        goals.iter().filter(|goal| !goal.kept).map(|goal| goal.what).collect()
    }

    #[test]
    fn a_goal_is_kept_up_to_its_multiple_of_the_bare_calls() {
        assert!(missed(vec![warm(0.29, 1.49, 0)]).is_empty());
        assert_eq!(missed(vec![warm(0.31, 1.51, 0)]), ["last cordon, s", "last eviction, s"]);
    }

    #[test]
    fn times_count_by_median_and_throttling_by_the_worst_round() {
        let rounds = vec![warm(0.2, 1.0, 0), warm(9.0, 9.0, 1), warm(0.2, 1.0, 0)];
        assert_eq!(missed(rounds), ["answered 429, at most"]);
    }
}
