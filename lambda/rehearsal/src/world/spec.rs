//! The description of a world, as plain data: what exists in it, what goes wrong, and when the function is invoked.
//!
//! Times are whole virtual milliseconds since the start of the rehearsal (the first notice, as a rule).

use std::collections::BTreeMap;

/// What EC2 does to an interrupted instance.
pub use cast_spot_handler::event::Action;
use jiff::Timestamp;
use serde_json::Value;

use crate::faults::Fault;

/// Everything that a run needs. Equal specs give equal traces.
#[derive(Debug, Clone, Default)]
pub struct WorldSpec {
    /// Seeds jitter, exit times and names.
    pub seed: u64,
    /// Wall clock at 0 ms. Notices carry it in whole seconds, as EventBridge does.
    pub start: Timestamp,
    /// EKS clusters.
    pub clusters: Vec<ClusterSpec>,
    /// Auto Scaling groups.
    pub groups: Vec<GroupSpec>,
    /// What EC2 will do.
    pub notices: Vec<Notice>,
    /// Invocations of the function. A notice without a delivery is one that got lost.
    pub deliveries: Vec<DeliverySpec>,
    /// Time that calls and machines take.
    pub pace: Pace,
    /// Bucket of EC2's request throttling, shared by all functions; `None`: EC2 never throttles.
    pub ec2_bucket: Option<Bucket>,
    /// Pods carry all that real ones do, some 10 kB each, where a rehearsal needs a tenth of it.
    pub full_pods: bool,
    /// Each node of a list is as large as this, by the images on it. 0: as small as a rehearsal needs it.
    pub node_bytes: usize,
    /// What goes wrong with calls.
    pub faults: Vec<Fault>,
    /// How the function runs.
    pub settings: Settings,
}

/// Time that calls and machines take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// One call, there and back. The effect happens after the first half.
    pub latency_ms: u64,
    /// Up to so much is added to a call, seeded.
    pub jitter_ms: u64,
    /// From the launch of an instance to its Ready node.
    pub boot_ms: u64,
    /// From an instance's end to the group noticing that it is one short.
    pub health_check_ms: u64,
    /// From a cordon to the node controller's own taint.
    pub taint_ms: u64,
    /// From a pod's creation to its binding.
    pub schedule_ms: u64,
    /// From a hibernate notice to the freeze of the machine.
    pub freeze_ms: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            latency_ms: 20,
            jitter_ms: 0,
            boot_ms: 45_000,
            health_check_ms: 15_000,
            taint_ms: 100,
            schedule_ms: 10,
            freeze_ms: 2_000,
        }
    }
}

/// A token bucket of an AWS API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// Calls that pass at once.
    pub burst: u32,
    /// Tokens that come back each second.
    pub per_second: u32,
}

/// EC2's published bucket for calls that change nothing, per account and region.
pub const EC2_BUCKET: Bucket = Bucket { burst: 100, per_second: 20 };

/// How the function runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Each invocation starts with nothing cached: the API server's address is fetched inside of it.
    pub cold: bool,
    /// The function's environment carries addresses and CAs of the registered clusters, as the provisioner writes
    /// them.
    pub endpoints: bool,
    /// Environment of the function, over the registered clusters' names that the run fills in.
    pub env: BTreeMap<String, String>,
    /// Time limit of one invocation (Lambda's timeout).
    pub time_limit_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { cold: false, endpoints: true, env: BTreeMap::new(), time_limit_ms: 180_000 }
    }
}

/// One EKS cluster.
#[derive(Debug, Clone, Default)]
pub struct ClusterSpec {
    /// Name; instances carry it in their tags.
    pub name: String,
    /// `true`: the function knows it and may write to it.
    pub registered: bool,
    /// Instances and their nodes.
    pub nodes: Vec<NodeSpec>,
    /// Pods, by what owns them.
    pub workloads: Vec<WorkloadSpec>,
    /// PodDisruptionBudgets.
    pub pdbs: Vec<PdbSpec>,
    /// Namespaces that are being deleted. All others are simply there.
    pub terminating: Vec<TerminatingNamespace>,
    /// Pods that others delete.
    pub deletions: Vec<Deletion>,
    /// Seats of API priority and fairness for calls that change something; `None`: as many as asked for.
    pub seats: Option<Seats>,
}

