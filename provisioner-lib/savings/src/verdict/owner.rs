//! Workloads: the pods of one owner, such as a Deployment.

use std::collections::BTreeMap;

use k8s_openapi::{api::core::v1::Pod, apimachinery::pkg::apis::meta::v1::OwnerReference};
use serde::Serialize;

use crate::{
    objects::{self, controller, is_live, is_static},
    snapshot::Snapshot,
};

/// Kind of a workload.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Kind {
    /// apps/v1 Deployment.
    Deployment,
    /// apps/v1 ReplicaSet without a Deployment above it.
    ReplicaSet,
    /// v1 ReplicationController.
    ReplicationController,
    /// apps/v1 StatefulSet.
    StatefulSet,
    /// apps/v1 DaemonSet.
    DaemonSet,
    /// batch/v1 Job, of a CronJob or not.
    Job,
    /// A static pod of the kubelet.
    #[serde(rename = "static pod")]
    StaticPod,
    /// A pod without a controller.
    Pod,
    /// A controller that is not part of Kubernetes.
    #[serde(untagged)]
    Other(String),
}

impl Kind {
    fn of(name: &str) -> Self {
        match name {
            "Deployment" => Self::Deployment,
            "ReplicaSet" => Self::ReplicaSet,
            "ReplicationController" => Self::ReplicationController,
            "StatefulSet" => Self::StatefulSet,
            "DaemonSet" => Self::DaemonSet,
            "Job" | "CronJob" => Self::Job,
            other => Self::Other(other.to_owned()),
        }
    }

    /// The name of the kind in Kubernetes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Deployment => "Deployment",
            Self::ReplicaSet => "ReplicaSet",
            Self::ReplicationController => "ReplicationController",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::Job => "Job",
            Self::StaticPod => "static pod",
            Self::Pod => "Pod",
            Self::Other(name) => name,
        }
    }

    /// Why this kind does not tolerate Spot.
    pub(super) fn blocker(&self) -> Option<String> {
        let why = match self {
            Self::StatefulSet => "StatefulSet: a replacement pod starts only after the old one is gone",
            Self::Job => "Job: work is lost if its node is interrupted",
            Self::Pod => "no controller: the pod is not recreated after its node is gone",
            Self::Other(name) => {
                return Some(format!("{name}: the behaviour of this controller is not known"));
            }
            _ => return None,
        };
        Some(why.to_owned())
    }
}

/// A workload: the pods of one owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owned {
    /// Namespace.
    pub namespace: String,
    /// Kind of the owner.
    pub kind: Kind,
    /// Name of the owner.
    pub name: String,
    /// Desired replicas; the number of pods where that is not known.
    pub replicas: usize,
    /// Indices of its running and pending pods in [`Snapshot::pods`].
    pub pods: Vec<usize>,
}

/// All workloads that have pods, by namespace, kind and name.
#[must_use]
pub fn owned(snapshot: &Snapshot) -> Vec<Owned> {
    let above = parents(snapshot);
    let wanted = replicas(snapshot);
    let mut found: BTreeMap<(String, Kind, String), Vec<usize>> = BTreeMap::new();
    for (place, pod) in snapshot.pods.iter().enumerate().filter(|(_, pod)| is_live(pod)) {
        let namespace = objects::namespace(&pod.metadata).to_owned();
        let (kind, name) = owner(&namespace, pod, &above);
        found.entry((namespace, kind, name)).or_default().push(place);
    }
    let owned = found.into_iter().map(|((namespace, kind, name), pods)| {
        let wanted = wanted.get(&(namespace.as_str(), kind.clone(), name.as_str()));
        let replicas = wanted.copied().unwrap_or(pods.len());
        Owned { namespace, kind, name, replicas, pods }
    });
    owned.collect()
}

/// Owners of ReplicaSets and Jobs by their kind, namespace and name.
type Parents<'s> = BTreeMap<(&'static str, &'s str, &'s str), &'s OwnerReference>;

fn parents(snapshot: &Snapshot) -> Parents<'_> {
    let sets = snapshot.replica_sets.iter().map(|set| ("ReplicaSet", &set.metadata));
    let jobs = snapshot.jobs.iter().map(|job| ("Job", &job.metadata));
    let parents = sets.chain(jobs).filter_map(|(kind, metadata)| {
        let key = (kind, objects::namespace(metadata), objects::name(metadata));
        Some((key, controller(metadata)?))
    });
    parents.collect()
}

fn owner(namespace: &str, pod: &Pod, above: &Parents<'_>) -> (Kind, String) {
    let name = || objects::name(&pod.metadata).to_owned();
    if is_static(pod) {
        return (Kind::StaticPod, name());
    }
    let Some(owner) = controller(&pod.metadata) else { return (Kind::Pod, name()) };
    let parent = |kind| above.get(&(kind, namespace, owner.name.as_str()));
    match owner.kind.as_str() {
        "ReplicaSet" => match parent("ReplicaSet").map(|parent| (Kind::of(&parent.kind), &parent.name)) {
            // ReplicaSets of an Argo Rollout behave as those of a Deployment.
            Some((Kind::Other(kind), name)) if kind == "Rollout" => (Kind::ReplicaSet, name.clone()),
            Some((kind @ (Kind::Deployment | Kind::Other(_)), name)) => (kind, name.clone()),
            _ => by_hash(pod, &owner.name),
        },
        "Job" => (Kind::Job, parent("Job").map_or(&owner.name, |parent| &parent.name).clone()),
        "Node" => (Kind::StaticPod, name()),
        kind => (Kind::of(kind), owner.name.clone()),
    }
}

/// Without ReplicaSets: those of a Deployment are named after it and the label `pod-template-hash`.
fn by_hash(pod: &Pod, set: &str) -> (Kind, String) {
    let hash = objects::labels(&pod.metadata).get("pod-template-hash");
    match hash.and_then(|hash| set.strip_suffix(hash.as_str())?.strip_suffix('-')) {
        Some(deployment) => (Kind::Deployment, deployment.to_owned()),
        None => (Kind::ReplicaSet, set.to_owned()),
    }
}

fn replicas(snapshot: &Snapshot) -> BTreeMap<(&str, Kind, &str), usize> {
    let mut all = BTreeMap::new();
    let mut add = |kind, metadata, replicas: Option<i32>| {
        // apps/v1: one by default.
        let replicas = usize::try_from(replicas.unwrap_or(1)).unwrap_or(0);
        all.insert((objects::namespace(metadata), kind, objects::name(metadata)), replicas);
    };
    for found in &snapshot.deployments {
        add(Kind::Deployment, &found.metadata, found.spec.as_ref().and_then(|spec| spec.replicas));
    }
    for found in &snapshot.replica_sets {
        add(Kind::ReplicaSet, &found.metadata, found.spec.as_ref().and_then(|spec| spec.replicas));
    }
    for found in &snapshot.stateful_sets {
        add(Kind::StatefulSet, &found.metadata, found.spec.as_ref().and_then(|spec| spec.replicas));
    }
    all
}
