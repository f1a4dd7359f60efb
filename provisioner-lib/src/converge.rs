//! From a desired state to a plan, and from a plan to a report: planned again while others change the same resources.

use std::{fmt, mem};

use crate::{
    apply::{CancelToken, OnFailure, Progress, apply},
    desired::Desired,
    facts::Facts,
    fault::{Faults, joined},
    names::LAMBDA_ROLE,
    plan::{Observed, Plan, diff, too_many},
    provider::{Error, Provider},
    report::Report,
    resource::{Id, Kind},
};

/// Plans that a run makes at most; each concurrent run costs one.
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
        let mut facts = provider.facts(cluster).await?;
        let named = desired(&facts, &Observed::new())?;
        let observed = provider.observe(&facts, &named.all().collect::<Vec<_>>()).await?;
        // What was read together is compared with each other.
        let role = observed.get(&Id::new(Kind::Role, LAMBDA_ROLE));
        facts.earlier.role_tags = role.and_then(|role| role.resource.tags().cloned()).unwrap_or_default();
        let desired = desired(&facts, &observed)?;
        let function = observed.iter().find(|(id, _)| id.kind == Kind::Function);
        let seen = function.map(|(_, found)| found.revision.as_ref());
        let known = facts.function.as_ref().map(|function| function.revision.as_ref());
        if seen == known || round == ROUNDS {
            let plan = diff(&desired, &observed, adopt);
            too_many(&plan, &observed).or(())?;
            return Ok(Planned { facts, plan });
        }
        provider.pause(round).await;
    }
}

/// A plan that is applied, and the plans that follow it when resources have changed meanwhile.
pub(crate) struct Run<'a, P> {
    provider: &'a P,
    on_failure: OnFailure,
    cancel: &'a CancelToken,
    progress: &'a mut (dyn FnMut(Progress<'_>) + Send),
    round: u32,
    /// The report on all plans so far.
    pub(crate) report: Report,
}

impl<'a, P: Provider> Run<'a, P> {
    /// Applies the first plan.
    pub(crate) async fn start(
        plan: &Plan,
        on_failure: OnFailure,
        provider: &'a P,
        cancel: &'a CancelToken,
        progress: &'a mut (dyn FnMut(Progress<'_>) + Send),
    ) -> Self {
        let report = apply(plan, provider, on_failure, cancel, progress).await;
        Self { provider, on_failure, cancel, progress, round: 0, report }
    }

    /// Notes that the state after the run is not known.
    pub(crate) fn lost_sight(&mut self, error: &impl fmt::Display) {
        let words =
            "the look after the last step failed, so what other runs have changed meanwhile is not known";
        self.report.run_warnings.push(format!("{words}: {error}"));
    }

    /// Begins another round, if one is left and the run is not cancelled. Waits first if a concurrent run was faster.
    pub(crate) async fn next_round(&mut self) -> bool {
        self.round += 1;
        let continues = self.round < ROUNDS && !self.cancel.is_cancelled();
        if continues && self.report.was_overtaken() {
            self.provider.pause(self.round).await;
        }
        continues
    }

    /// Applies another plan.
    pub(crate) async fn follow(&mut self, plan: &Plan) {
        let next = apply(plan, self.provider, self.on_failure, self.cancel, self.progress).await;
        self.report = mem::take(&mut self.report).followed_by(next);
    }
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
