//! After the run: what the handler should have done in time. A leg whose own APIs were well began, whatever became of
//! the other. The drain is done where the invocation had time, and its leg could prove the node, list its pods and delete
//! them.

use super::{
    evidence::{CLOSING_MS, Case, LAST_MOMENT_GRACE_MS, last_moment_grace_ms},
    findings::Findings,
    invocation::{DELETE, EVICT},
    record::{Instance, Pod, by},
};
use crate::{
    facts::{Action, EndedBy, Operation, PodClass, PodId},
    faults::Api,
    law::Law,
};

/// A leg is not held up by the other for longer than this.
const PROMPT_MS: i64 = 5_000;
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

/// What an invocation has not done.
pub(super) fn judge(case: &Case<'_>, found: &mut Findings<'_>) {
    let Some(instance) = case.instance.filter(|_| case.is_up_to_it()) else { return };
    judge_legs(case, instance, found);
    if let Some(node) = instance.node.as_ref().filter(|_| case.invocation.answered) {
        judge_drain(case, instance, node, found);
        judge_every_pod(case, instance, node, found);
    }
}

/// The legs that began too late.
fn judge_legs(case: &Case<'_>, instance: &Instance, found: &mut Findings<'_>) {
    let (invocation, notice) = (case.invocation, case.notice);
    let due_ms = invocation.entered_ms + PROMPT_MS + case.rules.round_trips_ms(5);
    let is_well = |api: Api| !by(invocation.struck_ms(api), due_ms);
    let has_sent = |is_of_leg: &dyn Fn(&Operation) -> bool| {
        invocation.work().any(|(at_ms, call)| at_ms <= due_ms && is_of_leg(call))
    };
    let has_died = invocation.ended_ms.is_none_or(|at_ms| at_ms <= due_ms && !invocation.answered);
    let had_time = notice.deadline_ms >= due_ms + 2 * PROMPT_MS && !by(instance.ended_ms, due_ms);
    if has_died || !had_time || !is_well(Api::Ec2) || !is_well(Api::Eks) {
        return;
    }
    found.at(invocation.entered_ms + PROMPT_MS);
    if notice.action == Action::Terminate
        && case.rules.replaces
        && is_well(Api::AutoScaling)
        && case.group().is_some_and(|group| !group.about.is_left_alone && !group.about.is_suspended)
    {
        let has_begun = has_sent(&|call| call.api == Api::AutoScaling && call.writes);
        let what = format_args!("replacement leg: no call for {} by {due_ms} ms", notice.instance);
        found.require(Law::IndependentLegs, has_begun, what);
    }
    let mut pods = instance.concerned.iter().flatten().map(|pod| &case.record.pods[*pod]);
    // Pods that stood on the node when the function was entered, and that no one else began to terminate.
    let has_evictable = pods.any(|pod| {
        pod.about.class == PodClass::Ordinary
            && pod.bound_ms <= invocation.entered_ms
            && !case.is_ended_by_others(pod, due_ms)
            && !pod.has_ended_by(invocation.entered_ms)
    });
    if notice.action != Action::Hibernate && is_well(Api::Kubernetes) && has_evictable {
        let has_begun = has_sent(&|call| [EVICT, DELETE].contains(&call.name.as_str()));
        let what = format_args!("drain leg: no eviction on {} by {due_ms} ms", notice.instance);
        found.require(Law::IndependentLegs, has_begun, what);
    }
}

/// Where API server and EC2 answered well for long enough, every pod that the function was shown is asked.
fn judge_every_pod(case: &Case<'_>, instance: &Instance, node: &str, found: &mut Findings<'_>) {
    let Case { rules, invocation, notice, .. } = case;
    let limit_ms = invocation.entered_ms + invocation.limit_ms;
    // An earlier deadline that a read has shown may end the leg; not every function reads it.
    let due_ms = limit_ms.min(case.settled_ms()) - CLOSING_MS;
    let well_from_ms = invocation.last_hindered_ms().unwrap_or(0).max(invocation.entered_ms);
    if notice.action == Action::Hibernate
        || well_from_ms > due_ms - WELL_MS
        || by(instance.ended_ms, limit_ms.min(notice.deadline_ms - rules.margin_ms) - CLOSING_MS)
    {
        return;
    }
    found.at(due_ms);
    // What was not hindered at all is judged as the drain is, but for the pods that came late.
    let mut pods = Vec::new();
    if [Api::Ec2, Api::Eks, Api::Kubernetes].into_iter().any(|api| invocation.is_struck(api)) {
        let Some((_, shown)) = case.listed() else {
            return found.add(Law::EveryPod, format_args!("the pods of {node} were never listed"));
        };
        pods.extend(shown);
    }
    if rules.stays && !invocation.is_struck(Api::Kubernetes) {
        let until_ms = (case.settled_ms() - LAST_MOMENT_GRACE_MS).min(due_ms) - LATE_MS;
        pods.extend(instance.concerned.iter().flatten().filter(|id| {
            let pod = &case.record.pods[**id];
            pod.bound_ms > invocation.entered_ms && pod.bound_ms <= until_ms && !pod.about.tolerates
        }));
    }
    for (id, pod) in to_evict(case, &pods, due_ms) {
        let is_asked = invocation.asking(id).asked_ms.is_some();
        found.require(Law::EveryPod, is_asked, format_args!("{} was never asked to go", pod.about.label));
    }
}

