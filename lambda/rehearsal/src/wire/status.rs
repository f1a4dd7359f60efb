//! Errors of the Kubernetes API as `Status` objects, with the real API server's words.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Reply, objects::present, request::Asked};
use crate::{facts::Ruling, faults::FaultKind};

/// What the Eviction API says to wait for a budget that its controller has not processed.
const UNPROCESSED_S: u32 = 10;

/// What the API server says to wait after a conflict that has outlasted its own retries.
const CONFLICT_S: u32 = 10;

/// The admission webhook that denies requests; the policy and its binding, too.
const WEBHOOK: &str = "deny.example.com";

/// A `Status` of kind Failure. Its details may name a time after which to ask again.
pub(super) fn failure(code: u16, reason: &str, message: &str, details: &Value) -> Reply {
    let retry_after = details["retryAfterSeconds"].as_u64();
    let status = present(&json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": Some(reason).filter(|reason| !reason.is_empty()),
        "details": details,
        "code": code,
    }));
    Reply { retry_after, ..Reply::json(code, status.to_string()) }
}

pub(super) fn not_found(kind: &str, name: &str) -> Reply {
    let message = format!("{kind} \"{name}\" not found");
    failure(404, "NotFound", &message, &json!({ "name": name, "kind": kind }))
}

pub(super) fn no_such_resource() -> Reply {
    failure(404, "NotFound", "the server could not find the requested resource", &json!({}))
}

pub(super) fn bad_request(message: &str) -> Reply {
    failure(400, "BadRequest", message, &Value::Null)
}

/// Reads the object in the body of a request.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Reply> {
    serde_json::from_slice(body)
        .map_err(|error| bad_request(&format!("the object provided is unrecognized: {error}")))
}

pub(super) fn unauthorized() -> Reply {
    failure(401, "Unauthorized", "Unauthorized", &Value::Null)
}

/// The answer to a caller that has hung up.
pub(super) fn hung_up() -> Reply {
    failure(499, "", "the client has closed the connection", &Value::Null)
}

/// A JSON Patch that does not apply. The API server does not say which operation failed.
pub(super) fn patch_does_not_apply() -> Reply {
    failure(422, "Invalid", "the server rejected our request due to an error in our request", &json!({}))
}

/// What is wrong with an object: the field, the reason, the words.
pub(super) fn invalid(kind: &str, name: &str, (field, reason, problem): (&str, &str, &str)) -> Reply {
    let message = format!("{kind} \"{name}\" is invalid: {field}: {problem}");
    let causes = json!([{ "reason": reason, "message": problem, "field": field }]);
    failure(422, "Invalid", &message, &json!({ "name": name, "kind": kind, "causes": causes }))
}

pub(super) fn already_exists(kind: &str, name: &str) -> Reply {
    let message = format!("{kind} \"{name}\" already exists");
    failure(409, "AlreadyExists", &message, &json!({ "name": name, "kind": kind }))
}

/// A write that starts from another resourceVersion than the object has.
pub(super) fn modified(kind: &str, name: &str) -> Reply {
    let problem =
        "the object has been modified; please apply your changes to the latest version and try again";
    conflict(kind, name, problem)
}

/// The precondition on the UID does not hold.
pub(super) fn uid_conflict(name: &str, asked: &str, actual: &str) -> Reply {
    let problem = format!(
        "the UID in the precondition ({asked}) does not match the UID in record ({actual}). The object might have been \
         deleted and then recreated"
    );
    conflict("Pod", name, &problem)
}

fn conflict(kind: &str, name: &str, problem: &str) -> Reply {
    let message = format!("Operation cannot be fulfilled on {kind} \"{name}\": {problem}");
    failure(409, "Conflict", &message, &json!({ "name": name, "kind": kind }))
}

pub(super) fn namespace_terminating(resource: &str, name: &str, namespace: &str) -> Reply {
    let message = format!(
        "{resource} \"{name}\" is forbidden: unable to create new content in namespace {namespace} because it is being \
         terminated"
    );
    let causes = json!([{
        "reason": "NamespaceTerminating",
        "message": format!("namespace {namespace} is being terminated"),
        "field": "metadata.namespace",
    }]);
    failure(403, "Forbidden", &message, &json!({ "name": name, "kind": resource, "causes": causes }))
}

