//! How AWS is reached: region, identity, TLS, retries and time limits.

use std::{path::PathBuf, time::Duration};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_smithy_http_client::{
    Builder, Connector,
    proxy::ProxyConfig,
    tls::{Provider as Tls, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, SharedHttpClient},
    interceptors::context::InterceptorContext,
    orchestrator::HttpRequest,
    retries::classifiers::{ClassifyRetry, RetryAction},
};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};
use base64::{Engine, prelude::BASE64_STANDARD};

use super::{Error, ErrorKind, error::in_words};

/// What to connect to. What is left out is found as `aws` and `kubectl` find it: the environment, the files in
/// `~/.aws` and `~/.kube`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Connection {
    /// The cluster's region.
    pub region: Option<String>,
    /// Profile of the files in `~/.aws`.
    pub profile: Option<String>,
    /// File that says how the API server is reached.
    pub kubeconfig: Option<PathBuf>,
    /// Context in it.
    pub context: Option<String>,
}

const CONNECT: Duration = Duration::from_secs(5);
/// One attempt of a call. AWS answers within a few seconds, or not at all.
const ATTEMPT: Duration = Duration::from_secs(30);
/// One attempt of a call that takes the function's zip with it, over any line.
const UPLOAD: Duration = Duration::from_mins(5);
const ATTEMPTS: u32 = 6;

impl Connection {
    /// The SDK's own chains for identity, region and endpoints (AWS SDKs and Tools Reference Guide).
    pub(super) async fn load(&self) -> Result<SdkConfig, Error> {
        let http = http_client().map_err(|problem| Error::new(ErrorKind::Other, "TLS", problem))?;
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .timeout_config(limits(ATTEMPT));
        if let Some(region) = &self.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(profile) = &self.profile {
            loader = loader.profile_name(profile);
        }
        Ok(loader.load().await)
    }

    /// With the time that an upload takes.
    pub(super) fn lambda(config: &SdkConfig) -> aws_sdk_lambda::Client {
        let config = aws_sdk_lambda::config::Builder::from(config).timeout_config(limits(UPLOAD));
        aws_sdk_lambda::Client::from_conf(config.build())
    }

    /// Steps that run side by side may meet in one role.
    pub(super) fn iam(config: &SdkConfig) -> aws_sdk_iam::Client {
        let config = aws_sdk_iam::config::Builder::from(config).retry_classifier(Overlap);
        aws_sdk_iam::Client::from_conf(config.build())
    }
}

/// Two requests that change one object at once: IAM refuses one of them, to be made again
/// ("ConcurrentModification" in the IAM API reference). The SDK takes that for final.
#[derive(Debug)]
struct Overlap;

impl ClassifyRetry for Overlap {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let answer = context.response().and_then(|response| response.body().bytes()).unwrap_or_default();
        if String::from_utf8_lossy(answer).contains("<Code>ConcurrentModification") {
            return RetryAction::transient_error();
        }
        RetryAction::NoActionIndicated
    }

    fn name(&self) -> &'static str {
        "overlapping changes"
    }
}

fn limits(attempt: Duration) -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(attempt).build()
}

/// Mozilla's root certificates.
fn tls_context() -> Result<TlsContext, String> {
    let mut pem = String::new();
    for root in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        pem.push_str("-----BEGIN CERTIFICATE-----\n");
        pem.push_str(&BASE64_STANDARD.encode(root));
        pem.push_str("\n-----END CERTIFICATE-----\n");
    }
    let roots = TrustStore::empty().with_pem_certificate(pem);
    TlsContext::builder().with_trust_store(roots).build().map_err(|error| error.to_string())
}

/// Of one connection outside the SDKs.
pub(super) fn connector() -> Result<Connector, String> {
    Ok(Connector::builder()
        .proxy_config(ProxyConfig::from_env())
        .tls_provider(Tls::Rustls(CryptoMode::AwsLc))
        .tls_context(tls_context()?)
        .build())
}

/// What is at `url`, which an answer to `call` has named and signed.
pub(super) async fn fetch(call: &str, url: &str) -> Result<Vec<u8>, Error> {
    let other = |problem: String| Error::new(ErrorKind::Other, call, problem);
    let unreachable = |words: String| {
        let host = url.split('/').nth(2).unwrap_or_default();
        Error::new(ErrorKind::Unreachable, call, format!("{host}: {words}"))
            .hint("check the way to S3, where Lambda keeps its zips, and HTTPS_PROXY")
    };
    let request = http::Request::get(url).body(SdkBody::empty()).map_err(|error| other(error.to_string()))?;
    let request = HttpRequest::try_from(request).map_err(|error| other(error.to_string()))?;
    let exchange = async {
        let response =
            connector().map_err(other)?.call(request).await.map_err(|error| unreachable(in_words(&error)))?;
        let status = response.status().as_u16();
        let body = ByteStream::new(response.into_body()).collect().await;
        let body = body.map_err(|error| unreachable(in_words(&error)))?.to_vec();
        if status == 200 { Ok(body) } else { Err(unreachable(format!("HTTP {status}"))) }
    };
    let late = |_| unreachable(format!("no answer within {} s", ATTEMPT.as_secs()));
    tokio::time::timeout(ATTEMPT, exchange).await.map_err(late)?
}

/// One TLS stack, through the proxy that the environment names.
fn http_client() -> Result<SharedHttpClient, String> {
    let tls = tls_context()?;
    Ok(Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder()
            .proxy_config(ProxyConfig::from_env())
            .tls_provider(Tls::Rustls(CryptoMode::AwsLc))
            .tls_context(tls.clone());
        if let Some(settings) = settings {
            connector = connector.connector_settings(settings.clone());
        }
        if let Some(components) = components {
            connector.set_sleep_impl(components.sleep_impl());
        }
        connector.build()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::wire;

    #[tokio::test(start_paused = true)]
    async fn changes_that_meet_in_one_role_are_made_again() {
        let mut refusals = 2;
        let (config, asked) = wire::config(move |_| {
            refusals -= 1;
            if refusals >= 0 {
                let code = "<Code>ConcurrentModification</Code><Message>again</Message>";
                return (409, format!("<ErrorResponse><Error>{code}</Error></ErrorResponse>"));
            }
            (200, "<TagRoleResponse/>".to_owned())
        });
        let retries = RetryConfig::standard().with_max_attempts(ATTEMPTS);
        let config = config.into_builder().retry_config(retries).build();
        Connection::iam(&config).tag_role().role_name("r").set_tags(Some(Vec::new())).send().await.unwrap();
        assert_eq!(asked.lock().unwrap().len(), 3);
    }

    #[test]
    fn the_https_client_is_built_from_the_fixed_roots() {
        http_client().unwrap();
    }
}
