//! EKS clusters.

use std::collections::{BTreeMap, BTreeSet};

use super::{baseline::REGION, nodes::Node, seats::Level, spec::ClusterSpec};
use crate::facts::PodId;

/// What a cluster's CA looks like where no TLS runs.
const CA: &str = "-----BEGIN CERTIFICATE-----\nd29ybGQ=\n-----END CERTIFICATE-----\n";

/// One EKS cluster.
pub(crate) struct Cluster {
    /// What it was made from; its nodes and the deletions of its pods have moved.
    pub(crate) spec: ClusterSpec,
    /// Address of its API server.
    pub(crate) server: String,
    /// Its certificate authority, PEM.
    pub(crate) ca: String,
    pub(crate) nodes: BTreeMap<String, Node>,
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
    /// The serialised budget list of all namespaces, with the time it was made at.
    pub(crate) budget_list: Option<(u64, bytes::Bytes)>,
}

impl Cluster {
    /// The cluster before its nodes and pods.
    pub(super) fn new(spec: ClusterSpec) -> Self {
        let mut budgets: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (number, pdb) in spec.pdbs.iter().enumerate() {
            budgets.entry((pdb.namespace.clone(), pdb.app.clone())).or_default().push(number);
        }
        let host = spec.name.to_lowercase().replace('_', "-");
        Self {
            server: format!("https://{host}.gr7.{REGION}.eks.amazonaws.com"),
            ca: CA.to_owned(),
            nodes: BTreeMap::new(),
            level: spec.seats.map(Level::new),
            names: BTreeMap::new(),
            apps: BTreeMap::new(),
            events: BTreeSet::new(),
            pending: Vec::new(),
            scheduling: false,
            budgets,
            budget_list: None,
            spec,
        }
    }

    /// Whether a namespace is being deleted.
    pub(crate) fn is_terminating(&self, namespace: &str) -> bool {
        self.spec.terminating.iter().any(|terminating| terminating.name == namespace)
    }
}
