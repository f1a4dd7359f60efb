//! Takes a cluster out again: what is ours, in reverse order, and nothing else. It goes on after a failure with
//! what does not depend on it, and says what is left.

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
    let mut on_their_way = planned.facts.on_their_way();
    let mut report = apply(&planned.plan, provider, OnFailure::GoOn, stop, progress).await;
    for _ in 1..ROUNDS {
        let overtaken = was_overtaken(&report);
        if stop.is_said() || !(overtaken || (has_others && report.is_complete())) {
            break;
        }
        let desired = |facts: &Facts| Ok(without(cluster, &facts.without_gone(&on_their_way)));
        let again = match look(cluster, provider, false, desired).await {
            Ok(again) if overtaken || again.plan.writes().next().is_some() => again,
            Err(error) if overtaken => return Err(error),
            // This one is out: that the others could not be looked at changes nothing about it.
            Ok(_) | Err(_) => break,
        };
        has_others = again.facts.without_gone(&on_their_way).has_others();
        on_their_way.extend(again.facts.on_their_way());
        let next = apply(&again.plan, provider, OnFailure::GoOn, stop, progress).await;
        report = report.followed_by(next);
    }
    Ok(report)
}
