//! What an error of AWS or Kubernetes means for a caller.

use std::error::Error as StdError;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::{Error, ErrorKind};
use crate::resource::Resource;

const CREDENTIALS: &str = "`aws sts get-caller-identity` with the same profile says who is asked for; `aws sso login` \
                           or new keys renew an identity that has expired";
const UNREACHABLE: &str =
    "check the region, the network and HTTPS_PROXY; running it again goes on where it ended";
const POLICY: &str = "`cast-spot policy admin` prints the policy that allows it";
const CHANGED: &str = "look again: run the same command once more";
const LIMIT: &str =
    "`aws service-quotas list-service-quotas` shows the quotas; raise it, or delete what is not needed";

/// The code and the words of a service's answer; empty where there was none.
pub(super) fn said<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> (&str, &str) {
    error.as_service_error().map_or(("", ""), |service| {
        (service.code().unwrap_or_default(), service.message().unwrap_or_default())
    })
}

/// What `map_err` of the call takes. It is named as IAM names its action.
pub(super) fn of<E, R>(call: &str) -> impl FnOnce(SdkError<E, R>) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    move |error| {
        if error.as_service_error().is_some() {
            let (code, message) = said(&error);
            return meaning(call, code, message);
        }
        let words = in_words(&error);
        if has_cause::<CredentialsError>(&error) {
            return Error::new(ErrorKind::Credentials, call, words).hint(CREDENTIALS);
        }
        match error {
            SdkError::ConstructionFailure(_) => Error::new(ErrorKind::Other, call, words),
            _ => Error::new(ErrorKind::Unreachable, call, words).hint(UNREACHABLE),
        }
    }
}

/// None if the answer is that it is not there.
pub(super) fn found<T, E, R>(call: &str, result: Result<T, SdkError<E, R>>) -> Result<Option<T>, Error>
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if is_absent(said(&error).0) => Ok(None),
        Err(error) => Err(of(call)(error)),
    }
}

/// Taking away what is not there is done already.
pub(super) fn gone<T, E, R>(call: &str, result: Result<T, SdkError<E, R>>) -> Result<(), Error>
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    found(call, result).map(|_| ())
}

/// How each service says that something is not there (their API references, "Errors").
pub(super) fn is_absent(code: &str) -> bool {
    const ABSENT: [&str; 7] = [
        "NoSuchEntity",
        "ResourceNotFoundException",
        "QueueDoesNotExist",
        "AWS.SimpleQueueService.NonExistentQueue",
        "InvalidGroup.NotFound",
        "InvalidGroupId.NotFound",
        "InvalidPermission.NotFound",
    ];
    ABSENT.contains(&code)
}

/// Codes of "Common errors" and of the operations' "Errors" in the API references of IAM, STS, EKS, Lambda,
/// EventBridge, SQS, CloudWatch Logs and EC2.
fn meaning(call: &str, code: &str, message: &str) -> Error {
    const CREDENTIAL_CODES: [&str; 10] = [
        "ExpiredToken",
        "ExpiredTokenException",
        "RequestExpired",
        "InvalidClientTokenId",
        "InvalidToken",
        "UnrecognizedClientException",
        "SignatureDoesNotMatch",
        "InvalidSignatureException",
        "AuthFailure",
        "MissingAuthenticationToken",
    ];
    const CHANGED_CODES: [&str; 15] = [
        "PreconditionFailedException",
        "ResourceConflictException",
        "EntityAlreadyExists",
        "ResourceInUseException",
        "ConcurrentModification",
        "ConcurrentModificationException",
        "EntityTemporarilyUnmodifiable",
        "ResourceAlreadyExistsException",
        "OperationAbortedException",
        "QueueAlreadyExists",
        "QueueNameExists",
        "InvalidGroup.Duplicate",
        "InvalidPermission.Duplicate",
        "PolicyVersionChanged",
        "DeleteConflict",
    ];
    const DENIED: [&str; 5] = [
        "AccessDenied",
        "AccessDeniedException",
        "UnauthorizedOperation",
        "Client.UnauthorizedOperation",
        "NotAuthorized",
    ];
    const LIMITS: [&str; 8] = [
        "LimitExceeded",
        "LimitExceededException",
        "ResourceLimitExceededException",
        "ResourceLimitExceeded",
        "ServiceQuotaExceededException",
        "CodeStorageExceededException",
        "SecurityGroupLimitExceeded",
        "RulesPerSecurityGroupLimitExceeded",
    ];
    let words = match (code, message) {
        ("", "") => "an error without a name".to_owned(),
        (code, "") => code.to_owned(),
        ("", message) => message.to_owned(),
        (code, message) => format!("{message} ({code})"),
    };
    if CREDENTIAL_CODES.contains(&code) {
        Error::new(ErrorKind::Credentials, call, words).hint(CREDENTIALS)
    } else if DENIED.contains(&code) {
        denied(call, &words)
    } else if CHANGED_CODES.contains(&code) {
        Error::new(ErrorKind::Changed, call, words).hint(CHANGED)
    } else if LIMITS.contains(&code) {
        Error::new(ErrorKind::Limit, call, words).hint(LIMIT)
    } else {
        Error::new(ErrorKind::Other, call, words)
    }
}

