//! A comparison in which workloads stay On-Demand whose pods a rehearsed interruption of the Spot nodes kills.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Comparison, Inputs, Usable, compare_without};
use crate::{choices::Choices, prices::PriceList, report::Risk, snapshot::Snapshot, verdict::Reason};

/// Rehearsals after which no further workload is moved back: other nodes may kill other pods.
const MOST_REHEARSALS: usize = 5;

/// Compares, rehearses, and compares again without Spot for the workloads that lost pods, unless [`Choices`] accept the
/// risk. Workloads that run on Spot today stay there: they are at the same risk already. `rehearse` returns the outcome
/// by the place of each workload in [`Comparison::judged`].
pub fn compare_rehearsed(
    snapshot: &Snapshot,
    prices: Option<&PriceList>,
    choices: &Choices,
    now: Timestamp,
    mut rehearse: impl FnMut(&Comparison) -> BTreeMap<usize, Risk>,
) -> Comparison {
    let prices = Usable::of(snapshot, prices, choices);
    let inputs = Inputs::of(snapshot, &prices.list, choices);
    let mut killed: BTreeMap<usize, Reason> = BTreeMap::new();
    let mut rehearsals = 0;
    loop {
        let mut comparison = compare_without(&inputs, &prices, now, &killed);
        let risks = rehearse(&comparison);
        rehearsals += 1;
        let before = killed.len();
        for (place, risk) in risks.iter().filter(|(_, risk)| risk.killed > 0 && !choices.accept_risk) {
            let judged = &comparison.judged[*place];
            if judged.may_leave_spot() && !judged.is_on_spot_today {
                let text = format!(
                    "{} of {} pods killed when its Spot nodes were interrupted in a rehearsal",
                    risk.killed, risk.pods
                );
                killed.insert(*place, Reason::new("rehearsal", text));
            }
        }
        if killed.len() == before || rehearsals == MOST_REHEARSALS {
            comparison.set_risks(risks);
            inputs.add_usage(&mut comparison);
            return comparison;
        }
    }
}
