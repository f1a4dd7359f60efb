//! Pods, and the kubelet that starts and ends them.

use super::{
    spec::{ExitTime, PodState, WorkloadKind, WorkloadSpec},
    state::{State, Timer},
    watch::ChangeKind,
};

/// Index of a pod in [`State::pods`]; its UID says it too. Never used again.
pub(crate) type PodId = usize;

/// One pod, for as long as the world remembers it.
pub(crate) struct Pod {
    pub(crate) cluster: usize,
    /// Index of its workload.
    pub(crate) workload: usize,
    pub(crate) name: String,
    pub(crate) node: Option<String>,
    pub(crate) revision: u64,
    pub(crate) created_ms: u64,
    /// When it was bound to its node; 0 for those that stood there.
    pub(crate) bound_ms: u64,
    pub(crate) phase: Phase,
    pub(crate) ready: bool,
    /// From SIGTERM to its own end; `None`: never.
    exit_ms: Option<u64>,
    pub(crate) termination: Option<Termination>,
    /// How its processes ended.
    pub(crate) end: Option<End>,
    /// `false`: the API server does not know it any more.
    pub(crate) exists: bool,
    /// When the first eviction or delete of it reached the API server.
    pub(crate) asked_ms: Option<u64>,
    /// Its owner has made another one for it.
    pub(super) succeeded_by_other: bool,
    /// Until then its budget counts it as disrupted, although it was never deleted.
    pub(crate) spent_until_ms: u64,
}

/// `status.phase`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Pending,
    Running,
    Succeeded,
    Failed,
}

impl Phase {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Running => "Running",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
        }
    }
}

/// A pod's `deletionTimestamp` and what led to it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Termination {
    pub(crate) since_ms: u64,
    pub(crate) grace_s: u32,
    pub(crate) by: EndedBy,
    /// When the grace was given, or cut.
    pub(crate) granted_ms: u64,
    /// When SIGKILL comes.
    pub(crate) kill_ms: u64,
    /// When it will be over.
    over_ms: u64,
}

impl Termination {
    /// The `deletionTimestamp`: a cut grace counts from the first delete, too.
    pub(crate) fn ends_ms(&self) -> u64 {
        self.since_ms + u64::from(self.grace_s) * 1_000
    }
}

/// Who began a termination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EndedBy {
    /// The Eviction API, called by this environment.
    Eviction(usize),
    /// DELETE, called by this environment.
    Delete(usize),
    /// The cluster itself.
    Cluster,
}

/// The end of a pod's processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) at_ms: u64,
    /// By SIGKILL.
    pub(crate) killed: bool,
}

impl State {
    pub(crate) fn workload(&self, pod: PodId) -> &WorkloadSpec {
        let pod = &self.pods[pod];
        &self.clusters[pod.cluster].workloads[pod.workload]
    }

    /// Namespace and name.
    pub(crate) fn key(&self, pod: PodId) -> (String, String) {
        (self.workload(pod).namespace.clone(), self.pods[pod].name.clone())
    }

    /// `namespace/name`, for people.
    pub(crate) fn label(&self, pod: PodId) -> String {
        format!("{}/{}", self.workload(pod).namespace, self.pods[pod].name)
    }

    /// DaemonSet, mirror and finished pods belong to their node.
    pub(crate) fn belongs_to_node(&self, pod: PodId) -> bool {
        let kind = self.workload(pod).kind;
        matches!(kind, WorkloadKind::DaemonSet | WorkloadKind::Mirror)
            || matches!(self.pods[pod].phase, Phase::Succeeded | Phase::Failed)
    }

    /// Whether the pod has a system-critical priority class.
    pub(crate) fn is_critical(&self, pod: PodId) -> bool {
        let class = self.workload(pod).priority_class.as_deref();
        matches!(class, Some("system-cluster-critical" | "system-node-critical"))
    }

    /// The pod of this name, if the API server knows one.
    pub(crate) fn find_pod(&self, cluster: usize, namespace: &str, name: &str) -> Option<PodId> {
        let key = (namespace.to_owned(), name.to_owned());
        self.clusters[cluster].names.get(&key).copied()
    }

    pub(super) fn add_pod(&mut self, cluster: usize, workload: usize, name: String) -> PodId {
        let spec = &self.clusters[cluster].workloads[workload];
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
            bound_ms: 0,
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
        cluster.pods_revision = revision;
        cluster.names.insert((namespace.clone(), name), id);
        cluster.apps.entry((namespace, app)).or_default().insert(id);
        id
    }

    /// Binds a pod to a node, whose kubelet starts it.
    pub(super) fn bind(&mut self, id: PodId, node: &str) {
        let cluster = self.pods[id].cluster;
        let ready_ms = self.workload(id).ready_ms;
        let Some(on) = self.clusters[cluster].nodes.get_mut(node) else { return };
        on.pods.insert(id);
        if let Some(concerned) = self.concerned.get_mut(&on.instance) {
            concerned.push(id);
        }
        self.pods[id].node = Some(node.to_owned());
        self.pods[id].bound_ms = self.now_ms;
        self.changed(id, ChangeKind::Added);
        self.set_in(ready_ms, Timer::PodReady(id));
    }

