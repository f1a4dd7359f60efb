//! Which pods belong together: those of one owner, as people name it.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;
use serde::{Serialize, Serializer};

use crate::snapshot::Snapshot;

/// Kind of a workload.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
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
    StaticPod,
    /// A pod that nobody looks after.
    Pod,
    /// A controller that Kubernetes does not bring.
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

    /// As Kubernetes calls it.
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

    /// Whether its pods come and go with their node.
    #[must_use]
    pub fn is_of_the_node(&self) -> bool {
        matches!(self, Self::DaemonSet | Self::StaticPod)
    }

    /// Why this kind does not tolerate Spot.
    pub(super) fn bar(&self) -> Option<String> {
        match self {
            Self::Deployment
            | Self::ReplicaSet
            | Self::ReplicationController
            | Self::DaemonSet
            | Self::StaticPod => None,
            Self::StatefulSet => {
                Some("StatefulSet: a pod's successor starts only after it is gone".to_owned())
            }
            Self::Job => Some("Job: its work begins again when its node goes".to_owned()),
            Self::Pod => Some("no controller: nobody makes a new one when its node goes".to_owned()),
            Self::Other(name) => Some(format!("{name}: what this controller does is not known")),
        }
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Pods of one owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owned {
    /// Namespace.
    pub namespace: String,
    /// Kind of the owner.
    pub kind: Kind,
    /// Name of the owner.
    pub name: String,
    /// Replicas that are wanted; where that is not known, pods that there are.
    pub replicas: usize,
    /// Places of its pods in [`Snapshot::pods`]: those that run or wait.
    pub pods: Vec<usize>,
}

/// All workloads that have pods, by namespace, kind and name.
#[must_use]
pub fn owned(snapshot: &Snapshot) -> Vec<Owned> {
    let above = parents(snapshot);
    let wanted = replicas(snapshot);
    let mut found: BTreeMap<(String, Kind, String), Vec<usize>> = BTreeMap::new();
    for (place, pod) in snapshot.pods.iter().enumerate().filter(|(_, pod)| crate::demand::is_live(pod)) {
        let namespace = pod.metadata.namespace.clone().unwrap_or_else(|| "default".to_owned());
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

type Key<'s> = (&'s str, &'s str);

/// Owners of ReplicaSets and Jobs.
fn parents(snapshot: &Snapshot) -> BTreeMap<(&'static str, Key<'_>), (Kind, String)> {
    let sets = snapshot.replica_sets.iter().map(|set| ("ReplicaSet", &set.metadata));
    let jobs = snapshot.jobs.iter().map(|job| ("Job", &job.metadata));
    let parents = sets.chain(jobs).filter_map(|(kind, metadata)| {
        let parent =
            metadata.owner_references.iter().flatten().find(|owner| owner.controller == Some(true))?;
        let key = (metadata.namespace.as_deref()?, metadata.name.as_deref()?);
        Some(((kind, key), (Kind::of(&parent.kind), parent.name.clone())))
    });
    parents.collect()
}

fn owner(
    namespace: &str,
    pod: &Pod,
    above: &BTreeMap<(&'static str, Key<'_>), (Kind, String)>,
) -> (Kind, String) {
    let metadata = &pod.metadata;
    let name = || metadata.name.clone().unwrap_or_default();
    if crate::demand::is_static(pod) {
        return (Kind::StaticPod, name());
    }
    let Some(controller) =
        metadata.owner_references.iter().flatten().find(|owner| owner.controller == Some(true))
    else {
        return (Kind::Pod, name());
    };
    let key = (namespace, controller.name.as_str());
    match controller.kind.as_str() {
        "ReplicaSet" => match above.get(&("ReplicaSet", key)) {
            // Of a Rollout the ReplicaSets behave as those of a Deployment do.
            Some((Kind::Deployment, parent)) => (Kind::Deployment, parent.clone()),
            Some((Kind::Other(kind), parent)) if kind == "Rollout" => (Kind::ReplicaSet, parent.clone()),
            Some((kind @ Kind::Other(_), parent)) => (kind.clone(), parent.clone()),
            _ => by_hash(pod, &controller.name),
        },
        "Job" => match above.get(&("Job", key)) {
            Some((_, parent)) => (Kind::Job, parent.clone()),
            None => (Kind::Job, controller.name.clone()),
        },
        "Node" => (Kind::StaticPod, name()),
        kind => (Kind::of(kind), controller.name.clone()),
    }
}

/// Where ReplicaSets could not be read: a Deployment's are named after it and the label `pod-template-hash`.
fn by_hash(pod: &Pod, set: &str) -> (Kind, String) {
    let hash = pod.metadata.labels.as_ref().and_then(|labels| labels.get("pod-template-hash"));
    match hash.and_then(|hash| set.strip_suffix(hash.as_str())?.strip_suffix('-')) {
        Some(deployment) => (Kind::Deployment, deployment.to_owned()),
        None => (Kind::ReplicaSet, set.to_owned()),
    }
}

fn replicas(snapshot: &Snapshot) -> BTreeMap<(&str, Kind, &str), usize> {
    let deployments = snapshot
        .deployments
        .iter()
        .map(|found| (&found.metadata, Kind::Deployment, found.spec.as_ref().and_then(|spec| spec.replicas)));
    let sets = snapshot
        .replica_sets
        .iter()
        .map(|found| (&found.metadata, Kind::ReplicaSet, found.spec.as_ref().and_then(|spec| spec.replicas)));
    let stateful = snapshot.stateful_sets.iter().map(|found| {
        (&found.metadata, Kind::StatefulSet, found.spec.as_ref().and_then(|spec| spec.replicas))
    });
    let all = deployments.chain(sets).chain(stateful).filter_map(|(metadata, kind, replicas)| {
        let key = (metadata.namespace.as_deref()?, kind, metadata.name.as_deref()?);
        // apps/v1: one, where nothing is said.
        Some((key, usize::try_from(replicas.unwrap_or(1)).unwrap_or(0)))
    });
    all.collect()
}
