//! What was to happen and did not, held after the run: laws 3, 5, 8, 9, 12. Only for invocations that had time, and
//! whose drain leg could prove the node, list its pods and delete them.

use super::{Invocation, LAST_MOMENT_GRACE_MS, List};
use crate::{
    Law,
    faults::Api,
    world::{
        instances::Instance,
        pods::{EndedBy, PodId},
        spec::Action,
        state::State,
    },
};

/// With less time than this between entry and deadline, nothing is asked.
const ENOUGH_MS: i64 = 30_000;
/// Nor with a time limit below this.
const ENOUGH_LIMIT_MS: i64 = 60_000;
/// A pod is deleted so long after the pod's last moment at the latest.
const OVERRIDE_MS: i64 = 5_000;
/// A grace is cut so long after the pod was seen terminating at the latest.
const CUT_MS: i64 = 5_000;
/// A pod that is bound so long before the last look at the latest is found by it.
const LATE_MS: i64 = 12_000;
/// With all that it needs answering for so long, the drain leg asks every pod.
const WELL_MS: i64 = 50_000;
/// The handler's own reserve at its end.
const CLOSING_MS: i64 = 4_000;

impl State {
    /// Laws 3, 5, 8, 9, held after the run.
    pub(super) fn judge_liveness(&mut self) {
        for env in 0..self.observer.invocations.len() {
            for (law, at_ms, what) in self.undone(env).into_iter().chain(self.never_asked(env)) {
                self.observer.broken(law, at_ms.max(0) as u64, format!("f{env} {what}"));
            }
        }
    }

    /// Law 12: where API server and EC2 answered well for this long, every pod that the function was shown is asked.
    fn never_asked(&self, env: usize) -> Vec<(Law, i64, String)> {
        let invocation = &self.observer.invocations[env];
        let [told] = &invocation.told[..] else { return Vec::new() };
        let Some(instance) = self.instances.get(&told.instance) else { return Vec::new() };
        let Some(node) = &instance.node else { return Vec::new() };
        let deliveries = self.observer.invocations.iter();
        let deliveries = deliveries.filter(|i| i.told.iter().any(|t| t.instance == told.instance)).count();
        let limit_ms = invocation.entered_ms as i64 + invocation.limit_ms;
        let due_by = |deadline_ms| limit_ms.min(deadline_ms - self.observer.rules.margin_ms) - CLOSING_MS;
        // An earlier deadline that a read has shown may end the leg; not every function reads it.
        let in_force_ms = self.deadline_in_force(told);
        let due_ms = due_by(in_force_ms);
        let well_from_ms = invocation.last_hindered_ms.unwrap_or(0).max(invocation.entered_ms);
        if !invocation.answered
            || self.observer.rules.dry_run
            || deliveries > 1
            || instance.is_of_others(told.synthetic)
            || told.action == Action::Hibernate
            || !self.clusters[instance.cluster].registered
            || i64::try_from(well_from_ms).unwrap_or(i64::MAX) > due_ms - WELL_MS
            || instance.ended_ms.is_some_and(|at_ms| at_ms as i64 <= due_by(told.deadline_ms))
        {
            return Vec::new();
        }
        // What was not hindered at all is judged by laws 5 and 9, but for the pods that came late.
        let struck =
            [Api::Ec2, Api::Eks, Api::Kubernetes].iter().any(|api| invocation.struck.contains_key(api));
        let empty = (invocation.entered_ms, Vec::new());
        let listed = invocation.listed.get(&(instance.cluster, node.clone()));
        let Some(list) = (if struck { listed } else { Some(&empty) }) else {
            return vec![(Law::EveryPod, due_ms, format!("the pods of {node} were never listed"))];
        };
        let mut shown = list.clone();
        if self.observer.rules.stays && !invocation.struck.contains_key(&Api::Kubernetes) {
            let late = self.concerned.get(&told.instance).into_iter().flatten().copied();
            let stays_ms = in_force_ms - self.observer.rules.margin_ms - LAST_MOMENT_GRACE_MS;
            let until_ms = stays_ms.min(due_ms) - LATE_MS;
            let from_ms = invocation.entered_ms as i64;
            shown.1.extend(late.filter(|pod| {
                let bound_ms = self.pods[*pod].bound_ms as i64;
                bound_ms > from_ms && bound_ms <= until_ms && !self.workload(*pod).tolerates
            }));
        }
        let unasked =
            self.to_evict(env, &shown, due_ms).into_iter().filter(|pod| !invocation.asked.contains_key(pod));
        unasked
            .map(|pod| (Law::EveryPod, due_ms, format!("{} was never asked to go", self.label(pod))))
            .collect()
    }

