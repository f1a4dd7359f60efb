//! The description of a world, as plain data: what exists in it, what goes wrong, and when the function is invoked.
//!
//! Times are whole virtual milliseconds since the start of the rehearsal (the first notice, as a rule).

use std::collections::BTreeMap;

/// What EC2 does to an interrupted instance.
pub use cast_spot_handler::event::Action;
use jiff::Timestamp;
use serde_json::Value;

use crate::faults::Fault;

mod machines;
mod pods;

pub use machines::*;
pub use pods::*;

/// Everything that a run needs. Equal specs give equal traces.
#[derive(Debug, Clone, Default)]
pub struct WorldSpec {
    /// Seeds jitter, exit times and names.
    pub seed: u64,
    /// Wall clock at 0 ms. Notices carry it in whole seconds, as EventBridge does.
    pub start: Timestamp,
    /// EKS clusters.
    pub clusters: Vec<ClusterSpec>,
    /// Auto Scaling groups.
    pub groups: Vec<GroupSpec>,
    /// What EC2 will do.
    pub notices: Vec<Notice>,
    /// Invocations of the function. A notice without a delivery is one that got lost.
    pub deliveries: Vec<DeliverySpec>,
    /// Time that calls and machines take.
    pub pace: Pace,
    /// Bucket of EC2's request throttling, shared by all functions; `None`: EC2 never throttles.
    pub ec2_bucket: Option<Bucket>,
    /// Pods carry all that real ones do, some 10 kB each, where a rehearsal needs a tenth of it.
    pub full_pods: bool,
    /// Each node of a list is as large as this, by the images on it. 0: as small as a rehearsal needs it.
    pub node_bytes: usize,
    /// What goes wrong with calls.
    pub faults: Vec<Fault>,
    /// How the function runs.
    pub settings: Settings,
}

/// Time that calls and machines take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// One call, there and back. The effect happens after the first half.
    pub latency_ms: u64,
    /// Up to so much is added to a call, seeded.
    pub jitter_ms: u64,
    /// From the launch of an instance to its Ready node.
    pub boot_ms: u64,
    /// From an instance's end to the group noticing that it is one short.
    pub health_check_ms: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { latency_ms: 20, jitter_ms: 0, boot_ms: 45_000, health_check_ms: 15_000 }
    }
}

/// A token bucket of an AWS API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// Calls that pass at once.
    pub burst: u32,
    /// Tokens that come back each second.
    pub per_second: u32,
}

/// EC2's published bucket for calls that change nothing, per account and region.
pub const EC2_BUCKET: Bucket = Bucket { burst: 100, per_second: 20 };

/// How the function runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Each invocation starts with nothing cached: the API server's address is fetched inside of it.
    pub cold: bool,
    /// The function's environment carries addresses and CAs of the registered clusters, as the provisioner writes
    /// them.
    pub endpoints: bool,
    /// Environment of the function, over the registered clusters' names that the run fills in.
    pub env: BTreeMap<String, String>,
    /// Time limit of one invocation (Lambda's timeout).
    pub time_limit_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { cold: false, endpoints: true, env: BTreeMap::new(), time_limit_ms: 180_000 }
    }
}

/// One EKS cluster.
#[derive(Debug, Clone, Default)]
pub struct ClusterSpec {
    /// Name; instances carry it in their tags.
    pub name: String,
    /// `true`: the function knows it and may write to it.
    pub registered: bool,
    /// Instances and their nodes.
    pub nodes: Vec<NodeSpec>,
    /// Pods, by what owns them.
    pub workloads: Vec<WorkloadSpec>,
    /// PodDisruptionBudgets.
    pub pdbs: Vec<PdbSpec>,
    /// Namespaces that are being deleted. All others are simply there.
    pub terminating: Vec<TerminatingNamespace>,
    /// Pods that others delete.
    pub deletions: Vec<Deletion>,
    /// Seats of API priority and fairness for calls that change something; `None`: as many as asked for.
    pub seats: Option<Seats>,
}

/// Seats of one priority level of an API server (API priority and fairness).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seats {
    /// Calls that are served at once.
    pub concurrent: u32,
    /// Calls that wait for a seat. Beyond them, a call is answered 429 with Retry-After 1.
    pub queue: u32,
    /// Time that a call keeps its seat.
    pub service_ms: u64,
}

/// What EC2 announces for one instance, and does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Instance id.
    pub instance: String,
    /// What EC2 will do.
    pub action: Action,
    /// When the notice is issued.
    pub at_ms: u64,
    /// From the notice to the end of the instance. Two minutes, where EC2 keeps its word.
    pub lead_ms: u64,
}

/// One invocation of the function. Each has an environment of its own, as Lambda runs one invocation at
/// a time in each.
#[derive(Debug, Clone, PartialEq)]
pub struct DeliverySpec {
    /// When the function is invoked.
    pub at_ms: u64,
    /// What it gets: an EventBridge event or an SQS batch of such.
    pub payload: Value,
    /// The function dies so long after its start, and Lambda invokes it again 60 s later (once).
    pub crash_after_ms: Option<u64>,
}
