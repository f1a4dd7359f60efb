//! What was found, as plain data: the table, the page and the JSON are made of it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

pub use crate::snapshot::Missing;
use crate::{
    catalog::Market,
    money::Money,
    verdict::{Kind, Reason},
};

/// Schema of [`Report`] as JSON. Fields are added to it, but neither removed nor given another meaning. Money is a
/// decimal number as text.
pub const SCHEMA: &str = "cast-spot.savings/1";

/// Hours of a month: 30 days, as in the savings report of the seed's product.
pub const HOURS_PER_MONTH: u32 = 720;

/// What a cluster costs, and what it could cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// Name of the cluster, where it is known.
    pub cluster: Option<String>,
    /// Region of the prices.
    pub region: Option<String>,
    /// When nodes and pods were read, where that is known.
    pub read_at: Option<Timestamp>,
    /// ISO 4217 code of all money.
    pub currency: String,
    /// [`HOURS_PER_MONTH`].
    pub hours_per_month: u32,
    /// How old the prices are.
    pub prices: Prices,
    /// As it is.
    pub today: Configuration,
    /// Every pod on On-Demand nodes of the fitting types. Today's nodes where that would cost more.
    pub on_demand: Proposal,
    /// The same, with Spot nodes for the workloads that tolerate it.
    pub spot: Proposal,
    /// Why nothing is proposed, or what is proposed cannot be compared with today; none where it can.
    pub unknown: Option<String>,
    /// What runs, and whether it could run on Spot.
    pub workloads: Vec<Workload>,
    /// Pods that have no place in a proposed configuration.
    pub unplaced: Vec<Unplaced>,
    /// What is not known, and what that does to the figures.
    pub missing: Vec<Missing>,
    /// What the figures never contain.
    pub left_out: Vec<&'static str>,
    /// What they rest on.
    pub assumptions: Vec<String>,
}

/// How old the prices are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Prices {
    /// When they were read; none without any.
    pub read_at: Option<Timestamp>,
    /// From then to now.
    pub age_seconds: Option<u64>,
    /// Spot prices are the time-weighted mean of so many days before that.
    pub spot_days: Option<u32>,
    /// Instance types with an On-Demand price.
    pub on_demand_types: usize,
    /// Pairs of instance type and zone with a Spot price.
    pub spot_pools: usize,
}

/// Nodes, and what they cost.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Configuration {
    /// An hour of all nodes whose price is known.
    pub hourly: Money,
    /// [`HOURS_PER_MONTH`] of it.
    pub monthly: Money,
    /// The parts of [`Configuration::hourly`] by market.
    pub hourly_on_demand: Money,
    /// The other part.
    pub hourly_spot: Money,
    /// Instances of EC2 whose price is not known: the sums are too small by these.
    pub unpriced: usize,
    /// Number of nodes.
    pub count: usize,
    /// Virtual CPUs of all nodes.
    pub vcpus: u32,
    /// Memory of all nodes in MiB.
    pub memory_mib: u64,
    /// Percent of the allocatable CPU that is requested.
    pub cpu_percent: Option<u32>,
    /// Percent of the allocatable memory that is requested.
    pub memory_percent: Option<u32>,
    /// Equal nodes together, the dearest first.
    pub nodes: Vec<Nodes>,
}

/// Equal nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Nodes {
    /// Instance type, with its system where that is not Linux (`m5.large (Windows)`), or what stands in its place
    /// (`fargate`).
    pub instance_type: String,
    /// How they are bought; none where nodes are not instances of EC2.
    pub market: Option<Market>,
    /// Availability Zone, where it is known.
    pub zone: Option<String>,
    /// How many.
    pub count: usize,
    /// Virtual CPUs of one.
    pub vcpus: u32,
    /// Memory of one in MiB.
    pub memory_mib: u64,
    /// An hour of one.
    pub hourly_each: Option<Money>,
    /// An hour of all.
    pub hourly: Option<Money>,
    /// A month of all.
    pub monthly: Option<Money>,
}

/// A configuration that could be, and what it saves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Proposal {
    /// The nodes.
    #[serde(flatten)]
    pub configuration: Configuration,
    /// What it is cheaper by than today; none where one of them cannot be reckoned.
    pub saves: Option<Saves>,
    /// Whether nothing cheaper was found, so that the nodes are those of today.
    pub as_today: bool,
}

/// What is saved. Never below zero.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Saves {
    /// In an hour.
    pub hourly: Money,
    /// In a month.
    pub monthly: Money,
    /// Of what is paid today, with one decimal.
    pub percent: String,
}

/// Pods of one owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Workload {
    /// Namespace.
    pub namespace: String,
    /// Kind of the owner.
    pub kind: Kind,
    /// Name of the owner.
    pub name: String,
    /// Pods that run or are to run.
    pub pods: usize,
    /// CPU that they request together, in thousandths.
    pub cpu_millis: u64,
    /// Memory that they request together, in MiB.
    pub memory_mib: u64,
    /// Pods on Spot nodes today.
    pub on_spot_today: usize,
    /// What is proposed.
    pub verdict: Verdict,
    /// Why, in the order of their weight.
    pub reasons: Vec<Reason>,
    /// What should be known before it is moved.
    pub cautions: Vec<Reason>,
    /// Types and numbers of the nodes that its pods stand on in [`Report::spot`].
    pub proposed: BTreeMap<String, usize>,
    /// What becomes of it when its Spot nodes go; none where it has none, or it was not rehearsed.
    pub risk: Option<Risk>,
}

/// Where a workload could run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// On Spot nodes.
    Spot,
    /// On On-Demand nodes.
    OnDemand,
    /// On every node.
    EveryNode,
    /// Where it is: it has no place on instances of EC2.
    Stays,
}

/// What becomes of a workload when all Spot nodes that it stands on get a notice at once: the outcome of a rehearsal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Risk {
    /// Its pods on Spot nodes.
    pub pods: usize,
    /// Of these, pods in that pool of instance type and zone that has most of them: EC2 takes pools.
    pub most_in_one_pool: usize,
    /// Ended within their grace period.
    pub ended: usize,
    /// Of these, deleted over a PodDisruptionBudget at the last moment.
    pub over_budget: usize,
    /// Killed, or left to be killed, with the instance.
    pub killed: usize,
    /// From the notices to the end of the last of them.
    pub last_end_ms: Option<u64>,
}

/// A pod that has no place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unplaced {
    /// In which configuration.
    pub configuration: Name,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub pod: String,
    /// Why.
    pub reason: String,
    /// The node that it runs on today: that stays in the configuration, and in its cost, with it. None for a pod that
    /// waits.
    pub keeps_node: Option<String>,
}

/// A configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Name {
    /// As it is.
    Today,
    /// Right-sized, On-Demand.
    OnDemand,
    /// Right-sized, with Spot.
    Spot,
}

impl Report {
    /// As text.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    /// Pods that could run on Spot, and all that are asked.
    #[must_use]
    pub fn spot_friendly(&self) -> (usize, usize) {
        let asked = self.workloads.iter().filter(|workload| workload.verdict != Verdict::EveryNode);
        asked.fold((0, 0), |(spot, all), workload| {
            (spot + if workload.verdict == Verdict::Spot { workload.pods } else { 0 }, all + workload.pods)
        })
    }
}
