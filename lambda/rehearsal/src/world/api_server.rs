//! An API server: what it stores of pods and nodes, and shows to watches.

use serde_json::{Value, json};
use tokio::sync::mpsc::{self, UnboundedReceiver};

use super::{
    nodes::{CORDON_TAINT, drop_empty},
    pods::{Phase, Pod},
    spec::{ExitTime, WorkloadKind, WorkloadSpec},
    state::State,
    watch::{Change, ChangeKind},
};
use crate::facts::{Fact, InstanceFact, PodAbout, PodClass, PodFact, PodId};

/// From a cordon to the node controller's own taint.
const TAINT_MS: u64 = 100;

impl State {
    pub(crate) fn workload(&self, pod: PodId) -> &WorkloadSpec {
        let pod = &self.pods[pod];
        &self.clusters[pod.cluster].spec.workloads[pod.workload]
    }

    /// Namespace and name.
    pub(crate) fn key(&self, pod: PodId) -> (String, String) {
        (self.workload(pod).namespace.clone(), self.pods[pod].name.clone())
    }

    /// `namespace/name`, for people.
    pub(crate) fn label(&self, pod: PodId) -> String {
        format!("{}/{}", self.workload(pod).namespace, self.pods[pod].name)
    }

    /// When the pod has to go.
    pub(super) fn class(&self, pod: PodId) -> PodClass {
        let spec = self.workload(pod);
        let is_finished = matches!(self.pods[pod].phase, Phase::Succeeded | Phase::Failed);
        match spec.priority_class.as_deref() {
            _ if is_finished || matches!(spec.kind, WorkloadKind::DaemonSet | WorkloadKind::Mirror) => {
                PodClass::OfNode
            }
            Some("system-cluster-critical" | "system-node-critical") => PodClass::Critical,
            _ => PodClass::Ordinary,
        }
    }

    /// The pod of this name, if the API server knows one.
    pub(crate) fn find_pod(&self, cluster: usize, namespace: &str, name: &str) -> Option<PodId> {
        let key = (namespace.to_owned(), name.to_owned());
        self.clusters[cluster].names.get(&key).copied()
    }

    pub(super) fn add_pod(&mut self, cluster: usize, workload: usize, name: String) -> PodId {
        let spec = &self.clusters[cluster].spec.workloads[workload];
        let exit_ms = match spec.exit {
            ExitTime::Ms(ms) => Some(ms),
            ExitTime::Between(from, to) => Some(self.rng.u64(from..=to)),
            ExitTime::Never => None,
        };
        let (namespace, app) = (spec.namespace.clone(), spec.name.clone());
        let (id, revision) = (self.pods.len(), self.bump());
        self.pods.push(Pod {
            cluster,
            workload,
            name: name.clone(),
            node: None,
            revision,
            created_ms: self.now_ms,
            phase: Phase::Pending,
            ready: false,
            exit_ms,
            termination: None,
            end: None,
            exists: true,
            asked_ms: None,
            succeeded_by_other: false,
            spent_until_ms: 0,
        });
        let cluster = &mut self.clusters[cluster];
        cluster.names.insert((namespace.clone(), name), id);
        let is_namespace_terminating = cluster.is_terminating(&namespace);
        cluster.apps.entry((namespace, app)).or_default().insert(id);
        let spec = self.workload(id);
        let about = PodAbout {
            cluster: self.pods[id].cluster,
            workload,
            label: self.label(id),
            class: self.class(id),
            grace_s: spec.grace_s,
            tolerates: spec.tolerates,
            is_namespace_terminating,
        };
        self.emit(Fact::Pod(id, PodFact::Made(about)));
        id
    }

    /// Binds a pod to a node, whose kubelet starts it.
    pub(super) fn bind(&mut self, id: PodId, node: &str) {
        let ready_ms = self.workload(id).ready_ms;
        if self.place(id, node) {
            self.pods[id].node = Some(node.to_owned());
            self.changed(id, ChangeKind::Added);
            self.set_in(ready_ms, move |state| state.become_ready(id));
        }
    }

    /// Puts a pod on a node; `false`: there is no such node.
    pub(super) fn place(&mut self, id: PodId, node: &str) -> bool {
        let cluster = self.pods[id].cluster;
        let Some(on) = self.clusters[cluster].nodes.get_mut(node) else { return false };
        on.pods.insert(id);
        let instance = on.instance.clone();
        if let Some(concerned) = self.concerned.get_mut(&instance) {
            concerned.push(id);
        }
        self.emit(Fact::Pod(id, PodFact::Bound { node: node.to_owned(), instance }));
        true
    }

