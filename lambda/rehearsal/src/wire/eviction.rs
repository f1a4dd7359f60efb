//! POST pods/eviction and DELETE pods, as the API server's eviction registry and store answer them.

use k8s_openapi::{api::policy::v1::Eviction, apimachinery::pkg::apis::meta::v1::DeleteOptions};

use super::{Reply, Response, objects, request::Visit, status};
use crate::{
    facts::{Answer, CallFact, EndedBy, PodId, Removal, Verb, pod_uid},
    faults::FaultKind,
};

/// The API server tries so long by itself to write a budget's status (`EvictionsRetry`: 20 times 500 ms).
const CONFLICT_LOOP_MS: u64 = 10_000;
/// The disruption controller waits so long for the delete of a pod that was counted as disrupted.
const SPENT_MS: u64 = 120_000;

/// A fault that strikes a call, and the answer that it makes of it.
type Struck = Option<(FaultKind, Reply)>;

/// POST of a `policy/v1` Eviction.
pub(super) fn evict(visit: &mut Visit<'_>, fault: Struck) -> Response {
    let eviction: Eviction = status::read(&visit.asked.body)?;
    let options = eviction.delete_options.unwrap_or_default();
    Ok(match fault {
        Some((FaultKind::ConflictFor(ms), timeout)) => conflict(visit, options, ms, timeout),
        fault => remove(visit, Verb::Evict, &options, fault),
    })
}

/// An eviction whose budget others write to for `ms` milliseconds.
fn conflict(visit: &mut Visit<'_>, options: DeleteOptions, ms: u64, timeout: Reply) -> Reply {
    if !asked_pod(visit).is_some_and(|pod| visit.state.spends(pod)) {
        return remove(visit, Verb::Evict, &options, None);
    }
    let given_up = (ms >= CONFLICT_LOOP_MS).then_some((FaultKind::ConflictFor(ms), timeout));
    let (asked, index) = (visit.asked.clone(), visit.index);
    Reply::held(
        ms.min(CONFLICT_LOOP_MS),
        Box::new(move |state, call, _| {
            remove(&mut Visit { asked: &asked, state, index, call }, Verb::Evict, &options, given_up)
        }),
    )
}

/// DELETE of a pod. No budget protects it.
pub(super) fn delete(visit: &mut Visit<'_>, fault: Struck) -> Response {
    let options =
        if visit.asked.body.is_empty() { DeleteOptions::default() } else { status::read(&visit.asked.body)? };
    Ok(remove(visit, Verb::Delete, &options, fault))
}

fn asked_pod(visit: &Visit<'_>) -> Option<PodId> {
    visit.state.find_pod(visit.index, &visit.asked.namespace, &visit.asked.name)
}

/// The fact comes first; then it happens.
fn remove(visit: &mut Visit<'_>, verb: Verb, options: &DeleteOptions, fault: Struck) -> Reply {
    let Some(pod) = asked_pod(visit) else {
        return fault.map_or_else(|| status::not_found("pods", &visit.asked.name), |(_, reply)| reply);
    };
    let Visit { asked, ref mut state, index, call } = *visit;
    let cluster = &state.clusters[index];
    let ruling = state.ruling(pod);
    let answer = fault.as_ref().map(|(kind, reply)| match (kind, reply.retry_after) {
        (FaultKind::Throttled | FaultKind::ConflictFor(_) | FaultKind::UnavailableFor(_), Some(seconds)) => {
            Answer::Throttled(seconds * 1_000)
        }
        _ => Answer::Refused,
    });
    let refusal = fault
        .map(|(_, reply)| reply)
        .or_else(|| match verb {
            Verb::Delete => None,
            Verb::Evict if cluster.is_terminating(&asked.namespace) => {
                Some(status::namespace_terminating("pods", &asked.name, &asked.namespace))
            }
            Verb::Evict => status::disruption(&ruling),
        })
        .or_else(|| check_uid(pod, &asked.name, options));
    let grace_s = options.grace_period_seconds.map(|seconds| u32::try_from(seconds).unwrap_or(0));
    let accepted = refusal.is_none() && !call.hung_up;
    let answer = answer.unwrap_or(if accepted { Answer::Accepted } else { Answer::Refused });
    let uid = options.preconditions.as_ref().and_then(|preconditions| preconditions.uid.clone());
    let node = state.pods[pod].node.as_ref().and_then(|name| cluster.nodes.get(name));
    let instance = node.map(|node| node.instance.clone());
    let is_spent = verb == Verb::Evict && call.hung_up && state.spends(pod);
    let removal = Removal { verb, pod, instance, uid, grace_s, ruling, is_spent, answer };
    state.emit_call(call, CallFact::Removes(removal));
    state.pods[pod].asked_ms.get_or_insert(call.arrived_ms);
    if let Some(refusal) = refusal {
        return refusal;
    }
    match verb {
        // The delete fails with the request's context; the budget's status was written without it.
        Verb::Evict if call.hung_up => {
            state.pods[pod].spent_until_ms = state.now_ms + SPENT_MS;
            state.note(&format!("kubernetes pod {} counted as disrupted", state.label(pod)));
            status::hung_up()
        }
        Verb::Evict => {
            state.terminate(pod, grace_s, EndedBy::Eviction(call.env));
            let success =
                r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Success","code":201}"#;
            Reply::json(201, success)
        }
        Verb::Delete => {
            state.terminate(pod, grace_s, EndedBy::Delete(call.env));
            Reply::json(200, objects::pod(state, pod))
        }
    }
}

fn check_uid(pod: PodId, name: &str, options: &DeleteOptions) -> Option<Reply> {
    let actual = pod_uid(pod);
    let asked = options.preconditions.as_ref()?.uid.as_ref()?;
    (*asked != actual).then(|| status::uid_conflict(name, asked, &actual))
}
