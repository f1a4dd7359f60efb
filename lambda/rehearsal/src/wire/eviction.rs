//! POST pods/eviction and DELETE pods, as the API server's eviction registry and store answer them.

use k8s_openapi::{api::policy::v1::Eviction, apimachinery::pkg::apis::meta::v1::DeleteOptions};

use super::{Reply, objects, status};
use crate::{
    facts::{Answer, Call, CallFact, EndedBy, PodId, Removal, Verb, pod_uid},
    faults::FaultKind,
    world::state::State,
};

/// The API server tries so long by itself to write a budget's status (`EvictionsRetry`: 20 times 500 ms).
const CONFLICT_LOOP_MS: u64 = 10_000;
/// The disruption controller waits so long for the delete of a pod that was counted as disrupted.
const SPENT_MS: u64 = 120_000;

/// POST of a `policy/v1` Eviction.
pub(super) fn evict(
    state: &mut State,
    cluster: usize,
    call: &Call,
    pod: (&str, &str),
    body: &[u8],
    fault: Option<(FaultKind, Reply)>,
) -> Reply {
    match serde_json::from_slice::<Eviction>(body) {
        Ok(eviction) => {
            let options = eviction.delete_options.unwrap_or_default();
            match fault {
                Some((FaultKind::ConflictFor(ms), timeout)) => {
                    conflict(state, cluster, call, pod, options, (ms, timeout))
                }
                fault => remove(state, cluster, (call, Verb::Evict), pod, &options, fault),
            }
        }
        Err(error) => status::bad_request(&format!("the object provided is unrecognized: {error}")),
    }
}

/// An eviction whose budget others write to for `ms` milliseconds.
fn conflict(
    state: &mut State,
    cluster: usize,
    call: &Call,
    (namespace, name): (&str, &str),
    options: DeleteOptions,
    (ms, timeout): (u64, Reply),
) -> Reply {
    if !state.find_pod(cluster, namespace, name).is_some_and(|pod| state.spends(pod)) {
        return remove(state, cluster, (call, Verb::Evict), (namespace, name), &options, None);
    }
    let given_up = (ms >= CONFLICT_LOOP_MS).then_some((FaultKind::ConflictFor(ms), timeout));
    let pod = (namespace.to_owned(), name.to_owned());
    let then = move |state: &mut State, call: &Call, _| {
        remove(state, cluster, (call, Verb::Evict), (&pod.0, &pod.1), &options, given_up)
    };
    Reply::held(ms.min(CONFLICT_LOOP_MS), Box::new(then))
}

/// DELETE of a pod. No budget protects it.
pub(super) fn delete(
    state: &mut State,
    cluster: usize,
    call: &Call,
    pod: (&str, &str),
    body: &[u8],
    fault: Option<(FaultKind, Reply)>,
) -> Reply {
    let options = match body {
        [] => Ok(DeleteOptions::default()),
        body => serde_json::from_slice(body),
    };
    match options {
        Ok(options) => remove(state, cluster, (call, Verb::Delete), pod, &options, fault),
        Err(error) => status::bad_request(&format!("the object provided is unrecognized: {error}")),
    }
}

/// The fact comes first; then it happens.
fn remove(
    state: &mut State,
    cluster: usize,
    (call, verb): (&Call, Verb),
    (namespace, name): (&str, &str),
    options: &DeleteOptions,
    fault: Option<(FaultKind, Reply)>,
) -> Reply {
    let Some(pod) = state.find_pod(cluster, namespace, name) else {
        return fault.map_or_else(|| status::not_found("pods", name), |(_, reply)| reply);
    };
    let ruling = state.ruling(pod);
    let answer = fault.as_ref().map(|(kind, reply)| match (kind, reply.retry_after) {
        (FaultKind::Throttled | FaultKind::ConflictFor(_) | FaultKind::UnavailableFor(_), Some(seconds)) => {
            Answer::Throttled(u64::from(seconds) * 1_000)
        }
        _ => Answer::Refused,
    });
    let refusal = fault
        .map(|(_, reply)| reply)
        .or_else(|| match verb {
            Verb::Delete => None,
            Verb::Evict if state.clusters[cluster].is_terminating(namespace) => {
                Some(status::namespace_terminating("pods", name, namespace))
            }
            Verb::Evict => status::disruption(&ruling),
        })
        .or_else(|| check_uid(pod, name, options));
    let grace_s = options.grace_period_seconds.map(|seconds| u32::try_from(seconds).unwrap_or(0));
    let accepted = refusal.is_none() && !call.hung_up;
    let answer = answer.unwrap_or(if accepted { Answer::Accepted } else { Answer::Refused });
    let uid = options.preconditions.as_ref().and_then(|preconditions| preconditions.uid.clone());
    let node = state.pods[pod].node.as_ref().and_then(|name| state.clusters[cluster].nodes.get(name));
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
