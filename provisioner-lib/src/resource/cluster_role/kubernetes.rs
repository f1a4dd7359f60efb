//! ClusterRoles, in the version that was observed.

use http::Method;
use serde_json::{Value, json};

use super::ClusterRole;
use crate::{
    observed::Found,
    provider::{Error, Kubernetes, Made, live::Live},
    resource::Change,
};

impl Live for ClusterRole {
    type Client = Kubernetes;

    async fn find(&self, kubernetes: &Kubernetes) -> Result<Option<Found>, Error> {
        let found = find(kubernetes, "clusterroles", &self.name).await?;
        Ok(found.map(|(manifest, revision)| Found {
            revision,
            ..Found::from(Self { name: self.name.clone(), manifest })
        }))
    }

    async fn create(&self, kubernetes: &Kubernetes) -> Result<Made, Error> {
        create(kubernetes, "clusterroles", &self.manifest).await
    }

    async fn update(
        &self,
        kubernetes: &Kubernetes,
        _: &[Change],
        revision: Option<&str>,
    ) -> Result<Made, Error> {
        update(kubernetes, "clusterroles", &self.name, &self.manifest, revision).await
    }

    async fn delete(&self, kubernetes: &Kubernetes) -> Result<Made, Error> {
        delete(kubernetes, "clusterroles", &self.name).await
    }
}

const GROUP: &str = "/apis/rbac.authorization.k8s.io/v1";

pub(in crate::resource) async fn find(
    kubernetes: &Kubernetes,
    plural: &str,
    name: &str,
) -> Result<Option<(Value, Option<String>)>, Error> {
    let path = format!("{GROUP}/{plural}/{name}");
    let found = kubernetes.send(&format!("get {plural}"), Method::GET, &path, None).await?;
    Ok(found.map(|manifest| {
        let revision = manifest["metadata"]["resourceVersion"].as_str().map(str::to_owned);
        (manifest, revision)
    }))
}

pub(in crate::resource) async fn create(
    kubernetes: &Kubernetes,
    plural: &str,
    manifest: &Value,
) -> Result<Made, Error> {
    let path = format!("{GROUP}/{plural}");
    kubernetes.write(&format!("create {plural}"), Method::POST, &path, manifest).await
}

/// What is ours in it is replaced; annotations and labels of others stay.
pub(in crate::resource) async fn update(
    kubernetes: &Kubernetes,
    plural: &str,
    name: &str,
    manifest: &Value,
    revision: Option<&str>,
) -> Result<Made, Error> {
    let Some((mut there, _)) = find(kubernetes, plural, name).await? else {
        return create(kubernetes, plural, manifest).await;
    };
    for part in ["rules", "subjects", "roleRef"] {
        if let Some(wanted) = manifest.get(part) {
            there[part] = wanted.clone();
        }
    }
    for (label, value) in manifest["metadata"]["labels"].as_object().into_iter().flatten() {
        there["metadata"]["labels"][label] = value.clone();
    }
    if let Some(revision) = revision {
        there["metadata"]["resourceVersion"] = json!(revision);
    }
    let path = format!("{GROUP}/{plural}/{name}");
    kubernetes.write(&format!("update {plural}"), Method::PUT, &path, &there).await
}

pub(in crate::resource) async fn delete(
    kubernetes: &Kubernetes,
    plural: &str,
    name: &str,
) -> Result<Made, Error> {
    let path = format!("{GROUP}/{plural}/{name}");
    kubernetes.send(&format!("delete {plural}"), Method::DELETE, &path, None).await?;
    Ok(Made::default())
}
