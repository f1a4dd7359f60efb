//! The AWS account: clients with the root keys of the emulators, and resources that onboarding would create.

use anyhow::{Context, Result};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;

use crate::emulators::Emulators;

/// The region of everything.
pub const REGION: &str = "eu-west-1";

/// One client per service, for the account's root.
#[derive(Debug, Clone)]
pub struct Account {
    /// EC2 (moto).
    pub ec2: aws_sdk_ec2::Client,
    /// EC2 Auto Scaling (moto).
    pub auto_scaling: aws_sdk_autoscaling::Client,
    /// IAM (ministack).
    pub iam: aws_sdk_iam::Client,
    /// STS (ministack).
    pub sts: aws_sdk_sts::Client,
    /// EKS (ministack).
    pub eks: aws_sdk_eks::Client,
    /// Lambda (ministack).
    pub lambda: aws_sdk_lambda::Client,
    /// EventBridge (ministack).
    pub event_bridge: aws_sdk_eventbridge::Client,
    /// SQS (ministack).
    pub sqs: aws_sdk_sqs::Client,
    /// CloudWatch Logs (ministack).
    pub logs: aws_sdk_cloudwatchlogs::Client,
}

impl Account {
    /// Clients of the emulators.
    pub async fn of(emulators: &Emulators) -> Self {
        Self::at(&emulators.moto, &emulators.ministack).await
    }

    /// Clients of emulators that run elsewhere.
    pub async fn at(moto: &str, ministack: &str) -> Self {
        let root = Credentials::new("test", "test", None, None, "root of the emulators");
        let (moto, ministack) = (config(moto, root.clone()).await, config(ministack, root).await);
        Self {
            ec2: aws_sdk_ec2::Client::new(&moto),
            auto_scaling: aws_sdk_autoscaling::Client::new(&moto),
            iam: aws_sdk_iam::Client::new(&ministack),
            sts: aws_sdk_sts::Client::new(&ministack),
            eks: aws_sdk_eks::Client::new(&ministack),
            lambda: aws_sdk_lambda::Client::new(&ministack),
            event_bridge: aws_sdk_eventbridge::Client::new(&ministack),
            sqs: aws_sdk_sqs::Client::new(&ministack),
            logs: aws_sdk_cloudwatchlogs::Client::new(&ministack),
        }
    }

    /// A role that Lambda may assume, with one inline policy; returns its ARN.
    pub async fn function_role(&self, name: &str, policy: &str) -> Result<String> {
        let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
        let role = self.iam.create_role().role_name(name).assume_role_policy_document(trust).send().await;
        let arn =
            role.with_context(|| format!("role {name}"))?.role.context("CreateRole answers a role")?.arn;
        self.iam
            .put_role_policy()
            .role_name(name)
            .policy_name("cast-spot")
            .policy_document(policy)
            .send()
            .await?;
        Ok(arn)
    }

    /// Lets a principal into a cluster, as a user in a group of Kubernetes.
    pub async fn access_entry(
        &self,
        cluster: &str,
        principal_arn: &str,
        (user, group): (&str, &str),
    ) -> Result<()> {
        let entry = self.eks.create_access_entry().cluster_name(cluster).principal_arn(principal_arn);
        entry.r#type("STANDARD").username(user).kubernetes_groups(group).send().await?;
        Ok(())
    }
}

/// SDK configuration for an emulator at `endpoint`.
pub async fn config(endpoint: &str, credentials: Credentials) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(credentials)
        .endpoint_url(endpoint)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .load()
        .await
}
