//! ClusterRoleBindings, in the version that was observed.

use super::ClusterRoleBinding;
use crate::{
    observed::Found,
    provider::{Error, Kubernetes, Made, live::Live},
    resource::{
        Change,
        cluster_role::kubernetes::{create, delete, find, update},
    },
};

impl Live for ClusterRoleBinding {
    type Client = Kubernetes;

    async fn find(&self, kubernetes: &Kubernetes) -> Result<Option<Found>, Error> {
        let found = find(kubernetes, "clusterrolebindings", &self.name).await?;
        Ok(found.map(|(manifest, revision)| Found {
            revision,
            ..Found::from(Self { name: self.name.clone(), manifest })
        }))
    }

    async fn create(&self, kubernetes: &Kubernetes) -> Result<Made, Error> {
        create(kubernetes, "clusterrolebindings", &self.manifest).await
    }

    async fn update(
        &self,
        kubernetes: &Kubernetes,
        _: &[Change],
        revision: Option<&str>,
    ) -> Result<Made, Error> {
        update(kubernetes, "clusterrolebindings", &self.name, &self.manifest, revision).await
    }

    async fn delete(&self, kubernetes: &Kubernetes) -> Result<Made, Error> {
        delete(kubernetes, "clusterrolebindings", &self.name).await
    }
}
