//! Errors of the Kubernetes API as `Status` objects, with the real API server's words.

use serde_json::{Value, json};

use super::Reply;
use crate::{facts::Ruling, faults::FaultKind};

/// What the Eviction API says to wait for a budget that its controller has not processed.
const UNPROCESSED_S: u32 = 10;

/// What the API server says to wait after a conflict that has outlasted its own retries.
const CONFLICT_S: u32 = 10;

/// The admission webhook that denies requests; the policy and its binding, too.
const WEBHOOK: &str = "deny.example.com";

/// What a request is about.
pub(super) struct About<'a> {
    pub(super) verb: &'a str,
    /// With its subresource.
    pub(super) resource: &'a str,
    pub(super) group: &'a str,
    /// `None`: the request is for the whole cluster.
    pub(super) namespace: Option<&'a str>,
    /// Empty for a list, or what does not exist yet.
    pub(super) name: &'a str,
}

const UNAVAILABLE: &str = "the server is currently unable to handle the request";

/// A `Status` of kind Failure.
pub(super) fn failure(code: u16, reason: &str, message: &str, details: &Value) -> Reply {
    let mut status = json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "code": code,
    });
    if !reason.is_empty() {
        status["reason"] = json!(reason);
    }
    if !details.is_null() {
        status["details"] = details.clone();
    }
    Reply::json(code, status.to_string())
}

pub(super) fn not_found(kind: &str, name: &str) -> Reply {
    let details = json!({ "name": name, "kind": kind });
    failure(404, "NotFound", &format!("{kind} \"{name}\" not found"), &details)
}

pub(super) fn no_such_resource() -> Reply {
    let message = "the server could not find the requested resource";
    failure(404, "NotFound", message, &json!({}))
}

pub(super) fn bad_request(message: &str) -> Reply {
    failure(400, "BadRequest", message, &Value::Null)
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
    let message = "the server rejected our request due to an error in our request";
    failure(422, "Invalid", message, &json!({}))
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
    let message = format!(
        "Operation cannot be fulfilled on {kind} \"{name}\": the object has been modified; please apply your changes \
         to the latest version and try again"
    );
    failure(409, "Conflict", &message, &json!({ "name": name, "kind": kind }))
}

/// The precondition on the UID does not hold.
pub(super) fn uid_conflict(name: &str, asked: &str, actual: &str) -> Reply {
    let message = format!(
        "Operation cannot be fulfilled on Pod \"{name}\": the UID in the precondition ({asked}) does not match the \
         UID in record ({actual}). The object might have been deleted and then recreated"
    );
    failure(409, "Conflict", &message, &json!({ "name": name, "kind": "Pod" }))
}

pub(super) fn namespace_terminating(resource: &str, name: &str, namespace: &str) -> Reply {
    let message = format!(
        "{resource} \"{name}\" is forbidden: unable to create new content in namespace {namespace} because it is being \
         terminated"
    );
    let details = json!({
        "name": name,
        "kind": resource,
        "causes": [{
            "reason": "NamespaceTerminating",
            "message": format!("namespace {namespace} is being terminated"),
            "field": "metadata.namespace",
        }],
    });
    failure(403, "Forbidden", &message, &details)
}

