//! Pods: what owns them, what protects them, what ends them.

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
