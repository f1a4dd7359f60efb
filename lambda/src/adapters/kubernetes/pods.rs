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

/// Conditions have messages of any length: only whether the pod is Ready is kept.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
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
                conditions: status.conditions.into_iter().find(|c| c.kind == "Ready").map(|ready| {
                    vec![PodCondition { type_: ready.kind, status: ready.status, ..PodCondition::default() }]
                }),
                ..PodStatus::default()
            }),
        })
    }
}