/// What the Eviction API answers where a budget stands in the way.
pub(super) fn disruption(ruling: &Ruling) -> Option<Reply> {
    match ruling {
        Ruling::Allowed => None,
        Ruling::Blocked { pdb, status } => {
            let message = "Cannot evict pod as it would violate the pod's disruption budget.";
            if !status.synced {
                // Its controller has never got as far as to observe this generation.
                let why = format!("The disruption budget {pdb} is still being processed by the server.");
                let causes = json!([{ "reason": "DisruptionBudget", "message": why }]);
                let details = json!({ "causes": causes, "retryAfterSeconds": UNPROCESSED_S });
                let reply = failure(429, "TooManyRequests", message, &details);
                return Some(Reply { retry_after: Some(UNPROCESSED_S), ..reply });
            }
            let needs = format!(
                "The disruption budget {pdb} needs {} healthy pods and has {} currently",
                status.desired, status.healthy
            );
            let details = json!({ "causes": [{ "reason": "DisruptionBudget", "message": needs }] });
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
fn no_right(about: &About<'_>) -> Reply {
    let About { verb, resource, group, namespace, .. } = about;
    let scope =
        namespace.map_or("at the cluster scope".to_owned(), |ns| format!("in the namespace \"{ns}\""));
    let why =
        format!("User \"cast-spot\" cannot {verb} resource \"{resource}\" in API group \"{group}\" {scope}");
    let (message, details) = forbidden(about, &why);
    failure(403, "Forbidden", &message, &details)
}

/// A ValidatingAdmissionPolicy that names no reason.
fn against_policy(about: &About<'_>) -> Reply {
    let why = format!(
        "ValidatingAdmissionPolicy '{WEBHOOK}' with binding '{WEBHOOK}' denied request: {}",
        not_now(about)
    );
    let (message, mut details) = forbidden(about, &why);
    details["causes"] = json!([{ "message": why }]);
    failure(422, "Invalid", &message, &details)
}

fn not_now(About { verb, resource, .. }: &About<'_>) -> String {
    format!("no {verb} of {resource} at this hour")
}

/// Message and details of a refusal.
fn forbidden(about: &About<'_>, why: &str) -> (String, Value) {
    let kind = about.resource.split('/').next().unwrap_or_default();
    let (mut what, mut details) = (kind.to_owned(), json!({ "kind": kind }));
    if !about.group.is_empty() {
        what = format!("{kind}.{}", about.group);
        details["group"] = json!(about.group);
    }
    if !about.name.is_empty() {
        what = format!("{what} \"{}\"", about.name);
        details["name"] = json!(about.name);
    }
    (format!("{what} is forbidden: {why}"), details)
}

/// The answer of an API server that a fault has struck.
pub(super) fn fault(kind: FaultKind, about: &About<'_>) -> Reply {
    match kind {
        // API Priority and Fairness answers in plain text.
        FaultKind::Throttled => Reply {
            content_type: "text/plain; charset=utf-8",
            retry_after: Some(1),
            ..Reply::json(429, "Too many requests, please try again later.\n")
        },
        FaultKind::Forbidden => no_right(about),
        FaultKind::InternalError => {
            let message = "Internal error occurred: etcdserver: leader changed";
            failure(
                500,
                "InternalError",
                message,
                &json!({ "causes": [{ "message": "etcdserver: leader changed" }] }),
            )
        }
        FaultKind::Unauthorized => unauthorized(),
        FaultKind::Denied(422) | FaultKind::DeniedMetadata(422) => against_policy(about),
        FaultKind::Denied(code) | FaultKind::DeniedMetadata(code) => {
            let words = not_now(about);
            let message = format!("admission webhook \"{WEBHOOK}\" denied the request: {words}");
            failure(code, "", &message, &Value::Null)
        }
        FaultKind::ConflictFor(_) => {
            let message = "Timeout: couldn't update PodDisruptionBudget due to conflicts";
            let reply = failure(504, "Timeout", message, &json!({ "retryAfterSeconds": CONFLICT_S }));
            Reply { retry_after: Some(CONFLICT_S), ..reply }
        }
        FaultKind::Expired => {
            failure(410, "Expired", "The resourceVersion for the provided watch is too old.", &Value::Null)
        }
        FaultKind::UnavailableFor(seconds) => {
            let details = json!({ "retryAfterSeconds": seconds });
            let reply = failure(503, "ServiceUnavailable", UNAVAILABLE, &details);
            Reply { retry_after: Some(seconds), ..reply }
        }
        FaultKind::Unavailable | FaultKind::Refused | FaultKind::AnswerLost | FaultKind::Hang(_) => {
            failure(503, "ServiceUnavailable", UNAVAILABLE, &json!({}))
        }
    }
}
