//! The clients of all services.

use aws_config::SdkConfig;

use super::{Kubernetes, clients};

macro_rules! services {
    ($($name:ident: $client:ty,)*) => {
        /// Clients of the account's services in the region, and of the cluster.
        pub(crate) struct Services {
            $(pub(crate) $name: $client,)*
        }

        $(impl AsRef<$client> for Services {
            fn as_ref(&self) -> &$client {
                &self.$name
            }
        })*
    };
}

services! {
    iam: aws_sdk_iam::Client,
    eks: aws_sdk_eks::Client,
    lambda: aws_sdk_lambda::Client,
    events: aws_sdk_eventbridge::Client,
    logs: aws_sdk_cloudwatchlogs::Client,
    sqs: aws_sdk_sqs::Client,
    ec2: aws_sdk_ec2::Client,
    kubernetes: Kubernetes,
}

impl AsRef<Self> for Services {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl Services {
    pub(super) fn new(config: &SdkConfig, kubernetes: Kubernetes) -> Self {
        Self {
            iam: clients::iam(config),
            eks: aws_sdk_eks::Client::new(config),
            lambda: clients::lambda(config),
            events: aws_sdk_eventbridge::Client::new(config),
            logs: aws_sdk_cloudwatchlogs::Client::new(config),
            sqs: aws_sdk_sqs::Client::new(config),
            ec2: aws_sdk_ec2::Client::new(config),
            kubernetes,
        }
    }

    /// Clients that call a test's AWS.
    #[cfg(test)]
    pub(crate) fn of(config: &SdkConfig) -> Self {
        let connection = super::Connection::default();
        Self::new(config, Kubernetes::new(cast_spot_cloud::Kubeconfig::of(&connection, "eu-west-1")))
    }
}
