//! PodDisruptionBudgets that no eviction gets past.

use k8s_openapi::{
    api::{core::v1::Pod, policy::v1::PodDisruptionBudget},
    apimachinery::pkg::util::intstr::IntOrString,
};

use super::{Cluster, Owned, Reason};
use crate::{
    fit::selector_matches,
    objects::{self, labels, name},
};

/// Why no pod of the workload could ever be evicted.
pub(super) fn blocker(cluster: &Cluster<'_>, owned: &Owned, pods: &[&Pod]) -> Option<Reason> {
    let pod = pods.first()?;
    let budgets = cluster.snapshot.pod_disruption_budgets.iter();
    let covering: Vec<_> = budgets.filter(|budget| covers(budget, &owned.namespace, pod)).collect();
    let text = match covering[..] {
        [budget] if never_allows(budget, cluster.replicas(budget)) => {
            format!("PodDisruptionBudget {} never allows an eviction", name(&budget.metadata))
        }
        [] | [_] => return None,
        [one, other, ..] => format!(
            "PodDisruptionBudgets {} and {} both cover it, so no pod can be evicted",
            name(&one.metadata),
            name(&other.metadata)
        ),
    };
    Some(Reason::new("budget", text))
}

impl Cluster<'_> {
    /// The desired replicas of all workloads that a budget covers.
    fn replicas(&self, budget: &PodDisruptionBudget) -> usize {
        let pod = |owned: &Owned| Some(&self.snapshot.pods[*owned.pods.first()?]);
        let covered = self.owned.iter();
        let covered =
            covered.filter(|owned| pod(owned).is_some_and(|pod| covers(budget, &owned.namespace, pod)));
        covered.map(|owned| owned.replicas).sum()
    }
}

/// Whether a budget covers a pod. policy/v1: an empty selector covers the namespace, none at all nothing.
#[must_use]
pub fn covers(budget: &PodDisruptionBudget, namespace: &str, pod: &Pod) -> bool {
    let selector = budget.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    objects::namespace(&budget.metadata) == namespace && selector_matches(selector, labels(&pod.metadata))
}

/// Whether it allows no disruption even when all replicas are healthy. Percentages are rounded up, which is against
/// the disruption with minAvailable and for it with maxUnavailable ("Specifying a Disruption Budget for your
/// Application" in the Kubernetes documentation).
fn never_allows(budget: &PodDisruptionBudget, replicas: usize) -> bool {
    let Some(spec) = &budget.spec else { return false };
    match (&spec.min_available, &spec.max_unavailable) {
        (_, Some(most)) => number(most, replicas) == Some(0),
        (Some(least), None) => number(least, replicas).is_some_and(|least| least >= replicas),
        // minAvailable is 1 by default.
        (None, None) => replicas <= 1,
    }
}

fn number(value: &IntOrString, of: usize) -> Option<usize> {
    match value {
        IntOrString::Int(number) => usize::try_from(*number).ok(),
        IntOrString::String(percent) => {
            let percent: usize = percent.strip_suffix('%')?.parse().ok()?;
            Some(of.saturating_mul(percent).div_ceil(100))
        }
    }
}
