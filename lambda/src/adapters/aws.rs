//! What all AWS clients share: one TLS stack, retries that fit into two minutes, and what an error means.

use std::time::Duration;

use aws_config::{retry::RetryConfig, timeout::TimeoutConfig};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{http::SharedHttpClient, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use base64::{Engine, prelude::BASE64_STANDARD};

use super::in_words;
use crate::ports::CallError;

/// An idle connection is not trusted for longer: Lambda freezes the function between two notices, and
/// NAT gateways forget connections meanwhile without a word.
pub(super) const IDLE_CONNECTION: Duration = Duration::from_secs(20);

/// The retries of one operation. The SDK draws each pause between zero and the backoff, so that the
/// first retry comes within 200 ms; its default of one second and three attempts was made for callers
/// with more time.
pub(super) fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(6)
        .with_initial_backoff(Duration::from_millis(200))
        .with_max_backoff(Duration::from_secs(8))
}

/// Limit of one attempt of an operation that is answered at once.
pub(super) const ATTEMPT: Duration = Duration::from_secs(4);

/// The limits of one attempt. An operation as a whole is limited by the notice's deadline (see
/// [`crate::budget`]).
pub(super) fn timeouts(attempt: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(2))
        .operation_attempt_timeout(attempt)
        .build()
}

/// An HTTPS client with Mozilla's root certificates: the operating system's trust store, some 150 files,
/// is not read at start.
pub fn http_client() -> Result<SharedHttpClient, tower::BoxError> {
    let mut pem = String::new();
    for root in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        pem.push_str("-----BEGIN CERTIFICATE-----\n");
        pem.push_str(&BASE64_STANDARD.encode(root));
        pem.push_str("\n-----END CERTIFICATE-----\n");
    }
    let roots = TrustStore::empty().with_pem_certificate(pem);
    let tls = TlsContext::builder().with_trust_store(roots).build()?;
    Ok(Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .tls_context(tls)
        .pool_idle_timeout(IDLE_CONNECTION)
        .build_https())
}

/// What an SDK error means for the caller.
#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` takes")]
pub(super) fn call_error<E, R>(error: SdkError<E, R>) -> CallError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let Some(service) = error.as_service_error() else {
        return CallError::Transient(in_words(&error));
    };
    let code = service.code().unwrap_or("no error code").to_owned();
    let message = service.message().unwrap_or_default();
    meaning(&code, message)
}

/// Codes from "Common errors" of the EC2, Auto Scaling and EKS API references.
fn meaning(code: &str, message: &str) -> CallError {
    const THROTTLING: [&str; 8] = [
        "Throttling",
        "ThrottlingException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "TooManyRequestsException",
        "ResourceContention",
        "ScalingActivityInProgress",
        "IdempotentCallInProgress",
    ];
    const DENIED: [&str; 8] = [
        "AccessDenied",
        "AccessDeniedException",
        "UnauthorizedOperation",
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "UnrecognizedClientException",
    ];
    const UNAVAILABLE: [&str; 6] = [
        "InternalError",
        "InternalFailure",
        "ServiceUnavailable",
        "Unavailable",
        "ServerException",
        "no error code",
    ];
    // Auto Scaling says by text only that an instance has left its group or is about to.
    const LOST_RACE: [&str; 2] = ["is not in InService", "is not part of Auto Scaling group"];

    let said = || format!("{code}: {message}");
    if THROTTLING.contains(&code) {
        CallError::Throttled { retry_after: None }
    } else if DENIED.contains(&code) {
        CallError::Forbidden(said())
    } else if UNAVAILABLE.contains(&code) {
        CallError::Transient(said())
    } else if LOST_RACE.iter().any(|text| message.contains(text)) {
        CallError::LostRace(message.to_owned())
    } else if code.contains("NotFound") {
        CallError::NotFound(said())
    } else {
        CallError::Refused(said())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_mean_what_aws_documents() {
        let left = "The instance i-1 is not part of Auto Scaling group g.";
        for (code, message, expected) in [
            ("RequestLimitExceeded", "", CallError::Throttled { retry_after: None }),
            ("Throttling", "Rate exceeded", CallError::Throttled { retry_after: None }),
            ("UnauthorizedOperation", "no", CallError::Forbidden("UnauthorizedOperation: no".into())),
            ("InternalError", "oops", CallError::Transient("InternalError: oops".into())),
            ("ValidationError", left, CallError::LostRace(left.into())),
            ("ValidationError", "bad", CallError::Refused("ValidationError: bad".into())),
            ("InvalidInstanceID.NotFound", "x", CallError::NotFound("InvalidInstanceID.NotFound: x".into())),
        ] {
            assert_eq!(meaning(code, message), expected, "{code}");
        }
    }

    #[test]
    fn the_https_client_is_built_from_the_fixed_roots() {
        http_client().unwrap();
    }
}
