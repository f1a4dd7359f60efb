//! A cluster as EKS shows it.

use std::collections::BTreeSet;

use aws_sdk_eks::{
    Client,
    types::{AuthenticationMode as Mode, ClusterStatus},
};
use serde::Serialize;

use crate::{error::Error, sdk_error::optional};

/// How a cluster lets IAM principals in (EKS API Reference, "AccessConfigResponse").
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AuthenticationMode {
    /// Access entries alone.
    #[default]
    Api,
    /// Both; access entries win.
    ApiAndConfigMap,
    /// The ConfigMap `aws-auth` alone. Also for a cluster whose description names no mode.
    ConfigMap,
}

impl AuthenticationMode {
    /// Whether EKS evaluates access entries.
    #[must_use]
    pub fn has_api(self) -> bool {
        self != Self::ConfigMap
    }
}

/// The cluster as `DescribeCluster` shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Cluster {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Its status, such as `ACTIVE`.
    pub status: String,
    /// URL of the API server.
    pub endpoint: String,
    /// PEM of its certificate authority, in base64.
    pub certificate_authority: String,
    /// The mode of its access.
    pub authentication_mode: AuthenticationMode,
    /// Its VPC.
    pub vpc_id: String,
    /// Its subnets.
    pub subnet_ids: Vec<String>,
    /// Those of its subnets that reach the internet by an internet gateway. A function has no public address, so from
    /// there it does not ("Enable internet access for VPC-connected Lambda functions" in the Lambda developer guide).
    /// Read only where the function has to be in the VPC.
    pub public_subnet_ids: BTreeSet<String>,
    /// The security group that EKS creates for it.
    pub security_group_id: String,
    /// Whether the API server has a public endpoint.
    pub public_access: bool,
    /// CIDR blocks that reach the public endpoint.
    pub public_access_cidrs: Vec<String>,
    /// Whether the API server has a private endpoint in the VPC.
    pub private_access: bool,
    /// How its scheduler scores free resources of nodes, such as `MostAllocated` (EKS API Reference, "ScoringStrategy").
    /// It is for reports on the cluster alone.
    #[serde(skip)]
    pub scoring_strategy: Option<String>,
}

/// Status of a cluster that does not exist. Ours: EKS has none for it.
const GONE: &str = "NOT_FOUND";

impl Cluster {
    /// Returns the cluster of this name, if it exists.
    pub(crate) async fn find(client: &Client, name: &str) -> Result<Option<Self>, Error> {
        let answer = optional("eks:DescribeCluster", client.describe_cluster().name(name).send().await)?;
        let Some(cluster) = answer.and_then(|answer| answer.cluster) else { return Ok(None) };
        let vpc = cluster.resources_vpc_config.as_ref();
        let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
        let scheduler = cluster.kube_scheduler_config.as_ref().and_then(|config| config.node_resources_fit());
        let scoring = scheduler.and_then(|fit| fit.scoring_strategy()?.r#type());
        let mode = cluster.access_config.as_ref().and_then(|access| access.authentication_mode());
        Ok(Some(Self {
            name: name.to_owned(),
            arn: text(cluster.arn.as_deref()),
            status: text(cluster.status.as_ref().map(ClusterStatus::as_str)),
            endpoint: text(cluster.endpoint.as_deref()),
            certificate_authority: text(cluster.certificate_authority.as_ref().and_then(|ca| ca.data())),
            authentication_mode: match mode {
                Some(Mode::Api) => AuthenticationMode::Api,
                Some(Mode::ApiAndConfigMap) => AuthenticationMode::ApiAndConfigMap,
                _ => AuthenticationMode::ConfigMap,
            },
            vpc_id: text(vpc.and_then(|vpc| vpc.vpc_id())),
            public_subnet_ids: BTreeSet::new(),
            subnet_ids: vpc.map(|vpc| vpc.subnet_ids().to_vec()).unwrap_or_default(),
            security_group_id: text(vpc.and_then(|vpc| vpc.cluster_security_group_id())),
            public_access: vpc.is_some_and(|vpc| vpc.endpoint_public_access),
            public_access_cidrs: vpc.map(|vpc| vpc.public_access_cidrs().to_vec()).unwrap_or_default(),
            private_access: vpc.is_some_and(|vpc| vpc.endpoint_private_access),
            scoring_strategy: scoring.map(|scoring| scoring.as_str().to_owned()),
        }))
    }

    /// A cluster that does not exist: all that is known of it follows from its name.
    #[must_use]
    pub fn gone(name: &str, arn: String) -> Self {
        Self { name: name.to_owned(), arn, status: GONE.to_owned(), public_access: true, ..Self::default() }
    }

    /// Whether the cluster does not exist.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.status == GONE
    }

    /// Subnets from which a function reaches the internet.
    #[must_use]
    pub fn private_subnet_ids(&self) -> Vec<String> {
        self.subnet_ids.iter().filter(|id| !self.public_subnet_ids.contains(*id)).cloned().collect()
    }

    /// Whether a function outside of the VPC, whose address is not known in advance, reaches the API server.
    #[must_use]
    pub fn is_open(&self) -> bool {
        // No list at all means everywhere (EKS API Reference, "VpcConfigRequest").
        let everywhere =
            self.public_access_cidrs.is_empty() || self.public_access_cidrs.iter().any(|c| c == "0.0.0.0/0");
        self.public_access && everywhere
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire;

    #[tokio::test]
    async fn a_description_has_the_scoring_of_the_scheduler() {
        let fit = r#""kubeSchedulerConfig": { "nodeResourcesFit": { "scoringStrategy": { "type": "MostAllocated" } } }"#;
        for (config, expected) in [(fit, Some("MostAllocated")), (r#""name": "shop""#, None)] {
            let answer = format!(r#"{{ "cluster": {{ {config} }} }}"#);
            let (config, _) = wire::config(move |_| (200, answer.clone()));
            let cluster = Cluster::find(&Client::new(&config), "shop").await.unwrap().unwrap();
            assert_eq!(cluster.scoring_strategy.as_deref(), expected);
        }
    }
}
