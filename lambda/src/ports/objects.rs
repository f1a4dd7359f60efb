//! Pods and nodes, cut down to what the handler reads. A whole pod is some 10 kB of text and 85 kB in memory, most of it
//! managed fields: 110 of them would be a third of the function's peak.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::{
    api::core::v1::{PodCondition, Taint, Toleration},
    apimachinery::pkg::apis::meta::v1::OwnerReference,
};
use serde::{Deserialize, Deserializer};

/// The metadata of a pod or a node. The API server leaves out what is empty.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metadata {
    /// Name.
    #[serde(deserialize_with = "or_default")]
    pub name: String,
    /// Namespace; empty for a node.
    #[serde(deserialize_with = "or_default")]
    pub namespace: String,
    /// UID.
    #[serde(deserialize_with = "or_default")]
    pub uid: String,
    /// Resource version.
    #[serde(deserialize_with = "or_default")]
    pub resource_version: String,
    /// Labels.
    #[serde(deserialize_with = "or_default")]
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    #[serde(deserialize_with = "or_default")]
    pub annotations: BTreeMap<String, String>,
    /// Owners.
    #[serde(deserialize_with = "or_default")]
    pub owner_references: Vec<OwnerReference>,
    /// When its grace period ends, if it is terminating.
    pub deletion_timestamp: Option<Timestamp>,
    /// The grace period it is being deleted with, in seconds.
    pub deletion_grace_period_seconds: Option<i64>,
}

/// A pod.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Pod {
    /// Metadata.
    pub metadata: Metadata,
    /// The specification.
    pub spec: PodSpec,
    /// The status.
    pub status: PodStatus,
}

/// The specification of a pod.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodSpec {
    /// Priority class.
    #[serde(deserialize_with = "or_default")]
    pub priority_class_name: String,
    /// Priority.
    #[serde(deserialize_with = "or_default")]
    pub priority: i32,
    /// Its own grace period, in seconds.
    pub termination_grace_period_seconds: Option<i64>,
    /// Tolerations.
    #[serde(deserialize_with = "or_default")]
    pub tolerations: Vec<Toleration>,
}

/// The status of a pod.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct PodStatus {
    /// Phase.
    #[serde(deserialize_with = "or_default")]
    pub phase: String,
    /// Conditions.
    #[serde(deserialize_with = "or_default")]
    pub conditions: Vec<PodCondition>,
}

/// A node.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Node {
    /// Metadata.
    pub metadata: Metadata,
    /// The specification.
    pub spec: NodeSpec,
}

/// The specification of a node.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct NodeSpec {
    /// providerID; empty if the node has none yet.
    #[serde(rename = "providerID", deserialize_with = "or_default")]
    pub provider_id: String,
    /// Whether the node is cordoned.
    #[serde(deserialize_with = "or_default")]
    pub unschedulable: bool,
    /// Taints.
    #[serde(deserialize_with = "or_default")]
    pub taints: Vec<Taint>,
}

/// One node of a list: no more than locating an instance needs, because one list is kept for
/// all notices of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListedNode {
    /// Name.
    pub name: String,
    /// providerID; empty if the node has none yet.
    pub provider_id: String,
    /// Those of its labels that are in [`Self::LABELS`].
    pub labels: BTreeMap<String, String>,
}

impl ListedNode {
    /// The labels that say who owns a node and how its instance was bought.
    pub const LABELS: [&str; 8] = [
        "eks.amazonaws.com/capacityType",
        "eks.amazonaws.com/compute-type",
        "eks.amazonaws.com/nodegroup",
        "karpenter.sh/capacity-type",
        "karpenter.sh/nodepool",
        "karpenter.sh/provisioner-name",
        "node.kubernetes.io/lifecycle",
        "provisioner.cast.ai/managed-by",
    ];
}

/// The default for null, as for what is missing: proxies before the API server may write it.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(value: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(value)?.unwrap_or_default())
}

impl From<Node> for ListedNode {
    fn from(Node { metadata, spec }: Node) -> Self {
        let mut labels = metadata.labels;
        labels.retain(|label, _| Self::LABELS.contains(&label.as_str()));
        Self { name: metadata.name, provider_id: spec.provider_id, labels }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_listed_node_keeps_name_provider_id_and_known_labels() {
        let node = json!({
            "metadata": {
                "name": "n", "uid": "u", "managedFields": [{"manager": "kubelet"}],
                "labels": {"kubernetes.io/arch": "arm64", "karpenter.sh/nodepool": "default"},
            },
            "spec": {"providerID": "aws:///eu-west-1a/i-0abc1234", "podCIDR": "10.0.0.0/24"},
            "status": {"images": [{"names": ["x"]}]},
        });
        let read = ListedNode::from(serde_json::from_value::<Node>(node).unwrap());
        assert_eq!((read.name.as_str(), read.provider_id.as_str()), ("n", "aws:///eu-west-1a/i-0abc1234"));
        assert_eq!(read.labels.into_keys().collect::<Vec<_>>(), ["karpenter.sh/nodepool"]);
        let young: Node = serde_json::from_value(json!({"metadata": {"name": "n"}})).unwrap();
        assert_eq!(ListedNode::from(young).provider_id, "");
    }
    #[test]
    fn null_is_read_as_what_is_missing() {
        let metadata = json!({
            "name": null, "namespace": null, "uid": null, "resourceVersion": null, "labels": null,
            "annotations": null, "ownerReferences": null, "deletionTimestamp": null,
        });
        let spec = json!({"priorityClassName": null, "priority": null, "tolerations": null});
        let status = json!({"phase": null, "conditions": null});
        let pod = json!({"metadata": metadata, "spec": spec, "status": status});
        assert_eq!(serde_json::from_value::<Pod>(pod).unwrap(), Pod::default());
        let spec = json!({"providerID": null, "unschedulable": null, "taints": null});
        let node = json!({"metadata": metadata, "spec": spec});
        assert_eq!(serde_json::from_value::<Node>(node).unwrap(), Node::default());
    }
}
