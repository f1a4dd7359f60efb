//! The fields of Karpenter's objects that a proposal sets: karpenter.sh/v1 NodePool and karpenter.k8s.aws/v1
//! EC2NodeClass.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Taint;
use serde::Serialize;

/// An object without a namespace.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Object<S> {
    api_version: &'static str,
    kind: &'static str,
    /// Its name.
    pub metadata: Metadata,
    /// The desired state.
    pub spec: S,
}

/// metadata.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Metadata {
    /// Unique among objects of its kind.
    pub name: String,
}

/// karpenter.sh/v1 NodePool.
pub type NodePool = Object<NodePoolSpec>;
/// karpenter.k8s.aws/v1 EC2NodeClass.
pub type Ec2NodeClass = Object<Ec2NodeClassSpec>;

impl NodePool {
    pub(super) fn new(name: String, spec: NodePoolSpec) -> Self {
        Self { api_version: "karpenter.sh/v1", kind: "NodePool", metadata: Metadata { name }, spec }
    }
}

impl Ec2NodeClass {
    pub(super) fn new(name: &str, spec: Ec2NodeClassSpec) -> Self {
        let metadata = Metadata { name: name.to_owned() };
        Self { api_version: "karpenter.k8s.aws/v1", kind: "EC2NodeClass", metadata, spec }
    }
}

/// The nodes that a NodePool may launch.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NodePoolSpec {
    /// Of pools that fit a pod, the one with the greatest weight launches a node.
    pub weight: u32,
    /// The most of all its nodes, by resource.
    pub limits: BTreeMap<&'static str, String>,
    /// When its nodes are replaced.
    pub disruption: Disruption,
    /// Its nodes.
    pub template: NodeTemplate,
}

/// When Karpenter replaces nodes on its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Disruption {
    /// `WhenEmpty` or `WhenEmptyOrUnderutilized`.
    pub consolidation_policy: &'static str,
    /// Time without a new pod and without one less.
    pub consolidate_after: &'static str,
    /// The most nodes at the same time.
    pub budgets: Vec<Budget>,
}

/// The most nodes at the same time, as a number or in percent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Budget {
    /// `10%`.
    pub nodes: &'static str,
}

/// Nodes of a NodePool.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NodeTemplate {
    /// Labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<TemplateMetadata>,
    /// Everything else.
    pub spec: NodeSpec,
}

/// Labels of the nodes of a NodePool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TemplateMetadata {
    /// Without those that Karpenter adds.
    pub labels: BTreeMap<String, String>,
}

/// Type, place and market of the nodes of a NodePool.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeSpec {
    /// The EC2NodeClass.
    pub node_class_ref: NodeClassRef,
    /// All hold for every node.
    pub requirements: Vec<Requirement>,
    /// Permanent taints.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub taints: Vec<Taint>,
}

/// A reference to a node class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeClassRef {
    /// API group.
    pub group: &'static str,
    /// Kind.
    pub kind: &'static str,
    /// Name.
    pub name: &'static str,
}

/// A label of a node and its values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Requirement {
    /// The label.
    pub key: &'static str,
    operator: &'static str,
    /// The values that are allowed.
    pub values: Vec<String>,
}

impl Requirement {
    /// The label has one of these values.
    pub(super) fn is_in<V: ToString>(key: &'static str, values: impl IntoIterator<Item = V>) -> Self {
        let values = values.into_iter().map(|value| value.to_string()).collect();
        Self { key, operator: "In", values }
    }
}

/// What instances need beside their type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ec2NodeClassSpec {
    /// IAM role of the nodes.
    pub role: String,
    /// Images.
    pub ami_selector_terms: Vec<BTreeMap<&'static str, String>>,
    /// Subnets.
    pub subnet_selector_terms: Vec<Tags>,
    /// Security groups.
    pub security_group_selector_terms: Vec<Tags>,
    /// Volumes, if the default of 20 GiB is too small.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub block_device_mappings: Vec<BlockDevice>,
}

/// Selects resources of AWS by tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tags {
    /// All have to match.
    pub tags: BTreeMap<&'static str, String>,
}

/// A volume of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BlockDevice {
    /// `/dev/xvda`.
    pub device_name: &'static str,
    /// The volume.
    pub ebs: Ebs,
}

/// A volume of EBS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ebs {
    /// `80Gi`.
    pub volume_size: String,
    /// `gp3`.
    pub volume_type: &'static str,
    /// Whether it is encrypted.
    pub encrypted: bool,
}
