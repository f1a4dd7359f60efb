//! What an API server says that a caller may do ("SelfSubjectAccessReview" in the Kubernetes API reference). The
//! function has its ClusterRole; a call that always fails as forbidden is one that it lacks.

use serde_json::{Value, json};

use super::{Reply, Response, request::Visit, status};

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

pub(super) fn answer(visit: &Visit<'_>) -> Response {
    let mut review: Value = status::read(&visit.asked.body)?;
    let (state, right) = (&visit.state, visit.asked.reviewed_right());
    let granted = GRANTED.contains(&right.as_str());
    let cluster = &state.clusters[visit.index].spec.name;
    let allowed = granted && !state.faults.forbids(state.now_ms, cluster, &right);
    review["status"] = json!({ "allowed": allowed });
    Ok(Reply::json(201, review.to_string()))
}
