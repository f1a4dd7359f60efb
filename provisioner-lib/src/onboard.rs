//! From a request to a cluster whose Spot interruptions are handled.

use crate::{
    apply::{CancelToken, OnFailure, Progress},
    converge::{Run, build_plan},
    desired::{Desired, UNRECORDED, desired, with_current_choices, with_tags_of_the_rest},
    facts::Facts,
    fault::{Fault, Faults},
    plan::{Action, Observed},
    provider::Provider,
    report::{Outcome, Report, StepReport},
    resource::{Function, Kind, Resource},
    spec::{Access, Spec},
};

pub use crate::converge::{PlanError, Planned};

/// Plans the onboarding of a cluster. Writes nothing. It is a fault that the function's code has to be set and the request
/// brings none.
pub async fn plan(spec: &Spec, provider: &impl Provider) -> Result<Planned, PlanError> {
    let planned = compare(spec, provider).await?;
    let mut faults = Faults::default();
    faults.0.extend(planned.plan.writes().filter_map(|step| needs_code(&step.resource, &step.action)));
    faults.or(planned).map_err(PlanError::from)
}

/// The code of a function is what cast-spot gave it, as the tags of the function's role record it, or is set: it may have
/// been replaced by who managed another cluster before.
fn needs_code(resource: &Resource, action: &Action) -> Option<Fault> {
    let (Resource::Function(Function { code: Some(code), .. }), Action::Update { changes }) =
        (resource, action)
    else {
        return None;
    };
    let change = changes.iter().find(|change| change.field == "code" && code.zip.is_empty())?;
    let problem = match code.sha256.as_str() {
        UNRECORDED => {
            format!("missing, and no record says where the function's code {} is from", change.from)
        }
        recorded => {
            format!(
                "missing, and the function's code {} is not {recorded}, which cast-spot gave it",
                change.from
            )
        }
    };
    let hint = "name the function's zip: onboarding sets the code and records its SHA-256";
    Some(Fault::new("zip", "", problem, hint))
}

/// Compares the cluster with its desired state.
pub(crate) async fn compare(spec: &Spec, provider: &impl Provider) -> Result<Planned, PlanError> {
    let desired = |facts: &Facts, observed: &Observed| wanted(spec, facts, observed);
    build_plan(&spec.cluster, provider, spec.adopt, desired).await
}

/// The target state, with what was chosen earlier in the place of what `spec` leaves open.
fn wanted(spec: &Spec, facts: &Facts, observed: &Observed) -> Result<Desired, Faults> {
    let desired = desired(&with_current_choices(spec, observed), facts)?;
    Ok(with_tags_of_the_rest(desired, facts, observed))
}

/// Applies `planned`, and plans again where a concurrent run has changed a resource first.
pub async fn onboard(
    spec: &Spec,
    planned: Planned,
    provider: &impl Provider,
    cancel: &CancelToken,
    progress: &mut (dyn FnMut(Progress<'_>) + Send),
) -> Result<Report, PlanError> {
    // Concurrent runs onboard or offboard other clusters.
    let mut in_transition = planned.facts.has_others_in_transition();
    let mut run = Run::start(&planned.plan, OnFailure::Stop, provider, cancel, progress).await;
    while run.next_round().await {
        let report = &run.report;
        if !report.was_overtaken() {
            match serves_departed_cluster(report, &spec.cluster, in_transition, provider).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    run.lost_sight(&error);
                    break;
                }
            }
        }
        let spec = if report.access_key.is_some() { &rotated(spec) } else { spec };
        let desired = |facts: &Facts, observed: &Observed| wanted(spec, facts, observed);
        // What was written, and a key that was made, is reported even if this fails.
        let again = match build_plan(&spec.cluster, provider, spec.adopt, desired).await {
            Ok(again) => again,
            Err(error) => {
                run.lost_sight(&error);
                break;
            }
        };
        in_transition |= again.facts.has_others_in_transition();
        run.follow(&again.plan).await;
    }
    Ok(run.report)
}

/// Whether the function's list of clusters, as just written, contains one that was offboarded concurrently. That run may
/// have made its last check already, so this one has to remove the entry: each listed cluster counts later.
async fn serves_departed_cluster(
    report: &Report,
    cluster: &str,
    in_transition: bool,
    provider: &impl Provider,
) -> Result<bool, PlanError> {
    let is_written = |step: &StepReport| step.id.kind == Kind::Function && step.outcome == Outcome::Done;
    if !in_transition || !report.is_complete() || !report.steps.iter().any(is_written) {
        return Ok(false);
    }
    Ok(provider.facts(cluster).await?.lists_unregistered())
}

/// The same request, once its key has been made.
fn rotated(spec: &Spec) -> Spec {
    let access = match &spec.access {
        Access::User { cluster_admin, .. } => {
            Access::User { rotate_key: false, cluster_admin: *cluster_admin }
        }
        role @ Access::Role { .. } => role.clone(),
    };
    Spec { access, ..spec.clone() }
}
