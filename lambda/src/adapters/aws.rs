//! What all AWS clients share: one TLS stack, retries that fit into two minutes, and what an error means.

use std::time::Duration;

use aws_config::{SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{http::SharedHttpClient, orchestrator::HttpResponse, result::SdkError};
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

/// The configuration of a client with these `retries`. It limits one attempt; an operation as a whole is limited by the
/// notice's deadline (see `budget.rs`).
pub(super) fn client_config(sdk: &SdkConfig, retries: RetryConfig) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(2))
        .operation_attempt_timeout(Duration::from_secs(4));
    sdk.to_builder().retry_config(retries).timeout_config(timeouts.build()).build()
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

/// The meaning of an SDK error for the caller.
#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` takes")]
pub(super) fn call_error<E>(error: SdkError<E, HttpResponse>) -> CallError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let Some(service) = error.as_service_error() else {
        return CallError::Transient(in_words(&error), None);
    };
    let answer = error.raw_response();
    let status = answer.map_or(0, |answer| answer.status().as_u16());
    let retry_after = answer.and_then(|answer| answer.headers().get("retry-after")?.parse().ok());
    let retry_after = retry_after.map(Duration::from_secs);
    let code = service.code().unwrap_or("no error code");
    meaning(status, retry_after, code, service.message().unwrap_or_default())
}

/// Codes that ask to slow down, whatever the HTTP status (the SDK's own list, and "Common errors" of the EC2, Auto
/// Scaling and EKS API references). EC2 sends them with 503.
const THROTTLING: [&str; 15] = [
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "IdempotentCallInProgress",
    "PriorRequestNotComplete",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "ResourceContention",
    "ScalingActivityInProgress",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
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
const UNAVAILABLE: [&str; 9] = [
    "InternalError",
    "InternalFailure",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "Unavailable",
    "ServerException",
    "no error code",
];
/// Auto Scaling says by text only that an instance has left its group or is about to.
const LOST_RACE: [&str; 2] = ["is not in InService", "is not part of Auto Scaling group"];

/// The HTTP status decides first: a service may add codes, but not statuses.
fn meaning(status: u16, retry_after: Option<Duration>, code: &str, message: &str) -> CallError {
    let what = || format!("{code}: {message}");
    match (status, retry_after) {
        (429, _) => CallError::Throttled { retry_after },
        _ if THROTTLING.contains(&code) => CallError::Throttled { retry_after },
        (500.., _) => CallError::Transient(what(), retry_after),
        _ if DENIED.contains(&code) => CallError::Forbidden(what()),
        _ if UNAVAILABLE.contains(&code) => CallError::Transient(what(), None),
        _ if LOST_RACE.iter().any(|text| message.contains(text)) => CallError::LostRace(message.to_owned()),
        _ if code.contains("NotFound") => CallError::NotFound(what()),
        _ => CallError::Refused(what()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_decides_and_then_the_code() {
        const S: Duration = Duration::from_secs(1);
        let left = "The instance i-1 is not part of Auto Scaling group g.";
        let slow_down = |retry_after| CallError::Throttled { retry_after };
        for (status, retry_after, code, message, expected) in [
            (429, Some(7 * S), "SomethingNew", "", slow_down(Some(7 * S))),
            (429, None, "TooManyRequestsException", "", slow_down(None)),
            (503, None, "RequestLimitExceeded", "", slow_down(None)),
            (503, Some(S), "SlowDown", "", slow_down(Some(S))),
            (400, None, "Throttling", "Rate exceeded", slow_down(None)),
            (400, None, "EC2ThrottledException", "", slow_down(None)),
            (
                403,
                None,
                "UnauthorizedOperation",
                "no",
                CallError::Forbidden("UnauthorizedOperation: no".into()),
            ),
            (500, None, "InternalError", "oops", CallError::Transient("InternalError: oops".into(), None)),
            (500, None, "SomethingNew", "x", CallError::Transient("SomethingNew: x".into(), None)),
            (
                503,
                None,
                "ServiceUnavailableException",
                "x",
                CallError::Transient("ServiceUnavailableException: x".into(), None),
            ),
            (
                503,
                Some(3 * S),
                "ServiceUnavailableException",
                "x",
                CallError::Transient("ServiceUnavailableException: x".into(), Some(3 * S)),
            ),
            (400, None, "RequestTimeout", "x", CallError::Transient("RequestTimeout: x".into(), None)),
            (400, None, "ValidationError", left, CallError::LostRace(left.into())),
            (400, None, "ValidationError", "bad", CallError::Refused("ValidationError: bad".into())),
            (
                400,
                None,
                "InvalidInstanceID.NotFound",
                "x",
                CallError::NotFound("InvalidInstanceID.NotFound: x".into()),
            ),
        ] {
            assert_eq!(meaning(status, retry_after, code, message), expected, "{status} {code}");
        }
    }

    #[test]
    fn the_https_client_is_built_from_the_fixed_roots() {
        http_client().unwrap();
    }
}
