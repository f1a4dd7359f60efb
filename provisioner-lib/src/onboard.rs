//! From a request to a cluster whose Spot interruptions are handled.

use std::collections::BTreeSet;

use crate::{
    apply::{CancelToken, OnFailure, Progress},
    converge::{Goal, build_plan, converge},
    desired::{desired, with_current_choices},
    facts::Facts,
    plan::{Observed, Plan},
    provider::Provider,
    report::{Outcome, Report, StepReport},
    resource::Kind,
    spec::{Access, Spec},
};

pub use crate::converge::{PlanError, Planned};

/// Plans the onboarding of a cluster. Writes nothing.
pub async fn plan(spec: &Spec, provider: &impl Provider) -> Result<Planned, PlanError> {
    let desired = |facts: &Facts, observed: &Observed| desired(&with_current_choices(spec, observed), facts);
    build_plan(&spec.cluster, provider, spec.adopt, desired).await
}

/// Applies `planned`, and plans again where a concurrent run has changed a resource first.
pub async fn onboard(
    spec: &Spec,
    planned: Planned,
    provider: &impl Provider,
    cancel: &CancelToken,
    progress: &mut (dyn FnMut(Progress<'_>) + Send),
) -> Result<Report, PlanError> {
    let goal = Onboarded { spec, provider, in_transition: planned.facts.in_transition() };
    converge(&planned.plan, goal, provider, cancel, progress).await
}

struct Onboarded<'a, P> {
    spec: &'a Spec,
    provider: &'a P,
    /// Clusters that concurrent runs onboard or offboard.
    in_transition: BTreeSet<String>,
}

impl<P: Provider> Goal for Onboarded<'_, P> {
    const ON_FAILURE: OnFailure = OnFailure::Stop;

    async fn next(&mut self, report: &Report) -> Result<Option<Plan>, PlanError> {
        if !report.was_overtaken() && !self.serves_departed_cluster(report).await {
            return Ok(None);
        }
        let spec = if report.access_key.is_some() { &rotated(self.spec) } else { self.spec };
        let desired = |facts: &Facts, observed: &Observed| {
            desired(&with_current_choices(spec, observed), &facts.without_departed(&self.in_transition))
        };
        // What was written, and a key that was made, is reported even if this fails.
        let Ok(again) = build_plan(&spec.cluster, self.provider, spec.adopt, desired).await else {
            return Ok(None);
        };
        self.in_transition.extend(again.facts.in_transition());
        Ok(Some(again.plan))
    }
}

impl<P: Provider> Onboarded<'_, P> {
    /// Whether the function's list of clusters, as just written, contains one that was offboarded concurrently. That run
    /// may have made its last check already, so this one has to remove the entry: each listed cluster counts later.
    async fn serves_departed_cluster(&self, report: &Report) -> bool {
        let is_written = |step: &StepReport| step.id.kind == Kind::Function && step.outcome == Outcome::Done;
        if self.in_transition.is_empty() || !report.is_complete() || !report.steps.iter().any(is_written) {
            return false;
        }
        // The cluster is onboarded: a failure of this call does not change that.
        let facts = self.provider.facts(&self.spec.cluster).await;
        facts.is_ok_and(|facts| facts.without_departed(&self.in_transition) != facts)
    }
}

/// The same request, once its key has been made.
fn rotated(spec: &Spec) -> Spec {
    let access = match &spec.access {
        Access::User { .. } => Access::User { rotate_key: false },
        role @ Access::Role { .. } => role.clone(),
    };
    Spec { access, ..spec.clone() }
}
