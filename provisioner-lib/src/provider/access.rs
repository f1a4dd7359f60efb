//! The way to AWS and to a cluster for what only reads, in other crates: the same identity, region, TLS and time
//! limits, and the same words for what goes wrong.

use aws_config::SdkConfig;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::{Connection, Error, ErrorKind, eks::Eks, error, kubernetes::Kubernetes, sts::Sts};
use crate::facts::{Cluster, Identity};

/// AWS, and the API server that the kubeconfig leads to. Nothing is called before something is asked.
pub struct Access {
    config: SdkConfig,
    region: String,
    eks: Eks,
    sts: Sts,
    kubernetes: Kubernetes,
}

impl Access {
    /// Finds credentials and region as the `aws` command does (AWS SDKs and Tools Reference Guide).
    pub async fn open(connection: &Connection) -> Result<Self, Error> {
        let config = connection.load().await?;
        let Some(region) = config.region().map(ToString::to_string) else { return Err(Error::no_region()) };
        let kubernetes = Kubernetes::new(connection.kubeconfig.clone(), connection.context.clone(), &region);
        Ok(Self {
            eks: Eks { client: aws_sdk_eks::Client::new(&config) },
            sts: Sts { client: aws_sdk_sts::Client::new(&config) },
            kubernetes,
            region,
            config,
        })
    }

    /// Settings for clients of any service.
    #[must_use]
    pub fn sdk(&self) -> &SdkConfig {
        &self.config
    }

    /// The region that was found.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Who makes the calls; this takes no rights.
    pub async fn identity(&self) -> Result<Identity, Error> {
        self.sts.identity().await
    }

    /// The cluster of this name; none if it is not there.
    pub async fn cluster(&self, name: &str) -> Result<Option<Cluster>, Error> {
        self.eks.cluster(name).await
    }

    /// The API server of `cluster`, and no other one; without a cluster the one that the kubeconfig leads to.
    pub async fn kubernetes(&self, cluster: Option<&Cluster>) -> Result<kube::Client, Error> {
        match cluster {
            Some(cluster) => self.kubernetes.connect(cluster).await,
            None => self.kubernetes.connect_anyhow().await,
        }
    }
}

impl Error {
    pub(super) fn no_region() -> Self {
        Self::new(ErrorKind::Other, "region", "no region is set")
            .hint("give --region, set AWS_REGION, or `aws configure set region eu-west-1`")
    }
}

/// What an error of an AWS SDK means for a caller. `call` is named as IAM names its action.
pub fn of_aws<E, R>(call: &str) -> impl FnOnce(SdkError<E, R>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    error::of(call)
}

/// What an error of the kube client means. `call` is verb and resource, which is also what RBAC goes by.
pub fn of_kubernetes(call: &str) -> impl FnOnce(kube::Error) -> Error {
    error::of_kubernetes(call)
}
