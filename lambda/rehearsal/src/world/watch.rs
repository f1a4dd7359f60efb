//! Watches over the pods of a node: what has changed since a resourceVersion, and what changes from now on.

use serde::Serialize;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use super::pods::Pod;
use crate::facts::PodId;

/// A change of a pod, as it goes over the wire.
#[derive(Clone)]
pub(crate) struct Change {
    /// When it left.
    pub(crate) at_ms: u64,
    pub(crate) kind: ChangeKind,
    pub(crate) id: PodId,
    /// The pod after it.
    pub(crate) pod: Pod,
}

/// What happened to a pod, in the words of the watch API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum ChangeKind {
    Added,
    Modified,
    Deleted,
}

/// The watches on one node's pods.
#[derive(Default)]
pub(crate) struct Watchers {
    /// Changes since the node's pods were first listed: a watch may start there.
    history: Vec<Change>,
    is_recording: bool,
    open: Vec<UnboundedSender<Change>>,
}

impl Watchers {
    /// A client knows a revision now, and may watch from there.
    pub(crate) fn record(&mut self) {
        self.is_recording = true;
    }

    pub(super) fn publish(&mut self, at_ms: u64, kind: ChangeKind, (id, pod): (PodId, &Pod)) {
        if self.is_recording {
            let change = Change { at_ms, kind, id, pod: pod.clone() };
            self.open.retain(|watch| watch.send(change.clone()).is_ok());
            self.history.push(change);
        }
    }

    /// The changes after a revision, as a watch that opens at `at_ms` shows them.
    pub(super) fn since(&self, revision: u64, at_ms: u64) -> impl Iterator<Item = Change> {
        let later = self.history.iter().filter(move |change| change.pod.revision > revision);
        later.map(move |change| Change { at_ms, ..change.clone() })
    }

    /// A watch that shows `before`, and all changes from now on.
    pub(super) fn open(&mut self, before: Vec<Change>) -> UnboundedReceiver<Change> {
        let (sender, receiver) = mpsc::unbounded_channel();
        for change in before {
            sender.send(change).ok();
        }
        self.record();
        self.open.push(sender);
        receiver
    }

    /// All watches break.
    pub(super) fn cut(&mut self) {
        self.open.clear();
    }
}