/// Others delete all pods of a workload that stand at a time, each with a grace of its own: an autoscaler, a
/// rollout, `kubectl delete --grace-period`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletion {
    /// Name of the workload.
    pub workload: String,
    /// When.
    pub at_ms: u64,
    /// `gracePeriodSeconds` of the delete; `None`: the pods' own.
    pub grace_s: Option<u32>,
}

/// Seats of one priority level of an API server (API priority and fairness).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seats {
    /// Calls that are served at once.
    pub concurrent: u32,
    /// Calls that wait for a seat. Beyond them, a call is answered 429 with Retry-After 1.
    pub queue: u32,
    /// Time that a call keeps its seat.
    pub service_ms: u64,
}

/// One EC2 instance and its Kubernetes node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeSpec {
    /// Instance id.
    pub instance: String,
    /// Name of the Node object.
    pub name: String,
    /// What EC2 says is the private DNS name; as a rule the node's name.
    pub private_dns_name: String,
    /// `privateDnsNameOptions.hostnameType`: `ip-name` or `resource-name`.
    pub hostname_type: String,
    /// Availability zone.
    pub zone: String,
    /// Auto Scaling group, if any.
    pub group: Option<String>,
    /// Most pods that the scheduler puts here, DaemonSets included.
    pub capacity: usize,
    /// `false`: the instance runs, but no Node object names it.
    pub joined: bool,
    /// On standby in its group.
    pub standby: bool,
    /// `true`: cordoned before the rehearsal.
    pub unschedulable: bool,
    /// Annotations of the node. Real nodes always have some (kubelet, CSI).
    pub annotations: BTreeMap<String, String>,
    /// Further labels of the node.
    pub labels: BTreeMap<String, String>,
    /// How the instance was bought and who runs it.
    pub purchase: Purchase,
    /// An administrator terminates the instance at this time: it shuts down, and its processes end later.
    pub shuts_down_ms: Option<u64>,
    /// A rebalance recommendation comes at this time, before the notice: a group with Capacity Rebalancing acts on it.
    pub recommended_ms: Option<u64>,
}

/// How an instance was bought and who runs it, as EC2 shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purchase {
    /// `instanceLifecycle`; `None` of an on-demand instance.
    pub lifecycle: Option<String>,
    /// Capacity reservation that it runs in.
    pub reservation: Option<String>,
    /// Account that owns it.
    pub account: String,
    /// Principal of the service that operates it.
    pub operator: Option<String>,
    /// It carries the tag of its cluster.
    pub has_cluster_tag: bool,
    /// Further tags.
    pub tags: BTreeMap<String, String>,
}

/// One Auto Scaling group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupSpec {
    /// Name.
    pub name: String,
    /// Cluster that its instances join.
    pub cluster: String,
    /// MaxSize. The desired capacity is the number of its nodes in the spec.
    pub max: u32,
    /// Zones, in the order in which they are filled.
    pub zones: Vec<String>,
    /// Capacity Rebalancing: the group launches and terminates by itself on the notice.
    pub capacity_rebalance: bool,
    /// Name of the EKS managed node group it belongs to; implies Capacity Rebalancing's behaviour.
    pub managed_node_group: Option<String>,
    /// Hooks on `autoscaling:EC2_INSTANCE_TERMINATING`; a managed node group has another one of EKS.
    pub hooks: Vec<HookSpec>,
    /// From the begin of a termination that no hook holds to the end of the instance.
    pub terminates_ms: u64,
    /// Processes that are suspended (`Launch`, …).
    pub suspended: Vec<String>,
    /// Another operator: mutating calls of others are refused.
    pub operator: Option<String>,
    /// Uses a mixed instances policy.
    pub mixed: bool,
    /// A new instance gets the address of one that has ended, and so its node's name.
    pub reuses_addresses: bool,
    /// Instances that EC2 can still give in this group's pools; `None`: as many as asked for.
    pub spare_capacity: Option<u32>,
}

