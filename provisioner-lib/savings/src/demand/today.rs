//! Today's nodes as the pods that move see them: the domains of a spread constraint, and the room of nodes that stay.

use k8s_openapi::api::core::v1::{Node, Taint};

use super::Pod;
use crate::{fit::Labels, quantity::Resources};

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
            name: node.metadata.name.clone().unwrap_or_default(),
            labels: node.metadata.labels.clone().unwrap_or_default(),
            taints: node.spec.iter().flat_map(|spec| spec.taints.iter().flatten()).cloned().collect(),
            stays: None,
        }
    }

    /// The zone, if it has the label.
    #[must_use]
    pub fn zone(&self) -> Option<&str> {
        self.labels.get("topology.kubernetes.io/zone").map(String::as_str)
    }
}

/// Whether new pods may go to a node: not cordoned, and Ready as far as its taints tell.
pub(crate) fn takes_pods(node: &Node) -> bool {
    let spec = node.spec.as_ref();
    let cordoned = spec.and_then(|spec| spec.unschedulable).unwrap_or(false);
    let mut taints = spec.into_iter().flat_map(|spec| spec.taints.iter().flatten());
    !cordoned && !taints.any(|taint| taint.key.starts_with("node.kubernetes.io/"))
}
