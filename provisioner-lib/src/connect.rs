//! The read-only half: an agent in the cluster that reports to a console, so that savings can be shown before any write
//! is granted. The same stages as onboarding, over the API server alone:
//!
//! ```text
//! request + current agent ──► spec ──► objects ──► plan (pure diff) ──► apply ──► report
//!                     disconnect = plan(objects = nothing), managed objects only, in reverse order
//! ```
//!
//! Annotations of the Secret and of the namespace keep the choices, so that a later request may leave them open.

use crate::{
    apply::{CancelToken, OnFailure, Progress},
    check::Check,
    converge::{PlanError, Planned, Run},
    desired::Desired,
    facts::Facts,
    fault::{Fault, Faults},
    names::{LABEL_MANAGED_BY, MANAGED},
    plan::{Action, Observed, diff},
    provider::{Error, ErrorKind, Provider},
    report::{Outcome, Report, StepReport},
    resource::{Manifest, Resource, manifest_id},
};

mod faults;
mod objects;
mod recall;
mod request;
mod token;

pub use crate::provider::NamespaceContents;
pub use objects::{TOKEN_PLACEHOLDER, manifests};
pub use recall::Choices;
pub use request::{Request, Spec};
pub use token::Token;

/// The state of a connected agent: its differences, and whether its Deployments have their pods.
pub use crate::verify::Verification as Health;

/// Name of the agent's namespace, and of most objects in it.
pub const AGENT: &str = "castai-agent";
/// Name of the Deployment that sizes the agent's.
pub const SIZING: &str = "castai-agent-cpvpa";
/// Name of the Lease by which the agent elects one of its replicas. The agent creates it.
pub const LEASE: &str = "agent-leader-election-lock";

/// The agent as it is in a cluster.
#[derive(Debug, Clone)]
pub struct CurrentAgent {
    facts: Facts,
    observed: Observed,
    kept: recall::Kept,
    /// Choices it was connected with, if cast-spot manages it.
    pub choices: Option<Choices>,
    /// Its token, if cast-spot manages it.
    pub token: Option<Token>,
}

/// Reads every object that connecting makes. Writes nothing.
pub async fn observe(cluster: &str, provider: &impl Provider) -> Result<CurrentAgent, PlanError> {
    let facts = provider.facts(cluster).await?;
    let wanted = objects::resources(&Spec::example());
    let observed = provider.observe(&facts, &wanted.iter().collect::<Vec<_>>()).await?;
    let ((choices, kept), token) = (recall::choices(&observed), recall::token(&observed));
    Ok(CurrentAgent { facts, observed, kept, choices, token })
}

impl CurrentAgent {
    /// Whether cast-spot manages any of it.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.objects().any(is_managed)
    }

    /// Plans the steps from this agent to the one of `spec`.
    pub fn plan(&self, spec: &Spec) -> Result<Planned, PlanError> {
        self.ensure_namespace_active()?;
        let desired = Desired { present: objects::resources(spec), ..Desired::default() };
        let facts = self.facts_of(&spec.choices);
        Ok(Planned { plan: diff(&desired, &self.observed, spec.adopt), facts })
    }

    /// The cluster as the agent reports it.
    fn facts_of(&self, choices: &Choices) -> Facts {
        let mut facts = self.facts.clone();
        facts.cluster.name.clone_from(&choices.cluster);
        facts.region.clone_from(&choices.region);
        facts.identity.account.clone_from(&choices.account);
        facts
    }

    fn objects(&self) -> impl Iterator<Item = &Manifest> {
        self.observed.values().filter_map(|found| match &found.resource {
            Resource::Manifest(manifest) => Some(manifest),
            _ => None,
        })
    }

    /// Nothing can be created in a namespace that is being deleted.
    fn ensure_namespace_active(&self) -> Result<(), Faults> {
        let is_deleted = |manifest: &Manifest| {
            manifest.kind() == "Namespace" && manifest.value()["metadata"]["deletionTimestamp"].is_string()
        };
        if self.objects().any(is_deleted) {
            let hint = format!("wait until `kubectl get namespace {AGENT}` does not find it any more");
            return Err(Fault::new("namespace", AGENT, "is being deleted", hint).into());
        }
        Ok(())
    }
}

fn is_managed(manifest: &Manifest) -> bool {
    manifest.label(LABEL_MANAGED_BY) == Some(MANAGED)
}

