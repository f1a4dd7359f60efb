//! How AWS is reached: region, identity, retries and time limits.

use std::{path::PathBuf, time::Duration};

use aws_config::{
    BehaviorVersion, Region, SdkConfig, ecs::EcsCredentialsProvider,
    imds::credentials::ImdsCredentialsProvider, meta::credentials::CredentialsProviderChain,
    profile::ProfileFileCredentialsProvider, provider_config::ProviderConfig, retry::RetryConfig,
    timeout::TimeoutConfig,
};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::os_shim_internal::{Env, Fs};

use crate::{
    error::Error,
    https,
    mfa::{Mfa, MfaDevice},
    profile::Profiles,
};

/// The choice of account, region and cluster. What is left out is found as `aws` and `kubectl` find it: in the
/// environment and the files in `~/.aws` and `~/.kube`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Connection {
    /// Region of the calls.
    pub region: Option<String>,
    /// Profile of the files in `~/.aws`.
    pub profile: Option<String>,
    /// The kubeconfig files, merged as `kubectl` does, and no others; None: those that kube finds.
    pub kubeconfig: Option<Vec<PathBuf>>,
    /// Context in the kubeconfig.
    pub context: Option<String>,
    /// Code of the device that [`Connection::mfa_device`] names. It is good for one connection.
    pub mfa_code: Option<String>,
}

const CONNECT: Duration = Duration::from_secs(5);
/// One attempt of a call. AWS answers within a few seconds, or not at all.
const ATTEMPT: Duration = Duration::from_secs(30);
const ATTEMPTS: u32 = 6;

impl Connection {
    /// The device whose code the profile takes, if it takes one. This makes no call.
    pub async fn mfa_device(&self) -> Result<Option<MfaDevice>, Error> {
        let profiles = Profiles::load(self.profile.as_deref(), Env::real(), &Fs::real()).await?;
        Ok(profiles.mfa().as_ref().map(Mfa::device))
    }

    /// Loads settings by the SDK's own chains for identity, region and endpoints (AWS SDKs and Tools Reference Guide).
    pub(crate) async fn load(&self) -> Result<SdkConfig, Error> {
        let fs = Fs::real();
        let profiles = Profiles::load(self.profile.as_deref(), Env::real(), &fs).await?;
        let bundle = match profiles.ca_bundle() {
            Some((source, path)) => Some(https::bundle(&source, &path, &fs).await?),
            None => None,
        };
        let http = https::client(bundle).map_err(|problem| Error::other("TLS", problem))?;
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http.clone())
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .timeout_config(limits(ATTEMPT));
        if let Some(region) = &self.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(profile) = &self.profile {
            loader = loader.profile_name(profile);
        }
        let config = loader.load().await;
        let credentials = self.credentials(&profiles, &config, http).await?;
        Ok(match credentials {
            Some(credentials) => config.into_builder().credentials_provider(credentials).build(),
            None => config,
        })
    }

    /// The credentials where aws-config's chain is not what `aws` does: a code is needed, or an option names the profile
    /// while the environment has keys.
    async fn credentials(
        &self,
        profiles: &Profiles,
        config: &SdkConfig,
        http: SharedHttpClient,
    ) -> Result<Option<SharedCredentialsProvider>, Error> {
        let providers =
            ProviderConfig::without_region().with_region(config.region().cloned()).with_http_client(http);
        if let Some(mfa) = profiles.mfa() {
            return mfa.assume(config, &providers, self.mfa_code.as_deref()).await.map(Some);
        }
        Ok(self.profile.as_deref().map(|name| {
            let of_profile =
                ProfileFileCredentialsProvider::builder().configure(&providers).profile_name(name);
            let of_container = EcsCredentialsProvider::builder().configure(&providers);
            let of_instance = ImdsCredentialsProvider::builder().configure(&providers);
            SharedCredentialsProvider::new(
                CredentialsProviderChain::first_try("Profile", of_profile.build())
                    .or_else("EcsContainer", of_container.build())
                    .or_else("Ec2InstanceMetadata", of_instance.build()),
            )
        }))
    }
}

/// Time limits of one attempt, and of the connection that it may need.
#[must_use]
pub fn limits(attempt: Duration) -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(attempt).build()
}
