//! DaemonSets.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Pod as KubernetesPod, PodSpec, Toleration};

use super::{Pod, requests_of};
use crate::{
    objects::{self, controller, is_live},
    snapshot::Snapshot,
};

/// A pod of each DaemonSet, with the requests that its newest pods have: admission may raise those of the template
/// (a LimitRange, the VerticalPodAutoscaler, webhooks). One that could not be read is derived from its pods.
pub(super) fn read(snapshot: &Snapshot) -> Vec<Pod> {
    let mut running = newest(snapshot);
    let mut daemons = Vec::new();
    for set in &snapshot.daemon_sets {
        let template = set.spec.as_ref().map(|spec| spec.template.clone()).unwrap_or_default();
        let name = objects::name(&set.metadata).to_owned();
        let namespace = objects::namespace(&set.metadata).to_owned();
        let labels = template.metadata.and_then(|metadata| metadata.labels).unwrap_or_default();
        let pods = running.remove(&(namespace.clone(), name.clone())).unwrap_or_default();
        let daemon = daemon(namespace, name, labels, &template.spec.unwrap_or_default());
        daemons.push(as_running(daemon, &pods));
    }
    for ((namespace, name), pods) in running {
        let Some(pod) = pods.first() else { continue };
        let mut spec = pod.spec.clone().unwrap_or_default();
        forget_node(&mut spec);
        let labels = objects::labels(&pod.metadata).clone();
        daemons.push(as_running(daemon(namespace, name, labels, &spec), &pods));
    }
    daemons
}

fn as_running(mut daemon: Pod, pods: &[&KubernetesPod]) -> Pod {
    daemon.requests = pods.iter().fold(daemon.requests, |most, pod| most.greater(&requests_of(pod)));
    daemon
}

/// The live pods of each DaemonSet, of its newest revision alone, by namespace and name.
fn newest(snapshot: &Snapshot) -> BTreeMap<(String, String), Vec<&KubernetesPod>> {
    let mut found: BTreeMap<_, Vec<&KubernetesPod>> = BTreeMap::new();
    for pod in snapshot.pods.iter().filter(|pod| is_live(pod)) {
        if let Some(owner) = controller(&pod.metadata).filter(|owner| owner.kind == "DaemonSet") {
            let namespace = objects::namespace(&pod.metadata).to_owned();
            found.entry((namespace, owner.name.clone())).or_default().push(pod);
        }
    }
    for pods in found.values_mut() {
        let newest =
            pods.iter().max_by_key(|pod| pod.metadata.creation_timestamp.as_ref().map(|time| time.0));
        let newest = newest.and_then(|pod| revision(pod));
        pods.retain(|pod| revision(pod) == newest);
    }
    found
}

fn revision(pod: &KubernetesPod) -> Option<&str> {
    objects::labels(&pod.metadata).get("controller-revision-hash").map(String::as_str)
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
