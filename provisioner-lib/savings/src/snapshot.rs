//! The objects of a cluster as the API server returns them, with prices, and their file.

mod absent;
mod documents;
mod error;
mod file;
mod kinds;
mod metrics;
mod quantities;
mod reading;
mod tidy;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use k8s_openapi::api::{
    apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet},
    batch::v1::Job,
    core::v1::{Namespace, Node, PersistentVolume, PersistentVolumeClaim, Pod},
    policy::v1::PodDisruptionBudget,
    storage::v1::{CSINode, StorageClass},
};
use serde::{Deserialize, Serialize};

#[cfg(feature = "live")]
pub(crate) use self::kinds::KINDS;
pub use self::{
    error::{FileError, SCHEMA},
    file::{File, read_prices},
    metrics::{ContainerMetrics, PodMetrics},
};
use crate::{choices::Scoring, prices::PriceList};

/// Begins the entry in [`Snapshot::missing`] if nodes could not be read.
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
    /// Deployments of all namespaces, for desired replicas.
    pub deployments: Vec<Deployment>,
    /// ReplicaSets of all namespaces: the owners of a Deployment's pods.
    pub replica_sets: Vec<ReplicaSet>,
    /// StatefulSets of all namespaces.
    pub stateful_sets: Vec<StatefulSet>,
    /// DaemonSets of all namespaces: one pod on every node that they select.
    pub daemon_sets: Vec<DaemonSet>,
    /// Jobs of all namespaces: the owners of a CronJob's pods.
    pub jobs: Vec<Job>,
    /// PodDisruptionBudgets of all namespaces.
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
    /// What pods of all namespaces use.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pod_metrics: Vec<PodMetrics>,
    /// Days of which [`Snapshot::pod_metrics`] are the 95th percentile of CPU and the greatest memory; none for those of
    /// one moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage_days: Option<u32>,
    /// Why the usage of pods could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage_unread: Option<String>,
    /// `spot` or `on-demand` by instance id, from EC2, for nodes whose labels do not tell the market.
    pub lifecycles: BTreeMap<String, String>,
    /// How the scheduler scores free resources, from EKS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scoring: Option<Scoring>,
    /// Kinds of objects that files have and that are not used.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub unused: BTreeSet<String>,
    /// Objects that could not be read.
    pub missing: Vec<Missing>,
    /// Instance types and prices, if they were read too.
    pub prices: Option<PriceList>,
}

/// A fact that is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// The fact, and its effect on the figures.
    pub what: String,
    /// The remedy; empty if there is none.
    pub hint: String,
}

impl Snapshot {
    /// The entry about objects that could not be read ([`NODES_UNREAD`], [`PODS_UNREAD`]).
    pub(crate) fn unread(&self, what: &str) -> Option<&str> {
        self.missing.iter().map(|missing| missing.what.as_str()).find(|missing| missing.starts_with(what))
    }
}
