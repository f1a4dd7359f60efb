//! Pods: their identity, their termination, their budgets.

/// Index of a pod; its UID names it, too. Never used again.
pub(crate) type PodId = usize;

/// A pod's UID.
pub(crate) fn pod_uid(id: PodId) -> String {
    format!("00000000-0000-4000-8000-{id:012x}")
}

/// The pod that a UID names, if such a pod exists.
pub(crate) fn pod_of(uid: &str) -> Option<PodId> {
    let pod = PodId::from_str_radix(uid.rsplit('-').next()?, 16).ok()?;
    (pod_uid(pod) == uid).then_some(pod)
}

/// A fact of a pod.
#[derive(Debug, Clone)]
pub(crate) enum PodFact {
    /// The API server knows it: the next one of their list.
    Made(PodAbout),
    /// Its containers have finished.
    Finished,
    /// It is bound to a node, which runs on this instance.
    Bound { node: String, instance: String },
    /// It begins to terminate, or its grace is cut.
    Terminates(Termination),
    /// Its processes end.
    Ended {
        /// By SIGKILL.
        is_killed: bool,
        /// A watch shows it later than it happens.
        is_shown_late: bool,
    },
    /// The API server does not know it any more.
    Removed,
}

/// What does not change of a pod.
#[derive(Debug, Clone, Default)]
pub(crate) struct PodAbout {
    pub(crate) cluster: usize,
    /// Index of its workload.
    pub(crate) workload: usize,
    /// `namespace/name`
    pub(crate) label: String,
    pub(crate) class: PodClass,
    pub(crate) grace_s: u32,
    /// It tolerates every taint.
    pub(crate) tolerates: bool,
    /// Its namespace is being deleted.
    pub(crate) is_namespace_terminating: bool,
}

/// When a pod has to go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum PodClass {
    /// DaemonSet, mirror and finished pods belong to their node.
    OfNode,
    /// Its priority class is system-critical.
    Critical,
    #[default]
    Ordinary,
}

/// A pod's `deletionTimestamp` and what led to it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Termination {
    pub(crate) since_ms: u64,
    pub(crate) grace_s: u32,
    pub(crate) by: EndedBy,
    /// When the grace was given, or cut.
    pub(crate) granted_ms: u64,
    /// When SIGKILL comes.
    pub(crate) kill_ms: u64,
    /// When it will be over.
    pub(crate) over_ms: u64,
}

impl Termination {
    /// The `deletionTimestamp`: a cut grace counts from the first delete, too.
    pub(crate) fn ends_ms(&self) -> u64 {
        self.since_ms + u64::from(self.grace_s) * 1_000
    }

    /// Whether the function of this environment began it.
    pub(crate) fn is_by(&self, env: usize) -> bool {
        matches!(self.by, EndedBy::Eviction(by) | EndedBy::Delete(by) if by == env)
    }
}

/// Who began a termination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EndedBy {
    /// The Eviction API, called by this environment.
    Eviction(usize),
    /// DELETE, called by this environment.
    Delete(usize),
    /// The cluster itself.
    Cluster,
}

/// What the Eviction API says of a pod's budgets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ruling {
    /// No budget, or one with room.
    Allowed,
    /// The one budget has no room.
    Blocked { pdb: String, status: BudgetStatus },
    /// More than one budget covers the pod.
    TooMany,
}

/// `status` of a PodDisruptionBudget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BudgetStatus {
    pub(crate) expected: u32,
    pub(crate) healthy: u32,
    pub(crate) desired: u32,
    pub(crate) allowed: u32,
    /// `false`: the controller cannot find out the scale (condition SyncFailed) and allows nothing.
    pub(crate) synced: bool,
}
