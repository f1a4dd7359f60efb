//! Pods and budgets as the API server shows them.

use std::sync::LazyLock;

use bytes::Bytes;
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

/// A pod of the world as JSON text.
pub(super) fn pod(state: &State, id: PodId) -> String {
    pod_as(state, id, &state.pods[id], true)
}

/// A pod as it is or was. In a list, objects do not name their kind.
pub(super) fn pod_as(state: &State, id: PodId, pod: &Pod, with_kind: bool) -> String {
    let workload = state.workload(id);
    let wall = |at_ms| state.clock.wall_at(at_ms).strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let mut metadata = json!({
        "name": pod.name,
        "namespace": workload.namespace,
        "uid": pod_uid(id),
        "resourceVersion": pod.revision.to_string(),
        "creationTimestamp": wall(pod.created_ms),
        "labels": { "app": workload.name },
    });
    let owner = match workload.kind {
        WorkloadKind::Deployment => Some(("apps/v1", "ReplicaSet")),
        WorkloadKind::StatefulSet => Some(("apps/v1", "StatefulSet")),
        WorkloadKind::DaemonSet => Some(("apps/v1", "DaemonSet")),
        WorkloadKind::Job => Some(("batch/v1", "Job")),
        WorkloadKind::Mirror => Some(("v1", "Node")),
        WorkloadKind::Bare => None,
    };
    if let Some((api, kind)) = owner {
        metadata["ownerReferences"] = json!([{
            "apiVersion": api,
            "kind": kind,
            "name": workload.name,
            "uid": format!("00000000-0000-4000-a000-{:012x}", pod.workload),
            "controller": true,
            "blockOwnerDeletion": true,
        }]);
    }
    if workload.kind == WorkloadKind::Mirror {
        metadata["annotations"] =
            json!({ "kubernetes.io/config.mirror": "0f", "kubernetes.io/config.source": "file" });
    }
    if let Some(termination) = pod.termination {
        metadata["deletionTimestamp"] = json!(wall(termination.ends_ms()));
        metadata["deletionGracePeriodSeconds"] = json!(termination.grace_s);
    }
    let mut spec = json!({ "terminationGracePeriodSeconds": workload.grace_s });
    if !state.spec.full_pods {
        spec["containers"] = json!([{ "name": "main", "image": workload.name }]);
    }
    if let Some(node) = &pod.node {
        spec["nodeName"] = json!(node);
    }
    if workload.tolerates {
        spec["tolerations"] = json!([{ "operator": "Exists" }]);
    }
    if let Some(class) = &workload.priority_class {
        spec["priorityClassName"] = json!(class);
        spec["priority"] = json!(match class.as_str() {
            "system-node-critical" => 2_000_001_000,
            "system-cluster-critical" => 2_000_000_000,
            _ => 1_000,
        });
    }
    let ready = if pod.ready { "True" } else { "False" };
    let mut object = json!({
        "metadata": metadata,
        "spec": spec,
        "status": { "phase": pod.phase.as_str(), "conditions": [{ "type": "Ready", "status": ready }] },
    });
    if with_kind {
        object["kind"] = json!("Pod");
        object["apiVersion"] = json!("v1");
    }
    if state.spec.full_pods {
        return full(&object).to_string();
    }
    object.to_string()
}

/// A change of a pod, as a watch shows it.
pub(super) fn change(state: &State, change: &Change) -> Bytes {
    let object = pod_as(state, change.id, &change.pod, true);
    Bytes::from(format!("{{\"type\":\"{}\",\"object\":{object}}}\n", change.kind.as_str()))
}

/// A pod with all that it does not need here: probes, volumes, managed fields.
fn full(pod: &Value) -> Value {
    static REAL: LazyLock<Value> =
        LazyLock::new(|| serde_json::from_str(include_str!("pod.json")).unwrap_or_default());
    let mut full = REAL.clone();
    json_patch::merge(&mut full, pod);
    full
}

/// A PodDisruptionBudget.
pub(super) fn budget(state: &State, cluster: usize, index: usize) -> Value {
    let pdb = &state.clusters[cluster].spec.pdbs[index];
    let status = state.budget_status(cluster, index);
    let selector = match &pdb.app {
        Some(app) => json!({ "matchLabels": { "app": app } }),
        None => json!({}),
    };
    let mut spec = match pdb.budget {
        Budget::MinAvailable(count) => json!({ "minAvailable": count }),
        Budget::MinAvailablePercent(share) => json!({ "minAvailable": format!("{share}%") }),
        Budget::MaxUnavailable(count) => json!({ "maxUnavailable": count }),
        Budget::MaxUnavailablePercent(share) => json!({ "maxUnavailable": format!("{share}%") }),
    };
    spec["selector"] = selector;
    if pdb.always_allow_unhealthy {
        spec["unhealthyPodEvictionPolicy"] = json!("AlwaysAllow");
    }
    let (allowed, reason) = match (status.synced, status.allowed) {
        (false, _) => ("False", "SyncFailed"),
        (true, 0) => ("False", "InsufficientPods"),
        (true, _) => ("True", "SufficientPods"),
    };
    let mut object = json!({
        "metadata": {
            "name": pdb.name,
            "namespace": pdb.namespace,
            "uid": format!("00000000-0000-4000-b000-{index:012x}"),
            "resourceVersion": state.revision.to_string(),
            "generation": 1,
        },
        "spec": spec,
        "status": {
            "observedGeneration": 1,
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
    });
    if !status.synced
        && let Some(status) = object["status"].as_object_mut()
    {
        status.remove("observedGeneration");
    }
    object
}
