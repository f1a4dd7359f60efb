//! Pods and budgets as the API server shows them.

use std::sync::LazyLock;

use bytes::Bytes;
use json_patch::merge;
use serde_json::{Value, json};

use crate::{
    facts::{PodId, pod_uid},
    world::{
        pods::Pod,
        spec::{Budget, WorkloadKind},
        state::State,
        watch::Change,
    },
};

/// The object without what is null: the API server leaves that out.
pub(super) fn present(object: &Value) -> Value {
    let mut present = json!({});
    merge(&mut present, object);
    present
}

/// A pod of the world as JSON text.
pub(super) fn pod(state: &State, id: PodId) -> String {
    pod_as(state, id, &state.pods[id], true)
}

/// A pod as it is or was. In a list, objects do not name their kind.
pub(super) fn pod_as(state: &State, id: PodId, pod: &Pod, with_kind: bool) -> String {
    /// All that a pod does not need here: probes, volumes, managed fields.
    static REAL: LazyLock<Value> =
        LazyLock::new(|| serde_json::from_str(include_str!("pod.json")).unwrap_or_default());
    let workload = state.workload(id);
    let wall = |at_ms| state.clock.wall_at(at_ms).strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let owner = match workload.kind {
        WorkloadKind::Deployment => Some(("apps/v1", "ReplicaSet")),
        WorkloadKind::StatefulSet => Some(("apps/v1", "StatefulSet")),
        WorkloadKind::DaemonSet => Some(("apps/v1", "DaemonSet")),
        WorkloadKind::Job => Some(("batch/v1", "Job")),
        WorkloadKind::Mirror => Some(("v1", "Node")),
        WorkloadKind::Bare => None,
    };
    let owners = owner.map(|(api, kind)| {
        json!([{
            "apiVersion": api,
            "kind": kind,
            "name": workload.name,
            "uid": format!("00000000-0000-4000-a000-{:012x}", pod.workload),
            "controller": true,
            "blockOwnerDeletion": true,
        }])
    });
    let mirror = json!({ "kubernetes.io/config.mirror": "0f", "kubernetes.io/config.source": "file" });
    let priority = workload.priority_class.as_deref().map(|class| match class {
        "system-node-critical" => 2_000_001_000,
        "system-cluster-critical" => 2_000_000_000,
        _ => 1_000,
    });
    let mut shown = if state.spec.full_pods {
        REAL.clone()
    } else {
        json!({ "spec": { "containers": [{ "name": "main", "image": workload.name }] } })
    };
    let object = present(&json!({
        "metadata": {
            "name": pod.name,
            "namespace": workload.namespace,
            "uid": pod_uid(id),
            "resourceVersion": pod.revision.to_string(),
            "creationTimestamp": wall(pod.created_ms),
            "labels": { "app": workload.name },
            "ownerReferences": owners,
            "annotations": (workload.kind == WorkloadKind::Mirror).then_some(mirror),
            "deletionTimestamp": pod.termination.map(|termination| wall(termination.ends_ms())),
            "deletionGracePeriodSeconds": pod.termination.map(|termination| termination.grace_s),
        },
        "spec": {
            "terminationGracePeriodSeconds": workload.grace_s,
            "nodeName": pod.node,
            "tolerations": workload.tolerates.then(|| json!([{ "operator": "Exists" }])),
            "priorityClassName": workload.priority_class,
            "priority": priority,
        },
        "status": {
            "phase": pod.phase,
            "conditions": [{ "type": "Ready", "status": if pod.ready { "True" } else { "False" } }],
        },
        "kind": with_kind.then_some("Pod"),
        "apiVersion": with_kind.then_some("v1"),
    }));
    merge(&mut shown, &object);
    shown.to_string()
}

/// A change of a pod, as a watch shows it.
pub(super) fn change(state: &State, change: &Change) -> Bytes {
    let object = pod_as(state, change.id, &change.pod, true);
    Bytes::from(format!("{{\"type\":{},\"object\":{object}}}\n", json!(change.kind)))
}

/// A PodDisruptionBudget.
pub(super) fn budget(state: &State, cluster: usize, index: usize) -> Value {
    let pdb = &state.clusters[cluster].spec.pdbs[index];
    let status = state.budget_status(cluster, index);
    let (field, amount) = match pdb.budget {
        Budget::MinAvailable(count) => ("minAvailable", json!(count)),
        Budget::MinAvailablePercent(share) => ("minAvailable", json!(format!("{share}%"))),
        Budget::MaxUnavailable(count) => ("maxUnavailable", json!(count)),
        Budget::MaxUnavailablePercent(share) => ("maxUnavailable", json!(format!("{share}%"))),
    };
    let (allowed, reason) = match (status.synced, status.allowed) {
        (false, _) => ("False", "SyncFailed"),
        (true, 0) => ("False", "InsufficientPods"),
        (true, _) => ("True", "SufficientPods"),
    };
    present(&json!({
        "metadata": {
            "name": pdb.name,
            "namespace": pdb.namespace,
            "uid": format!("00000000-0000-4000-b000-{index:012x}"),
            "resourceVersion": state.revision.to_string(),
            "generation": 1,
        },
        "spec": {
            field: amount,
            "selector": pdb.app.as_ref().map_or(json!({}), |app| json!({ "matchLabels": { "app": app } })),
            "unhealthyPodEvictionPolicy": pdb.always_allow_unhealthy.then_some("AlwaysAllow"),
        },
        "status": {
            "observedGeneration": status.synced.then_some(1),
            "expectedPods": status.expected,
            "currentHealthy": status.healthy,
            "desiredHealthy": status.desired,
            "disruptionsAllowed": status.allowed,
            "conditions": [{
                "type": "DisruptionAllowed",
                "status": allowed,
                "reason": reason,
                "message": "",
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }],
        },
    }))
}
