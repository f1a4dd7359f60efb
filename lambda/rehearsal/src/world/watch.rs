//! Watches over the pods of a node: what has changed since a resourceVersion, and what changes from now on.

use bytes::Bytes;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use super::{pods::PodId, state::State};
use crate::wire::objects;

/// A change as it goes over the wire, with the time at which it left.
pub(crate) type Change = (u64, Bytes);

/// The watches on one node's pods.
#[derive(Default)]
pub(crate) struct Watchers {
    /// Changes since somebody first listed the node's pods, by revision: a watch may start there.
    history: Vec<(u64, Bytes)>,
    recording: bool,
    open: Vec<UnboundedSender<Change>>,
}

impl Watchers {
    /// Somebody knows a revision now, and may watch from there.
    pub(crate) fn record(&mut self) {
        self.recording = true;
    }
}

/// What happened to a pod, in the words of the watch API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChangeKind {
    Added,
    Modified,
    Deleted,
}

impl ChangeKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
        }
    }
}

impl State {
    /// Tells the watches of the pod's node.
    pub(super) fn publish(&mut self, id: PodId, kind: ChangeKind) {
        let pod = &self.pods[id];
        let Some(name) = pod.node.clone() else { return };
        let Some(node) = self.clusters[pod.cluster].nodes.get(&name) else { return };
        if !node.watchers.recording {
            return;
        }
        let (cluster, revision, now_ms) = (pod.cluster, pod.revision, self.now_ms);
        let line = Bytes::from(format!(
            "{{\"type\":\"{}\",\"object\":{}}}\n",
            kind.as_str(),
            objects::pod(self, id, true)
        ));
        let Some(node) = self.clusters[cluster].nodes.get_mut(&name) else { return };
        node.watchers.open.retain(|watch| watch.send((now_ms, line.clone())).is_ok());
        node.watchers.history.push((revision, line));
    }

    /// Opens a watch on the pods of a node: all changes after `since`, or all pods and their changes.
    pub(crate) fn watch_pods(
        &mut self,
        cluster: usize,
        node: &str,
        since: Option<u64>,
    ) -> UnboundedReceiver<Change> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let now_ms = self.now_ms;
        let standing: Vec<_> = match (since, self.clusters[cluster].nodes.get(node)) {
            (None, Some(node)) => node.pods.iter().copied().collect(),
            _ => Vec::new(),
        };
        for pod in standing {
            let line = format!("{{\"type\":\"ADDED\",\"object\":{}}}\n", objects::pod(self, pod, true));
            sender.send((now_ms, Bytes::from(line))).ok();
        }
        if let Some(node) = self.clusters[cluster].nodes.get_mut(node) {
            if let Some(since) = since {
                for (_, line) in node.watchers.history.iter().filter(|(revision, _)| *revision > since) {
                    sender.send((now_ms, line.clone())).ok();
                }
            }
            node.watchers.record();
            node.watchers.open.push(sender);
        }
        receiver
    }

    /// All connections to the API servers break.
    pub(super) fn cut_watches(&mut self) {
        self.note("kubernetes connections break");
        for cluster in &mut self.clusters {
            for node in cluster.nodes.values_mut() {
                node.watchers.open.clear();
            }
        }
    }
}
