//! The clients of all services, and the kinds of resources by them.

use aws_config::SdkConfig;

use super::{
    Error, Kubernetes, Made, clients,
    live::{Live, Sight},
};
use crate::{
    facts::AuthenticationMode,
    observed::Found,
    resource::{self, Change, Id, Resource, each, every_kind, function::aws::name_security_groups},
};

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

/// Observes all kinds at once.
macro_rules! observe_kinds {
    ([$services:expr, $wanted:expr, $sight:expr] $($folder:ident: $kind:ident,)*) => {{
        $(let $folder: Vec<&resource::$kind> = $wanted.iter().filter_map(|wanted| match wanted {
            Resource::$kind(wanted) => Some(wanted),
            _ => None,
        }).collect();)*
        let ($($folder,)*) =
            tokio::join!($(resource::$kind::observe(&$folder, $services.as_ref(), $sight),)*);
        [$($folder,)*].into_iter().flatten().collect::<Vec<_>>()
    }};
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

    /// Wholes first: parts of one that does not exist are not asked for.
    pub(crate) async fn observe(
        &self,
        mode: AuthenticationMode,
        wanted: &[&Resource],
    ) -> Vec<Result<Found, Error>> {
        let (parts, wholes): (Vec<_>, Vec<_>) = wanted.iter().copied().partition(|wanted| is_part(wanted));
        let mut seen = self.look(&wholes, &Sight { mode, seen: &[] }).await;
        let found: Vec<Found> = seen.iter().flatten().cloned().collect();
        let has = |id: &Id| found.iter().any(|found| found.resource.id() == *id);
        let is_absent = |id: &Id| !has(id) && wholes.iter().any(|whole| whole.id() == *id);
        let parts: Vec<_> =
            parts.into_iter().filter(|part| !part.needs().first().is_some_and(is_absent)).collect();
        seen.extend(self.look(&parts, &Sight { mode, seen: &found }).await);
        name_security_groups(&mut seen);
        seen
    }

    async fn look(&self, wanted: &[&Resource], sight: &Sight<'_>) -> Vec<Result<Found, Error>> {
        every_kind!([observe_kinds] self, wanted, sight)
    }

    pub(crate) async fn create(&self, resource: &Resource) -> Result<Made, Error> {
        each!(resource, it => it.create(self.as_ref()).await)
    }

    pub(crate) async fn update(
        &self,
        resource: &Resource,
        changes: &[Change],
        revision: Option<&str>,
    ) -> Result<Made, Error> {
        each!(resource, it => it.update(self.as_ref(), changes, revision).await)
    }

    pub(crate) async fn delete(&self, resource: &Resource) -> Result<Made, Error> {
        each!(resource, it => it.delete(self.as_ref()).await)
    }
}

fn is_part(resource: &Resource) -> bool {
    fn of<T: Live>(_: &T) -> bool {
        T::IS_PART
    }
    each!(resource, it => of(it))
}