/// A call can take more than one action: to make a role with tags takes `iam:TagRole`. The message says which one
/// was missing.
fn denied(call: &str, words: &str) -> Error {
    let named = words.split_once("not authorized to perform: ").map(|(_, rest)| rest);
    let action =
        named.and_then(|rest| rest.split_whitespace().next()).map(|action| action.trim_end_matches(','));
    let action = action.filter(|action| action.contains(':')).unwrap_or(call).to_owned();
    Error::new(ErrorKind::Denied { action }, call, words).hint(POLICY)
}

/// What an error of the kube client means. `call` is verb and resource, which is also what RBAC goes by.
pub(super) fn of_kubernetes(call: &str) -> impl FnOnce(kube::Error) -> Error {
    move |error| {
        let kube::Error::Api(status) = &error else {
            let words = in_words(&error);
            return match error {
                kube::Error::Auth(_) => Error::new(ErrorKind::Credentials, call, words)
                    .hint("`kubectl auth whoami` with the same context says what is wrong"),
                kube::Error::SerdeError(_) | kube::Error::BuildRequest(_) => {
                    Error::new(ErrorKind::Other, call, words)
                }
                _ => Error::new(ErrorKind::Unreachable, call, words)
                    .hint("`kubectl get --raw /version` with the same context has to work"),
            };
        };
        let words = if status.message.is_empty() { status.reason.clone() } else { status.message.clone() };
        match status.code {
            401 => Error::new(ErrorKind::Credentials, call, words)
                .hint("`kubectl auth whoami` with the same context says what is wrong"),
            403 => Error::new(ErrorKind::Denied { action: call.to_owned() }, call, words).hint(
                "ask somebody who administers the cluster: an access entry with AmazonEKSClusterAdminPolicy, or \
                 system:masters in aws-auth, allows it",
            ),
            409 => Error::new(ErrorKind::Changed, call, words).hint(CHANGED),
            429 | 500..=599 => Error::new(ErrorKind::Unreachable, call, words)
                .hint("the API server does not serve at the moment; run it again"),
            _ => Error::new(ErrorKind::Other, call, words),
        }
    }
}

/// Whether an answer of the API server is that it is not there.
pub(super) fn is_not_found(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}

/// A resource that reached the wrong service: a mistake in this crate.
pub(super) fn misplaced(resource: &Resource) -> Error {
    Error::new(ErrorKind::Other, "provider", format!("{} is of another service", resource.id()))
}

/// An error with all its causes.
pub(super) fn in_words(error: &dyn StdError) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !words.contains(&text) {
            words = format!("{words}: {text}");
        }
        cause = error.source();
    }
    words
}

fn has_cause<T: StdError + 'static>(error: &(dyn StdError + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<T>() {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests;
