//! The read-only half: an agent in the cluster that reports to a console, by which savings can be shown before anybody
//! grants a write. The same stages as onboarding, over the API server alone:
//!
//! ```text
//! request + what there is ──► spec ──► objects ──► plan (pure diff) ──► apply ──► report
//!                             disconnect = plan(objects = nothing), what is ours only, in reverse order
//! ```
//!
//! What was chosen stands in an annotation of the namespace, so that it need not be said again.

use crate::{
    apply::{OnFailure, Progress, Stop, apply},
    check::{Check, Checked},
    desired::Desired,
    facts::Facts,
    fault::{Fault, Faults},
    names::{LABEL_MANAGED_BY, MANAGED},
    onboard::{PlanError, Planned, ROUNDS, was_overtaken},
    plan::{Action, Observed, diff},
    provider::{Error, ErrorKind, Provider},
    report::{Outcome, Report, StepReport},
    resource::{Id, Manifest, Resource, manifest_id},
};

mod objects;
mod recall;
mod request;
mod token;

pub use objects::{TOKEN_PLACEHOLDER, manifests};
pub use recall::Choices;
pub use request::{Request, Spec};
pub use token::Token;

pub use crate::provider::Neighbours;

/// The namespace, and the name of most that is in it.
pub const AGENT: &str = "castai-agent";
/// The Deployment that sizes the agent's.
pub const SIZING: &str = "castai-agent-cpvpa";
/// The agent makes it itself, so that one of its replicas leads.
pub const LEASE: &str = "agent-leader-election-lock";

/// What there is of an agent.
#[derive(Debug, Clone)]
pub struct Seen {
    facts: Facts,
    observed: Observed,
    /// What was chosen when it was connected, if it was by us.
    pub choices: Option<Choices>,
    /// The token that it has, if it is ours.
    pub token: Option<Token>,
}

/// Looks at everything that connecting makes. Writes nothing.
pub async fn look(cluster: &str, provider: &impl Provider) -> Result<Seen, PlanError> {
    let facts = provider.facts(cluster).await?;
    let wanted = objects::resources(&Spec::example());
    let observed = provider.observe(&facts, &wanted.iter().collect::<Vec<_>>()).await?;
    let (choices, token) = (recall::choices(&observed), recall::token(&observed));
    Ok(Seen { facts, observed, choices, token })
}

impl Seen {
    /// Whether anything of it is ours.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.objects().any(|manifest| manifest.label(LABEL_MANAGED_BY) == Some(MANAGED))
    }

    /// Objects of the same names that are not ours.
    #[must_use]
    pub fn foreign(&self) -> Vec<Id> {
        let is_foreign =
            |manifest: &&Manifest| manifest.label(LABEL_MANAGED_BY).is_none_or(|tool| tool != MANAGED);
        let id = |manifest: &Manifest| Resource::Manifest(manifest.clone()).id();
        self.objects().filter(is_foreign).map(id).collect()
    }

    /// What is to be done so that it is as `spec` says.
    pub fn plan(&self, spec: &Spec) -> Result<Planned, PlanError> {
        self.is_staying()?;
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

    /// Nothing can be put into a namespace that is on its way out.
    fn is_staying(&self) -> Result<(), Faults> {
        let going = |manifest: &&Manifest| {
            manifest.kind() == "Namespace" && manifest.value()["metadata"]["deletionTimestamp"].is_string()
        };
        match self.objects().find(going) {
            Some(_) => {
                let hint = format!("wait until `kubectl get namespace {AGENT}` does not find it any more");
                Err(Fault::new("namespace", AGENT, "is being deleted", hint).into())
            }
            None => Ok(()),
        }
    }
}

/// Follows `planned`, and plans anew where somebody else was faster.
pub async fn connect(
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
        let again = look(&spec.choices.cluster, provider).await?.plan(spec)?;
        // Whoever was faster is somebody else: what has failed says so.
        if again.plan.conflicts().next().is_some() {
            break;
        }
        let next = apply(&again.plan, provider, OnFailure::Stop, stop, progress).await;
        report = report.followed_by(next);
    }
    Ok(report)
}

