//! The kubelet, which starts and ends pods.

use super::{
    pods::{End, Phase},
    spec::PodState,
    state::State,
    watch::ChangeKind,
};
use crate::facts::{EndedBy, Fact, PodFact, PodId, Termination};

impl State {
    /// A standing pod takes the state that its spec gives.
    pub(super) fn stand(&mut self, id: PodId, node: &str, state: PodState) {
        self.place(id, node);
        let pod = &mut self.pods[id];
        pod.node = Some(node.to_owned());
        (pod.phase, pod.ready) = match state {
            PodState::Ready | PodState::Terminating => (Phase::Running, true),
            PodState::UnreadyUntil(_) => (Phase::Running, false),
            PodState::Succeeded => (Phase::Succeeded, false),
            PodState::Failed => (Phase::Failed, false),
        };
        match state {
            PodState::UnreadyUntil(at_ms) if at_ms < u64::MAX => {
                self.set(at_ms, move |state| state.become_ready(id));
            }
            PodState::Terminating => self.terminate(id, None, EndedBy::Cluster),
            PodState::Succeeded | PodState::Failed => self.emit(Fact::Pod(id, PodFact::Finished)),
            _ => {}
        }
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
                self.grant(id, granted);
                self.set_end(id, !no_process);
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
        self.grant(id, Termination { kill_ms, over_ms, ..granted });
        self.set(over_ms, move |state| state.end_pod(id));
        let what = if earlier.is_none() { "SIGTERM, grace" } else { "grace cut to" };
        self.note(&format!("kubernetes pod {} {what} {grace_s} s", self.label(id)));
        self.changed(id, ChangeKind::Modified);
        if earlier.is_none() {
            self.owner_sees_termination(id);
        }
    }

    fn grant(&mut self, id: PodId, termination: Termination) {
        self.pods[id].termination = Some(termination);
        self.emit(Fact::Pod(id, PodFact::Terminates(termination)));
    }

    /// The processes of a pod end.
    fn set_end(&mut self, id: PodId, is_killed: bool) {
        let at_ms = self.now_ms;
        self.pods[id].end = Some(End { at_ms, killed: is_killed });
        let is_shown_late = self.faults.shown_ms(at_ms) > at_ms;
        self.emit(Fact::Pod(id, PodFact::Ended { is_killed, is_shown_late }));
    }

    /// A terminating pod's time has come.
    pub(super) fn end_pod(&mut self, id: PodId) {
        let (now_ms, pod) = (self.now_ms, &self.pods[id]);
        let Some(termination) = pod.termination.filter(|t| t.over_ms == now_ms) else { return };
        if pod.end.is_some() || !self.is_on_living_node(id) {
            return;
        }
        let exited = pod.exit_ms.is_some_and(|ms| termination.since_ms + ms <= now_ms);
        self.set_end(id, !exited);
        self.note(&format!("kubernetes pod {} {}", self.label(id), if exited { "ended" } else { "SIGKILL" }));
        self.remove_pod(id);
    }

    /// The machine under a pod has stopped. Its object stays.
    pub(super) fn halt_pod(&mut self, id: PodId, kill: bool) {
        if kill && self.pods[id].end.is_none() {
            self.set_end(id, true);
            self.note(&format!("kubernetes pod {} killed with its instance", self.label(id)));
        }
        self.pods[id].ready = false;
        self.changed(id, ChangeKind::Modified);
    }
}
