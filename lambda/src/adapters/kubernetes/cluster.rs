//! The Kubernetes calls of one EKS cluster.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{Stream, StreamExt, future::ready};
use k8s_openapi::api::{
    authorization::v1::SelfSubjectAccessReview,
    core::v1::{self, Event},
    policy::v1::PodDisruptionBudget,
};
use kube::{
    Client, Error, Resource,
    api::{
        DeleteParams, GetParams, ListParams, ObjectList, Patch, PatchParams, PostParams, Preconditions,
        Request, WatchEvent, WatchParams,
    },
    core::request,
};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    Endpoint, HttpService, Transport,
    answers::{call_error, eviction, is_tls_failure, patched},
    connection,
    eks::Eks,
    token::Signer,
};
use crate::ports::{
    Access, CallError, CallResult, Cluster, End, Evicted, Freshness, ListedNode, Node, Patched, Pod,
    PodChange, Pods, Right,
};

/// A request, if it could be built.
type Built = Result<http::Request<Vec<u8>>, request::Error>;

/// Nodes of one page.
const PAGE: u32 = 500;

/// A node list is shared by all that ask within this time after its answer: the notices of a batch.
const SHARED_FOR: Duration = Duration::from_secs(1);

/// A node list and when it was answered.
type SharedList = (Instant, CallResult<Arc<Vec<ListedNode>>>);

/// The way to a cluster. Both are dropped when they turn out to be wrong.
#[derive(Default)]
struct Connection {
    /// Address and CA of the configuration.
    known: Option<Endpoint>,
    client: Option<Client>,
}

/// One EKS cluster.
pub struct EksCluster {
    pub(super) name: String,
    eks: Eks,
    transport: Arc<dyn Transport>,
    connection: Mutex<Connection>,
    /// Held while connecting, so that calls that begin together ask EKS once.
    connecting: tokio::sync::Mutex<()>,
    /// Held while listing, so that a second caller waits for the first one's answer.
    listed: tokio::sync::Mutex<Option<SharedList>>,
}

impl fmt::Debug for EksCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EksCluster").field("name", &self.name).finish_non_exhaustive()
    }
}

impl EksCluster {
    pub(super) fn new(
        name: &str,
        eks: &Eks,
        transport: &Arc<dyn Transport>,
        known: Option<Endpoint>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            eks: eks.clone(),
            transport: transport.clone(),
            connection: Mutex::new(Connection { known, client: None }),
            connecting: tokio::sync::Mutex::default(),
            listed: tokio::sync::Mutex::default(),
        }
    }

    /// The client; asks EKS for the address if neither the configuration nor an earlier answer has it.
    pub(super) async fn connect(&self) -> CallResult<Client> {
        if let Some(client) = self.connected() {
            return Ok(client);
        }
        let _one_at_a_time = self.connecting.lock().await;
        if let Some(client) = self.connected() {
            return Ok(client);
        }
        let known = self.connection().known.clone();
        let opened = known.map(|known| (self.transport.open(&known), known));
        let (endpoint, service) = match opened {
            Some((Ok(service), known)) => (known, service),
            // A certificate authority that is none opens nothing at any time.
            Some((Err(error), _)) => {
                let (cluster, problem) = (&self.name, error.to_string());
                tracing::warn!(cluster, problem, "endpoint ignored, EKS is asked for it");
                self.connection().known = None;
                self.asked().await?
            }
            None => self.asked().await?,
        };
        let client = connection::client(&endpoint, service, Signer::new(&self.eks.sdk, &self.name));
        self.connection().client = Some(client.clone());
        Ok(client)
    }

    fn connected(&self) -> Option<Client> {
        self.connection().client.clone()
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Address and connection as EKS says.
    async fn asked(&self) -> CallResult<(Endpoint, HttpService)> {
        let endpoint = self.eks.endpoint(&self.name).await?;
        let refused = |error| CallError::Refused(format!("connection to {}: {error}", endpoint.server));
        let service = self.transport.open(&endpoint).map_err(refused)?;
        Ok((endpoint, service))
    }

    /// Forgets address and CA after a TLS failure: the CA may have been rotated. The next try asks EKS, whose answer
    /// holds for the life of the process.
    fn note<T>(&self, answer: Result<T, Error>) -> Result<T, Error> {
        if answer.as_ref().is_err_and(is_tls_failure) {
            *self.connection() = Connection::default();
        }
        answer
    }

    /// The answer to a request; the outer error is why none was sent.
    async fn send<T: DeserializeOwned>(&self, request: Built) -> CallResult<Result<T, Error>> {
        let request = request.map_err(refused)?;
        Ok(self.note(self.connect().await?.request(request).await))
    }

    async fn ask<T: DeserializeOwned>(&self, request: Built) -> CallResult<T> {
        self.send(request).await?.map_err(call_error)
    }

    /// Each page is dropped once what counts has been taken from it: a real node is some 15 kB, one with many
    /// images or devices 50. No resourceVersion: with `resourceVersion=0` the API server ignores the limit and sends all
    /// nodes at once (Kubernetes API concepts, "Retrieving large results sets in chunks").
    async fn pages_of_nodes(&self) -> CallResult<Vec<ListedNode>> {
        let mut nodes = Vec::new();
        let mut page = ListParams::default().limit(PAGE);
        loop {
            let answer = self.send::<ObjectList<Node>>(path::<v1::Node>(None).list(&page)).await?;
            let list = answer.map_err(|error| match error {
                Error::Api(status) if status.code == 410 => {
                    CallError::Transient(status.message.clone(), None)
                }
                error => call_error(error),
            })?;
            nodes.extend(list.items.into_iter().map(ListedNode::from));
            match list.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => page.continue_token = Some(token),
                None => return Ok(nodes),
            }
        }
    }
}

