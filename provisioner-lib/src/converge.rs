//! From a desired state to a plan, and from a plan to a report: planned again while others change the same resources.

use std::future::Future;

use crate::{
    apply::{CancelToken, OnFailure, Progress, apply},
    desired::Desired,
    facts::Facts,
    fault::Faults,
    plan::{Observed, Plan, diff, too_many},
    provider::{Error, Provider},
    report::Report,
    resource::Kind,
};

/// Plans that are made before a run ends as it is. Each concurrent run costs the others one.
const ROUNDS: u32 = 5;

/// Why there is no plan. Nothing has been written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The request cannot be fulfilled here.
    #[error("{0}")]
    Faults(#[from] Faults),
    /// Calls that failed while the current state was read.
    #[error("{}", joined(.0))]
    Calls(Vec<Error>),
}

fn joined(errors: &[Error]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl From<Vec<Error>> for PlanError {
    fn from(errors: Vec<Error>) -> Self {
        Self::Calls(errors)
    }
}

/// A plan, and the facts that it follows from.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// What was looked up.
    pub facts: Facts,
    /// The steps from the current state to the desired one.
    pub plan: Plan,
}

/// Reads facts and resources, and compares them with `desired`. `desired` may fill in open choices from what was
/// observed, but names the same resources either way. Reads again if the function has changed in between: its list of
/// clusters follows from the facts, and an outdated one would overwrite what another run has just added.
pub(crate) async fn build_plan(
    cluster: &str,
    provider: &impl Provider,
    adopt: bool,
    desired: impl Fn(&Facts, &Observed) -> Result<Desired, Faults>,
) -> Result<Planned, PlanError> {
    let mut round = 0;
    loop {
        round += 1;
        let facts = provider.facts(cluster).await?;
        let named = desired(&facts, &Observed::new())?;
        let observed = provider.observe(&facts, &named.all().collect::<Vec<_>>()).await?;
        let desired = desired(&facts, &observed)?;
        let function = observed.iter().find(|(id, _)| id.kind == Kind::Function);
        let seen = function.map(|(_, found)| found.revision.as_ref());
        let known = facts.function.as_ref().map(|function| function.revision.as_ref());
        if seen == known || round == ROUNDS {
            let plan = diff(&desired, &observed, adopt);
            let faults = too_many(&plan, &observed);
            return if faults.is_empty() { Ok(Planned { facts, plan }) } else { Err(Faults(faults).into()) };
        }
        provider.pause(round).await;
    }
}

/// A desired state that is planned again after each run.
pub(crate) trait Goal: Send {
    /// How a run proceeds after a failed step.
    const ON_FAILURE: OnFailure;

    /// The plan that the report so far calls for. None ends the run.
    fn next(&mut self, report: &Report) -> impl Future<Output = Result<Option<Plan>, PlanError>> + Send;
}

/// Applies `plan`, and then each plan that `goal` calls for.
pub(crate) async fn converge<G: Goal>(
    plan: &Plan,
    mut goal: G,
    provider: &impl Provider,
    cancel: &CancelToken,
    progress: &mut (dyn FnMut(Progress<'_>) + Send),
) -> Result<Report, PlanError> {
    let mut report = apply(plan, provider, G::ON_FAILURE, cancel, progress).await;
    for round in 1..ROUNDS {
        if cancel.is_cancelled() {
            break;
        }
        if report.was_overtaken() {
            provider.pause(round).await;
        }
        let Some(plan) = goal.next(&report).await? else { break };
        report = report.followed_by(apply(&plan, provider, G::ON_FAILURE, cancel, progress).await);
    }
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        connect::{self, connect, disconnect},
        offboard::{Removal, offboard},
        onboard::onboard,
        provider::{Aws, Direct},
        spec::Spec,
    };

    fn is_send(_: impl Send) {}

    /// Servers run these on a runtime of several threads. Compiling it is the test.
    #[expect(dead_code, reason = "its types are what counts")]
    fn every_run_can_be_spawned(
        (spec, removal, agent): (&Spec, &Removal, &connect::Spec),
        (planned, deletion): (Planned, connect::RemovalPlan),
        (aws, direct): (&Aws, &Direct),
        cancel: &CancelToken,
    ) {
        is_send(onboard(spec, planned.clone(), aws, cancel, &mut |_| {}));
        is_send(offboard(removal, planned.clone(), aws, cancel, &mut |_| {}));
        is_send(connect(agent, planned, direct, cancel, &mut |_| {}));
        is_send(disconnect("prod", deletion, direct, cancel, &mut |_| {}));
    }
}
