//! POST pods/eviction and DELETE pods, as the API server's eviction registry and store answer them.

use k8s_openapi::{api::policy::v1::Eviction, apimachinery::pkg::apis::meta::v1::DeleteOptions};

use super::{Call, Reply, objects, status};
use crate::{
    faults::FaultKind,
    observer::{Answer, Ask, Verb},
    world::{
        pods::{EndedBy, PodId},
        state::State,
    },
};

/// POST of a `policy/v1` Eviction.
pub(super) fn evict(
    state: &mut State,
    cluster: usize,
    call: Call,
    pod: (&str, &str),
    body: &[u8],
    fault: Option<(FaultKind, Reply)>,
) -> Reply {
    match serde_json::from_slice::<Eviction>(body) {
        Ok(eviction) => {
            let options = eviction.delete_options.unwrap_or_default();
            ask(state, cluster, (call, Verb::Evict), pod, &options, fault)
        }
        Err(error) => status::bad_request(&format!("the object provided is unrecognized: {error}")),
    }
}

/// DELETE of a pod. No budget protects it.
pub(super) fn delete(
    state: &mut State,
    cluster: usize,
    call: Call,
    pod: (&str, &str),
    body: &[u8],
    fault: Option<(FaultKind, Reply)>,
) -> Reply {
    let options = match body {
        [] => Ok(DeleteOptions::default()),
        body => serde_json::from_slice(body),
    };
    match options {
        Ok(options) => ask(state, cluster, (call, Verb::Delete), pod, &options, fault),
        Err(error) => status::bad_request(&format!("the object provided is unrecognized: {error}")),
    }
}

/// The observer sees the state from before; then it happens.
fn ask(
    state: &mut State,
    cluster: usize,
    (call, verb): (Call, Verb),
    (namespace, name): (&str, &str),
    options: &DeleteOptions,
    fault: Option<(FaultKind, Reply)>,
) -> Reply {
    let Some(pod) = state.find_pod(cluster, namespace, name) else {
        return fault.map_or_else(|| status::not_found("pods", name), |(_, reply)| reply);
    };
    let ruling = state.ruling(pod);
    let answer = fault.as_ref().map(|(kind, reply)| match (kind, reply.retry_after) {
        (FaultKind::Throttled, Some(seconds)) => Answer::Throttled(u64::from(seconds) * 1_000),
        (FaultKind::Forbidden, _) => Answer::Forbidden,
        _ => Answer::Refused,
    });
    let refusal = fault
        .map(|(_, reply)| reply)
        .or_else(|| match verb {
            Verb::Delete => None,
            Verb::Evict if state.is_terminating(cluster, namespace) => {
                Some(status::namespace_terminating("pods", name, namespace))
            }
            Verb::Evict => status::disruption(&ruling),
        })
        .or_else(|| check_uid(pod, name, options));
    let grace_s = options.grace_period_seconds.map(|seconds| u32::try_from(seconds).unwrap_or(0));
    let answer = answer.unwrap_or(if refusal.is_none() { Answer::Accepted } else { Answer::Refused });
    let uid = options.preconditions.as_ref().and_then(|preconditions| preconditions.uid.clone());
    state.saw_ask(&Ask { call, verb, pod, uid, grace_s, ruling, answer });
    if let Some(refusal) = refusal {
        return refusal;
    }
    match verb {
        Verb::Evict => {
            state.terminate(pod, grace_s, EndedBy::Eviction(call.env));
            let success =
                r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Success","code":201}"#;
            Reply::json(201, success)
        }
        Verb::Delete => {
            state.terminate(pod, grace_s, EndedBy::Delete(call.env));
            Reply::json(200, objects::pod(state, pod, true))
        }
    }
}

fn check_uid(pod: PodId, name: &str, options: &DeleteOptions) -> Option<Reply> {
    let actual = objects::pod_uid(pod);
    let asked = options.preconditions.as_ref()?.uid.as_ref()?;
    (*asked != actual).then(|| status::uid_conflict(name, asked, &actual))
}
