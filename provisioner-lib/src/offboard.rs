//! Offboards a cluster: deletes what cast-spot manages, in reverse order. Continues after a failure with what does not
//! depend on it, and reports what is left.

use crate::{
    apply::{CancelToken, OnFailure, Progress},
    converge::{PlanError, Planned, Run, build_plan},
    desired::{Desired, without},
    facts::Facts,
    fault::{Fault, Faults},
    names,
    plan::Observed,
    provider::Provider,
    report::Report,
    resource::{AccessEntry, Attachment, AwsAuth, InstanceProfile, Principal, Resource, Role},
};

/// A request to offboard a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removal {
    /// Name of the cluster.
    pub cluster: String,
    /// Keep the log group and the dead-letter queue, even when this is the region's last cluster.
    pub keep_logs: bool,
    /// Continue although instances run with the node role, which is deleted: from then on they cannot pull images from
    /// ECR, give pods addresses, or join the cluster again.
    pub nodes_lose_access: bool,
}

impl Removal {
    /// Offboards `cluster`, keeps no logs, and leaves no node without its role.
    pub fn of(cluster: impl Into<String>) -> Self {
        Self { cluster: cluster.into(), ..Self::default() }
    }

    fn desired(&self, facts: &Facts) -> Desired {
        let mut desired = without(&self.cluster, facts);
        if self.keep_logs {
            desired.absent.retain(|resource| !matches!(resource, Resource::LogGroup(_) | Resource::Queue(_)));
        }
        desired
    }
}

/// Plans the deletion of everything that onboarding the cluster can have made. Writes nothing. The cluster itself need
/// not exist any more. Instances that run with the node role are a fault, unless `removal` accepts that.
pub async fn plan(removal: &Removal, provider: &impl Provider) -> Result<Planned, PlanError> {
    let planned =
        build_plan(&removal.cluster, provider, false, |facts, _| Ok(removal.desired(facts))).await?;
    // Without the cluster, the role gives its instances nothing.
    if removal.nodes_lose_access || planned.facts.cluster.is_gone() {
        return Ok(planned);
    }
    let role = names::node_role(&removal.cluster, &planned.facts.cluster.arn);
    if planned.plan.writes().any(|step| gives_role(&step.resource, &role)) {
        let mut instances = provider.instances_with(&role).await.map_err(|error| vec![error])?;
        instances.sort();
        if !instances.is_empty() {
            return Err(Faults::from(in_use(&role, &instances)).into());
        }
    }
    Ok(planned)
}

/// Whether instances would lose `role` or its permissions without `resource`.
fn gives_role(resource: &Resource, role: &str) -> bool {
    match resource {
        Resource::Role(Role { name, .. }) | Resource::InstanceProfile(InstanceProfile { role: name, .. }) => {
            name == role
        }
        Resource::Attachment(Attachment { principal, .. })
        | Resource::AccessEntry(AccessEntry { principal, .. })
        | Resource::AwsAuth(AwsAuth { principal, .. }) => *principal == Principal::Role(role.to_owned()),
        _ => false,
    }
}

fn in_use(role: &str, instances: &[String]) -> Fault {
    const SHOWN: usize = 10;
    let more = instances.len().saturating_sub(SHOWN);
    let shown = instances.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    let run =
        if instances.len() == 1 { "1 instance runs" } else { &format!("{} instances run", instances.len()) };
    let problem = format!(
        "{run} with it: {shown}{rest}. Without their role, nodes pull no images from ECR and give pods no addresses"
    );
    let hint = "drain and terminate them first, or accept it with --nodes-lose-access";
    Fault::new("node role", role, problem, hint)
}

/// Applies `planned`, and plans again where a concurrent run has changed a resource first. Clusters that are offboarded
/// concurrently each see the other as still registered, and would both keep the shared resources. So each run checks
/// once more at the end, and the last one deletes them.
pub async fn offboard(
    removal: &Removal,
    planned: Planned,
    provider: &impl Provider,
    cancel: &CancelToken,
    progress: &mut (dyn FnMut(Progress<'_>) + Send),
) -> Result<Report, PlanError> {
    // When the latest plan was made.
    let mut has_others = planned.facts.has_others();
    let mut run = Run::start(&planned.plan, OnFailure::Continue, provider, cancel, progress).await;
    while run.next_round().await {
        let overtaken = run.report.was_overtaken();
        if !(overtaken || has_others && run.report.is_complete()) {
            break;
        }
        let desired = |facts: &Facts, _: &Observed| Ok(removal.desired(facts));
        // What was deleted, and what has failed, is reported even if this fails.
        let again = match build_plan(&removal.cluster, provider, false, desired).await {
            Ok(again) => again,
            Err(error) => {
                run.lost_sight(&error);
                break;
            }
        };
        has_others = again.facts.has_others();
        if !overtaken && again.plan.writes().next().is_none() {
            break;
        }
        run.follow(&again.plan).await;
    }
    Ok(run.report)
}