    fn undone(&self, env: usize) -> Vec<(Law, i64, String)> {
        let invocation = &self.observer.invocations[env];
        let [told] = &invocation.told[..] else { return Vec::new() };
        let Some(instance) = self.instances.get(&told.instance) else { return Vec::new() };
        let Some(node) = &instance.node else { return Vec::new() };
        let entered_ms = invocation.entered_ms as i64;
        let struck = |api| invocation.struck.contains_key(&api);
        let spared = !struck(Api::Ec2) && !struck(Api::Eks) && !invocation.blinded;
        let deliveries = self.observer.invocations.iter();
        let deliveries = deliveries.filter(|i| i.told.iter().any(|t| t.instance == told.instance)).count();
        if !invocation.answered
            || !spared
            || self.observer.rules.dry_run
            || instance.is_of_others(told.synthetic)
            || deliveries > 1
            || !self.clusters[instance.cluster].registered
            || told.deadline_ms - entered_ms < ENOUGH_MS
            || invocation.limit_ms < ENOUGH_LIMIT_MS
        {
            return Vec::new();
        }
        // What proves the node's identity and shows its pods is well: what stops the drain is a refused cordon or
        // eviction, the other leg, or the handler itself.
        let refused = struck(Api::Kubernetes);
        let law = if refused {
            Law::EveryPod
        } else if struck(Api::AutoScaling) {
            Law::IndependentLegs
        } else {
            Law::Order
        };
        let settled_ms = told.deadline_ms - self.observer.rules.margin_ms;
        let due_ms = settled_ms.min(entered_ms + invocation.limit_ms - CLOSING_MS);
        let by = |at_ms: Option<u64>, due_ms: i64| at_ms.is_some_and(|at_ms| at_ms as i64 <= due_ms);
        if by(instance.ended_ms, due_ms) {
            return Vec::new();
        }
        let mut undone = Vec::new();
        if !by(instance.cordoned_ms, due_ms) && !refused {
            undone.push((law, due_ms, format!("node {node} is not cordoned")));
        }
        if told.action == Action::Hibernate {
            return undone;
        }
        let Some(list) = invocation.listed.get(&(instance.cluster, node.clone())) else {
            undone.push((law, due_ms, format!("the pods of {node} were never listed")));
            return undone;
        };
        for pod in self.to_evict(env, list, due_ms) {
            if !self.is_struck(invocation, pod) && !by(invocation.asked.get(&pod).copied(), due_ms) {
                undone.push((law, due_ms, format!("{} was never asked to go", self.label(pod))));
            }
            let last_ms = settled_ms - self.last_moment_grace_ms(pod);
            if let Some(late_ms) = self.not_overridden(invocation, instance, pod, (last_ms, due_ms)) {
                let what =
                    format!("{} is not evicted, and its last moment {last_ms} was not used", self.label(pod));
                undone.push((if refused { Law::EveryPod } else { Law::LastMoment }, late_ms, what));
            }
        }
        let uncut = self.to_cut(invocation, list, settled_ms, due_ms).into_iter().map(|pod| self.label(pod));
        let what = |label| format!("{label} terminates, and its grace was not cut");
        undone.extend(uncut.map(|label| (Law::UidAndGrace, due_ms, what(label))));
        undone
    }

