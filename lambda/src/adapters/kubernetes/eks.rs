//! EKS: address and certificate authority of a cluster.

use aws_config::SdkConfig;
use aws_sdk_eks::{
    Client,
    config::{Builder, retry::RetryPartition},
};
use base64::{Engine, prelude::BASE64_STANDARD};

use super::Endpoint;
use crate::{
    adapters::aws::{call_error, client_config, retries},
    ports::{CallError, CallResult},
};

/// EKS through the AWS SDK.
#[derive(Debug, Clone)]
pub(super) struct Eks {
    client: Client,
    /// Credentials, region and clock of the SDK configuration, for the bearer tokens.
    pub(super) sdk: SdkConfig,
}

impl Eks {
    pub(super) fn new(sdk: &SdkConfig) -> Self {
        let partition = RetryPartition::custom("cast-spot-eks").build();
        let config = Builder::from(&client_config(sdk, retries())).retry_partition(partition);
        Self { client: Client::from_conf(config.build()), sdk: sdk.clone() }
    }

    /// DescribeCluster.
    pub(super) async fn endpoint(&self, name: &str) -> CallResult<Endpoint> {
        let answer = self.client.describe_cluster().name(name).send().await.map_err(call_error)?;
        let refused = |what: &str| CallError::Refused(format!("DescribeCluster {name}: {what}"));
        let cluster = answer.cluster.ok_or_else(|| refused("no cluster in the answer"))?;
        let server = cluster.endpoint().ok_or_else(|| refused("no endpoint yet"))?;
        let ca = cluster.certificate_authority().and_then(|ca| ca.data());
        let ca = ca.ok_or_else(|| refused("no certificate authority yet"))?;
        Ok(Endpoint {
            cluster: name.to_owned(),
            server: server.parse().map_err(|_| refused(&format!("odd endpoint `{server}`")))?,
            ca_pem: BASE64_STANDARD.decode(ca).map_err(|_| refused("certificate authority is not base64"))?,
        })
    }
}
