//! The kinds of objects in a snapshot.

use k8s_openapi::{Metadata, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::Snapshot;
use crate::{objects::MIRROR, protection::is_mark};

/// A kind of objects that a snapshot has.
pub(crate) struct Kind {
    /// `Deployment`.
    pub(super) name: &'static str,
    /// Its group and version: `apps/v1`.
    api_version: &'static str,
    /// The group that it had in earlier releases of Kubernetes, if that was another one.
    former_group: Option<&'static str>,
    /// The field of a file of `--save-snapshot` with its objects.
    pub(super) field: &'static str,
    /// Its name for `kubectl get`.
    pub(super) resource: &'static str,
    /// The effect if its objects could not be read.
    pub(crate) without: &'static str,
    pub(super) add: fn(&mut Snapshot, Value) -> Result<(), String>,
    pub(super) count: fn(&Snapshot) -> usize,
    /// Removes what metadata has and is not needed.
    pub(super) tidy: fn(&mut Snapshot),
}

macro_rules! kind {
    ($field:ident, $name:literal, $json:literal, $api_version:literal, $former_group:expr, $resource:literal, $without:literal) => {
        Kind {
            name: $name,
            api_version: $api_version,
            former_group: $former_group,
            field: $json,
            resource: $resource,
            without: $without,
            add: |snapshot, object| push(&mut snapshot.$field, object),
            count: |snapshot| snapshot.$field.len(),
            tidy: |snapshot| {
                snapshot.$field.iter_mut().for_each(|object| strip_metadata(object.metadata_mut()))
            },
        }
    };
}

/// All kinds, in the order in which they are read from a cluster.
#[rustfmt::skip]
pub(crate) const KINDS: [Kind; 14] = [
    kind!(nodes, "Node", "nodes", "v1", None, "nodes",
        "nodes could not be read, so today's cost is not known"),
    kind!(pods, "Pod", "pods", "v1", None, "pods",
        "pods could not be read, so nothing can be proposed"),
    kind!(deployments, "Deployment", "deployments", "apps/v1", Some("extensions"), "deploy",
        "Deployments could not be read: replicas are counted by pods"),
    kind!(replica_sets, "ReplicaSet", "replicaSets", "apps/v1", Some("extensions"), "rs",
        "ReplicaSets could not be read: Deployments are guessed by name"),
    kind!(stateful_sets, "StatefulSet", "statefulSets", "apps/v1", None, "sts",
        "StatefulSets could not be read: replicas are counted by pods"),
    kind!(daemon_sets, "DaemonSet", "daemonSets", "apps/v1", Some("extensions"), "ds",
        "DaemonSets could not be read: they are taken to run on all nodes where they could"),
    kind!(jobs, "Job", "jobs", "batch/v1", None, "jobs",
        "Jobs could not be read: Jobs of a CronJob count one by one"),
    kind!(pod_disruption_budgets, "PodDisruptionBudget", "podDisruptionBudgets", "policy/v1", None, "pdb",
        "PodDisruptionBudgets could not be read: verdicts may be too favourable"),
    kind!(namespaces, "Namespace", "namespaces", "v1", None, "ns",
        "namespaces could not be read: affinities to namespaces by label match nothing"),
    kind!(persistent_volumes, "PersistentVolume", "persistentVolumes", "v1", None, "pv",
        "PersistentVolumes could not be read: pods with volumes have no place"),
    kind!(persistent_volume_claims, "PersistentVolumeClaim", "persistentVolumeClaims", "v1", None, "pvc",
        "PersistentVolumeClaims could not be read: pods with volumes have no place"),
    kind!(storage_classes, "StorageClass", "storageClasses", "storage.k8s.io/v1", None, "sc",
        "StorageClasses could not be read: pods with unbound claims have no place"),
    kind!(csi_nodes, "CSINode", "csiNodes", "storage.k8s.io/v1", None, "csinodes",
        "CSINodes could not be read: the number of volumes per node is estimated"),
    // Not every cluster has them, and only one configuration needs them.
    kind!(pod_metrics, "PodMetrics", "podMetrics", "metrics.k8s.io/v1beta1", None, "podmetrics",
        "usage of pods could not be read"),
];

impl Kind {
    /// The kind of an object; none of another group's. The object is made one of today's API version: in policy/v1beta1
    /// an empty selector selects no pods, in policy/v1 all ("PodDisruptionBudget" in the Kubernetes API reference).
    pub(super) fn of(name: &str, api_version: Option<&str>, object: &mut Value) -> Option<&'static Self> {
        let kind = KINDS.iter().find(|kind| kind.name == name)?;
        let Some(given) = api_version.filter(|given| *given != kind.api_version) else { return Some(kind) };
        let group = |version: &str| version.split_once('/').map_or("", |(group, _)| group).to_owned();
        let (found, own) = (group(given), group(kind.api_version));
        if found != own && kind.former_group != Some(found.as_str()) {
            return None;
        }
        if let Some(version) = object.get_mut("apiVersion") {
            *version = kind.api_version.into();
        }
        let selector = object.pointer_mut("/spec/selector").filter(|_| given == "policy/v1beta1");
        if let Some(selector) = selector.filter(|selector| is_empty(selector)) {
            *selector = Value::Null;
        }
        Some(kind)
    }
}

fn is_empty(selector: &Value) -> bool {
    let is_empty =
        |part: &Value| part.as_object().map_or(part.as_array().is_some_and(Vec::is_empty), Map::is_empty);
    selector.as_object().is_some_and(|parts| parts.values().all(is_empty))
}

fn push<T: DeserializeOwned>(objects: &mut Vec<T>, object: Value) -> Result<(), String> {
    let read = serde_path_to_error::deserialize(object).map_err(|error| error.to_string())?;
    objects.push(read);
    Ok(())
}

fn strip_metadata(metadata: &mut ObjectMeta) {
    metadata.managed_fields = None;
    let annotations = metadata.annotations.iter_mut();
    annotations.for_each(|found| found.retain(|name, _| name == MIRROR || is_mark(name)));
}
