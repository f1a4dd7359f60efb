//! How AWS is reached: region, identity, TLS, retries and time limits.

use std::{path::PathBuf, time::Duration};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_smithy_http_client::{
    Builder, Connector,
    proxy::ProxyConfig,
    tls::{Provider as Tls, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use base64::{Engine, prelude::BASE64_STANDARD};

use super::{Error, ErrorKind};

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
const UPLOAD: Duration = Duration::from_secs(300);
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
    #[expect(clippy::unused_self, reason = "beside the other limits")]
    pub(super) fn lambda(&self, config: &SdkConfig) -> aws_sdk_lambda::Client {
        let config = aws_sdk_lambda::config::Builder::from(config).timeout_config(limits(UPLOAD));
        aws_sdk_lambda::Client::from_conf(config.build())
    }
}

fn limits(attempt: Duration) -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(attempt).build()
}

/// Mozilla's root certificates.
pub(super) fn tls_context() -> Result<TlsContext, String> {
    let mut pem = String::new();
    for root in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        pem.push_str("-----BEGIN CERTIFICATE-----\n");
        pem.push_str(&BASE64_STANDARD.encode(root));
        pem.push_str("\n-----END CERTIFICATE-----\n");
    }
    let roots = TrustStore::empty().with_pem_certificate(pem);
    TlsContext::builder().with_trust_store(roots).build().map_err(|error| error.to_string())
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

    #[test]
    fn the_https_client_is_built_from_the_fixed_roots() {
        http_client().unwrap();
    }
}
