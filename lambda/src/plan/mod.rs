//! Decisions, pure: what follows from a signal, what happens to each pod and when, how a replacement is asked for.
//! Nothing here waits, reads a clock or knows a client; time is a [`Duration`] since the handler's entry.

use std::time::Duration;

pub(crate) mod capacity;
pub mod claim;
pub mod cordon;
pub mod course;
pub(crate) mod disruption;
pub(crate) mod eviction;
pub(crate) mod group_deadline;
pub(crate) mod node;
pub(crate) mod owner;
pub(crate) mod replacement;
pub(crate) mod retry;
pub(crate) mod timetable;
pub(crate) mod toleration;
pub mod undo;
pub(crate) mod verdict;

/// The choices of the operator (see [`crate::config`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Treatment at the last moment of a pod whose eviction is not accepted.
    pub pdb: PdbPolicy,
    /// How a replacement is asked for.
    pub replacement: ReplacementPolicy,
    /// Whether a replacement is asked for also where the instance is stopped or hibernated.
    pub replace_stopped: bool,
    /// Time before the deadline by which pods have to be gone.
    pub margin: Duration,
    /// How long the function stays after the cordon for pods that are bound late; `None`: to the last moment.
    pub stay: Option<Duration>,
    /// Whether the function plans and reports without any write.
    pub dry_run: bool,
}

/// Treatment at the last moment of a pod whose eviction is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PdbPolicy {
    /// Delete it with the grace that is left, whatever stands in its eviction's way.
    Delete,
    /// Leave it to be killed with the instance.
    Leave,
}

/// How a replacement is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplacementPolicy {
    /// Detach.
    Auto,
    /// Only watch the group replace the instance.
    Verify,
    /// No call.
    None,
}