    /// Whether a fault or a lack of seats struck an eviction of the pod.
    fn is_struck(&self, invocation: &Invocation, pod: PodId) -> bool {
        invocation.evictions_struck.contains(&self.label(pod))
    }

    /// Pods of the list whose grace ends after the instance, although others began their termination in time.
    fn to_cut(
        &self,
        invocation: &Invocation,
        (listed_ms, shown): &List,
        settled_ms: i64,
        due_ms: i64,
    ) -> Vec<PodId> {
        let shown = shown
            .iter()
            .copied() // A namespace that is being deleted takes no evictions.
            .filter(|pod| !self.is_terminating(self.pods[*pod].cluster, &self.workload(*pod).namespace))
            .filter(|pod| !self.belongs_to_node(*pod));
        shown
            .filter(|pod| {
                let seen = &self.pods[*pod];
                let Some(termination) = seen.termination else { return false };
                let slack_ms = self.slack_ms() as i64;
                let mut cut_by_ms = termination.since_ms.max(*listed_ms) as i64 + slack_ms + CUT_MS;
                if self.is_struck(invocation, *pod) {
                    if !self.observer.rules.may_override {
                        return false;
                    }
                    // What evictions do not bring about, the delete at the last moment does.
                    let grace_ms = (i64::from(termination.grace_s) * 1_000).min(LAST_MOMENT_GRACE_MS);
                    cut_by_ms = cut_by_ms.max(settled_ms - grace_ms + slack_ms + OVERRIDE_MS);
                }
                let ended = seen.end.is_some_and(|end| end.at_ms as i64 <= cut_by_ms);
                let late_ms = settled_ms + slack_ms + 1_000;
                termination.by == EndedBy::Cluster
                    && !ended
                    && cut_by_ms <= due_ms - CLOSING_MS
                    && termination.kill_ms as i64 > late_ms
            })
            .collect()
    }

    /// Pods of the list that were up to this invocation: they belong to no node, and nobody else ended them.
    fn to_evict(&self, env: usize, (_, shown): &List, due_ms: i64) -> Vec<PodId> {
        let own = |by| matches!(by, EndedBy::Eviction(other) | EndedBy::Delete(other) if other == env);
        let shown = shown.iter().copied().filter(|pod| !self.belongs_to_node(*pod));
        shown
            .filter(|pod| {
                let seen = &self.pods[*pod];
                let by_others = seen.termination.is_some_and(|t| !own(t.by) && t.since_ms as i64 <= due_ms);
                let ended = seen.end.is_some_and(|end| end.at_ms as i64 <= due_ms);
                !by_others && (!ended || seen.termination.is_some())
            })
            .collect()
    }

    /// When the last moment of a pod whose eviction was not accepted had passed unused.
    fn not_overridden(
        &self,
        invocation: &Invocation,
        instance: &Instance,
        pod: PodId,
        (last_ms, due_ms): (i64, i64),
    ) -> Option<i64> {
        let entered_ms = invocation.entered_ms as i64;
        // The last wave may start when half of the time is used.
        let began_ms = if self.is_critical(pod) { i64::midpoint(entered_ms, due_ms) } else { entered_ms };
        let from_ms = last_ms.max(began_ms) + self.slack_ms() as i64;
        let late_ms = from_ms + OVERRIDE_MS;
        let namespace = &self.workload(pod).namespace;
        let terminated = self.pods[pod].termination.is_some_and(|t| t.since_ms as i64 <= late_ms);
        let undone = self.observer.rules.may_override
            && (invocation.blocked.contains(&pod) || !invocation.evictions_struck.is_empty())
            && !terminated
            && !self.is_terminating(instance.cluster, namespace)
            && from_ms <= due_ms - CLOSING_MS;
        undone.then_some(late_ms)
    }

    pub(super) fn last_moment_grace_ms(&self, pod: PodId) -> i64 {
        (i64::from(self.workload(pod).grace_s) * 1_000).min(LAST_MOMENT_GRACE_MS)
    }
}
