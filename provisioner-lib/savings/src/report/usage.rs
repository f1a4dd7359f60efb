//! What pods use.

use jiff::Timestamp;
use serde::Serialize;

use super::{Proposal, Unplaced};

/// What the pods of a cluster use, and nodes for requests that follow it. No other figure depends on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// When the last pod was measured, if that is known.
    pub measured_at: Option<Timestamp>,
    /// Days of which CPU is the 95th percentile and memory the greatest; none if both are of one moment.
    pub days: Option<u32>,
    /// Running and pending pods.
    pub pods: usize,
    /// Those whose usage is known.
    pub measured: usize,
    /// CPU that these use together, in thousandths.
    pub cpu_millis: u64,
    /// Memory that these use together, in MiB.
    pub memory_mib: u64,
    /// CPU that pods use on today's nodes of EC2, in percent of what these have for pods.
    pub cpu_percent: Option<u32>,
    /// The same for memory.
    pub memory_percent: Option<u32>,
    /// Percent that the new requests are above usage.
    pub headroom_percent: u32,
    /// Nodes like those of the configuration with Spot, for the new requests; none where nothing is proposed.
    pub proposal: Option<Proposal>,
    /// Pods without a node in it.
    pub unplaced: Vec<Unplaced>,
    /// What speaks against it.
    pub risks: Vec<String>,
}

/// What the pods of a workload use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorkloadUsage {
    /// Pods whose usage is known.
    pub measured: usize,
    /// CPU that these use together, in thousandths.
    pub cpu_millis: u64,
    /// Memory that these use together, in MiB.
    pub memory_mib: u64,
    /// CPU in percent of what these request; none if they request none.
    pub cpu_percent: Option<u32>,
    /// Memory in percent of what these request.
    pub memory_percent: Option<u32>,
    /// CPU that all its pods together request if they are sized by usage, in thousandths.
    pub sized_cpu_millis: u64,
    /// The same for memory, in MiB.
    pub sized_memory_mib: u64,
}
