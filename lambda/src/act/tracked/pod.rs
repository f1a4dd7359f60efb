//! One pod of the node: what is known of it and what was tried.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::sync::Notify;

use crate::{
    act::candidate::{Candidate, EvictionResult},
    plan::verdict::{Verdict, Wave, judge, own_grace},
    ports::{Metadata, Pod},
};

/// State of the grace of a pod that others had ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    Not,
    /// A call for a shorter one is under way.
    Asked,
    Done,
}

/// One pod.
#[derive(Debug)]
pub(super) struct Tracked {
    pub(super) pod: Pod,
    pub(super) verdict: Verdict,
    /// When it was first seen, from the handler's entry.
    pub(super) seen: Duration,
    pub(super) terminating: Arc<Notify>,
    pub(super) gone: Arc<Notify>,
    pub(super) handed_out: bool,
    /// Whether a pod of its controller was evicted before, and it may come again: not evicted for now.
    pub(super) came_back: bool,
    /// The end by which its grace was cut.
    pub(super) cut_to: Option<Duration>,
    pub(super) cut: Cut,
    /// Whether the last answer held the eviction back.
    pub(super) held: Option<bool>,
    pub(super) not_before: Duration,
    pub(super) no_delete_before: Duration,
    pub(super) result: Option<(EvictionResult, u64)>,
    pub(super) gone_ms: Option<u64>,
}

impl Tracked {
    /// A pod that was first seen at `seen`.
    pub(super) fn new(pod: Pod, seen: Duration, came_back: bool) -> Self {
        Self {
            verdict: judge(&pod),
            seen,
            came_back,
            pod,
            terminating: Arc::default(),
            gone: Arc::default(),
            handed_out: false,
            cut_to: None,
            cut: Cut::Not,
            held: None,
            not_before: Duration::ZERO,
            no_delete_before: Duration::ZERO,
            result: None,
            gone_ms: None,
        }
    }

    pub(super) fn mark_gone(&mut self, now: Duration) {
        self.gone_ms.get_or_insert(u64::try_from(now.as_millis()).unwrap_or(u64::MAX));
        self.terminating.notify_one();
        self.gone.notify_one();
    }

    pub(super) fn is_to_go(&self, wave: Wave) -> bool {
        self.verdict == Verdict::Evict(wave)
            && !self.handed_out
            && !self.came_back
            && self.gone_ms.is_none()
            && self.pod.metadata.deletion_timestamp.is_none()
    }

    pub(super) fn is_over(&self) -> bool {
        self.gone_ms.is_some()
            || self.came_back
            || matches!(
                self.result,
                Some((EvictionResult::Refused(..) | EvictionResult::Left(_) | EvictionResult::Elsewhere, _))
            )
    }

    /// Whether an answer is awaited.
    pub(super) fn is_in_flight(&self) -> bool {
        self.cut == Cut::Asked || (self.handed_out && self.result.is_none())
    }

    pub(super) fn is_terminating(&self) -> bool {
        self.pod.metadata.deletion_timestamp.is_some()
            && self.verdict.wave().is_some()
            && self.gone_ms.is_none()
    }

    /// When the grace of a terminating pod ends, from the handler's entry.
    pub(super) fn ends(&self, entered: Timestamp) -> Option<Duration> {
        let ends = self.pod.metadata.deletion_timestamp?.duration_since(entered);
        Duration::try_from(ends).ok()
    }

    /// The grace that the pod was deleted with: its own, or the delete's.
    pub(super) fn granted(&self) -> Duration {
        let seconds = self.pod.metadata.deletion_grace_period_seconds;
        seconds.map_or(own_grace(&self.pod), |s| Duration::from_secs(u64::try_from(s).unwrap_or_default()))
    }

    pub(super) fn candidate(&self, terminating: Arc<Notify>) -> Candidate {
        let Metadata { namespace, name, uid, .. } = &self.pod.metadata;
        Candidate {
            namespace: namespace.clone(),
            name: name.clone(),
            uid: uid.clone(),
            own_grace: own_grace(&self.pod),
            terminates: false,
            seen: self.seen,
            not_before: self.not_before,
            no_delete_before: self.no_delete_before,
            terminating,
        }
    }
}
