//! The meaning of an answer of the Kubernetes API.

use std::{error::Error as StdError, time::Duration};

use kube::{Error, core::Status};

use crate::{
    adapters::in_words,
    ports::{CallError, CallResult, Evicted, Node, Patched},
};

/// The meaning of an error for the caller.
pub(super) fn call_error(error: Error) -> CallError {
    let status = match error {
        Error::Api(status) => status,
        other => return CallError::Transient(in_words(&other), None),
    };
    match status.code {
        401 => CallError::Unauthenticated("the API server does not know this caller (access entry?)".into()),
        403 => CallError::Forbidden(status.message),
        404 => CallError::NotFound(status.message),
        409 => CallError::LostRace(status.message),
        429 => CallError::Throttled { retry_after: retry_after(&status) },
        500.. => CallError::Transient(format!("{}: {}", status.code, status.message), retry_after(&status)),
        _ => CallError::Refused(format!("{}: {}", status.code, status.message)),
    }
}

/// The meaning of the answer to an eviction (Kubernetes, "API-initiated Eviction").
pub(super) fn eviction<T>(answer: Result<T, Error>) -> CallResult<Evicted> {
    let Err(error) = answer else { return Ok(Evicted::Accepted) };
    if let Error::Api(status) = &error {
        match status.code {
            404 => return Ok(Evicted::Gone),
            // The UID precondition: another pod stands under the name. One on the resourceVersion, which the
            // API server sets by itself for a pod that changes under it, is worth another try.
            409 if status.message.contains("UID in ") => return Ok(Evicted::Gone),
            409 => return Err(CallError::Transient(status.message.clone(), None)),
            429 | 403 if has_cause(status, "DisruptionBudget") || is_busy_pdb(status) => {
                return Ok(Evicted::Blocked { retry_after: retry_after(status) });
            }
            403 if has_cause(status, "NamespaceTerminating") => return Ok(Evicted::NamespaceTerminating),
            500 if status.message.contains("more than one PodDisruptionBudget") => {
                return Ok(Evicted::TooManyPdbs);
            }
            _ => {}
        }
    }
    Err(call_error(error))
}

/// The meaning of the answer to a JSON Patch.
pub(super) fn patched(answer: Result<Node, Error>) -> CallResult<Patched> {
    match answer {
        Ok(node) => Ok(Patched::Done(Box::new(node))),
        Err(Error::Api(status)) if status.code == 404 => Ok(Patched::NotFound),
        Err(Error::Api(status)) if matches!(status.code, 409 | 422) => {
            let causes = status.details.iter().flat_map(|d| &d.causes).map(|c| c.message.as_str());
            Ok(Patched::Mismatch(
                [status.message.as_str()].into_iter().chain(causes).collect::<Vec<_>>().join(": "),
            ))
        }
        Err(error) => Err(call_error(error)),
    }
}

/// Whether the connection failed because the API server's certificate was not accepted.
pub(super) fn is_tls_failure(error: &Error) -> bool {
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = next {
        if error.is::<rustls::Error>() {
            return true;
        }
        // The TLS error is wrapped into I/O errors, whose `source` skips what they wrap.
        next = match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    false
}

fn has_cause(status: &Status, reason: &str) -> bool {
    status.details.iter().flat_map(|d| &d.causes).any(|cause| cause.reason == reason)
}

/// Refusals of the disruption controller's bookkeeping, which only a storm sees and which pass (Kubernetes,
/// `checkAndDecrement`).
fn is_busy_pdb(status: &Status) -> bool {
    let passing = ["DisruptedPods map too big", "pdb disruptions allowed is negative"];
    status.code == 403 && passing.iter().any(|text| status.message.contains(text))
}

fn retry_after(status: &Status) -> Option<Duration> {
    let seconds = status.details.as_ref().map(|d| d.retry_after_seconds).filter(|s| *s > 0)?;
    Some(Duration::from_secs(seconds.into()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn api(status: &Value) -> Result<(), Error> {
        Err(Error::Api(Box::new(serde_json::from_value(status.clone()).unwrap())))
    }

    #[test]
    fn evictions_are_answered_as_the_api_server_words_them() {
        let not_yet = "Cannot evict pod as it would violate the pod's disruption budget.";
        let two = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
        for (case, status, expected) in [
            (
                "PDB",
                json!({"code": 429, "reason": "TooManyRequests", "message": not_yet,
                       "details": {"causes": [{"reason": "DisruptionBudget", "message": "needs 2"}]}}),
                Ok(Evicted::Blocked { retry_after: None }),
            ),
            (
                "PDB being processed",
                json!({"code": 429, "message": not_yet, "details": {"retryAfterSeconds": 10,
                       "causes": [{"reason": "DisruptionBudget", "message": "still being processed"}]}}),
                Ok(Evicted::Blocked { retry_after: Some(Duration::from_secs(10)) }),
            ),
            (
                "throttling",
                json!({"code": 429, "details": {"retryAfterSeconds": 1}}),
                Err(CallError::Throttled { retry_after: Some(Duration::from_secs(1)) }),
            ),
            ("two PDBs", json!({"code": 500, "message": two}), Ok(Evicted::TooManyPdbs)),
            (
                "another pod under the name",
                json!({"code": 409, "message": "Precondition failed: UID in precondition: a, UID in object meta: b"}),
                Ok(Evicted::Gone),
            ),
            ("gone", json!({"code": 404}), Ok(Evicted::Gone)),
            (
                "namespace",
                json!({"code": 403, "details": {"causes": [{"reason": "NamespaceTerminating"}]}}),
                Ok(Evicted::NamespaceTerminating),
            ),
            (
                "RBAC",
                json!({"code": 403, "message": "cannot create resource \"pods/eviction\""}),
                Err(CallError::Forbidden("cannot create resource \"pods/eviction\"".into())),
            ),
            (
                "another pod under the name, before the store",
                json!({"code": 409, "message": "the UID in the precondition (a) does not match the UID in record (b)"}),
                Ok(Evicted::Gone),
            ),
            (
                "another version of the pod",
                json!({"code": 409, "message": "Precondition failed: ResourceVersion in precondition: 1, ResourceVersion in object meta: 2"}),
                Err(CallError::Transient(
                    "Precondition failed: ResourceVersion in precondition: 1, ResourceVersion in object meta: 2".into(),
                    None,
                )),
            ),
            (
                "many disruptions at once",
                json!({"code": 403, "message": "Forbidden: DisruptedPods map too big - too many evictions not confirmed by PDB controller"}),
                Ok(Evicted::Blocked { retry_after: None }),
            ),
            ("server", json!({"code": 503, "message": "x"}), Err(CallError::Transient("503: x".into(), None))),
            (
                "conflict on the budget",
                json!({"code": 504, "message": "x", "details": {"retryAfterSeconds": 10}}),
                Err(CallError::Transient("504: x".into(), Some(Duration::from_secs(10)))),
            ),
            (
                "token",
                json!({"code": 401, "message": "Unauthorized"}),
                Err(CallError::Unauthenticated(
                    "the API server does not know this caller (access entry?)".into(),
                )),
            ),
        ] {
            assert_eq!(eviction(api(&status)), expected, "{case}");
        }
    }
}
