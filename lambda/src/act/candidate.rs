//! A pod to be evicted, and how its eviction ended: what the drain loop and the eviction of one pod exchange.

use std::{sync::Arc, time::Duration};

use tokio::sync::Notify;

use crate::plan::eviction::Obstacle;

/// A pod to be evicted. All times are from the handler's entry.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) uid: String,
    pub(super) own_grace: Duration,
    /// Whether it terminates with this grace already, which is only to become shorter.
    pub(super) terminates: bool,
    /// The time before which the API server wants no eviction of it,
    pub(super) not_before: Duration,
    /// and no delete.
    pub(super) no_delete_before: Duration,
    /// When it was first seen.
    pub(super) seen: Duration,
    /// Set off when the pod needs no more calls: it is seen terminating, or gone.
    pub(super) terminating: Arc<Notify>,
}

/// How the eviction of one pod ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum EvictionResult {
    /// An eviction was accepted.
    Evicted,
    /// A delete at the last moment was accepted; what stood in the eviction's way.
    Deleted(Obstacle),
    /// The pod is gone already, or another controller ends it.
    NotNeeded,
    /// The pod is on another instance, which has taken over the node's name.
    Elsewhere,
    /// Time ran out; what stood in the way.
    Left(Obstacle),
    /// Each delete was refused; why, and what stood in the eviction's way.
    Refused(String, Obstacle),
}

impl EvictionResult {
    /// Whether the API server accepted an eviction or a delete.
    pub(super) fn is_accepted(&self) -> bool {
        matches!(self, Self::Evicted | Self::Deleted(_))
    }

    /// Whether a PodDisruptionBudget stood in the way to the end.
    pub(super) fn is_up_to_pdbs(&self) -> bool {
        matches!(self, Self::Deleted(obstacle) | Self::Left(obstacle) | Self::Refused(_, obstacle) if obstacle.is_pdb())
    }
}

/// The effect of one answer on a pod. All times are from the handler's entry.
#[derive(Debug, Clone, Copy)]
pub(super) enum AnswerEffect {
    /// The eviction is held back, and no other one is wanted before this time.
    Held(Duration),
    /// The eviction is no longer held back.
    Free,
    /// No delete is wanted before this time.
    NoDelete(Duration),
}
