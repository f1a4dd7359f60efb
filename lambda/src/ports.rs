//! All calls that the stages may make. The production implementations are in
//! [`crate::adapters`]; they translate wire formats and decide nothing.
//!
//! ```text
//! locate ──► Ec2, Clusters
//! act ─────► Cluster (one Kubernetes API), AutoScaling
//! ```

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    future::Future,
    sync::Arc,
    time::Duration,
};

use futures_util::Stream;
use jiff::Timestamp;
use k8s_openapi::api::{core::v1::Event, policy::v1::PodDisruptionBudget};
use serde_json::Value;

mod objects;

pub use objects::{ListedNode, Metadata, Node, Pod};

/// Why a call gave no answer that its caller can use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The API asked to slow down (429 or an AWS throttling code).
    #[error("throttled")]
    Throttled {
        /// Pause that the API named.
        retry_after: Option<Duration>,
    },
    /// The object does not exist.
    #[error("not found: {0}")]
    NotFound(String),
    /// The caller may not do this; the message names the action or verb.
    #[error("forbidden: {0}")]
    Forbidden(String),
    /// The API understood and refused: the same call will be refused again.
    #[error("refused: {0}")]
    Refused(String),
    /// The API did not recognise the caller. Worth another try: EKS answers so also while STS throttles its
    /// authenticator.
    #[error("unauthenticated: {0}")]
    Unauthenticated(String),
    /// The object is not in the state that the call asks for: another caller was faster.
    #[error("lost race: {0}")]
    LostRace(String),
    /// Network, server error: worth another try, after the pause that the API named, if it did (503 and 504 with
    /// Retry-After).
    #[error("{0}")]
    Transient(String, Option<Duration>),
    /// No answer within the call's time limit.
    #[error("no answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
}

impl CallError {
    /// Whether another try may bring another answer.
    pub(crate) fn is_worth_a_retry(&self) -> bool {
        matches!(self, Self::Throttled { .. } | Self::Unauthenticated(_)) || self.is_unanswered()
    }

    /// Whether the call may have taken effect for all that its caller knows.
    pub(crate) fn is_unanswered(&self) -> bool {
        matches!(self, Self::Transient(..) | Self::TimedOut(_))
    }

    /// The pause that the API named.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Throttled { retry_after } | Self::Transient(_, retry_after) => *retry_after,
            _ => None,
        }
    }
}

/// The result of one call.
pub type CallResult<T> = Result<T, CallError>;

/// A call under way.
pub trait Call<T>: Future<Output = CallResult<T>> {}
impl<T, F: Future<Output = CallResult<T>>> Call<T> for F {}

/// An EC2 instance as DescribeInstances shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Instance {
    /// Instance id.
    pub id: String,
    /// Instance state (`running`, `shutting-down`, …).
    pub state: String,
    /// Private DNS name: the node name, unless the kubelet is configured otherwise.
    pub private_dns_name: Option<String>,
    /// Availability Zone.
    pub zone: Option<String>,
    /// Purchasing option (`spot`, …); `None` of an on-demand instance.
    pub lifecycle: Option<String>,
    /// Whether it runs in a capacity reservation or a Capacity Block.
    pub reserved: bool,
    /// Account that owns it.
    pub owner_account: Option<String>,
    /// Service that operates it for the account (`eks.amazonaws.com`, …).
    pub operator: Option<String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

/// EC2.
pub trait Ec2: Sync {
    /// DescribeInstances for one id, one attempt; `None` if EC2 does not know it.
    fn describe_instance(&self, id: &str) -> impl Call<Option<Instance>> + Send;
}

/// The membership of an instance in its group, as DescribeAutoScalingInstances shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// Group name.
    pub group: String,
    /// Lifecycle state (`InService`, `Terminating:Wait`, …).
    pub lifecycle_state: String,
}

