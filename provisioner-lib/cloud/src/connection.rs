//! How AWS is reached: region, identity, retries and time limits.

use std::{path::PathBuf, time::Duration};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};

use crate::{error::Error, https::client};

/// The choice of account, region and cluster. What is left out is found as `aws` and `kubectl` find it: in the
/// environment and the files in `~/.aws` and `~/.kube`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Connection {
    /// Region of the calls.
    pub region: Option<String>,
    /// Profile of the files in `~/.aws`.
    pub profile: Option<String>,
    /// The kubeconfig file.
    pub kubeconfig: Option<PathBuf>,
    /// Context in the kubeconfig.
    pub context: Option<String>,
}

const CONNECT: Duration = Duration::from_secs(5);
/// One attempt of a call. AWS answers within a few seconds, or not at all.
const ATTEMPT: Duration = Duration::from_secs(30);
const ATTEMPTS: u32 = 6;

impl Connection {
    /// Loads settings by the SDK's own chains for identity, region and endpoints (AWS SDKs and Tools Reference Guide).
    pub(crate) async fn load(&self) -> Result<SdkConfig, Error> {
        let http = client().map_err(|problem| Error::other("TLS", problem))?;
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
}

/// Time limits of one attempt, and of the connection that it may need.
#[must_use]
pub fn limits(attempt: Duration) -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(attempt).build()
}
