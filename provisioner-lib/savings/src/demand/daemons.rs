//! DaemonSets.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{PodSpec, Toleration};

use super::{Pod, controller, is_live};
use crate::snapshot::Snapshot;

/// A pod of each DaemonSet. One that could not be read is derived from its pods.
pub(super) fn read(snapshot: &Snapshot) -> Vec<Pod> {
    let mut known = BTreeSet::new();
    let mut daemons = Vec::new();
    for set in &snapshot.daemon_sets {
        let template = set.spec.as_ref().map(|spec| spec.template.clone()).unwrap_or_default();
        let name = set.metadata.name.clone().unwrap_or_default();
        let namespace = set.metadata.namespace.clone().unwrap_or_else(|| "default".to_owned());
        known.insert((namespace.clone(), name.clone()));
        let labels = template.metadata.and_then(|metadata| metadata.labels).unwrap_or_default();
        daemons.push(daemon(namespace, name, labels, &template.spec.unwrap_or_default()));
    }
    for pod in snapshot.pods.iter().filter(|pod| is_live(pod)) {
        let Some(owner) = controller(&pod.metadata).filter(|owner| owner.kind == "DaemonSet") else {
            continue;
        };
        let namespace = pod.metadata.namespace.clone().unwrap_or_else(|| "default".to_owned());
        if known.insert((namespace.clone(), owner.name.clone())) {
            let mut spec = pod.spec.clone().unwrap_or_default();
            forget_node(&mut spec);
            let labels = pod.metadata.labels.clone().unwrap_or_default();
            daemons.push(daemon(namespace, owner.name.clone(), labels, &spec));
        }
    }
    daemons
}

fn daemon(namespace: String, name: String, labels: BTreeMap<String, String>, spec: &PodSpec) -> Pod {
    let mut pod = Pod { namespace, name, labels, ..Pod::of_spec(spec) };
    // The controller adds this one; its others tolerate conditions of a node, which no template has.
    pod.tolerations.push(Toleration {
        key: Some("node.kubernetes.io/unschedulable".to_owned()),
        operator: Some("Exists".to_owned()),
        effect: Some("NoSchedule".to_owned()),
        ..Toleration::default()
    });
    pod
}

/// Removes the field in each term by which the controller binds the pod to its node.
fn forget_node(spec: &mut PodSpec) {
    let affinity = spec.affinity.as_mut().and_then(|affinity| affinity.node_affinity.as_mut());
    let required =
        affinity.and_then(|node| node.required_during_scheduling_ignored_during_execution.as_mut());
    if let Some(required) = required {
        for term in &mut required.node_selector_terms {
            term.match_fields = None;
        }
        // An empty term would match nothing.
        required.node_selector_terms.retain(|term| {
            term.match_expressions.as_ref().is_some_and(|expressions| !expressions.is_empty())
        });
    }
}