    /// A standing pod takes the state that its spec gives.
    pub(super) fn stand(&mut self, id: PodId, node: &str, state: PodState) {
        if let Some(on) = self.clusters[self.pods[id].cluster].nodes.get_mut(node) {
            on.pods.insert(id);
        }
        let pod = &mut self.pods[id];
        pod.node = Some(node.to_owned());
        (pod.phase, pod.ready) = match state {
            PodState::Ready | PodState::Terminating => (Phase::Running, true),
            PodState::UnreadyUntil(_) => (Phase::Running, false),
            PodState::Succeeded => (Phase::Succeeded, false),
            PodState::Failed => (Phase::Failed, false),
        };
        match state {
            PodState::UnreadyUntil(at_ms) if at_ms < u64::MAX => self.set(at_ms, Timer::PodReady(id)),
            PodState::Terminating => self.terminate(id, None, EndedBy::Cluster),
            _ => {}
        }
    }

    fn changed(&mut self, id: PodId, kind: ChangeKind) {
        let revision = self.bump();
        let pod = &mut self.pods[id];
        pod.revision = revision;
        self.clusters[pod.cluster].pods_revision = revision;
        self.publish(id, kind);
    }

    fn is_on_living_node(&self, id: PodId) -> bool {
        let pod = &self.pods[id];
        let node = pod.node.as_ref().and_then(|name| self.clusters[pod.cluster].nodes.get(name));
        node.is_some_and(|node| node.alive)
    }

    pub(super) fn become_ready(&mut self, id: PodId) {
        let pod = &self.pods[id];
        if !pod.exists || pod.termination.is_some() || pod.end.is_some() || !self.is_on_living_node(id) {
            return;
        }
        let pod = &mut self.pods[id];
        (pod.phase, pod.ready) = (Phase::Running, true);
        let node = pod.node.clone().unwrap_or_default();
        self.note(&format!("kubernetes pod {} ready on {node}", self.label(id)));
        self.changed(id, ChangeKind::Modified);
    }

    /// Deletes a pod with `grace_s` or its own grace: SIGTERM now, SIGKILL when the grace is over.
    /// A second delete can only shorten the grace, and only if it names one, as in the API server.
    pub(crate) fn terminate(&mut self, id: PodId, asked_s: Option<u32>, by: EndedBy) {
        let grace_s = asked_s.unwrap_or(self.workload(id).grace_s);
        let now_ms = self.now_ms;
        let pod = &self.pods[id];
        let no_process = pod.node.is_none() || matches!(pod.phase, Phase::Succeeded | Phase::Failed);
        let earlier = pod.termination;
        let (since_ms, by) = earlier.map_or((now_ms, by), |t| (t.since_ms, t.by));
        let granted =
            Termination { since_ms, grace_s, by, granted_ms: now_ms, kill_ms: now_ms, over_ms: now_ms };
        if no_process || grace_s == 0 {
            if pod.end.is_none() {
                self.pods[id].termination = Some(granted);
                self.pods[id].end = Some(End { at_ms: now_ms, killed: !no_process });
            }
            self.note(&format!("kubernetes pod {} removed", self.label(id)));
            self.remove_pod(id);
            return;
        }
        if earlier.is_some_and(|earlier| asked_s.is_none_or(|seconds| seconds >= earlier.grace_s)) {
            return;
        }
        // The kubelet begins the shorter grace when it sees it.
        let kill_ms = now_ms + u64::from(grace_s) * 1_000;
        let kill_ms = earlier.map_or(kill_ms, |earlier| earlier.kill_ms.min(kill_ms));
        let exits_ms = pod.exit_ms.map(|ms| since_ms + ms);
        let over_ms = exits_ms.map_or(kill_ms, |ms| ms.min(kill_ms)).max(now_ms);
        self.pods[id].termination = Some(Termination { kill_ms, over_ms, ..granted });
        self.set(over_ms, Timer::PodEnd(id));
        let what = if earlier.is_none() { "SIGTERM, grace" } else { "grace cut to" };
        self.note(&format!("kubernetes pod {} {what} {grace_s} s", self.label(id)));
        self.changed(id, ChangeKind::Modified);
        if earlier.is_none() {
            self.owner_sees_termination(id);
        }
    }

    /// A terminating pod's time has come.
    pub(super) fn end_pod(&mut self, id: PodId) {
        let (now_ms, pod) = (self.now_ms, &self.pods[id]);
        let Some(termination) = pod.termination.filter(|t| t.over_ms == now_ms) else { return };
        if pod.end.is_some() || !self.is_on_living_node(id) {
            return;
        }
        let exited = pod.exit_ms.is_some_and(|ms| termination.since_ms + ms <= now_ms);
        self.pods[id].end = Some(End { at_ms: now_ms, killed: !exited });
        self.note(&format!("kubernetes pod {} {}", self.label(id), if exited { "ended" } else { "SIGKILL" }));
        self.remove_pod(id);
    }

    /// The machine under a pod has stopped. Its object stays.
    pub(super) fn halt_pod(&mut self, id: PodId, kill: bool) {
        let now_ms = self.now_ms;
        if kill && self.pods[id].end.is_none() {
            self.pods[id].end = Some(End { at_ms: now_ms, killed: true });
            self.note(&format!("kubernetes pod {} killed with its instance", self.label(id)));
        }
        self.pods[id].ready = false;
        self.changed(id, ChangeKind::Modified);
    }

    /// The API server forgets a pod.
    pub(super) fn remove_pod(&mut self, id: PodId) {
        if !self.pods[id].exists {
            return;
        }
        self.changed(id, ChangeKind::Deleted);
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
}
