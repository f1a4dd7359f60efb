//! From a request to a cluster that is looked after.

use std::collections::BTreeSet;

use crate::{
    apply::{OnFailure, Progress, Stop, apply},
    desired::{Desired, desired, settled},
    facts::Facts,
    fault::Faults,
    plan::{Observed, Plan, diff, too_many},
    provider::{Error, ErrorKind, Provider},
    report::{Outcome, Report, StepReport},
    resource::Kind,
    spec::{Access, Spec},
};

/// How often a plan is made anew because somebody else has changed what it goes by. Two onboardings at once need
/// one more each.
pub(crate) const ROUNDS: u32 = 5;

/// Why there is no plan. Nothing has been written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The request cannot be fulfilled here.
    #[error("{0}")]
    Faults(#[from] Faults),
    /// It could not be looked at everything; all that went wrong.
    #[error("{}", in_words(.0))]
    Calls(Vec<Error>),
}

fn in_words(errors: &[Error]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl From<Vec<Error>> for PlanError {
    fn from(errors: Vec<Error>) -> Self {
        Self::Calls(errors)
    }
}

/// A plan, and what it goes by.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// What was looked up.
    pub facts: Facts,
    /// What is to be done.
    pub plan: Plan,
}

/// Looks at everything and says what would be done. Writes nothing.
pub async fn plan(spec: &Spec, provider: &impl Provider) -> Result<Planned, PlanError> {
    look(&spec.cluster, provider, spec.adopt, |facts, observed| desired(&settled(spec, observed), facts))
        .await
}

/// Facts, what is to be by them, and what there is. What is left open is settled by what there is: that changes how
/// something is to be, and not what is looked at. Again, if the function has changed in between: which clusters it
/// is to serve follows from the facts, and would be written over those that somebody else has just added.
pub(crate) async fn look(
    cluster: &str,
    provider: &impl Provider,
    adopt: bool,
    desired: impl Fn(&Facts, &Observed) -> Result<Desired, Faults>,
) -> Result<Planned, PlanError> {
    let mut round = 0;
    loop {
        round += 1;
        let facts = provider.facts(cluster).await?;
        let looked_at = desired(&facts, &Observed::new())?;
        let observed = provider.observe(&facts, &looked_at.all().collect::<Vec<_>>()).await?;
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

/// Follows `planned`, and plans anew where somebody else was faster.
pub async fn onboard(
    spec: &Spec,
    planned: Planned,
    provider: &impl Provider,
    stop: &Stop,
    progress: &mut (dyn FnMut(Progress<'_>) + Send),
) -> Result<Report, PlanError> {
    let mut on_their_way = planned.facts.on_their_way();
    let mut report = apply(&planned.plan, provider, OnFailure::Stop, stop, progress).await;
    for round in 1..ROUNDS {
        let overtaken = was_overtaken(&report);
        let goes_on = overtaken || lists_gone(spec, &report, &on_their_way, provider).await;
        if stop.is_said() || !goes_on {
            break;
        }
        if overtaken {
            provider.pause(round).await;
        }
        let spec = if report.access_key.is_some() { &rotated(spec) } else { spec };
        let wanted = |facts: &Facts, observed: &Observed| {
            desired(&settled(spec, observed), &facts.without_gone(&on_their_way))
        };
        // What was written, and a key that was made, is said whatever happens to this look.
        let Ok(again) = look(&spec.cluster, provider, spec.adopt, wanted).await else { break };
        on_their_way.extend(again.facts.on_their_way());
        let next = apply(&again.plan, provider, OnFailure::Stop, stop, progress).await;
        report = report.followed_by(next);
    }
    Ok(report)
}

/// Whether the function has been written, and lists a cluster now that has gone meanwhile: that one has looked for the
/// last time, perhaps, before it was written; and whoever is listed counts for everybody who comes or goes later.
async fn lists_gone(
    spec: &Spec,
    report: &Report,
    on_their_way: &BTreeSet<String>,
    provider: &impl Provider,
) -> bool {
    let is_written = |step: &StepReport| step.id.kind == Kind::Function && step.outcome == Outcome::Done;
    if on_their_way.is_empty() || !report.is_complete() || !report.steps.iter().any(is_written) {
        return false;
    }
    // This one is in: that it could not be looked again changes nothing about it.
    provider.facts(&spec.cluster).await.is_ok_and(|facts| facts.without_gone(on_their_way) != facts)
}

/// The same request, once its key has been made.
fn rotated(spec: &Spec) -> Spec {
    let access = match &spec.access {
        Access::User { .. } => Access::User { rotate_key: false },
        role @ Access::Role { .. } => role.clone(),
    };
    Spec { access, ..spec.clone() }
}

/// Whether nothing else is wrong than that it had changed meanwhile.
pub(crate) fn was_overtaken(report: &Report) -> bool {
    let mut failures = report.failures().peekable();
    failures.peek().is_some() && failures.all(|(_, error)| error.reason == ErrorKind::Changed)
}