/// An Auto Scaling group as DescribeAutoScalingGroups shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Group {
    /// Group name.
    pub name: String,
    /// Capacity Rebalancing replaces an interrupted instance by itself.
    pub capacity_rebalance: bool,
    /// Principal that manages the group; others get AccessDenied.
    pub operator: Option<String>,
    /// Desired capacity, in units.
    pub desired: usize,
    /// Suspended processes (`Launch`, …).
    pub suspended: BTreeSet<String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Members, by instance id.
    pub instances: BTreeMap<String, Member>,
}

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Lifecycle state.
    pub state: String,
    /// Units of capacity that it counts for: 1, unless the group weighs its instance types.
    pub weight: usize,
}

/// A lifecycle hook that holds the terminating instances of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// Name.
    pub name: String,
    /// HeartbeatTimeout: without a heartbeat, the hook lets the instance go after this time.
    pub timeout: Duration,
}

/// The latest activities of a group, as DescribeScalingActivities shows them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Activities {
    /// Launches that failed.
    pub failed_launches: Vec<FailedLaunch>,
    /// When the terminations of instances began, by instance id.
    pub terminations: BTreeMap<String, Timestamp>,
}

/// A launch that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedLaunch {
    /// When it began.
    pub began: Timestamp,
    /// Auto Scaling's words.
    pub message: String,
}

/// EC2 Auto Scaling.
pub trait AutoScaling: Sync {
    /// DescribeAutoScalingInstances for one id; `None` if it is in no group.
    fn membership(&self, id: &str) -> impl Call<Option<Membership>> + Send;
    /// DescribeAutoScalingGroups for one name; `None` if there is none.
    fn group(&self, name: &str) -> impl Call<Option<Group>> + Send;
    /// DescribeLifecycleHooks: the hooks that hold terminating instances of the group.
    fn termination_hooks(&self, group: &str) -> impl Call<Vec<Hook>> + Send;
    /// DescribeScalingActivities.
    fn activities(&self, group: &str) -> impl Call<Activities> + Send;
    /// DetachInstances for one instance, without decrement of the desired capacity; one attempt.
    fn detach(&self, id: &str, group: &str) -> impl Call<()> + Send;
}

/// The registered clusters.
pub trait Clusters: Sync {
    /// Kubernetes API of one cluster.
    type Cluster: Cluster;
    /// The cluster of this name, if it is registered.
    fn get(&self, name: &str) -> Option<&Self::Cluster>;
    /// All names.
    fn names(&self) -> Vec<String>;
}

/// Answer to a JSON Patch on a node.
#[derive(Debug, Clone, PartialEq)]
pub enum Patched {
    /// The node as it is now.
    Done(Box<Node>),
    /// A `test` failed or a path is missing (422); the message says which.
    Mismatch(String),
    /// No such node.
    NotFound,
}

/// Answer to an eviction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evicted {
    /// The pod terminates.
    Accepted,
    /// The pod is gone, or another pod stands under its name.
    Gone,
    /// A PodDisruptionBudget says "not yet".
    Blocked {
        /// Pause that the API server named.
        retry_after: Option<Duration>,
    },
    /// More than one PodDisruptionBudget covers the pod: the Eviction API never takes it.
    TooManyPdbs,
    /// The namespace is being deleted: its controller deletes the pod.
    NamespaceTerminating,
}

/// One change of the pods of a node.
#[derive(Debug, Clone, PartialEq)]
pub enum PodChange {
    /// The pod is new or has changed.
    Is(Pod),
    /// The pod is gone.
    Gone(Pod),
}

/// How a pod is to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End<'a> {
    /// Namespace.
    pub namespace: &'a str,
    /// Name.
    pub name: &'a str,
    /// UID, sent as a precondition.
    pub uid: &'a str,
    /// Grace in seconds; `None` for the pod's own.
    pub grace_seconds: Option<i64>,
}

/// How fresh a LIST has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// From the API server's cache: cheap, and a watch from there shows what it lacks.
    Cached,
    /// From etcd.
    Latest,
}

/// The pods of a node at one resource version.
#[derive(Debug, Clone, Default)]
pub struct Pods {
    /// The pods.
    pub items: Vec<Pod>,
    /// Where a watch goes on from.
    pub resource_version: String,
}

