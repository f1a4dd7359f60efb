//! Kubernetes: RBAC, the ConfigMap `aws-auth` and manifests. Objects are read and written as they are on
//! the wire, so that nothing is lost that a typed client does not know.

use cast_spot_cloud::Kubeconfig;
use futures_util::future::join_all;
use http::{Method, Request};
use kube::Client;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::{Error, ErrorKind, Made, error};
use crate::{
    facts::{AuthenticationMode, Cluster},
    observed::Found,
    resource::{AwsAuth, ClusterRole, ClusterRoleBinding, Resource},
};

mod availability;
mod manifests;
mod mappings;
mod neighbours;

const RBAC_GROUP: &str = "/apis/rbac.authorization.k8s.io/v1";

/// The API server of the cluster, connected to when something is first asked.
pub(super) struct Kubernetes {
    kubeconfig: Kubeconfig,
    /// Whether any cluster is meant that the kubeconfig leads to.
    is_direct: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    cluster: Option<Cluster>,
    client: Option<Client>,
}

impl Kubernetes {
    pub(super) fn new(kubeconfig: Kubeconfig) -> Self {
        Self { kubeconfig, is_direct: false, state: Mutex::default() }
    }

    /// The cluster that the kubeconfig leads to, whichever it is.
    pub(super) fn direct(kubeconfig: Kubeconfig) -> Self {
        Self { is_direct: true, ..Self::new(kubeconfig) }
    }

    /// Sets the cluster that is meant from now on.
    pub(super) async fn set_cluster(&self, cluster: &Cluster) {
        let mut state = self.state.lock().await;
        if state.cluster.as_ref() != Some(cluster) {
            *state = State { cluster: Some(cluster.clone()), client: None };
        }
    }

    async fn client(&self) -> Result<Client, Error> {
        let mut state = self.state.lock().await;
        if let Some(client) = &state.client {
            return Ok(client.clone());
        }
        let client = match &state.cluster {
            _ if self.is_direct => self.kubeconfig.connect_current_context().await?,
            Some(cluster) => self.kubeconfig.connect(cluster).await?,
            None => {
                let message = "which cluster is meant is not known before its facts are looked up";
                return Err(Error::other("kubernetes", message));
            }
        };
        state.client = Some(client.clone());
        Ok(client)
    }

    /// A call. `what` is verb and resource, as RBAC has them.
    async fn send(
        &self,
        what: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Option<Value>, Error> {
        self.send_as("application/json", what, method, path, body).await
    }

    async fn send_as(
        &self,
        form: &str,
        what: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Option<Value>, Error> {
        let client = self.client().await?;
        let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        let request = Request::builder().method(method).uri(path).header("content-type", form);
        let request = request.body(body).map_err(|problem| Error::other(what, problem.to_string()))?;
        match client.request::<Value>(request).await {
            Ok(answer) => Ok(Some(answer)),
            Err(failure) if error::is_not_found(&failure) => Ok(None),
            Err(failure) => Err(error::from_kube(what)(failure)),
        }
    }

    /// What is written has to be there.
    async fn write(&self, what: &str, method: Method, path: &str, body: &Value) -> Result<Made, Error> {
        match self.send(what, method, path, Some(body)).await? {
            Some(_) => Ok(Made::default()),
            None => Err(Error::new(ErrorKind::Changed, what, "it has gone since it was looked at")),
        }
    }

    /// One ConfigMap serves all of its entries.
    pub(super) async fn observe(
        &self,
        mode: AuthenticationMode,
        wanted: &[&Resource],
    ) -> Vec<Result<Found, Error>> {
        if wanted.is_empty() {
            return Vec::new();
        }
        // Without a connection, each of them would say the same.
        if let Err(error) = self.client().await {
            return vec![Err(error)];
        }
        let objects = join_all(wanted.iter().map(|resource| self.object(resource)));
        let (objects, mappings) = tokio::join!(objects, self.mappings(mode, wanted));
        let mut seen: Vec<_> = objects.into_iter().filter_map(Result::transpose).collect();
        match mappings {
            Ok(mappings) => seen.extend(mappings.into_iter().map(Ok)),
            Err(error) => seen.push(Err(error)),
        }
        seen
    }

    async fn object(&self, wanted: &Resource) -> Result<Option<Found>, Error> {
        if let Resource::Manifest(manifest) = wanted {
            return self.manifest(manifest).await;
        }
        let Some((plural, name, _)) = rbac(wanted) else { return Ok(None) };
        let path = format!("{RBAC_GROUP}/{plural}/{name}");
        let Some(manifest) = self.send(&format!("get {plural}"), Method::GET, &path, None).await? else {
            return Ok(None);
        };
        let revision = revision(&manifest);
        let name = name.to_owned();
        let resource = match wanted {
            Resource::ClusterRole(_) => Resource::ClusterRole(ClusterRole { name, manifest }),
            _ => Resource::ClusterRoleBinding(ClusterRoleBinding { name, manifest }),
        };
        Ok(Some(Found { resource, created: None, revision }))
    }

    pub(super) async fn create(&self, resource: &Resource) -> Result<Made, Error> {
        if let Resource::AwsAuth(AwsAuth { mapping, .. }) = resource {
            return self.map(&mapping.into()).await;
        }
        if let Resource::Manifest(manifest) = resource {
            return self.make_manifest(manifest).await;
        }
        let Some((plural, _, manifest)) = rbac(resource) else { return Err(error::wrong_service(resource)) };
        let path = format!("{RBAC_GROUP}/{plural}");
        self.write(&format!("create {plural}"), Method::POST, &path, manifest).await
    }

    /// What is ours in it is replaced; annotations and labels of others stay.
    pub(super) async fn update(&self, resource: &Resource, revision: Option<&str>) -> Result<Made, Error> {
        if let Resource::Manifest(manifest) = resource {
            return self.change_manifest(manifest, revision).await;
        }
        let Some((plural, name, manifest)) = rbac(resource) else { return self.create(resource).await };
        let path = format!("{RBAC_GROUP}/{plural}/{name}");
        let Some(mut there) = self.send(&format!("get {plural}"), Method::GET, &path, None).await? else {
            return self.create(resource).await;
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
        self.write(&format!("update {plural}"), Method::PUT, &path, &there).await
    }

    pub(super) async fn delete(&self, resource: &Resource) -> Result<Made, Error> {
        if let Resource::AwsAuth(AwsAuth { mapping, .. }) = resource {
            return self.unmap(&mapping.into()).await;
        }
        if let Resource::Manifest(manifest) = resource {
            return self.remove_manifest(manifest).await;
        }
        let Some((plural, name, _)) = rbac(resource) else { return Err(error::wrong_service(resource)) };
        let path = format!("{RBAC_GROUP}/{plural}/{name}");
        self.send(&format!("delete {plural}"), Method::DELETE, &path, None).await?;
        Ok(Made::default())
    }
}

/// Plural, name and manifest of an object of RBAC.
fn rbac(resource: &Resource) -> Option<(&'static str, &str, &Value)> {
    match resource {
        Resource::ClusterRole(ClusterRole { name, manifest }) => Some(("clusterroles", name, manifest)),
        Resource::ClusterRoleBinding(ClusterRoleBinding { name, manifest }) => {
            Some(("clusterrolebindings", name, manifest))
        }
        _ => None,
    }
}

fn revision(object: &Value) -> Option<String> {
    object["metadata"]["resourceVersion"].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests;
