//! Fields of Kubernetes objects that several stages read, each in one way.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{Node, Pod, Taint},
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference},
};

/// Annotation of a static pod.
pub(crate) const MIRROR: &str = "kubernetes.io/config.mirror";

static NO_LABELS: BTreeMap<String, String> = BTreeMap::new();

/// metadata.name.
pub(crate) fn name(metadata: &ObjectMeta) -> &str {
    metadata.name.as_deref().unwrap_or_default()
}

/// metadata.namespace. Objects that were written by hand may lack it.
pub(crate) fn namespace(metadata: &ObjectMeta) -> &str {
    metadata.namespace.as_deref().unwrap_or("default")
}

/// metadata.labels.
pub(crate) fn labels(metadata: &ObjectMeta) -> &BTreeMap<String, String> {
    metadata.labels.as_ref().unwrap_or(&NO_LABELS)
}

/// The value of a node's label.
pub(crate) fn label<'n>(node: &'n Node, name: &str) -> Option<&'n str> {
    labels(&node.metadata).get(name).map(String::as_str)
}

/// spec.taints of a node.
pub(crate) fn taints(node: &Node) -> impl Iterator<Item = &Taint> {
    node.spec.iter().flat_map(|spec| spec.taints.iter().flatten())
}

/// spec.nodeName of a pod.
pub(crate) fn node_of(pod: &Pod) -> Option<&str> {
    pod.spec.as_ref()?.node_name.as_deref()
}

/// The owner that manages an object.
pub(crate) fn controller(metadata: &ObjectMeta) -> Option<&OwnerReference> {
    metadata.owner_references.iter().flatten().find(|owner| owner.controller == Some(true))
}

/// Whether the kubelet runs the pod by itself.
pub(crate) fn is_static(pod: &Pod) -> bool {
    pod.metadata.annotations.as_ref().is_some_and(|found| found.contains_key(MIRROR))
}

/// Whether the pod runs or waits: it has not ended, and is not on its way out.
pub(crate) fn is_live(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    !matches!(phase, Some("Succeeded" | "Failed")) && pod.metadata.deletion_timestamp.is_none()
}
