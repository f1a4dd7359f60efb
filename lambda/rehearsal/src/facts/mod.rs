//! Facts: what exists in the world, what happens in it, and what functions ask of it, in order. The world and its wires
//! push them to a list and do not know who reads it; the observer judges by nothing else.

mod calls;
mod pods;

pub(crate) use calls::{Answer, Call, CallFact, Operation, Removal, Verb};
pub(crate) use cast_spot_handler::event::Action;
pub(crate) use pods::{
    BudgetStatus, EndedBy, PodAbout, PodClass, PodFact, PodId, Ruling, Termination, pod_of, pod_uid,
};
use serde_json::Value;

/// One fact.
#[derive(Debug, Clone)]
pub(crate) enum Fact {
    /// A cluster exists: the next one of their list.
    Cluster {
        name: String,
        /// The function knows it and may write to it.
        registered: bool,
    },
    /// Of an Auto Scaling group.
    Group(String, GroupFact),
    /// Of an instance.
    Instance(String, InstanceFact),
    /// Of a pod.
    Pod(PodId, PodFact),
    /// Of a call.
    Call(Call, CallFact),
    /// Of a function environment, by its number.
    Function(usize, FunctionFact),
    /// The handler panicked.
    Panicked(String),
    /// The run is over.
    Closed,
}

/// A fact of a group.
#[derive(Debug, Clone)]
pub(crate) enum GroupFact {
    /// It exists.
    Made(GroupAbout),
    /// Its pools give no instance any more.
    LacksCapacity,
}

/// What does not change of a group.
#[derive(Debug, Clone, Default)]
pub(crate) struct GroupAbout {
    /// It replaces by itself on a notice, or another operator replaces.
    pub(crate) is_left_alone: bool,
    /// Its process `Launch` is suspended.
    pub(crate) is_suspended: bool,
}

/// A fact of an instance.
#[derive(Debug, Clone)]
pub(crate) enum InstanceFact {
    /// It exists.
    Made(InstanceAbout),
    /// It bears a node of this name.
    Joined(String),
    /// Its node is unschedulable.
    Cordoned,
    /// EC2 announces its interruption; these pods stand on it.
    Announced(Vec<PodId>),
    /// A read from now on shows that it ends at this time.
    EndShown(u64),
    /// Another instance is launched in its stead.
    Replaced { by: String, launched_by: LaunchedBy },
    /// Its group ends it now, because a function asked for it; these pods stand on it.
    EndedForFunction { env: usize, pods: Vec<PodId> },
    /// Its processes are killed.
    Ended,
}

/// What does not change of an instance.
#[derive(Debug, Clone, Default)]
pub(crate) struct InstanceAbout {
    /// Index of its cluster.
    pub(crate) cluster: usize,
    /// The group it is in service in.
    pub(crate) group: Option<String>,
    /// Another handler owns its node.
    pub(crate) is_owned: bool,
    /// It was bought on demand.
    pub(crate) is_on_demand: bool,
    /// Availability zone.
    pub(crate) zone: String,
}

/// What made a group launch a replacement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LaunchedBy {
    /// A call of the handler.
    Handler,
    /// The notice, or that its member was gone.
    Group,
}

/// A fact of a function environment.
#[derive(Debug, Clone)]
pub(crate) enum FunctionFact {
    /// It starts: the next one of their list.
    Started,
    /// It is invoked. Lambda ends it after `limit_ms`.
    Invoked { notices: Vec<AnnouncedNotice>, limit_ms: u64 },
    /// Its process ends, or freezes after its answer: it makes no more calls.
    Ended,
    /// It has answered, with these reports.
    Answered(Vec<Value>),
    /// It was still at work when its time limit came.
    TimedOut,
}

/// A notice as a payload announces it to the function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AnnouncedNotice {
    pub(crate) instance: String,
    pub(crate) action: Action,
    /// The notice's time and two minutes, as virtual milliseconds; negative for old notices.
    pub(crate) deadline_ms: i64,
    /// Region that the event names.
    pub(crate) region: Option<String>,
}
