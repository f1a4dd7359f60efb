//! A cluster by its API server alone. Nothing is asked of AWS, and no rights in it are needed.

use std::collections::BTreeSet;

use cast_spot_cloud::Kubeconfig;
use futures_util::future::join_all;

use super::{
    Connection, Error, ErrorKind, Made, NamespaceContents, Provider,
    error::gathered,
    kubernetes::Kubernetes,
    live::{Live, Sight},
    propagation,
};
use crate::{
    check::{Check, Verdict},
    facts::{AuthenticationMode, Cluster, Facts, Identity, PreviousRuns},
    observed::{Found, Observed},
    resource::{Change, Manifest, Resource},
};

/// The cluster that a kubeconfig leads to.
pub struct Direct {
    region: String,
    kubernetes: Kubernetes,
}

impl Direct {
    /// Nothing is called yet.
    #[must_use]
    pub fn connect(connection: &Connection) -> Self {
        let region = connection.region.clone().unwrap_or_default();
        Self { kubernetes: Kubernetes::direct(Kubeconfig::of(connection, &region)), region }
    }

    async fn look(&self, resources: &[&Resource]) -> Vec<Result<Found, Error>> {
        let objects: Vec<&Manifest> = resources.iter().filter_map(|resource| object(resource).ok()).collect();
        let sight = Sight { mode: AuthenticationMode::ConfigMap, seen: &[] };
        Manifest::observe(&objects, &self.kubernetes, &sight).await
    }
}

impl Provider for Direct {
    /// Makes no call: what only AWS knows is left open.
    async fn facts(&self, cluster: &str) -> Result<Facts, Vec<Error>> {
        let identity = Identity { partition: String::new(), account: String::new(), arn: String::new() };
        let cluster = Cluster { status: String::new(), ..Cluster::gone(cluster, String::new()) };
        self.kubernetes.set_cluster(&cluster).await;
        let region = self.region.clone();
        let (register, earlier) = (BTreeSet::new(), PreviousRuns::default());
        Ok(Facts { identity, region, cluster, function: None, register, earlier })
    }

    async fn observe(&self, _: &Facts, resources: &[&Resource]) -> Result<Observed, Vec<Error>> {
        let reason = |reason: &ErrorKind| matches!(reason, ErrorKind::Unreachable | ErrorKind::Credentials);
        gathered(self.look(resources).await, reason)
    }

    async fn create(&self, resource: &Resource) -> Result<Made, Error> {
        object(resource)?.create(&self.kubernetes).await
    }

    async fn update(
        &self,
        resource: &Resource,
        changes: &[Change],
        revision: Option<&str>,
    ) -> Result<Made, Error> {
        object(resource)?.update(&self.kubernetes, changes, revision).await
    }

    async fn delete(&self, resource: &Resource) -> Result<Made, Error> {
        object(resource)?.delete(&self.kubernetes).await
    }

    /// Only AWS knows which instances run with a role.
    async fn instances_with(&self, _: &str) -> Result<Vec<String>, Error> {
        Ok(Vec::new())
    }

    async fn pause(&self, round: u32) {
        propagation::pause(round).await;
    }

    async fn check(&self, _: &Facts, checks: &[Check]) -> Vec<Result<Verdict, Error>> {
        join_all(checks.iter().map(|check| self.kubernetes.check(check))).await
    }
}

impl NamespaceContents for Direct {
    async fn unmanaged_objects(&self, namespace: &str) -> Result<Vec<String>, Vec<Error>> {
        self.kubernetes.unmanaged_objects(namespace).await.map_err(|error| vec![error])
    }
}

/// Refuses all kinds but the one of connected objects.
fn object(resource: &Resource) -> Result<&Manifest, Error> {
    let Resource::Manifest(manifest) = resource else {
        return Err(Error::other("provider", format!("{} is not of Kubernetes", resource.id())));
    };
    Ok(manifest)
}
