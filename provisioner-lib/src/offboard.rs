//! Takes a cluster out again: what is ours, in reverse order, and nothing else. It goes on after a failure with
//! what does not depend on it, and says what is left.

use crate::{
    apply::{OnFailure, Progress, Stop, apply},
    desired::{Desired, without},
    facts::Facts,
    fault::{Fault, Faults},
    names,
    onboard::{PlanError, Planned, ROUNDS, look, was_overtaken},
    plan::Observed,
    provider::Provider,
    report::Report,
    resource::{AccessEntry, Attachment, AwsAuth, InstanceProfile, Principal, Resource, Role},
};

/// What is to be taken out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removal {
    /// Name of the cluster.
    pub cluster: String,
    /// Leave the log group and the dead-letter queue where they are, also with the last cluster of the region.
    pub keep_logs: bool,
    /// Go on although instances run with the node role, which lose it: they cannot pull images of ECR, give pods
    /// addresses, or join the cluster again from then on.
    pub nodes_lose_access: bool,
}

impl Removal {
    /// Of a cluster, with nothing kept and no node harmed.
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

/// Looks at everything that onboarding the cluster could have made and says what would go. Writes nothing. The
/// cluster itself need not be there any more. Instances that run with the node role are a fault, unless `removal` says
/// that they do not matter.
pub async fn plan(removal: &Removal, provider: &impl Provider) -> Result<Planned, PlanError> {
    let planned = look(&removal.cluster, provider, false, |facts, _| Ok(removal.desired(facts))).await?;
    // Without a cluster there is nothing that they could lose.
    if removal.nodes_lose_access || planned.facts.cluster.is_gone() {
        return Ok(planned);
    }
    let role = names::node_role(&removal.cluster, &planned.facts.cluster.arn);
    if planned.plan.writes().any(|step| is_of(&role, &step.resource)) {
        let mut instances = provider.instances_with(&role).await.map_err(|error| vec![error])?;
        instances.sort();
        if !instances.is_empty() {
            return Err(Faults::from(in_use(&role, &instances)).into());
        }
    }
    Ok(planned)
}

/// Whether it is the role, or something by which the role works.
fn is_of(role: &str, resource: &Resource) -> bool {
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
    let hint = "drain and terminate them first, or say with --nodes-lose-access that they do not matter";
    Fault::new("node role", role, problem, hint)
}

/// Follows `planned`, and plans anew where somebody else was faster. Clusters that go at the same time take each other
/// for ones that stay, and none of them would take what they share: where there were others, it looks once more at the
/// end, and whoever looks last takes it.
pub async fn offboard(
    removal: &Removal,
    planned: Planned,
    provider: &impl Provider,
    stop: &Stop,
    progress: &mut (dyn FnMut(Progress<'_>) + Send),
) -> Result<Report, PlanError> {
    let mut has_others = planned.facts.has_others();
    let mut on_their_way = planned.facts.on_their_way();
    let mut report = apply(&planned.plan, provider, OnFailure::GoOn, stop, progress).await;
    for round in 1..ROUNDS {
        let overtaken = was_overtaken(&report);
        if stop.is_said() || !(overtaken || (has_others && report.is_complete())) {
            break;
        }
        if overtaken {
            provider.pause(round).await;
        }
        let desired = |facts: &Facts, _: &Observed| Ok(removal.desired(&facts.without_gone(&on_their_way)));
        let again = match look(&removal.cluster, provider, false, desired).await {
            Ok(again) if overtaken || again.plan.writes().next().is_some() => again,
            // What was done, and what has failed, is said whatever happens to this look.
            Ok(_) | Err(_) => break,
        };
        has_others = again.facts.without_gone(&on_their_way).has_others();
        on_their_way.extend(again.facts.on_their_way());
        let next = apply(&again.plan, provider, OnFailure::GoOn, stop, progress).await;
        report = report.followed_by(next);
    }
    Ok(report)
}
