//! What was read of the cluster, as the API server gave it.

use k8s_openapi::api::{
    apps::v1::DaemonSet,
    core::v1::{Namespace, Node, PersistentVolume, PersistentVolumeClaim, Pod},
    storage::v1::{CSINode, StorageClass},
};
use serde::{Deserialize, Serialize};

/// Objects of one cluster, all from about the same moment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Snapshot {
    /// All nodes.
    pub nodes: Vec<Node>,
    /// Pods of all namespaces.
    pub pods: Vec<Pod>,
    /// All DaemonSets: their pods come with every node that they select.
    pub daemon_sets: Vec<DaemonSet>,
    /// All namespaces, for namespaceSelector.
    pub namespaces: Vec<Namespace>,
    /// Volumes that claims are bound to.
    pub persistent_volumes: Vec<PersistentVolume>,
    /// Claims of all namespaces.
    pub persistent_volume_claims: Vec<PersistentVolumeClaim>,
    /// For claims that are not bound yet.
    pub storage_classes: Vec<StorageClass>,
    /// How many volumes a running node can attach.
    pub csi_nodes: Vec<CSINode>,
}