/// Where nothing but the cordon, evictions or the other leg was struck, the whole drain is done in time.
fn judge_drain(case: &Case<'_>, instance: &Instance, node: &str, found: &mut Findings<'_>) {
    let Case { rules, invocation, notice, .. } = case;
    let settled_ms = notice.deadline_ms - rules.margin_ms;
    let due_ms = settled_ms.min(invocation.entered_ms + invocation.limit_ms - CLOSING_MS);
    if invocation.is_struck(Api::Ec2)
        || invocation.is_struck(Api::Eks)
        || invocation.is_blinded()
        || notice.deadline_ms - invocation.entered_ms < ENOUGH_MS
        || invocation.limit_ms < ENOUGH_LIMIT_MS
        || by(instance.ended_ms, due_ms)
    {
        return;
    }
    // What proves the node's identity and shows its pods is well: what stops the drain is a refused cordon or eviction,
    // the other leg, or the handler itself.
    let is_refused = invocation.is_struck(Api::Kubernetes);
    let law = match (is_refused, invocation.is_struck(Api::AutoScaling)) {
        (true, _) => Law::EveryPod,
        (false, true) => Law::IndependentLegs,
        (false, false) => Law::Order,
    };
    let is_cordoned = by(instance.cordoned_ms, due_ms) || is_refused;
    found.at(due_ms).require(law, is_cordoned, format_args!("node {node} is not cordoned"));
    if notice.action == Action::Hibernate {
        return;
    }
    let Some((listed_ms, shown)) = case.listed() else {
        return found.add(law, format_args!("the pods of {node} were never listed"));
    };
    for (id, pod) in to_evict(case, shown, due_ms) {
        let label = &pod.about.label;
        let is_asked = is_struck(case, pod) || by(invocation.asking(id).asked_ms, due_ms);
        found.at(due_ms).require(law, is_asked, format_args!("{label} was never asked to go"));
        let last_ms = settled_ms - last_moment_grace_ms(pod.about.grace_s);
        let law = if is_refused { Law::EveryPod } else { Law::LastMoment };
        if let Some(late_ms) = not_overridden(case, id, (last_ms, due_ms)) {
            let what = format_args!("{label} is not evicted, and its last moment {last_ms} was not used");
            found.at(late_ms).add(law, what);
        }
    }
    found.at(due_ms);
    for pod in shown.iter().map(|id| &case.record.pods[*id]) {
        let needs_no_cut = !has_to_be_cut(case, pod, *listed_ms, (settled_ms, due_ms));
        let what = format_args!("{} terminates, and its grace was not cut", pod.about.label);
        found.require(Law::UidAndGrace, needs_no_cut, what);
    }
}

/// Whether a fault or a lack of seats struck an eviction of the pod.
fn is_struck(case: &Case<'_>, pod: &Pod) -> bool {
    case.invocation.is_eviction_struck(|label| label == pod.about.label)
}

/// Whether a pod's grace ends after the instance, although others began its termination in time.
fn has_to_be_cut(case: &Case<'_>, pod: &Pod, listed_ms: i64, (settled_ms, due_ms): (i64, i64)) -> bool {
    let Some(termination) = pod.termination else { return false };
    let slack_ms = case.rules.slack_ms();
    let mut cut_by_ms = listed_ms.max(termination.since_ms as i64) + slack_ms + CUT_MS;
    let is_struck = is_struck(case, pod);
    if is_struck {
        // What evictions do not bring about, the delete at the last moment does.
        let last_ms = settled_ms - last_moment_grace_ms(termination.grace_s);
        cut_by_ms = cut_by_ms.max(last_ms + slack_ms + OVERRIDE_MS);
    }
    termination.by == EndedBy::Cluster
        // A namespace that is being deleted takes no evictions.
        && !pod.about.is_namespace_terminating
        && !pod.belongs_to_node()
        && (case.rules.may_override || !is_struck)
        && !pod.has_ended_by(cut_by_ms)
        && cut_by_ms <= due_ms - CLOSING_MS
        && termination.kill_ms as i64 > settled_ms + slack_ms + 1_000
}

/// Pods that were up to this invocation: they do not belong to the node, and no one else ended them.
fn to_evict<'a>(case: &Case<'a>, pods: &[PodId], due_ms: i64) -> Vec<(PodId, &'a Pod)> {
    let pods = pods.iter().map(|id| (*id, &case.record.pods[*id]));
    let is_up_to_it = |(_, pod): &(PodId, &Pod)| {
        !pod.belongs_to_node()
            && !case.is_ended_by_others(pod, due_ms)
            && (!pod.has_ended_by(due_ms) || pod.termination.is_some())
    };
    pods.filter(is_up_to_it).collect()
}

/// When the last moment of a pod whose eviction was not accepted had passed unused.
fn not_overridden(case: &Case<'_>, id: PodId, (last_ms, due_ms): (i64, i64)) -> Option<i64> {
    let (invocation, pod) = (case.invocation, &case.record.pods[id]);
    let entered_ms = invocation.entered_ms;
    // The last wave may start when half of the time is used.
    let began_ms = if pod.is_critical() { i64::midpoint(entered_ms, due_ms) } else { entered_ms };
    let from_ms = last_ms.max(began_ms) + case.rules.slack_ms();
    let late_ms = from_ms + OVERRIDE_MS;
    let is_undone = case.rules.may_override
        && (invocation.asking(id).is_blocked || invocation.is_eviction_struck(|_| true))
        && !by(pod.termination.map(|termination| termination.since_ms as i64), late_ms)
        && !pod.about.is_namespace_terminating
        && from_ms <= due_ms - CLOSING_MS;
    is_undone.then_some(late_ms)
}
