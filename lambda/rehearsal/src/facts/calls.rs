//! Calls of the function, and what they ask for.

use std::sync::Arc;

use super::pods::{PodId, Ruling, pod_uid};
use crate::faults::{Api, FaultKind};

/// What is called, for faults, counts and the trace.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) api: Api,
    /// The cluster whose API server is called, or that EKS is asked for.
    pub(crate) cluster: Option<String>,
    /// `DescribeInstances`, `create pods/eviction`
    pub(crate) name: String,
    /// On what.
    pub(crate) target: String,
    /// Whether it can change something.
    pub(crate) writes: bool,
}

impl Operation {
    /// Its key in call counts.
    pub(crate) fn key(&self) -> String {
        format!("{}:{}", self.api.as_str(), self.name)
    }
}

/// One call under way, as its effect sees it.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) env: usize,
    pub(crate) id: u64,
    pub(crate) operation: Arc<Operation>,
    pub(crate) sent_ms: u64,
    pub(crate) arrived_ms: u64,
    /// The caller has hung up while the call was held.
    pub(crate) hung_up: bool,
}

/// A fact of a call.
#[derive(Debug, Clone)]
pub(crate) enum CallFact {
    /// It is sent; the fault will strike it.
    Sent(Option<FaultKind>),
    /// A bucket or a lack of seats strikes it.
    Starved,
    /// It is going to show all pods of a node.
    Lists { cluster: usize, node: String, pods: Vec<PodId> },
    /// It asks for an eviction or a delete.
    Removes(Removal),
    /// It has changed a node.
    WroteNode { instance: String, node: String, uncordons: bool },
    /// It has an instance detached or terminated.
    WritesGroup { instance: String },
    /// Its answer has come back.
    Answered,
    /// It is over, answered or given up.
    Closed,
}

/// An eviction or a delete, as it arrives.
#[derive(Debug, Clone)]
pub(crate) struct Removal {
    pub(crate) verb: Verb,
    pub(crate) pod: PodId,
    /// The instance under the pod's node.
    pub(crate) instance: Option<String>,
    /// Precondition on the UID.
    pub(crate) uid: Option<String>,
    pub(crate) grace_s: Option<u32>,
    /// What the budgets say at this moment.
    pub(crate) ruling: Ruling,
    /// The caller has hung up, and the disruption is spent for nothing.
    pub(crate) is_spent: bool,
    pub(crate) answer: Answer,
}

impl Removal {
    /// Whether the precondition lets it happen to this pod.
    pub(crate) fn hits(&self) -> bool {
        self.uid.as_ref().is_none_or(|uid| *uid == pod_uid(self.pod))
    }
}

/// How a pod is asked to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verb {
    /// The Eviction API.
    Evict,
    /// DELETE, past all that stands in an eviction's way.
    Delete,
}

/// What the API server is going to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It happens.
    Accepted,
    /// To come back after so many milliseconds: 429 without a cause, or 504.
    Throttled(u64),
    /// Anything else.
    Refused,
}
