//! After the run: what the handler should have done in time. Only for invocations that had time, and whose drain leg
//! could prove the node, list its pods and delete them.

use super::{
    evidence::{CLOSING_MS, Case, LAST_MOMENT_GRACE_MS, last_moment_grace_ms},
    invocation::List,
    record::{Instance, Pod},
};
use crate::{
    facts::{Action, EndedBy, PodId},
    faults::Api,
    law::Law,
};

/// With less time than this between entry and deadline, nothing is asked.
const ENOUGH_MS: i64 = 30_000;
/// Nor with a time limit below this.
const ENOUGH_LIMIT_MS: i64 = 60_000;
/// A pod is deleted this long after its last moment at the latest.
const OVERRIDE_MS: i64 = 5_000;
/// A grace is cut this long after the pod was seen terminating at the latest.
const CUT_MS: i64 = 5_000;
/// A pod that is bound this long before the last look at the latest is found by it.
const LATE_MS: i64 = 12_000;
/// With all that it needs answering for this long, the drain leg asks every pod.
const WELL_MS: i64 = 50_000;

/// A broken law, when, and what was not done.
type Undone = (Law, i64, String);

/// What an invocation has not done.
pub(super) fn violations_of(case: &Case<'_>) -> Vec<Undone> {
    let node = case.instance.and_then(|instance| Some((instance, instance.node.as_ref()?)));
    let Some((instance, node)) = node.filter(|_| case.invocation.answered && case.is_up_to_it()) else {
        return Vec::new();
    };
    undone(case, instance, node).into_iter().chain(never_asked(case, instance, node)).collect()
}

/// Where API server and EC2 answered well for long enough, every pod that the function was shown is asked.
fn never_asked(case: &Case<'_>, instance: &Instance, node: &str) -> Vec<Undone> {
    let Case { rules, invocation, notice, .. } = case;
    let limit_ms = invocation.entered_ms as i64 + invocation.limit_ms;
    let due_by = |settled_ms: i64| limit_ms.min(settled_ms) - CLOSING_MS;
    // An earlier deadline that a read has shown may end the leg; not every function reads it.
    let due_ms = due_by(case.settled_ms());
    let well_from_ms = invocation.last_hindered_ms.unwrap_or(0).max(invocation.entered_ms);
    if notice.action == Action::Hibernate
        || i64::try_from(well_from_ms).unwrap_or(i64::MAX) > due_ms - WELL_MS
        || by(instance.ended_ms, due_by(notice.deadline_ms - rules.margin_ms))
    {
        return Vec::new();
    }
    // What was not hindered at all is judged by `undone`, but for the pods that came late.
    let is_struck = [Api::Ec2, Api::Eks, Api::Kubernetes].into_iter().any(|api| invocation.is_struck(api));
    let empty = (invocation.entered_ms, Vec::new());
    let listed = invocation.listed.get(&(instance.about.cluster, node.to_owned()));
    let Some(list) = (if is_struck { listed } else { Some(&empty) }) else {
        return vec![(Law::EveryPod, due_ms, format!("the pods of {node} were never listed"))];
    };
    let mut shown = list.clone();
    if rules.stays && !invocation.is_struck(Api::Kubernetes) {
        let until_ms = (case.settled_ms() - LAST_MOMENT_GRACE_MS).min(due_ms) - LATE_MS;
        let late = instance.concerned.iter().flatten().copied();
        shown.1.extend(late.filter(|id| {
            let pod = &case.record.pods[*id];
            pod.bound_ms > invocation.entered_ms && pod.bound_ms as i64 <= until_ms && !pod.about.tolerates
        }));
    }
    let unasked =
        to_evict(case, &shown, due_ms).into_iter().filter(|(id, _)| !invocation.asked.contains_key(id));
    unasked.map(|(_, pod)| (Law::EveryPod, due_ms, was_never_asked(pod))).collect()
}

fn was_never_asked(pod: &Pod) -> String {
    format!("{} was never asked to go", pod.about.label)
}

fn by(at_ms: Option<u64>, due_ms: i64) -> bool {
    at_ms.is_some_and(|at_ms| at_ms as i64 <= due_ms)
}