/// A lifecycle hook that holds the terminating instances of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookSpec {
    /// Name.
    pub name: String,
    /// HeartbeatTimeout: it lets the instance go after this time.
    pub timeout_ms: u64,
    /// Its consumer completes it this long after the begin; `None`: there is none.
    pub consumer_ms: Option<u64>,
}

/// What owns some pods and how these behave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkloadSpec {
    /// Namespace.
    pub namespace: String,
    /// Name, also the value of the pods' label `app`.
    pub name: String,
    /// Kind of owner.
    pub kind: WorkloadKind,
    /// One pod on each of these nodes (repeat a name for several).
    pub nodes: Vec<String>,
    /// `priorityClassName`.
    pub priority_class: Option<String>,
    /// `terminationGracePeriodSeconds`.
    pub grace_s: u32,
    /// How long the process takes to end after SIGTERM.
    pub exit: ExitTime,
    /// From binding to Ready for pods that are made during the run.
    pub ready_ms: u64,
    /// State of the pods at the start.
    pub state: PodState,
    /// The pods tolerate every taint, and their scheduler prefers the emptiest node.
    pub tolerates: bool,
    /// The pods of the start are assumed on their nodes, but bound only at this time: a volume is attached first.
    pub binds_after_ms: Option<u64>,
}

/// Kind of a pod's owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WorkloadKind {
    /// A Deployment's ReplicaSet: a new pod as soon as one is terminating.
    Deployment,
    /// The same name again, with a new UID, once the old pod is gone.
    StatefulSet,
    /// One per node; belongs to it.
    DaemonSet,
    /// A Job's pod; replaced when gone.
    Job,
    /// Nothing replaces it.
    Bare,
    /// Mirror of a static pod of the kubelet.
    Mirror,
}

/// How long a process takes to end after SIGTERM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitTime {
    /// Always so long.
    Ms(u64),
    /// Seeded for each pod, both ends included.
    Between(u64, u64),
    /// It ignores SIGTERM.
    Never,
}

/// State of pods at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PodState {
    /// Running and Ready.
    Ready,
    /// Running, not Ready, until the given time (`u64::MAX`: never).
    UnreadyUntil(u64),
    /// Phase Succeeded.
    Succeeded,
    /// Phase Failed.
    Failed,
    /// Terminating already: SIGTERM was sent at 0 ms.
    Terminating,
}

/// One PodDisruptionBudget. It selects by the label `app`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PdbSpec {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Value of the label `app` that it selects; `None`: every pod of the namespace.
    pub app: Option<String>,
    /// What it demands.
    pub budget: Budget,
    /// `unhealthyPodEvictionPolicy: AlwaysAllow`; else `IfHealthyBudget`.
    pub always_allow_unhealthy: bool,
    /// It is changed at this time to this.
    pub change: Option<(u64, Budget)>,
}

/// What a PodDisruptionBudget demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Budget {
    /// `minAvailable: N`
    MinAvailable(u32),
    /// `minAvailable: N%`
    MinAvailablePercent(u32),
    /// `maxUnavailable: N`
    MaxUnavailable(u32),
    /// `maxUnavailable: N%`
    MaxUnavailablePercent(u32),
}

/// A namespace that is being deleted: nothing can be created in it, evictions included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TerminatingNamespace {
    /// Name.
    pub name: String,
    /// When the namespace controller deletes its pods; `None`: it is stuck on something else.
    pub pods_deleted_ms: Option<u64>,
}

/// What EC2 announces for one instance, and does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Instance id.
    pub instance: String,
    /// What EC2 will do.
    pub action: Action,
    /// When the notice is issued.
    pub at_ms: u64,
    /// From the notice to the end of the instance. Two minutes, where EC2 keeps its word.
    pub lead_ms: u64,
}

/// One invocation of the function. Each has an environment of its own, as Lambda runs one invocation at
/// a time in each.
#[derive(Debug, Clone, PartialEq)]
pub struct DeliverySpec {
    /// When the function is invoked.
    pub at_ms: u64,
    /// What it gets: an EventBridge event or an SQS batch of such.
    pub payload: Value,
    /// The function dies so long after its start, and Lambda invokes it again 60 s later (once).
    pub crash_after_ms: Option<u64>,
}
