//! EKS clusters.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    baseline::REGION,
    nodes::Node,
    seats::Level,
    spec::{ClusterSpec, Deletion, PdbSpec, TerminatingNamespace, WorkloadSpec},
};
use crate::facts::PodId;

/// What a cluster's CA looks like where no TLS runs.
pub(crate) const CA: &str = "-----BEGIN CERTIFICATE-----\nd29ybGQ=\n-----END CERTIFICATE-----\n";

/// Address of a cluster's API server where no socket stands for it.
pub(crate) fn server(cluster: &str) -> String {
    format!("https://{}.gr7.{REGION}.eks.amazonaws.com", cluster.to_lowercase().replace('_', "-"))
}

/// One EKS cluster.
pub(crate) struct Cluster {
    pub(crate) name: String,
    pub(crate) registered: bool,
    /// Address of its API server.
    pub(crate) server: String,
    /// Its certificate authority, PEM.
    pub(crate) ca: String,
    pub(crate) nodes: BTreeMap<String, Node>,
    pub(crate) workloads: Vec<WorkloadSpec>,
    pub(crate) pdbs: Vec<PdbSpec>,
    pub(crate) terminating: Vec<TerminatingNamespace>,
    pub(crate) deletions: Vec<Deletion>,
    /// Seats for calls that change something.
    pub(crate) level: Option<Level>,
    /// Pods that the API server knows, by namespace and name.
    pub(crate) names: BTreeMap<(String, String), PodId>,
    /// The same by namespace and label `app`.
    pub(crate) apps: BTreeMap<(String, String), BTreeSet<PodId>>,
    /// Namespace and name of all Events.
    pub(crate) events: BTreeSet<(String, String)>,
    pub(crate) pending: Vec<PodId>,
    pub(crate) scheduling: bool,
    /// Indices of budgets by namespace and the label that they select by.
    pub(super) budgets: BTreeMap<(String, Option<String>), Vec<usize>>,
    /// The serialised node list, with the revision it was made at.
    pub(crate) node_list: Option<(u64, bytes::Bytes)>,
    /// The serialised budget list of all namespaces, with the time it was made at.
    pub(crate) budget_list: Option<(u64, bytes::Bytes)>,
    pub(crate) nodes_revision: u64,
    pub(crate) pods_revision: u64,
}

impl Cluster {
    /// The cluster before its nodes and pods.
    pub(super) fn new(spec: &ClusterSpec) -> Self {
        let mut budgets: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (number, pdb) in spec.pdbs.iter().enumerate() {
            budgets.entry((pdb.namespace.clone(), pdb.app.clone())).or_default().push(number);
        }
        Self {
            name: spec.name.clone(),
            registered: spec.registered,
            server: server(&spec.name),
            ca: CA.to_owned(),
            nodes: BTreeMap::new(),
            workloads: spec.workloads.clone(),
            pdbs: spec.pdbs.clone(),
            terminating: spec.terminating.clone(),
            deletions: spec.deletions.clone(),
            level: spec.seats.map(Level::new),
            names: BTreeMap::new(),
            apps: BTreeMap::new(),
            events: BTreeSet::new(),
            pending: Vec::new(),
            scheduling: false,
            budgets,
            node_list: None,
            budget_list: None,
            nodes_revision: 0,
            pods_revision: 0,
        }
    }

    /// Whether a namespace is being deleted.
    pub(crate) fn is_terminating(&self, namespace: &str) -> bool {
        self.terminating.iter().any(|terminating| terminating.name == namespace)
    }
}
