//! What we want: a third of the bar's worst run and, where possible, of its best; few calls.

use serde::Serialize;

use crate::{
    case::Case,
    round::{Round, Start},
};

/// One figure with its goal.
#[derive(Debug, Serialize)]
pub(crate) struct Goal {
    pub(crate) case: String,
    pub(crate) what: &'static str,
    pub(crate) ours: f64,
    /// Best and worst run of the rival; `None` for our own limit.
    pub(crate) bar: Option<(f64, f64)>,
    /// The most that keeps the goal.
    pub(crate) at_most: f64,
    pub(crate) kept: bool,
}

/// Of the warm round in which pods exit at once.
pub(crate) fn of(case: &Case, rounds: &[Round]) -> Vec<Goal> {
    let Some(warm) = rounds.iter().find(|round| round.start == Start::Warm && round.exit_seconds == 0) else {
        return Vec::new();
    };
    let times = [
        ("median cordon, s", warm.cordon_median, case.bar.cordon_median),
        ("last cordon, s", warm.cordon_last, case.bar.cordon_last),
        ("last eviction, s", warm.last_eviction, case.bar.last_eviction),
    ];
    let goal = |what, ours, bar, at_most| {
        let kept = ours <= at_most;
        Goal { case: case.name(), what, ours, bar, at_most, kept }
    };
    let mut goals: Vec<_> = times
        .into_iter()
        .filter_map(|(what, ours, bar)| bar.map(|bar| goal(what, ours, Some(bar), bar.1 / 3.0)))
        .collect();
    #[expect(clippy::cast_precision_loss, reason = "some thousand calls at most")]
    let (calls, allowed) = (warm.all_calls() as f64 / case.nodes as f64, case.calls_allowed() as f64);
    goals.push(goal("calls a node", calls, None, allowed));
    goals
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::case::CASES;

    fn warm(last_eviction: f64, calls: usize) -> Round {
        Round {
            start: Start::Warm,
            exit_seconds: 0,
            cordon_median: 0.2,
            cordon_last: 0.2,
            last_eviction,
            gone: 1.0,
            calls: BTreeMap::from([("create pods/eviction".to_owned(), calls)]),
            handshakes: 1,
            processes: 1,
            cpu_seconds: 0.1,
            peak_memory_kib: 1,
        }
    }

    fn missed(round: Round) -> Vec<&'static str> {
        of(&CASES[0], &[round]).iter().filter(|goal| !goal.kept).map(|goal| goal.what).collect()
    }

    #[test]
    fn a_third_of_the_bar_and_eight_calls_beside_the_pods_are_kept_and_more_is_not() {
        assert!(missed(warm(0.69, 38)).is_empty());
        assert_eq!(missed(warm(0.71, 39)), ["last eviction, s", "calls a node"]);
    }
}
