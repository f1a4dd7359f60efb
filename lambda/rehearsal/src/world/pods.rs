//! Pods.

use serde::Serialize;

use crate::facts::Termination;

/// One pod, for as long as the world remembers it.
#[derive(Clone)]
pub(crate) struct Pod {
    pub(crate) cluster: usize,
    /// Index of its workload.
    pub(crate) workload: usize,
    pub(crate) name: String,
    pub(crate) node: Option<String>,
    pub(crate) revision: u64,
    pub(crate) created_ms: u64,
    pub(crate) phase: Phase,
    pub(crate) ready: bool,
    /// From SIGTERM to its own end; `None`: never.
    pub(super) exit_ms: Option<u64>,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum Phase {
    Pending,
    Running,
    Succeeded,
    Failed,
}

/// The end of a pod's processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) at_ms: u64,
    /// By SIGKILL.
    pub(crate) killed: bool,
}