impl Cluster for EksCluster {
    async fn get_node(&self, name: &str) -> CallResult<Node> {
        self.ask(path::<v1::Node>(None).get(name, &GetParams::default())).await
    }

    async fn list_nodes(&self) -> CallResult<Arc<Vec<ListedNode>>> {
        let mut listed = self.listed.lock().await;
        if let Some((at, answer)) = listed.as_ref().filter(|(at, _)| at.elapsed() < SHARED_FOR) {
            tracing::debug!(cluster = self.name, ago_ms = at.elapsed().as_millis(), "node list shared");
            return answer.clone();
        }
        let answer = self.pages_of_nodes().await.map(Arc::new);
        *listed = Some((Instant::now(), answer.clone()));
        answer
    }

    async fn patch_node(&self, name: &str, patch: &Value) -> CallResult<Patched> {
        let patch = serde_json::from_value(patch.clone()).map_err(refused)?;
        let request = path::<v1::Node>(None).patch(name, &PatchParams::default(), &Patch::<()>::Json(patch));
        patched(self.send(request).await?)
    }

    async fn list_pods(&self, node: &str, freshness: Freshness) -> CallResult<Pods> {
        let params = ListParams::default().fields(&on(node));
        let params = if freshness == Freshness::Cached { params.match_any() } else { params };
        let list: ObjectList<Pod> = self.ask(pods_path(None).list(&params)).await?;
        Ok(Pods { items: list.items, resource_version: list.metadata.resource_version.unwrap_or_default() })
    }

    async fn watch_pods(
        &self,
        node: &str,
        resource_version: &str,
    ) -> CallResult<impl Stream<Item = CallResult<PodChange>> + Send> {
        let client = self.connect().await?;
        let params = WatchParams::default().fields(&on(node)).disable_bookmarks();
        let request = pods_path(None).watch(&params, resource_version).map_err(refused)?;
        let stream = self.note(client.request_events::<Pod>(request).await).map_err(call_error)?;
        Ok(stream.filter_map(|event| {
            ready(match event {
                Ok(WatchEvent::Added(pod) | WatchEvent::Modified(pod)) => Some(Ok(PodChange::Is(pod))),
                Ok(WatchEvent::Deleted(pod)) => Some(Ok(PodChange::Gone(pod))),
                Ok(WatchEvent::Bookmark(_)) => None,
                Ok(WatchEvent::Error(status)) => Some(Err(call_error(Error::Api(status)))),
                Err(error) => Some(Err(call_error(error))),
            })
        }))
    }

    async fn list_pdbs(&self, namespace: &str) -> CallResult<Vec<PodDisruptionBudget>> {
        let pdbs = path::<PodDisruptionBudget>(Some(namespace));
        let list: ObjectList<PodDisruptionBudget> = self.ask(pdbs.list(&ListParams::default())).await?;
        Ok(list.items)
    }

    async fn evict(&self, end: End<'_>) -> CallResult<Evicted> {
        // Not `Api::evict`: kube writes `delete_options`, which the API server drops.
        let body = json!({
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": { "name": end.name, "namespace": end.namespace },
            "deleteOptions": delete_options(&end),
        });
        let (pods, body) = (pods_path(Some(end.namespace)), body.to_string().into_bytes());
        let request = pods.create_subresource("eviction", end.name, &PostParams::default(), body);
        eviction(self.send::<IgnoredAny>(request).await?)
    }

    async fn delete_pod(&self, end: End<'_>) -> CallResult<bool> {
        let request = pods_path(Some(end.namespace)).delete(end.name, &delete_options(&end));
        match self.ask::<IgnoredAny>(request).await {
            Ok(_) => Ok(true),
            Err(CallError::NotFound(_) | CallError::LostRace(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn create_event(&self, event: &Event) -> CallResult<()> {
        let events = path::<Event>(event.metadata.namespace.as_deref());
        let body = serde_json::to_vec(event).map_err(refused)?;
        match self.ask::<IgnoredAny>(events.create(&PostParams::default(), body)).await {
            // An earlier delivery has posted it.
            Ok(_) | Err(CallError::LostRace(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// "SelfSubjectAccessReview" in the Kubernetes API reference, for all namespaces and names.
    async fn review_access(&self, right: &Right) -> CallResult<Access> {
        let Right { verb, api_group: group, resource, subresource } = right;
        let body = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": { "resourceAttributes": {
                "verb": verb, "group": group, "resource": resource, "subresource": subresource,
            }},
        });
        let reviews = path::<SelfSubjectAccessReview>(None);
        let request = reviews.create(&PostParams::default(), body.to_string().into_bytes());
        let status = self.ask::<SelfSubjectAccessReview>(request).await?.status.unwrap_or_default();
        Ok(Access { allowed: status.allowed, reason: status.reason.unwrap_or_default() })
    }
}

/// Where the objects of a kind are served: those of one namespace, or all.
fn path<K: Resource<DynamicType = ()>>(namespace: Option<&str>) -> Request {
    Request::new(K::url_path(&(), namespace))
}

fn pods_path(namespace: Option<&str>) -> Request {
    path::<v1::Pod>(namespace)
}

fn delete_options(end: &End<'_>) -> DeleteParams {
    DeleteParams {
        grace_period_seconds: end.grace_seconds.and_then(|s| u32::try_from(s).ok()),
        preconditions: Some(Preconditions { uid: Some(end.uid.to_owned()), resource_version: None }),
        ..DeleteParams::default()
    }
}

/// A request that cannot be built.
fn refused(error: impl fmt::Display) -> CallError {
    CallError::Refused(error.to_string())
}

fn on(node: &str) -> String {
    format!("spec.nodeName={node}")
}
