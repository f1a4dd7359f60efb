//! The Kubernetes calls of one EKS cluster.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::{Stream, StreamExt, future::ready};
use k8s_openapi::{
    api::{
        authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec},
        core::v1::{Event, Node, Pod},
        policy::v1::{Eviction, PodDisruptionBudget},
    },
    apimachinery::pkg::apis::meta::v1::{DeleteOptions, ObjectMeta, Preconditions},
};
use kube::{
    Api, Client, Error, Resource,
    api::{
        DeleteParams, ListParams, ObjectList, Patch, PatchParams, PostParams, Request, WatchEvent,
        WatchParams,
    },
};
use serde_json::Value;
use tokio::time::Instant;

use super::{
    Endpoint, HttpService, Transport,
    answers::{call_error, eviction, is_tls_failure, patched},
    connection,
    eks::Eks,
    nodes,
    pods::LeanPod,
};
use crate::ports::{
    Access, CallError, Cluster, End, Evicted, Freshness, ListedNode, Patched, PodChange, Pods, Right,
};

/// A node list is shared by all that ask within this time after its answer: the notices of a batch.
const SHARED_FOR: Duration = Duration::from_secs(1);

/// A node list and when it was answered.
type SharedList = (Instant, Result<Arc<Vec<ListedNode>>, CallError>);

/// One EKS cluster.
pub struct EksCluster {
    name: String,
    eks: Eks,
    transport: Arc<dyn Transport>,
    /// Address and CA of the configuration, until they turn out to be wrong.
    known: Mutex<Option<Endpoint>>,
    client: Mutex<Option<Client>>,
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
            known: Mutex::new(known),
            client: Mutex::default(),
            connecting: tokio::sync::Mutex::default(),
            listed: tokio::sync::Mutex::default(),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The client; asks EKS for the address if neither the configuration nor an earlier answer has it.
    pub(super) async fn connect(&self) -> Result<Client, CallError> {
        if let Some(client) = self.connected() {
            return Ok(client);
        }
        let _one_at_a_time = self.connecting.lock().await;
        if let Some(client) = self.connected() {
            return Ok(client);
        }
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let opened = known.map(|known| (self.transport.open(&known), known));
        let (endpoint, service) = match opened {
            Some((Ok(service), known)) => (known, service),
            // A certificate authority that is none opens nothing at any time.
            Some((Err(error), _)) => {
                let (cluster, problem) = (&self.name, error.to_string());
                tracing::warn!(cluster, problem, "endpoint ignored, EKS is asked for it");
                *self.known.lock().unwrap_or_else(PoisonError::into_inner) = None;
                self.asked().await?
            }
            None => self.asked().await?,
        };
        let client = connection::client(&endpoint, service, self.eks.signer(&self.name));
        *self.client.lock().unwrap_or_else(PoisonError::into_inner) = Some(client.clone());
        Ok(client)
    }

    /// Address and connection as EKS says.
    async fn asked(&self) -> Result<(Endpoint, HttpService), CallError> {
        let endpoint = self.eks.endpoint(&self.name).await?;
        let refused = |error| CallError::Refused(format!("connection to {}: {error}", endpoint.server));
        let service = self.transport.open(&endpoint).map_err(refused)?;
        Ok((endpoint, service))
    }

    fn connected(&self) -> Option<Client> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets address and CA after a TLS failure: the CA may have been rotated. The next try asks EKS, whose answer
    /// holds for the life of the process.
    fn note<T>(&self, answer: Result<T, Error>) -> Result<T, Error> {
        if answer.as_ref().is_err_and(is_tls_failure) {
            *self.known.lock().unwrap_or_else(PoisonError::into_inner) = None;
            *self.client.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        answer
    }

    async fn cluster_wide<K>(&self) -> Result<Api<K>, CallError>
    where
        K: Resource,
        K::DynamicType: Default,
    {
        Ok(Api::all(self.connect().await?))
    }

    /// Each page is dropped once what counts has been taken from it: a real node is some 15 kB, one with many
    /// images or devices 50.
    async fn pages_of_nodes(&self) -> Result<Vec<ListedNode>, CallError> {
        let client = self.connect().await?;
        let mut nodes = Vec::new();
        let mut page = nodes::page(None);
        loop {
            let request = Request::new(Node::url_path(&(), None)).list(&page).map_err(refused)?;
            let answer = self.note(client.request::<ObjectList<nodes::LeanNode>>(request).await);
            let list = answer.map_err(|error| match error {
                Error::Api(status) if status.code == 410 => CallError::Transient(status.message.clone()),
                error => call_error(error),
            })?;
            nodes.extend(list.items.into_iter().map(|node| node.0));
            match list.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => page = nodes::page(Some(&token)),
                None => return Ok(nodes),
            }
        }
    }

    async fn pods_in(&self, namespace: &str) -> Result<Api<Pod>, CallError> {
        Ok(Api::namespaced(self.connect().await?, namespace))
    }
}

impl Cluster for EksCluster {
    async fn get_node(&self, name: &str) -> Result<Node, CallError> {
        let nodes: Api<Node> = self.cluster_wide().await?;
        self.note(nodes.get(name).await).map_err(call_error)
    }

    async fn list_nodes(&self) -> Result<Arc<Vec<ListedNode>>, CallError> {
        let mut listed = self.listed.lock().await;
        if let Some((at, answer)) = listed.as_ref().filter(|(at, _)| at.elapsed() < SHARED_FOR) {
            tracing::debug!(cluster = self.name, ago_ms = at.elapsed().as_millis(), "node list shared");
            return answer.clone();
        }
        let answer = self.pages_of_nodes().await.map(Arc::new);
        *listed = Some((Instant::now(), answer.clone()));
        answer
    }

