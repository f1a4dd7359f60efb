//! The meaning of Kubernetes errors.

use crate::error::{Error, ErrorKind, with_causes};

/// Returns the meaning of an error of the kube client. `call` is verb and resource, as RBAC names them.
pub fn from_kube(call: &str) -> impl FnOnce(kube::Error) -> Error {
    move |error| {
        let kube::Error::Api(status) = &error else {
            let words = with_causes(&error);
            return match error {
                kube::Error::Auth(_) => Error::new(ErrorKind::Credentials, call, words)
                    .hint("`kubectl auth whoami` with the same context says what is wrong"),
                kube::Error::SerdeError(_) | kube::Error::BuildRequest(_) => Error::other(call, words),
                _ => Error::new(ErrorKind::Unreachable, call, words)
                    .hint("`kubectl get --raw /version` with the same context has to work"),
            };
        };
        let words = if status.message.is_empty() { status.reason.clone() } else { status.message.clone() };
        match status.code {
            401 => Error::new(ErrorKind::Credentials, call, words)
                .hint("`kubectl auth whoami` with the same context says what is wrong"),
            403 => Error::new(ErrorKind::Denied { action: call.to_owned() }, call, words).hint(
                "ask an administrator of the cluster: an access entry with AmazonEKSClusterAdminPolicy, or \
                 system:masters in aws-auth, allows it",
            ),
            409 => Error::changed(call, words),
            429 | 500..=599 => Error::new(ErrorKind::Unreachable, call, words)
                .hint("the API server does not serve at the moment; run it again"),
            _ => Error::other(call, words),
        }
    }
}

/// Whether the API server answered that the object does not exist.
#[must_use]
pub fn is_not_found(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_the_api_server_means_what_its_code_says() {
        for (code, expected) in [
            (401, ErrorKind::Credentials),
            (403, ErrorKind::Denied { action: "create clusterroles".into() }),
            (409, ErrorKind::Changed),
            (422, ErrorKind::Other),
            (503, ErrorKind::Unreachable),
        ] {
            let status: kube::core::Status =
                serde_json::from_value(serde_json::json!({ "code": code, "message": "no" })).unwrap();
            let error = from_kube("create clusterroles")(kube::Error::Api(Box::new(status)));
            assert_eq!((error.reason, error.message.as_str()), (expected, "no"), "{code}");
        }
    }
}
