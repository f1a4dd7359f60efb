//! Takes a cluster out again: what is ours, in reverse order, and nothing else. It goes on after a failure with
//! what does not depend on it, and says what is left.

use crate::{
    apply::{OnFailure, Progress, Stop, apply},
    desired::without,
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

/// Follows `planned`, and plans anew where somebody else was faster.
pub async fn offboard(
    cluster: &str,
    planned: Planned,
    provider: &impl Provider,
    stop: &Stop,
    progress: &mut (dyn FnMut(Progress<'_>) + Send),
) -> Result<Report, PlanError> {
    let mut report = apply(&planned.plan, provider, OnFailure::GoOn, stop, progress).await;
    for _ in 1..ROUNDS {
        if stop.is_said() || !was_overtaken(&report) {
            break;
        }
        let again = plan(cluster, provider).await?;
        let next = apply(&again.plan, provider, OnFailure::GoOn, stop, progress).await;
        report = report.followed_by(next);
    }
    Ok(report)
}