/// An action in a cluster: verb, API group, resource and subresource, as RBAC has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Right {
    /// Verb.
    pub verb: &'static str,
    /// API group of the resource; empty of the core group.
    pub api_group: &'static str,
    /// Resource, in the plural.
    pub resource: &'static str,
    /// Its subresource, or nothing.
    pub subresource: &'static str,
}

impl Right {
    /// Each verb of the ClusterRole in `infra/kubernetes/rbac.yaml`. A drain needs all of them.
    pub const NEEDED: [Self; 9] = [
        Self::new("get", "nodes"),
        Self::new("list", "nodes"),
        Self::new("patch", "nodes"),
        Self::new("list", "pods"),
        Self::new("watch", "pods"),
        Self::new("delete", "pods"),
        Self { subresource: "eviction", ..Self::new("create", "pods") },
        Self { api_group: "policy", ..Self::new("list", "poddisruptionbudgets") },
        Self::new("create", "events"),
    ];

    /// Signs of a role or group that gives more than the ClusterRole: secrets, ways to run code, to act as others, to
    /// end nodes.
    pub const UNWANTED: [Self; 7] = [
        Self::new("get", "secrets"),
        Self::new("create", "pods"),
        Self { subresource: "exec", ..Self::new("create", "pods") },
        Self { subresource: "token", ..Self::new("create", "serviceaccounts") },
        Self::new("impersonate", "users"),
        Self { subresource: "proxy", ..Self::new("get", "nodes") },
        Self::new("delete", "nodes"),
    ];

    const fn new(verb: &'static str, resource: &'static str) -> Self {
        Self { verb, api_group: "", resource, subresource: "" }
    }
}

/// In the words of `kubectl auth can-i`: `create pods/eviction`, `list poddisruptionbudgets.policy`.
impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { verb, api_group, resource, subresource } = self;
        write!(f, "{verb} {resource}")?;
        if !api_group.is_empty() {
            write!(f, ".{api_group}")?;
        }
        if subresource.is_empty() { Ok(()) } else { write!(f, "/{subresource}") }
    }
}

/// Answer to a SelfSubjectAccessReview.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Whether the caller may do it.
    pub allowed: bool,
    /// The authorizer's explanation; often empty.
    pub reason: String,
}

/// The Kubernetes API of one cluster.
pub trait Cluster: Sync {
    /// GET node.
    fn get_node(&self, name: &str) -> impl Call<Node> + Send;
    /// LIST nodes, page by page. Callers within one second share one list: any patch tests the identity again.
    fn list_nodes(&self) -> impl Call<Arc<Vec<ListedNode>>> + Send;
    /// PATCH node with a JSON Patch.
    fn patch_node(&self, name: &str, patch: &Value) -> impl Call<Patched> + Send;
    /// LIST pods of a node.
    fn list_pods(&self, node: &str, freshness: Freshness) -> impl Call<Pods> + Send;
    /// WATCH pods of a node from a resource version on. The stream ends with an error when the API
    /// server ends it; a new LIST is due then.
    fn watch_pods(
        &self,
        node: &str,
        resource_version: &str,
    ) -> impl Future<Output = CallResult<impl Stream<Item = CallResult<PodChange>> + Send>> + Send;
    /// LIST PodDisruptionBudgets of a namespace.
    fn list_pdbs(&self, namespace: &str) -> impl Call<Vec<PodDisruptionBudget>> + Send;
    /// POST pods/eviction.
    fn evict(&self, end: End<'_>) -> impl Call<Evicted> + Send;
    /// DELETE pod, whatever its PodDisruptionBudget says; `false` if it was gone.
    fn delete_pod(&self, end: End<'_>) -> impl Call<bool> + Send;
    /// POST event.
    fn create_event(&self, event: &Event) -> impl Call<()> + Send;
    /// POST selfsubjectaccessreviews: what the API server would say to this caller. Writes nothing.
    fn review_access(&self, right: &Right) -> impl Call<Access> + Send;
}
