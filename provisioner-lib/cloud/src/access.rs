//! The way to AWS and to a cluster: one identity, one region, one kubeconfig.

use aws_config::SdkConfig;

use crate::{
    cluster::Cluster, connection::Connection, error::Error, identity::Identity, kubeconfig::Kubeconfig,
};

/// AWS, and the API server that the kubeconfig leads to. Opening it makes no call.
pub struct Access {
    config: SdkConfig,
    region: String,
    kubeconfig: Kubeconfig,
}

impl Access {
    /// Finds credentials and region as the `aws` command does (AWS SDKs and Tools Reference Guide).
    pub async fn open(connection: &Connection) -> Result<Self, Error> {
        let config = connection.load().await?;
        let Some(region) = config.region().map(ToString::to_string) else { return Err(no_region()) };
        Ok(Self { kubeconfig: Kubeconfig::of(connection, &region), region, config })
    }

    /// Settings for clients of any service.
    #[must_use]
    pub fn sdk(&self) -> &SdkConfig {
        &self.config
    }

    /// The kubeconfig, with which API servers are reached.
    #[must_use]
    pub fn kubeconfig(&self) -> &Kubeconfig {
        &self.kubeconfig
    }

    /// The region of all calls.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Returns who makes the calls. This takes no rights.
    pub async fn identity(&self) -> Result<Identity, Error> {
        Identity::of_caller(&aws_sdk_sts::Client::new(&self.config)).await
    }

    /// Returns the cluster of this name, if it exists.
    pub async fn cluster(&self, name: &str) -> Result<Option<Cluster>, Error> {
        Cluster::find(&aws_sdk_eks::Client::new(&self.config), name).await
    }

    /// Connects to the API server of `cluster`, and to no other one; without a cluster, to that of the current context.
    pub async fn kubernetes(&self, cluster: Option<&Cluster>) -> Result<kube::Client, Error> {
        match cluster {
            Some(cluster) => self.kubeconfig.connect(cluster).await,
            None => self.kubeconfig.connect_current_context().await,
        }
    }
}

fn no_region() -> Error {
    Error::other("region", "no region is set")
        .hint("give --region, set AWS_REGION, or `aws configure set region eu-west-1`")
}
