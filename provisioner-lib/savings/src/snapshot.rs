//! What was read of the cluster and of AWS, as they gave it, and as a file that stands for both.

mod file;

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::{
    apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet},
    batch::v1::Job,
    core::v1::{Namespace, Node, PersistentVolume, PersistentVolumeClaim, Pod},
    policy::v1::PodDisruptionBudget,
    storage::v1::{CSINode, StorageClass},
};
use serde::{Deserialize, Serialize};

pub use self::file::{FileError, SCHEMA, parse_prices};
use crate::prices::PriceList;

/// Begins what is missing of a snapshot whose nodes could not be read.
pub(crate) const NODES_UNREAD: &str = "nodes could not be read";
/// The same for pods.
pub(crate) const PODS_UNREAD: &str = "pods could not be read";

/// Objects of one cluster, all from about the same moment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Snapshot {
    /// [`SCHEMA`] in a file.
    pub schema: String,
    /// When it was read.
    pub read_at: Option<Timestamp>,
    /// Name of the cluster.
    pub cluster: Option<String>,
    /// Its region.
    pub region: Option<String>,
    /// All nodes.
    pub nodes: Vec<Node>,
    /// Pods of all namespaces.
    pub pods: Vec<Pod>,
    /// Of all namespaces: how many replicas are wanted.
    pub deployments: Vec<Deployment>,
    /// Between Deployments and their pods.
    pub replica_sets: Vec<ReplicaSet>,
    /// Of all namespaces.
    pub stateful_sets: Vec<StatefulSet>,
    /// All DaemonSets: their pods come with every node that they select.
    pub daemon_sets: Vec<DaemonSet>,
    /// Between CronJobs and their pods.
    pub jobs: Vec<Job>,
    /// What may be away of a workload.
    pub pod_disruption_budgets: Vec<PodDisruptionBudget>,
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
    /// `spot` or `on-demand` by instance id, as EC2 says of nodes whose labels do not say it.
    pub lifecycles: BTreeMap<String, String>,
    /// What could not be read.
    pub missing: Vec<Missing>,
    /// Instance types and prices, where they were read with it.
    pub prices: Option<PriceList>,
}

/// Something that is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// What, and what that does to the figures.
    pub what: String,
    /// What to do about it; empty where nothing can be done.
    pub hint: String,
}

impl Snapshot {
    /// What is said of something that could not be read ([`NODES_UNREAD`], [`PODS_UNREAD`]).
    pub(crate) fn unread(&self, what: &str) -> Option<&str> {
        self.missing.iter().map(|missing| missing.what.as_str()).find(|missing| missing.starts_with(what))
    }
}
