//! Takes a cluster out again: what is ours, in reverse order, and nothing else. It goes on after a failure with
//! what does not depend on it, and says what is left.

use std::collections::BTreeSet;

use crate::{
    apply::{OnFailure, Progress, Stop, apply},
    desired::without,
    facts::Facts,
    onboard::{PlanError, Planned, look, was_overtaken},
    provider::Provider,
    report::Report,
};

/// How often a plan is made anew because somebody else has changed what it goes by.
const ROUNDS: u32 = 5;

/// Looks at everything that onboarding `cluster` could have made and says what would go. Writes nothing. The
/// cluster itself need not be there any more.
pub async fn plan(cluster: &str, provider: &impl Provider) -> Result<Planned, PlanError> {
    look(cluster, provider, false, |facts| Ok(without(cluster, facts))).await
}

/// Follows `planned`, and plans anew where somebody else was faster. Clusters that go at the same time take each other
/// for ones that stay, and none of them would take what they share: where there were others, it looks once more at the
/// end, and whoever looks last takes it.
pub async fn offboard(
    cluster: &str,
    planned: Planned,
    provider: &impl Provider,
    stop: &Stop,
    progress: &mut (dyn FnMut(Progress<'_>) + Send),
) -> Result<Report, PlanError> {
    let mut has_others = planned.facts.has_others();
    let mut known = planned.facts.register;
    let mut report = apply(&planned.plan, provider, OnFailure::GoOn, stop, progress).await;
    for _ in 1..ROUNDS {
        let overtaken = was_overtaken(&report);
        if stop.is_said() || !(overtaken || (has_others && report.is_complete())) {
            break;
        }
        let again =
            look(cluster, provider, false, |facts| Ok(without(cluster, &without_gone(facts, &known)))).await;
        let again = match again {
            Ok(again) if overtaken || again.plan.writes().next().is_some() => again,
            Err(error) if overtaken => return Err(error),
            // This one is out: that the others could not be looked at changes nothing about it.
            Ok(_) | Err(_) => break,
        };
        has_others = without_gone(&again.facts, &known).has_others();
        known.extend(again.facts.register);
        let next = apply(&again.plan, provider, OnFailure::GoOn, stop, progress).await;
        report = report.followed_by(next);
    }
    Ok(report)
}

/// A cluster that was registered and is so no more has gone, even where the function still lists it: whoever went by an
/// older look has written it there. One that is listed and was never seen in the register counts: its entry may have
/// been lost, and the function serves it.
fn without_gone(facts: &Facts, known: &BTreeSet<(String, String)>) -> Facts {
    let mut facts = facts.clone();
    let (region, register) = (&facts.region, &facts.register);
    let has_gone = |name: &String| {
        let own = (region.clone(), name.clone());
        known.contains(&own) && !register.contains(&own)
    };
    if let Some(function) = &mut facts.function {
        function.clusters.retain(|name| !has_gone(name));
    }
    facts
}
