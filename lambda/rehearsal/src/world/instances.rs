//! EC2 instances, and their membership of groups.

use serde::Serialize;

use super::spec::{NodeSpec, Purchase};

/// One EC2 instance.
#[derive(Debug, Clone)]
pub(crate) struct Instance {
    pub(crate) spec: NodeSpec,
    /// Index of its cluster.
    pub(crate) cluster: usize,
    /// Name of its Node object, if it has one.
    pub(crate) node: Option<String>,
    pub(crate) state: InstanceState,
    /// Membership of a group, and the tag that says so.
    pub(crate) member: Option<Member>,
    pub(crate) launched_ms: u64,
    pub(crate) ready_ms: Option<u64>,
    pub(crate) cordoned_ms: Option<u64>,
    /// When EC2 took it.
    pub(crate) ended_ms: Option<u64>,
    /// Instances that were launched in its stead, in order.
    pub(crate) replaced_by: Vec<String>,
    /// The function that had its group terminate it.
    pub(super) terminated_by: Option<usize>,
}

/// Membership of an Auto Scaling group.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) group: String,
    pub(crate) lifecycle: Lifecycle,
}

/// State of an instance, with EC2's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum InstanceState {
    Running = 16,
    ShuttingDown = 32,
    Terminated = 48,
    Stopped = 80,
}

impl Instance {
    /// An instance that runs without a node yet.
    pub(super) fn new(spec: NodeSpec, cluster: usize, lifecycle: Lifecycle, launched_ms: u64) -> Self {
        Self {
            cluster,
            node: None,
            state: InstanceState::Running,
            member: spec.group.clone().map(|group| Member { group, lifecycle }),
            launched_ms,
            ready_ms: None,
            cordoned_ms: None,
            ended_ms: None,
            replaced_by: Vec::new(),
            terminated_by: None,
            spec,
        }
    }

    pub(super) fn is_running(&self) -> bool {
        self.ended_ms.is_none()
    }
}

impl Purchase {
    /// Whether another handler owns the node.
    pub(super) fn is_owned(&self) -> bool {
        let owners = ["karpenter.sh/nodepool", "eks:kubernetes-node-pool-name", "cast:cluster-id"];
        owners.iter().any(|tag| self.tags.contains_key(*tag))
            || self.operator.as_deref() == Some("eks.amazonaws.com")
    }

    pub(super) fn is_on_demand(&self) -> bool {
        self.lifecycle.is_none() && self.reservation.is_none()
    }
}

/// Lifecycle state of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lifecycle {
    Pending,
    InService,
    Standby,
    Detaching,
    Terminating,
    TerminatingWait,
    TerminatingProceed,
}

impl Lifecycle {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::InService => "InService",
            Self::Standby => "Standby",
            Self::Detaching => "Detaching",
            Self::Terminating => "Terminating",
            Self::TerminatingWait => "Terminating:Wait",
            Self::TerminatingProceed => "Terminating:Proceed",
        }
    }
}
