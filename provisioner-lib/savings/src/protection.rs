//! Marks that protect a pod from an eviction, or a node from a removal.

use jiff::SignedDuration;
use k8s_openapi::{
    api::core::v1::{Node, Pod},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};

use crate::{catalog::CAPACITY_TYPE, objects::label};

/// Annotations and labels of pods, and the value that forbids an eviction. Cluster Autoscaler FAQ; Karpenter
/// documentation, "Disruption"; CAST AI documentation, where the mark may be a label, too.
const OF_PODS: [(&str, &str); 4] = [
    ("cluster-autoscaler.kubernetes.io/safe-to-evict", "false"),
    (DO_NOT_DISRUPT, "true"),
    ("karpenter.sh/do-not-evict", "true"),
    ("autoscaling.cast.ai/removal-disabled", "true"),
];

/// The same of nodes.
const OF_NODES: [(&str, &str); 3] = [
    ("cluster-autoscaler.kubernetes.io/scale-down-disabled", "true"),
    (DO_NOT_DISRUPT, "true"),
    ("autoscaling.cast.ai/removal-disabled", "true"),
];

const DO_NOT_DISRUPT: &str = "karpenter.sh/do-not-disrupt";

/// Labels of nodes of a control plane: kubeadm, kOps, and what preceded them.
const CONTROL_PLANE: [(&str, Option<&str>); 4] = [
    ("node-role.kubernetes.io/control-plane", None),
    ("node-role.kubernetes.io/master", None),
    ("node-role.kubernetes.io/api-server", None),
    ("kubernetes.io/role", Some("master")),
];

/// Labels of nodes whose capacity is paid for whether they run or not. EKS user guide, "Capacity Blocks for ML";
/// Karpenter documentation, "On-Demand Capacity Reservations".
const RESERVED: [(&str, &str); 2] =
    [(CAPACITY_TYPE, CAPACITY_BLOCK), ("karpenter.sh/capacity-type", "reserved")];

const CAPACITY_BLOCK: &str = "CAPACITY_BLOCK";

/// Whether an annotation is a mark, so that files keep it.
pub(crate) fn is_mark(annotation: &str) -> bool {
    OF_PODS.iter().chain(&OF_NODES).any(|(name, _)| *name == annotation)
}

/// The mark that forbids an eviction, with its value.
pub(crate) fn of_pod(pod: &Pod) -> Option<String> {
    mark(&pod.metadata, &OF_PODS)
}

/// How long after its start a pod must not be evicted, as the annotation says it. Karpenter: `do-not-disrupt` takes a
/// duration (designs/do-not-disrupt-grace-period.md).
pub(crate) fn at_first(pod: &Pod) -> Option<String> {
    let value = pod.metadata.annotations.as_ref()?.get(DO_NOT_DISRUPT)?;
    let duration: SignedDuration = value.parse().ok()?;
    duration
        .is_positive()
        .then(|| format!("must not be evicted for {value} after its start ({DO_NOT_DISRUPT})"))
}

/// Why a node stays in every proposal.
pub(crate) fn of_node(node: &Node) -> Option<String> {
    if let Some(mark) = mark(&node.metadata, &OF_NODES) {
        return Some(format!("must not be disrupted ({mark})"));
    }
    if is_of_a_control_plane(node) {
        return Some("is of the control plane".to_owned());
    }
    let (name, value) = reservation(node)?;
    Some(format!("runs in reserved capacity, which is paid for anyway ({name}: {value})"))
}

/// The label of reserved capacity, with its value.
pub(crate) fn reservation(node: &Node) -> Option<(&'static str, &'static str)> {
    RESERVED.into_iter().find(|(name, value)| label(node, name) == Some(value))
}

/// Whether the node runs the control plane of a cluster that EKS does not manage.
pub(crate) fn is_of_a_control_plane(node: &Node) -> bool {
    let is = |(name, wanted): &(&str, Option<&str>)| {
        label(node, name).is_some_and(|value| wanted.is_none_or(|wanted| wanted == value))
    };
    CONTROL_PLANE.iter().any(is)
}

/// Whether the node is of a Capacity Block, which is paid in advance and has no price for an hour.
pub(crate) fn is_of_a_capacity_block(node: &Node) -> bool {
    label(node, CAPACITY_TYPE) == Some(CAPACITY_BLOCK)
}

fn mark(metadata: &ObjectMeta, marks: &[(&str, &str)]) -> Option<String> {
    let has = |(name, value): &&(&str, &str)| {
        let mut found = [&metadata.annotations, &metadata.labels].into_iter().flatten();
        found.any(|found| found.get(*name).is_some_and(|found| found == value))
    };
    marks.iter().find(has).map(|(name, value)| format!("{name}: {value}"))
}