/// What the Eviction API answers where a budget stands in the way.
pub(super) fn disruption(ruling: &Ruling) -> Option<Reply> {
    match ruling {
        Ruling::Allowed => None,
        Ruling::Blocked { pdb, status } => {
            let (why, retry_after) = if status.synced {
                let (desired, healthy) = (status.desired, status.healthy);
                (format!("needs {desired} healthy pods and has {healthy} currently"), None)
            } else {
                // Its controller has never got as far as to observe this generation.
                ("is still being processed by the server.".to_owned(), Some(UNPROCESSED_S))
            };
            let why = format!("The disruption budget {pdb} {why}");
            let causes = json!([{ "reason": "DisruptionBudget", "message": why }]);
            let message = "Cannot evict pod as it would violate the pod's disruption budget.";
            let details = json!({ "causes": causes, "retryAfterSeconds": retry_after });
            Some(failure(429, "TooManyRequests", message, &details))
        }
        Ruling::TooMany => {
            let message = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not \
                           support.";
            Some(failure(500, "", message, &Value::Null))
        }
    }
}

/// RBAC grants the caller no such right.
fn no_right(asked: &Asked) -> Reply {
    let Asked { verb, resource, group, namespace, .. } = asked;
    let scope = match namespace.as_str() {
        "" => "at the cluster scope".to_owned(),
        namespace => format!("in the namespace \"{namespace}\""),
    };
    let why =
        format!("User \"cast-spot\" cannot {verb} resource \"{resource}\" in API group \"{group}\" {scope}");
    forbidden(403, "Forbidden", asked, &why, &Value::Null)
}

/// A ValidatingAdmissionPolicy that names no reason.
fn against_policy(asked: &Asked) -> Reply {
    let refusal = not_now(asked);
    let why =
        format!("ValidatingAdmissionPolicy '{WEBHOOK}' with binding '{WEBHOOK}' denied request: {refusal}");
    forbidden(422, "Invalid", asked, &why, &json!([{ "message": why }]))
}

fn not_now(Asked { verb, resource, .. }: &Asked) -> String {
    format!("no {verb} of {resource} at this hour")
}

fn forbidden(code: u16, reason: &str, asked: &Asked, why: &str, causes: &Value) -> Reply {
    let kind = asked.resource.split('/').next().unwrap_or_default();
    let [group, name] = [&asked.group, &asked.name].map(|text| Some(text).filter(|text| !text.is_empty()));
    let what = group.map_or(kind.to_owned(), |group| format!("{kind}.{group}"));
    let what = name.map_or(what.clone(), |name| format!("{what} \"{name}\""));
    let details = json!({ "kind": kind, "group": group, "name": name, "causes": causes });
    failure(code, reason, &format!("{what} is forbidden: {why}"), &details)
}

/// The answer of an API server that a fault has struck.
pub(super) fn fault(kind: FaultKind, asked: &Asked) -> Reply {
    let unavailable = |details: &Value| {
        failure(503, "ServiceUnavailable", "the server is currently unable to handle the request", details)
    };
    match kind {
        // API Priority and Fairness answers in plain text.
        FaultKind::Throttled => Reply {
            content_type: "text/plain; charset=utf-8",
            retry_after: Some(1),
            ..Reply::json(429, "Too many requests, please try again later.\n")
        },
        FaultKind::Forbidden => no_right(asked),
        FaultKind::InternalError => {
            let cause = "etcdserver: leader changed";
            let message = format!("Internal error occurred: {cause}");
            failure(500, "InternalError", &message, &json!({ "causes": [{ "message": cause }] }))
        }
        FaultKind::Unauthorized => unauthorized(),
        FaultKind::Denied(422) | FaultKind::DeniedMetadata(422) => against_policy(asked),
        FaultKind::Denied(code) | FaultKind::DeniedMetadata(code) => {
            let message = format!("admission webhook \"{WEBHOOK}\" denied the request: {}", not_now(asked));
            failure(code, "", &message, &Value::Null)
        }
        FaultKind::ConflictFor(_) => {
            let message = "Timeout: couldn't update PodDisruptionBudget due to conflicts";
            failure(504, "Timeout", message, &json!({ "retryAfterSeconds": CONFLICT_S }))
        }
        FaultKind::Expired => {
            failure(410, "Expired", "The resourceVersion for the provided watch is too old.", &Value::Null)
        }
        FaultKind::UnavailableFor(seconds) => unavailable(&json!({ "retryAfterSeconds": seconds })),
        FaultKind::Unavailable | FaultKind::Refused | FaultKind::AnswerLost | FaultKind::Hang(_) => {
            unavailable(&json!({}))
        }
    }
}