/// What goes, and what keeps the namespace.
#[derive(Debug, Clone, PartialEq)]
pub struct Leaving {
    /// What is to be done.
    pub planned: Planned,
    /// Objects of others in the namespace, as `Kind/name`. Where there are any, the namespace stays.
    pub others: Vec<String>,
}

/// What would go. Writes nothing.
pub async fn leaving(cluster: &str, provider: &(impl Provider + Neighbours)) -> Result<Leaving, PlanError> {
    let seen = look(cluster, provider).await?;
    let namespace = manifest_id("Namespace", None, AGENT);
    let mut others = Vec::new();
    if seen.observed.contains_key(&namespace) {
        others = others_of(provider).await?;
    }
    let mut absent = objects::resources(&Spec::example());
    if !others.is_empty() {
        absent.retain(|resource| resource.id() != namespace);
    }
    let desired = Desired { absent, ..Desired::default() };
    let facts = seen.choices.as_ref().map_or_else(|| seen.facts.clone(), |choices| seen.facts_of(choices));
    let planned = Planned { plan: diff(&desired, &seen.observed, false), facts };
    Ok(Leaving { planned, others })
}

async fn others_of(provider: &impl Neighbours) -> Result<Vec<String>, Vec<Error>> {
    let mut others = provider.others(AGENT).await?;
    // Made by the agent, and unmarked.
    others.retain(|name| *name != format!("Lease/{LEASE}"));
    Ok(others)
}

/// Follows what was planned, as far as it goes. What others have put into the namespace since then keeps it, too: that is
/// a failure, because it was said that it goes.
pub async fn disconnect(
    cluster: &str,
    leaving: Leaving,
    provider: &(impl Provider + Neighbours),
    stop: &Stop,
    progress: &mut (dyn FnMut(Progress<'_>) + Send),
) -> Result<Report, PlanError> {
    let mut plan = leaving.planned.plan;
    let namespace = manifest_id("Namespace", None, AGENT);
    let mut kept = None;
    if plan.writes().any(|step| step.id == namespace) {
        let others = others_of(provider).await?;
        if !others.is_empty() {
            plan.steps.retain(|step| step.id != namespace);
            kept = Some(others);
        }
    }
    let mut report = apply(&plan, provider, OnFailure::GoOn, stop, progress).await;
    if let Some(others) = kept {
        let message = format!("it stays: others have put something into it meanwhile: {}", others.join(", "));
        let error = Error::new(ErrorKind::Other, "delete namespaces", message);
        let outcome = Outcome::Failed { error };
        report.steps.push(StepReport { id: namespace, action: Action::Delete, outcome, backup: None });
        return Ok(report);
    }
    for _ in 1..ROUNDS {
        if stop.is_said() || !was_overtaken(&report) {
            break;
        }
        let again = self::leaving(cluster, provider).await?;
        let next = apply(&again.planned.plan, provider, OnFailure::GoOn, stop, progress).await;
        report = report.followed_by(next);
    }
    Ok(report)
}

/// How a connected agent does.
#[derive(Debug, Clone, PartialEq)]
pub struct Health {
    /// What differs from what is to be.
    pub planned: Planned,
    /// Whether its Deployments have their pods.
    pub checks: Vec<Checked>,
}

impl Health {
    /// Whether all is as it is to be, and runs.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.planned.plan.is_empty() && self.checks.iter().all(|checked| checked.verdict.passed)
    }
}

/// Compares what there is with what was chosen, and looks whether it runs. None if it is not connected. Writes
/// nothing.
pub async fn health(cluster: &str, provider: &impl Provider) -> Result<Option<Health>, PlanError> {
    let seen = look(cluster, provider).await?;
    if !seen.is_connected() {
        return Ok(None);
    }
    let spec = Spec::of(&seen);
    let planned = seen.plan(&spec)?;
    let asked = [AGENT, SIZING].map(|deployment| Check::Available {
        namespace: AGENT.to_owned(),
        deployment: deployment.to_owned(),
    });
    let verdicts = provider.check(&planned.facts, &asked).await;
    let answered = asked.into_iter().zip(verdicts);
    let checks = answered.map(|(check, answer)| Checked::new(check, answer)).collect();
    Ok(Some(Health { planned, checks }))
}

#[cfg(test)]
mod tests;