fn undone(case: &Case<'_>, instance: &Instance, node: &str) -> Vec<Undone> {
    let Case { rules, invocation, notice, .. } = case;
    let entered_ms = invocation.entered_ms as i64;
    let settled_ms = notice.deadline_ms - rules.margin_ms;
    let due_ms = settled_ms.min(entered_ms + invocation.limit_ms - CLOSING_MS);
    if invocation.is_struck(Api::Ec2)
        || invocation.is_struck(Api::Eks)
        || invocation.blinded
        || notice.deadline_ms - entered_ms < ENOUGH_MS
        || invocation.limit_ms < ENOUGH_LIMIT_MS
        || by(instance.ended_ms, due_ms)
    {
        return Vec::new();
    }
    // What proves the node's identity and shows its pods is well: what stops the drain is a refused cordon or eviction,
    // the other leg, or the handler itself.
    let is_refused = invocation.is_struck(Api::Kubernetes);
    let law = match (is_refused, invocation.is_struck(Api::AutoScaling)) {
        (true, _) => Law::EveryPod,
        (false, true) => Law::IndependentLegs,
        (false, false) => Law::Order,
    };
    let mut undone = Vec::new();
    if !by(instance.cordoned_ms, due_ms) && !is_refused {
        undone.push((law, due_ms, format!("node {node} is not cordoned")));
    }
    if notice.action == Action::Hibernate {
        return undone;
    }
    let Some(list) = invocation.listed.get(&(instance.about.cluster, node.to_owned())) else {
        undone.push((law, due_ms, format!("the pods of {node} were never listed")));
        return undone;
    };
    for (id, pod) in to_evict(case, list, due_ms) {
        let asked_ms = invocation.asked.get(&id).map(|(first_ms, _)| *first_ms);
        if !is_struck(case, pod) && !by(asked_ms, due_ms) {
            undone.push((law, due_ms, was_never_asked(pod)));
        }
        let last_ms = settled_ms - last_moment_grace_ms(pod);
        if let Some(late_ms) = not_overridden(case, id, (last_ms, due_ms)) {
            let what =
                format!("{} is not evicted, and its last moment {last_ms} was not used", pod.about.label);
            undone.push((if is_refused { Law::EveryPod } else { Law::LastMoment }, late_ms, what));
        }
    }
    for pod in to_cut(case, list, settled_ms, due_ms) {
        let what = format!("{} terminates, and its grace was not cut", pod.about.label);
        undone.push((Law::UidAndGrace, due_ms, what));
    }
    undone
}

/// Whether a fault or a lack of seats struck an eviction of the pod.
fn is_struck(case: &Case<'_>, pod: &Pod) -> bool {
    case.invocation.evictions_struck.contains(&pod.about.label)
}

/// Pods of the list whose grace ends after the instance, although others began their termination in time.
fn to_cut<'a>(
    case: &Case<'a>,
    (listed_ms, shown): &List,
    settled_ms: i64,
    due_ms: i64,
) -> impl Iterator<Item = &'a Pod> {
    let slack_ms = case.rules.slack_ms() as i64;
    let pods = shown.iter().map(|id| &case.record.pods[*id]);
    // A namespace that is being deleted takes no evictions.
    pods.filter(|pod| !pod.about.is_namespace_terminating && !pod.belongs_to_node()).filter(move |pod| {
        let Some(termination) = pod.termination else { return false };
        let mut cut_by_ms = termination.since_ms.max(*listed_ms) as i64 + slack_ms + CUT_MS;
        if is_struck(case, pod) {
            if !case.rules.may_override {
                return false;
            }
            // What evictions do not bring about, the delete at the last moment does.
            let grace_ms = (i64::from(termination.grace_s) * 1_000).min(LAST_MOMENT_GRACE_MS);
            cut_by_ms = cut_by_ms.max(settled_ms - grace_ms + slack_ms + OVERRIDE_MS);
        }
        termination.by == EndedBy::Cluster
            && !pod.has_ended_by(cut_by_ms)
            && cut_by_ms <= due_ms - CLOSING_MS
            && termination.kill_ms as i64 > settled_ms + slack_ms + 1_000
    })
}

/// Pods of the list that were up to this invocation: they do not belong to the node, and no one else ended them.
fn to_evict<'a>(case: &Case<'a>, (_, shown): &List, due_ms: i64) -> Vec<(PodId, &'a Pod)> {
    let pods = shown.iter().map(|id| (*id, &case.record.pods[*id]));
    let is_up_to_it = |(_, pod): &(PodId, &Pod)| {
        let by_others = pod.termination.is_some_and(|t| !t.is_by(case.env) && t.since_ms as i64 <= due_ms);
        !pod.belongs_to_node() && !by_others && (!pod.has_ended_by(due_ms) || pod.termination.is_some())
    };
    pods.filter(is_up_to_it).collect()
}

/// When the last moment of a pod whose eviction was not accepted had passed unused.
fn not_overridden(case: &Case<'_>, id: PodId, (last_ms, due_ms): (i64, i64)) -> Option<i64> {
    let (invocation, pod) = (case.invocation, &case.record.pods[id]);
    let entered_ms = invocation.entered_ms as i64;
    // The last wave may start when half of the time is used.
    let began_ms = if pod.is_critical() { i64::midpoint(entered_ms, due_ms) } else { entered_ms };
    let from_ms = last_ms.max(began_ms) + case.rules.slack_ms() as i64;
    let late_ms = from_ms + OVERRIDE_MS;
    let is_undone = case.rules.may_override
        && (invocation.blocked.contains(&id) || !invocation.evictions_struck.is_empty())
        && !by(pod.termination.map(|termination| termination.since_ms), late_ms)
        && !pod.about.is_namespace_terminating
        && from_ms <= due_ms - CLOSING_MS;
    is_undone.then_some(late_ms)
}
