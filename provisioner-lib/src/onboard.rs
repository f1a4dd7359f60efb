//! From a request to a cluster that is looked after.

use crate::{
    apply::{OnFailure, Progress, Stop, apply},
    desired::{Desired, desired},
    facts::Facts,
    fault::Faults,
    plan::{Plan, diff},
    provider::{Error, ErrorKind, Provider},
    report::Report,
    resource::Kind,
    spec::Spec,
};

/// How often a plan is made anew because somebody else has changed what it goes by. Two onboardings at once need
/// one more each.
const ROUNDS: u32 = 5;

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
    look(&spec.cluster, provider, spec.adopt, |facts| desired(spec, facts)).await
}

/// Facts, what is to be by them, and what there is. Again, if the function has changed in between: which clusters it
/// is to serve follows from the facts, and would be written over those that somebody else has just added.
pub(crate) async fn look(
    cluster: &str,
    provider: &impl Provider,
    adopt: bool,
    desired: impl Fn(&Facts) -> Result<Desired, Faults>,
) -> Result<Planned, PlanError> {
    let mut round = 0;
    loop {
        round += 1;
        let facts = provider.facts(cluster).await?;
        let desired = desired(&facts)?;
        let observed = provider.observe(&facts, &desired.all().collect::<Vec<_>>()).await?;
        let function = observed.iter().find(|(id, _)| id.kind == Kind::Function);
        let seen = function.map(|(_, found)| found.revision.as_ref());
        let known = facts.function.as_ref().map(|function| function.revision.as_ref());
        if seen == known || round == ROUNDS {
            return Ok(Planned { plan: diff(&desired, &observed, adopt), facts });
        }
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
    let mut report = apply(&planned.plan, provider, OnFailure::Stop, stop, progress).await;
    for _ in 1..ROUNDS {
        if stop.is_said() || !was_overtaken(&report) {
            break;
        }
        let again = plan(spec, provider).await?;
        let next = apply(&again.plan, provider, OnFailure::Stop, stop, progress).await;
        report = report.followed_by(next);
    }
    Ok(report)
}

/// Whether nothing else is wrong than that it had changed meanwhile.
pub(crate) fn was_overtaken(report: &Report) -> bool {
    let mut failures = report.failures().peekable();
    failures.peek().is_some() && failures.all(|(_, error)| error.reason == ErrorKind::Changed)
}
