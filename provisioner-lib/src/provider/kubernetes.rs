//! The API server of the cluster. Objects are read and written as they are on
//! the wire, so that nothing is lost that a typed client does not know.

use cast_spot_cloud::Kubeconfig;
use http::{Method, Request};
use kube::Client;
use serde_json::Value;
use tokio::sync::Mutex;

use super::{Error, ErrorKind, error};
use crate::facts::Cluster;

mod availability;
mod neighbours;

/// The API server of the cluster, connected to when something is first asked.
pub(crate) struct Kubernetes {
    kubeconfig: Kubeconfig,
    /// Whether any cluster is meant that the kubeconfig leads to.
    is_direct: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    cluster: Option<Cluster>,
    /// The connection, or why there is none: an observation tries once for all of its objects.
    client: Option<Result<Client, Error>>,
}

impl Kubernetes {
    pub(super) fn new(kubeconfig: Kubeconfig) -> Self {
        Self { kubeconfig, is_direct: false, state: Mutex::default() }
    }

    /// The cluster that the kubeconfig leads to, whichever it is.
    pub(super) fn direct(kubeconfig: Kubeconfig) -> Self {
        Self { is_direct: true, ..Self::new(kubeconfig) }
    }

    /// Sets the cluster that is meant from now on. A connection that failed is tried again.
    pub(super) async fn set_cluster(&self, cluster: &Cluster) {
        let mut state = self.state.lock().await;
        if state.cluster.as_ref() != Some(cluster) || matches!(state.client, Some(Err(_))) {
            *state = State { cluster: Some(cluster.clone()), client: None };
        }
    }

    pub(crate) async fn client(&self) -> Result<Client, Error> {
        let mut state = self.state.lock().await;
        if let Some(client) = &state.client {
            return client.clone();
        }
        let unknown = "which cluster is meant is not known before its facts are looked up";
        let client = match &state.cluster {
            _ if self.is_direct => self.kubeconfig.connect_current_context().await,
            Some(cluster) => self.kubeconfig.connect(cluster).await,
            None => Err(Error::other("kubernetes", unknown)),
        };
        state.client.insert(client).clone()
    }

    /// Reads an object or a list, if it exists.
    pub(crate) async fn get(&self, what: &str, path: &str) -> Result<Option<Value>, Error> {
        self.send(what, Method::GET, path, None).await
    }

    /// A call. `what` is verb and resource, as RBAC has them. Patches are those of server-side apply.
    pub(crate) async fn send(
        &self,
        what: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Option<Value>, Error> {
        let client = self.client().await?;
        let form = if method == Method::PATCH { "application/apply-patch+yaml" } else { "application/json" };
        let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        let request = Request::builder().method(method).uri(path).header("content-type", form);
        let request = request.body(body).map_err(|problem| Error::other(what, problem.to_string()))?;
        match client.request::<Value>(request).await {
            Ok(answer) => Ok(Some(answer)),
            Err(failure) if error::is_not_found(&failure) => Ok(None),
            Err(failure) => Err(error::from_kube(what)(failure)),
        }
    }

    /// What is written, as it is then. It has to be there.
    pub(crate) async fn write(
        &self,
        what: &str,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Result<Value, Error> {
        self.send(what, method, path, Some(body)).await?.ok_or_else(|| gone(what))
    }
}

/// Of an object that was there before.
pub(crate) fn gone(what: &str) -> Error {
    Error::new(ErrorKind::Changed, what, "it is gone since it was looked at")
}

#[cfg(test)]
mod tests;
