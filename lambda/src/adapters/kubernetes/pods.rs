//! Pods as they come over the wire, cut down to what the handler reads. A real pod is some 10 kB of text and
//! 85 kB in memory, most of it managed fields: 110 of them would be a third of the function's peak.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{Pod, PodCondition, PodSpec, PodStatus, Toleration},
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference, Time},
};
use serde::Deserialize;

/// A pod that is read no further than necessary.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "Read")]
pub(super) struct LeanPod(pub(super) Pod);

#[derive(Deserialize)]
struct Read {
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    name: Option<String>,
    namespace: Option<String>,
    uid: Option<String>,
    resource_version: Option<String>,
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<BTreeMap<String, String>>,
    owner_references: Option<Vec<OwnerReference>>,
    deletion_timestamp: Option<Time>,
    deletion_grace_period_seconds: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    node_name: Option<String>,
    priority_class_name: Option<String>,
    priority: Option<i32>,
    termination_grace_period_seconds: Option<i64>,
    tolerations: Option<Vec<Toleration>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    phase: Option<String>,
    conditions: Vec<Condition>,
}

#[derive(Deserialize)]
struct Condition {
    #[serde(rename = "type")]
    type_: String,
    status: String,
}

impl From<Read> for LeanPod {
    fn from(Read { metadata, spec, status }: Read) -> Self {
        Self(Pod {
            metadata: ObjectMeta {
                name: metadata.name,
                namespace: metadata.namespace,
                uid: metadata.uid,
                resource_version: metadata.resource_version,
                labels: metadata.labels,
                annotations: metadata.annotations,
                owner_references: metadata.owner_references,
                deletion_timestamp: metadata.deletion_timestamp,
                deletion_grace_period_seconds: metadata.deletion_grace_period_seconds,
                ..ObjectMeta::default()
            },
            spec: Some(PodSpec {
                node_name: spec.node_name,
                priority_class_name: spec.priority_class_name,
                priority: spec.priority,
                termination_grace_period_seconds: spec.termination_grace_period_seconds,
                tolerations: spec.tolerations,
                ..PodSpec::default()
            }),
            status: Some(PodStatus {
                phase: status.phase,
                conditions: Some(status.conditions.into_iter().filter_map(Condition::ready).collect()),
                ..PodStatus::default()
            }),
        })
    }
}

impl Condition {
    /// The condition, if it says whether the pod serves.
    fn ready(self) -> Option<PodCondition> {
        let Self { type_, status } = self;
        (type_ == "Ready").then(|| PodCondition { type_, status, ..PodCondition::default() })
    }
}
