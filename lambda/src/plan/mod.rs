//! Decisions, pure: what is to become of each pod, when, and how a replacement is asked for.
//! Nothing here waits, reads a clock or knows a client; time is a [`Duration`] since the handler's entry.

use std::time::Duration;

pub mod capacity;
pub mod claim;
pub mod cordon;
pub mod course;
pub mod disruption;
pub mod eviction;
pub mod group_deadline;
pub mod node;
pub mod owner;
pub mod replacement;
pub mod retry;
pub mod timetable;
pub mod toleration;
pub mod verdict;

/// What the operator chose (see [`crate::config`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// What happens at the last moment to a pod that its PodDisruptionBudget protects.
    pub pdb: PdbPolicy,
    /// How a replacement is asked for.
    pub replacement: ReplacementPolicy,
    /// Ask for a replacement also for instances that are stopped or hibernated.
    pub replace_stopped: bool,
    /// Time before the deadline by which pods are to be gone.
    pub margin: Duration,
    /// How long the function stays after the cordon for pods that are bound late; `None`: to the last moment.
    pub stay: Option<Duration>,
    /// Plan and report, write nothing.
    pub dry_run: bool,
}

/// What happens at the last moment to a pod whose eviction is not accepted.
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