    async fn patch_node(&self, name: &str, patch: &Value) -> Result<Patched, CallError> {
        let nodes: Api<Node> = self.cluster_wide().await?;
        let patch = serde_json::from_value(patch.clone()).map_err(refused)?;
        patched(self.note(nodes.patch(name, &PatchParams::default(), &Patch::<()>::Json(patch)).await))
    }

    async fn list_pods(&self, node: &str, freshness: Freshness) -> Result<Pods, CallError> {
        let client = self.connect().await?;
        let params = ListParams::default().fields(&on(node));
        let params = if freshness == Freshness::Cached { params.match_any() } else { params };
        let request = all_pods().list(&params).map_err(refused)?;
        let list: ObjectList<LeanPod> = self.note(client.request(request).await).map_err(call_error)?;
        let items = list.items.into_iter().map(|pod| pod.0).collect();
        Ok(Pods { items, resource_version: list.metadata.resource_version.unwrap_or_default() })
    }

    async fn watch_pods(
        &self,
        node: &str,
        resource_version: &str,
    ) -> Result<impl Stream<Item = Result<PodChange, CallError>> + Send, CallError> {
        let client = self.connect().await?;
        let params = WatchParams::default().fields(&on(node)).disable_bookmarks();
        let request = all_pods().watch(&params, resource_version).map_err(refused)?;
        let stream = self.note(client.request_events::<LeanPod>(request).await).map_err(call_error)?;
        Ok(stream.filter_map(|event| {
            ready(match event {
                Ok(WatchEvent::Added(pod) | WatchEvent::Modified(pod)) => {
                    Some(Ok(PodChange::Is(Box::new(pod.0))))
                }
                Ok(WatchEvent::Deleted(pod)) => Some(Ok(PodChange::Gone(Box::new(pod.0)))),
                Ok(WatchEvent::Bookmark(_)) => None,
                Ok(WatchEvent::Error(status)) => Some(Err(call_error(Error::Api(status)))),
                Err(error) => Some(Err(call_error(error))),
            })
        }))
    }

    async fn list_pdbs(&self, namespace: &str) -> Result<Vec<PodDisruptionBudget>, CallError> {
        let pdbs: Api<PodDisruptionBudget> = Api::namespaced(self.connect().await?, namespace);
        Ok(self.note(pdbs.list(&ListParams::default()).await).map_err(call_error)?.items)
    }

    async fn evict(&self, end: End<'_>) -> Result<Evicted, CallError> {
        let pods = self.pods_in(end.namespace).await?;
        // Not `Api::evict`: kube writes its `delete_options` in snake case, and the API server drops them.
        let body = Eviction {
            metadata: ObjectMeta {
                name: Some(end.name.to_owned()),
                namespace: Some(end.namespace.to_owned()),
                ..ObjectMeta::default()
            },
            delete_options: Some(DeleteOptions {
                grace_period_seconds: end.grace_seconds,
                preconditions: Some(Preconditions { uid: Some(end.uid.to_owned()), resource_version: None }),
                ..DeleteOptions::default()
            }),
        };
        let answer = pods.create_subresource("eviction", end.name, &PostParams::default(), &body).await;
        eviction(self.note(answer).map(|_: Value| ()))
    }

    async fn delete_pod(&self, end: End<'_>) -> Result<bool, CallError> {
        let pods = self.pods_in(end.namespace).await?;
        let params = DeleteParams {
            grace_period_seconds: end.grace_seconds.and_then(|s| u32::try_from(s).ok()),
            preconditions: Some(kube::api::Preconditions {
                uid: Some(end.uid.to_owned()),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        match self.note(pods.delete(end.name, &params).await).map_err(call_error) {
            Ok(_) => Ok(true),
            Err(CallError::NotFound(_) | CallError::LostRace(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn create_event(&self, event: &Event) -> Result<(), CallError> {
        let namespace = event.metadata.namespace.as_deref().unwrap_or("default");
        let events: Api<Event> = Api::namespaced(self.connect().await?, namespace);
        match self.note(events.create(&PostParams::default(), event).await).map_err(call_error) {
            // An earlier delivery has posted it.
            Ok(_) | Err(CallError::LostRace(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn review_access(&self, right: &Right) -> Result<Access, CallError> {
        let reviews: Api<SelfSubjectAccessReview> = self.cluster_wide().await?;
        let answer = reviews.create(&PostParams::default(), &review_of(right)).await;
        let status = self.note(answer).map_err(call_error)?.status.unwrap_or_default();
        Ok(Access { allowed: status.allowed, reason: status.reason.unwrap_or_default() })
    }
}

/// "SelfSubjectAccessReview" in the Kubernetes API reference, for all namespaces and names.
fn review_of(right: &Right) -> SelfSubjectAccessReview {
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let attributes = ResourceAttributes {
        verb: text(right.verb),
        group: text(right.api_group),
        resource: text(right.resource),
        subresource: text(right.subresource),
        ..ResourceAttributes::default()
    };
    let spec = SelfSubjectAccessReviewSpec { resource_attributes: Some(attributes), ..Default::default() };
    SelfSubjectAccessReview { spec, ..Default::default() }
}

/// Not `Api<Pod>`, which reads all of each pod.
fn all_pods() -> Request {
    Request::new(Pod::url_path(&(), None))
}

/// A request that cannot be built.
fn refused(error: impl fmt::Display) -> CallError {
    CallError::Refused(error.to_string())
}

fn on(node: &str) -> String {
    format!("spec.nodeName={node}")
}
