//! Today's nodes as the pods that move see them: the domains of a spread constraint, and the room of nodes that stay.

use k8s_openapi::api::core::v1::{Node, Taint};

use super::Pod;
use crate::{catalog::ZONE, fit::Labels, objects, quantity::Resources};

/// A node of today.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TodayNode {
    /// metadata.name.
    pub name: String,
    /// metadata.labels.
    pub labels: Labels,
    /// spec.taints.
    pub taints: Vec<Taint>,
    /// If it stays, its pods and its free room.
    pub stays: Option<Staying>,
}

/// What a node that stays holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Staying {
    /// The pods that stay on it, without those of DaemonSets.
    pub pods: Vec<Pod>,
    /// Allocatable resources, DaemonSets' pods included.
    pub allocatable: Resources,
    /// What no pod requests.
    pub free: Resources,
    /// How many more pods it takes.
    pub free_pods: u64,
    /// How many more EBS volumes it takes.
    pub free_volumes: u64,
}

impl TodayNode {
    pub(super) fn read(node: &Node) -> Self {
        Self {
            name: objects::name(&node.metadata).to_owned(),
            labels: objects::labels(&node.metadata).clone(),
            taints: objects::taints(node).cloned().collect(),
            stays: None,
        }
    }

    /// The zone, if it has the label.
    #[must_use]
    pub fn zone(&self) -> Option<&str> {
        self.labels.get(ZONE).map(String::as_str)
    }
}

/// Whether new pods may go to a node: not cordoned, and Ready as far as its taints tell.
pub(crate) fn takes_pods(node: &Node) -> bool {
    let is_cordoned = node.spec.as_ref().and_then(|spec| spec.unschedulable).unwrap_or(false);
    !is_cordoned && !objects::taints(node).any(|taint| taint.key.starts_with("node.kubernetes.io/"))
}
