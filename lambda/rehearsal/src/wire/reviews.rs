//! What an API server says that a caller may do ("SelfSubjectAccessReview" in the Kubernetes API reference). The
//! function has its ClusterRole; a call that always fails as forbidden is one that it lacks.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Reply, status};
use crate::world::state::State;

/// Verbs and resources of the handler's ClusterRole.
const GRANTED: [&str; 9] = [
    "get nodes",
    "list nodes",
    "patch nodes",
    "list pods",
    "watch pods",
    "delete pods",
    "create pods/eviction",
    "list poddisruptionbudgets",
    "create events",
];

/// Verb and resource that a review asks for, as calls are named.
pub(super) fn right(body: &Bytes) -> String {
    let review: Value = serde_json::from_slice(body).unwrap_or_default();
    let attributes = &review["spec"]["resourceAttributes"];
    let text = |field: &str| attributes[field].as_str().unwrap_or_default();
    let (verb, resource) = (text("verb"), text("resource"));
    match text("subresource") {
        "" => format!("{verb} {resource}"),
        sub => format!("{verb} {resource}/{sub}"),
    }
}

pub(super) fn answer(state: &State, cluster: usize, body: &Bytes) -> Reply {
    let Ok(mut review) = serde_json::from_slice::<Value>(body) else {
        return status::bad_request("the object provided is unrecognized");
    };
    let right = right(body);
    let granted = GRANTED.contains(&right.as_str());
    let allowed = granted && !state.faults.forbids(state.now_ms, &state.clusters[cluster].spec.name, &right);
    review["status"] = json!({ "allowed": allowed });
    Reply::json(201, review.to_string())
}
