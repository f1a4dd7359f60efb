//! The meaning of AWS errors.

use std::{error::Error as StdError, iter::successors};

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::error::{Error, ErrorKind, with_causes};

const CREDENTIALS: &str = "`aws sts get-caller-identity` with the same profile says who is asked for; `aws login`, \
                           `aws sso login` or new keys renew an identity that has expired";
const UNREACHABLE: &str =
    "check the region, the network and HTTPS_PROXY; running it again goes on where it ended";
const UNTRUSTED: &str = "set AWS_CA_BUNDLE, or ca_bundle in the profile, to the certificate (PEM) of the authority that \
                         signs here, such as that of a proxy that inspects";
const POLICY: &str = "`cast-spot policy admin` prints the policy that allows it";
const LIMIT: &str =
    "`aws service-quotas list-service-quotas` shows the quotas; raise it, or delete what is not needed";

/// Of a certificate that none of the trusted ones has signed (`rustls::CertificateError`).
const UNKNOWN_ISSUER: &str = "UnknownIssuer";

/// The error of an operation of an SDK.
pub trait Failure: ProvideErrorMetadata + StdError + Send + Sync + 'static {}

impl<E: ProvideErrorMetadata + StdError + Send + Sync + 'static> Failure for E {}

/// Code and message of a service's answer; empty if there was none.
#[must_use]
pub fn code_and_message<E: Failure>(error: &SdkError<E, HttpResponse>) -> (&str, &str) {
    error.as_service_error().map_or(("", ""), |service| {
        (service.code().unwrap_or_default(), service.message().unwrap_or_default())
    })
}

/// Returns the meaning of an error, for `map_err`. `call` is named as IAM names its action.
pub fn from_sdk<E: Failure>(call: &str) -> impl FnOnce(SdkError<E, HttpResponse>) -> Error {
    move |error| {
        if error.as_service_error().is_some() {
            let (code, message) = code_and_message(&error);
            return meaning(call, code, message);
        }
        let words = with_causes(&error);
        let mut causes = successors(Some(&error as &(dyn StdError + 'static)), |&error| error.source());
        if causes.any(<dyn StdError + 'static>::is::<CredentialsError>) {
            return Error::new(ErrorKind::Credentials, call, words).hint(CREDENTIALS);
        }
        if matches!(error, SdkError::ConstructionFailure(_)) {
            return Error::other(call, words);
        }
        let hint = if words.contains(UNKNOWN_ISSUER) { UNTRUSTED } else { UNREACHABLE };
        Error::new(ErrorKind::Unreachable, call, words).hint(hint)
    }
}

/// Returns None if the service answered that the resource does not exist.
pub fn optional<T, E: Failure>(
    call: &str,
    result: Result<T, SdkError<E, HttpResponse>>,
) -> Result<Option<T>, Error> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if is_absent(code_and_message(&error).0) => Ok(None),
        Err(error) => Err(from_sdk(call)(error)),
    }
}

/// Returns all pages of a list; it is empty if the service answered that what it is about does not exist.
pub fn listed<T, E: Failure>(
    call: &str,
    pages: Result<Vec<T>, SdkError<E, HttpResponse>>,
) -> Result<Vec<T>, Error> {
    optional(call, pages).map(Option::unwrap_or_default)
}

/// Succeeds also if the resource does not exist: a deletion is then done already.
pub fn ok_if_absent<T, E: Failure>(
    call: &str,
    result: Result<T, SdkError<E, HttpResponse>>,
) -> Result<(), Error> {
    optional(call, result).map(|_| ())
}

/// Whether `code` says that something does not exist (the services' API references, "Errors").
#[must_use]
pub fn is_absent(code: &str) -> bool {
    ABSENT_CODES.split(' ').any(|own| own == code)
}

// Codes of "Common errors" and of the operations' "Errors" in the API references of IAM, STS, EKS, Lambda, EventBridge,
// SQS, CloudWatch Logs and EC2, by what they mean.
const CREDENTIALS_CODES: &str = "ExpiredToken ExpiredTokenException RequestExpired InvalidClientTokenId InvalidToken \
                                 UnrecognizedClientException SignatureDoesNotMatch InvalidSignatureException \
                                 AuthFailure MissingAuthenticationToken";
const DENIED_CODES: &str = "AccessDenied AccessDeniedException UnauthorizedOperation Client.UnauthorizedOperation \
                            NotAuthorized";
const CHANGED_CODES: &str = "PreconditionFailedException ResourceConflictException EntityAlreadyExists \
                             ResourceInUseException ConcurrentModification ConcurrentModificationException \
                             EntityTemporarilyUnmodifiable ResourceAlreadyExistsException \
                             OperationAbortedException QueueAlreadyExists QueueNameExists \
                             InvalidGroup.Duplicate InvalidPermission.Duplicate PolicyVersionChanged DeleteConflict";
const ABSENT_CODES: &str = "NoSuchEntity ResourceNotFoundException QueueDoesNotExist \
                            AWS.SimpleQueueService.NonExistentQueue InvalidGroup.NotFound InvalidGroupId.NotFound \
                            InvalidPermission.NotFound";
const LIMIT_CODES: &str = "LimitExceeded LimitExceededException ResourceLimitExceededException ResourceLimitExceeded \
                           ServiceQuotaExceededException CodeStorageExceededException SecurityGroupLimitExceeded \
                           RulesPerSecurityGroupLimitExceeded";

fn meaning(call: &str, code: &str, message: &str) -> Error {
    let words = match (code, message) {
        ("", "") => "an error without a name".to_owned(),
        (code, "") => code.to_owned(),
        ("", message) => message.to_owned(),
        (code, message) => format!("{message} ({code})"),
    };
    let is_one_of = |codes: &str| codes.split(' ').any(|own| own == code);
    if is_one_of(CREDENTIALS_CODES) {
        Error::new(ErrorKind::Credentials, call, words).hint(CREDENTIALS)
    } else if is_one_of(DENIED_CODES) {
        denied(call, &words)
    } else if is_one_of(CHANGED_CODES) {
        Error::changed(call, words)
    } else if is_one_of(LIMIT_CODES) {
        Error::new(ErrorKind::Limit, call, words).hint(LIMIT)
    } else {
        Error::other(call, words)
    }
}

/// A call can take more than one action: creating a role with tags takes `iam:TagRole`, too. The message names the one
/// that was missing.
fn denied(call: &str, words: &str) -> Error {
    let named = words.split_once("not authorized to perform: ").map(|(_, rest)| rest);
    let action =
        named.and_then(|rest| rest.split_whitespace().next()).map(|action| action.trim_end_matches(','));
    let action = action.filter(|action| action.contains(':')).unwrap_or(call).to_owned();
    Error::new(ErrorKind::Denied { action }, call, words).hint(POLICY)
}

#[cfg(test)]
mod tests;
