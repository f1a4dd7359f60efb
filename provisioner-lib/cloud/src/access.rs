//! The way to AWS and to a cluster: one identity, one region, one kubeconfig.

use aws_config::SdkConfig;

use crate::{
    cluster::Cluster, connection::Connection, error::Error, identity::Identity, kubeconfig::Kubeconfig,
};

/// AWS, and the API server that the kubeconfig leads to. Nothing is called before something is asked.
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

    /// The way to API servers.
    #[must_use]
    pub fn kubeconfig(&self) -> &Kubeconfig {
        &self.kubeconfig
    }

    /// The region that was found.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Who makes the calls; this takes no rights.
    pub async fn identity(&self) -> Result<Identity, Error> {
        Identity::of_caller(&aws_sdk_sts::Client::new(&self.config)).await
    }

    /// The cluster of this name; none if it is not there.
    pub async fn cluster(&self, name: &str) -> Result<Option<Cluster>, Error> {
        Cluster::find(&aws_sdk_eks::Client::new(&self.config), name).await
    }

    /// The API server of `cluster`, and no other one; without a cluster the one that the kubeconfig leads to.
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