/// Applies `planned`, and plans again where a concurrent run has changed an object first.
pub async fn connect(
    spec: &Spec,
    planned: Planned,
    provider: &impl Provider,
    cancel: &CancelToken,
    progress: &mut (dyn FnMut(Progress<'_>) + Send),
) -> Result<Report, PlanError> {
    let mut run = Run::start(&planned.plan, OnFailure::Stop, provider, cancel, progress).await;
    while run.next_round().await && run.report.was_overtaken() {
        // What was written, and what has failed, is reported even if this fails.
        let agent = observe(&spec.choices.cluster, provider).await;
        let plan = match agent.and_then(|agent| agent.plan(spec)) {
            Ok(Planned { plan, .. }) => plan,
            Err(error) => {
                run.lost_sight(&error);
                break;
            }
        };
        // The other writer is not cast-spot: the failure in the report names the object.
        if plan.conflicts().next().is_some() {
            break;
        }
        run.follow(&plan).await;
    }
    Ok(run.report)
}

/// The deletion of an agent.
#[derive(Debug, Clone, PartialEq)]
pub struct RemovalPlan {
    /// The steps.
    pub planned: Planned,
    /// Unmanaged objects in the namespace, as `Kind/name`. If there are any, the namespace is kept.
    pub unmanaged: Vec<String>,
}

/// Plans the deletion of the agent. Writes nothing.
pub async fn plan_removal(
    cluster: &str,
    provider: &(impl Provider + NamespaceContents),
) -> Result<RemovalPlan, PlanError> {
    let agent = observe(cluster, provider).await?;
    let namespace = manifest_id("Namespace", None, AGENT);
    let mut unmanaged = Vec::new();
    if agent.observed.contains_key(&namespace) {
        unmanaged = unmanaged_in_namespace(provider).await?;
    }
    let mut absent = objects::resources(&Spec::example());
    if !unmanaged.is_empty() {
        absent.retain(|resource| resource.id() != namespace);
    }
    let desired = Desired { absent, ..Desired::default() };
    let facts = agent.choices.as_ref().map_or_else(|| agent.facts.clone(), |choices| agent.facts_of(choices));
    let planned = Planned { plan: diff(&desired, &agent.observed, false), facts };
    Ok(RemovalPlan { planned, unmanaged })
}

async fn unmanaged_in_namespace(provider: &impl NamespaceContents) -> Result<Vec<String>, Vec<Error>> {
    let mut objects = provider.unmanaged_objects(AGENT).await?;
    // The agent creates it without our label.
    objects.retain(|name| *name != format!("Lease/{LEASE}"));
    Ok(objects)
}

/// Applies `removal`. Unmanaged objects that have come into the namespace since it was planned keep the namespace: a
/// failure, because the plan promises its deletion.
pub async fn disconnect(
    cluster: &str,
    removal: RemovalPlan,
    provider: &(impl Provider + NamespaceContents),
    cancel: &CancelToken,
    progress: &mut (dyn FnMut(Progress<'_>) + Send),
) -> Result<Report, PlanError> {
    let mut plan = removal.planned.plan;
    let namespace = manifest_id("Namespace", None, AGENT);
    let mut unmanaged = Vec::new();
    if plan.writes().any(|step| step.id == namespace) {
        unmanaged = unmanaged_in_namespace(provider).await?;
    }
    if !unmanaged.is_empty() {
        plan.steps.retain(|step| step.id != namespace);
    }
    let mut run = Run::start(&plan, OnFailure::Continue, provider, cancel, progress).await;
    while run.next_round().await && run.report.was_overtaken() && unmanaged.is_empty() {
        // What was deleted, and what has failed, is reported even if this fails.
        match plan_removal(cluster, provider).await {
            Ok(removal) => run.follow(&removal.planned.plan).await,
            Err(error) => {
                run.lost_sight(&error);
                break;
            }
        }
    }
    let mut report = run.report;
    if !unmanaged.is_empty() {
        let message =
            format!("it stays: others have put something into it meanwhile: {}", unmanaged.join(", "));
        let outcome = Outcome::Failed { error: Error::new(ErrorKind::Other, "delete namespaces", message) };
        let action = Action::Delete;
        report.steps.push(StepReport { id: namespace, action, outcome, backup: None, warning: None });
    }
    Ok(report)
}

/// Compares the agent with its choices, and checks that it runs. None if the cluster is not connected. Fails if something
/// else has put choices into the annotations that `connect` does not take. Writes nothing.
pub async fn health(cluster: &str, provider: &impl Provider) -> Result<Option<Health>, PlanError> {
    let agent = observe(cluster, provider).await?;
    if !agent.is_connected() {
        return Ok(None);
    }
    let planned = agent.plan(&Spec::of(&agent)?)?;
    let checks = [AGENT, SIZING].map(|deployment| Check::Available {
        namespace: AGENT.to_owned(),
        deployment: deployment.to_owned(),
    });
    Ok(Some(Health::of(planned, checks.into(), provider).await))
}

#[cfg(test)]
mod tests;
