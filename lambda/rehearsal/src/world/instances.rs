//! EC2 instances, and their membership of groups.

use super::spec::Purchase;

/// One EC2 instance.
#[derive(Debug, Clone)]
pub(crate) struct Instance {
    pub(crate) id: String,
    /// Index of its cluster.
    pub(crate) cluster: usize,
    /// Name of its Node object, if it has one.
    pub(crate) node: Option<String>,
    pub(crate) private_dns_name: String,
    pub(crate) hostname_type: String,
    pub(crate) zone: String,
    pub(crate) state: InstanceState,
    /// Membership of a group, and the tag that says so.
    pub(crate) member: Option<Member>,
    /// The group it was in service in at first.
    pub(crate) first_group: Option<String>,
    /// Managed node group, from its tag.
    pub(crate) managed: Option<String>,
    pub(crate) purchase: Purchase,
    pub(crate) capacity: usize,
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

/// State of an instance, with EC2's name and code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InstanceState {
    Running,
    ShuttingDown,
    Terminated,
    Stopped,
}

impl InstanceState {
    pub(crate) fn name_and_code(self) -> (&'static str, u8) {
        match self {
            Self::Running => ("running", 16),
            Self::ShuttingDown => ("shutting-down", 32),
            Self::Terminated => ("terminated", 48),
            Self::Stopped => ("stopped", 80),
        }
    }
}

impl Instance {
    /// Whether another handler owns its node.
    pub(super) fn is_owned(&self) -> bool {
        let owners = ["karpenter.sh/nodepool", "eks:kubernetes-node-pool-name", "cast:cluster-id"];
        owners.iter().any(|tag| self.purchase.tags.contains_key(*tag))
            || self.purchase.operator.as_deref() == Some("eks.amazonaws.com")
    }

    pub(super) fn is_on_demand(&self) -> bool {
        self.purchase.lifecycle.is_none() && self.purchase.reservation.is_none()
    }

    pub(super) fn is_running(&self) -> bool {
        self.ended_ms.is_none()
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
