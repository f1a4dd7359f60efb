//! PodDisruptionBudgets, computed as the disruption controller does it. The real one is some milliseconds behind; this
//! one is always up to date.

use super::{
    pods::{Phase, Pod},
    spec::{Budget, PdbSpec, WorkloadKind},
    state::State,
};
use crate::facts::{BudgetStatus, PodId, Ruling};

impl State {
    /// Pods that a budget selects.
    fn selected(&self, cluster: usize, pdb: &PdbSpec) -> Vec<PodId> {
        let cluster = &self.clusters[cluster];
        if let Some(app) = &pdb.app {
            let key = (pdb.namespace.clone(), app.clone());
            return cluster.apps.get(&key).into_iter().flatten().copied().collect();
        }
        let of_namespace = cluster.apps.range((pdb.namespace.clone(), String::new())..);
        let of_namespace = of_namespace.take_while(|((namespace, _), _)| *namespace == pdb.namespace);
        of_namespace.flat_map(|(_, pods)| pods.iter().copied()).collect()
    }

    /// The scale of all owners of `pods`; `None` where an owner has none (bare pods, DaemonSets, Jobs).
    fn expected_scale(&self, pods: &[PodId]) -> Option<u32> {
        let mut owners: Vec<usize> = pods.iter().map(|pod| self.pods[*pod].workload).collect();
        owners.sort_unstable();
        owners.dedup();
        let workloads = pods.first().map(|pod| &self.clusters[self.pods[*pod].cluster].spec.workloads);
        let Some(workloads) = workloads else { return Some(0) };
        owners.iter().try_fold(0, |sum, owner| match workloads[*owner].kind {
            WorkloadKind::Deployment | WorkloadKind::StatefulSet => {
                Some(sum + workloads[*owner].nodes.len() as u32)
            }
            WorkloadKind::DaemonSet | WorkloadKind::Job | WorkloadKind::Bare | WorkloadKind::Mirror => None,
        })
    }

    /// The status of budget number `pdb` of a cluster.
    pub(crate) fn budget_status(&self, cluster: usize, pdb: usize) -> BudgetStatus {
        let pdb = &self.clusters[cluster].spec.pdbs[pdb];
        let pods = self.selected(cluster, pdb);
        let living = pods.iter().map(|pod| &self.pods[*pod]);
        let counts = |pod: &&Pod| pod.ready && pod.termination.is_none() && pod.spent_until_ms <= self.now_ms;
        let healthy = living.filter(counts).count() as u32;
        let percent = |share: u32, of: u32| (share * of).div_ceil(100);
        let scale = match pdb.budget {
            Budget::MinAvailable(min) => Some((pods.len() as u32, min)),
            Budget::MinAvailablePercent(min) => {
                self.expected_scale(&pods).map(|scale| (scale, percent(min, scale)))
            }
            Budget::MaxUnavailable(max) => {
                self.expected_scale(&pods).map(|scale| (scale, scale.saturating_sub(max)))
            }
            Budget::MaxUnavailablePercent(max) => {
                let scale = self.expected_scale(&pods);
                scale.map(|scale| (scale, scale.saturating_sub(percent(max, scale))))
            }
        };
        match scale {
            Some((expected, desired)) => BudgetStatus {
                expected,
                healthy,
                desired,
                allowed: if expected == 0 { 0 } else { healthy.saturating_sub(desired) },
                synced: true,
            },
            None => BudgetStatus { expected: 0, healthy, desired: 0, allowed: 0, synced: false },
        }
    }

    /// Indices of the budgets over a pod.
    fn budgets_over(&self, pod: PodId) -> Vec<usize> {
        let workload = self.workload(pod);
        let budgets = &self.clusters[self.pods[pod].cluster].budgets;
        let by = |app: Option<String>| budgets.get(&(workload.namespace.clone(), app)).into_iter().flatten();
        by(Some(workload.name.clone())).chain(by(None)).copied().collect()
    }

    /// Whether an eviction of `pod` has to be written into the status of a budget that has room for it.
    pub(crate) fn spends(&self, id: PodId) -> bool {
        let pod = &self.pods[id];
        let needs_budget = pod.termination.is_none() && pod.phase == Phase::Running;
        needs_budget && !self.budgets_over(id).is_empty() && self.ruling(id) == Ruling::Allowed
    }

    /// What the Eviction API says of an eviction of `pod` now.
    pub(crate) fn ruling(&self, id: PodId) -> Ruling {
        let pod = &self.pods[id];
        let needs_no_budget = pod.termination.is_some() || pod.phase != Phase::Running;
        let budgets = self.budgets_over(id);
        if needs_no_budget || budgets.is_empty() {
            return Ruling::Allowed;
        }
        let [only] = budgets[..] else { return Ruling::TooMany };
        let pdb = &self.clusters[pod.cluster].spec.pdbs[only];
        let status = self.budget_status(pod.cluster, only);
        let unready_may_go =
            pdb.always_allow_unhealthy || (status.desired > 0 && status.healthy >= status.desired);
        if status.allowed > 0 || (!pod.ready && unready_may_go) {
            Ruling::Allowed
        } else {
            Ruling::Blocked { pdb: pdb.name.clone(), status }
        }
    }

    pub(super) fn change_budget(&mut self, cluster: usize, pdb: usize, budget: Budget) {
        self.bump();
        let pdb = &mut self.clusters[cluster].spec.pdbs[pdb];
        pdb.budget = budget;
        let what = format!("kubernetes budget {}/{} changed: {budget:?}", pdb.namespace, pdb.name);
        self.note(&what);
    }
}