    /// A pod changes: the watches of its node show it as it is now.
    pub(super) fn changed(&mut self, id: PodId, kind: ChangeKind) {
        let revision = self.bump();
        let pod = &mut self.pods[id];
        pod.revision = revision;
        let cluster = &mut self.clusters[pod.cluster];
        let node = pod.node.as_ref().and_then(|name| cluster.nodes.get_mut(name));
        if let Some(node) = node {
            node.watchers.publish(self.now_ms, kind, (id, pod));
        }
    }

    /// The API server forgets a pod.
    pub(super) fn remove_pod(&mut self, id: PodId) {
        if !self.pods[id].exists {
            return;
        }
        self.changed(id, ChangeKind::Deleted);
        self.emit(Fact::Pod(id, PodFact::Removed));
        let key = self.key(id);
        let app = (key.0.clone(), self.workload(id).name.clone());
        let pod = &mut self.pods[id];
        pod.exists = false;
        let cluster = &mut self.clusters[pod.cluster];
        cluster.names.remove(&key);
        if let Some(pods) = cluster.apps.get_mut(&app) {
            pods.remove(&id);
        }
        let index = pod.cluster;
        match pod.node.as_ref() {
            None => cluster.pending.retain(|pending| *pending != id),
            Some(name) => {
                if let Some(node) = cluster.nodes.get_mut(name) {
                    node.pods.remove(&id);
                    if node.has_room() {
                        self.wake_scheduler(index);
                    }
                }
            }
        }
        self.owner_sees_removal(id);
    }

    /// Stores `object` as the new content of a node. `false` if nothing changed.
    pub(crate) fn store_node(&mut self, cluster: usize, name: &str, mut object: Value) -> bool {
        drop_empty(&mut object);
        let revision = self.revision + 1;
        let now_ms = self.now_ms;
        let Some(node) = self.clusters[cluster].nodes.get_mut(name) else { return false };
        if node.object == object {
            return false;
        }
        let was_cordoned = node.is_unschedulable();
        node.object = object;
        node.touch(revision);
        let (is_cordoned, instance) = (node.is_unschedulable(), node.instance.clone());
        self.revision = revision;
        if is_cordoned && !was_cordoned {
            self.note(&format!("kubernetes node {name} cordoned"));
            if let Some(instance) = self.instances.get_mut(&instance) {
                instance.cordoned_ms.get_or_insert(now_ms);
            }
            self.emit(Fact::Instance(instance, InstanceFact::Cordoned));
            let name = name.to_owned();
            self.set_in(TAINT_MS, move |state| state.taint_cordoned(cluster, &name));
        } else if was_cordoned && !is_cordoned {
            self.note(&format!("kubernetes node {name} uncordoned"));
        }
        true
    }

    /// The node controller mirrors `unschedulable` as a taint.
    pub(super) fn taint_cordoned(&mut self, cluster: usize, name: &str) {
        let Some(node) = self.clusters[cluster].nodes.get(name).filter(|n| n.is_unschedulable()) else {
            return;
        };
        let mut taints = node.object["spec"]["taints"].as_array().cloned().unwrap_or_default();
        if taints.iter().any(|taint| taint["key"] == CORDON_TAINT) {
            return;
        }
        let added = self.clock.wall().to_string();
        taints.push(json!({ "key": CORDON_TAINT, "effect": "NoSchedule", "timeAdded": added }));
        let mut object = node.object.clone();
        object["spec"]["taints"] = Value::Array(taints);
        self.store_node(cluster, name, object);
        self.note(&format!("kubernetes node {name} tainted by the node controller"));
    }

    /// Opens a watch on the pods of a node: all changes after `since`, or all pods and their changes.
    pub(crate) fn watch_pods(
        &mut self,
        cluster: usize,
        node: &str,
        since: Option<u64>,
    ) -> UnboundedReceiver<Change> {
        let at_ms = self.now_ms;
        let Some(node) = self.clusters[cluster].nodes.get_mut(node) else {
            return mpsc::unbounded_channel().1;
        };
        let added = |id: &PodId| {
            let pod = self.pods[*id].clone();
            Change { at_ms, kind: ChangeKind::Added, id: *id, pod }
        };
        let before: Vec<Change> = match since {
            None => node.pods.iter().map(added).collect(),
            Some(since) => node.watchers.since(since, at_ms).collect(),
        };
        node.watchers.open(before)
    }

    /// All connections to the API servers break.
    pub(super) fn cut_watches(&mut self) {
        self.note("kubernetes connections break");
        for cluster in &mut self.clusters {
            for node in cluster.nodes.values_mut() {
                node.watchers.cut();
            }
        }
    }
}
