//! The report as data, from which JSON, table and page are made.

mod before;
mod usage;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

pub use self::{
    before::Before,
    usage::{Usage, WorkloadUsage},
};
pub use crate::snapshot::Missing;
use crate::{
    catalog::{Market, Spread},
    money::Money,
    verdict::{Kind, Reason},
};

/// Schema of [`Report`] as JSON. Fields may be added to it, but not removed, and none changes its meaning. Money is a
/// decimal number as text.
pub const SCHEMA: &str = "cast-spot.savings/1";

/// The cost of a cluster, today and as proposed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// Name of the cluster, if it is known.
    pub cluster: Option<String>,
    /// Region of the prices.
    pub region: Option<String>,
    /// When nodes and pods were read, if that is known.
    pub read_at: Option<Timestamp>,
    /// ISO 4217 code of all money.
    pub currency: String,
    /// Hours of a month in every monthly figure; a year is twelve of these months.
    pub hours_per_month: u32,
    /// Percent taken off every On-Demand price, today's and proposed ones.
    pub discount_percent: u32,
    /// The age of the prices.
    pub prices: Prices,
    /// Today's nodes.
    pub today: Configuration,
    /// On-Demand nodes for every pod; today's nodes if those would cost more.
    pub on_demand: Proposal,
    /// The same, with Spot nodes for the workloads that tolerate it.
    pub spot: Proposal,
    /// The savings of both proposals as a range; none where [`Report::unknown`] has the reason.
    pub range: Option<Range>,
    /// What a month of [`Report::spot`] costs at the lowest and the highest Spot prices of [`Prices::spot_days`]; none
    /// without Spot nodes, or where these are not known.
    pub spot_spread: Option<Spread>,
    /// What pods use, and the nodes for requests of that size; none where usage is not known.
    pub usage: Option<Usage>,
    /// The cluster at an earlier time, where one is compared.
    pub before: Option<Before>,
    /// Why nothing is proposed, or why proposals cannot be compared with today; else none.
    pub unknown: Option<String>,
    /// Workloads, and whether they could run on Spot.
    pub workloads: Vec<Workload>,
    /// The sums of the workloads by namespace, the most expensive first.
    pub namespaces: Vec<Namespace>,
    /// The cost of what no pod requests. With the workloads it adds up to the priced nodes.
    pub unrequested: Cost,
    /// Pods without a node in a proposed configuration.
    pub unplaced: Vec<Unplaced>,
    /// Facts that are not known, and their effect on the figures.
    pub missing: Vec<Missing>,
    /// Costs that are never included.
    pub left_out: Vec<String>,
    /// Assumptions of the figures.
    pub assumptions: Vec<String>,
}

/// The age of the prices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Prices {
    /// When they were read; none without prices.
    pub read_at: Option<Timestamp>,
    /// Their age now; none where they are dated later.
    pub age_seconds: Option<u64>,
    /// Days before that of which Spot prices are the time-weighted mean.
    pub spot_days: Option<u32>,
    /// Instance types with an On-Demand price.
    pub on_demand_types: usize,
    /// Pairs of instance type and zone with a Spot price.
    pub spot_pools: usize,
}

/// Nodes and their cost.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Configuration {
    /// The price of an hour of all nodes whose price is known.
    pub hourly: Money,
    /// The price of [`Report::hours_per_month`].
    pub monthly: Money,
    /// The price of twelve months.
    pub yearly: Money,
    /// The part of [`Configuration::hourly`] for On-Demand nodes.
    pub hourly_on_demand: Money,
    /// The part of [`Configuration::hourly`] for Spot nodes.
    pub hourly_spot: Money,
    /// EC2 instances without a known price, which the sums lack.
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
    /// Groups of equal nodes, the most expensive first.
    pub nodes: Vec<Nodes>,
}

/// Equal nodes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Nodes {
    /// Instance type, with its system if that is not Linux (`m5.large (Windows)`), or `fargate`.
    pub instance_type: String,
    /// The purchase option; none if they are not EC2 instances.
    pub market: Option<Market>,
    /// Availability Zone, if it is known.
    pub zone: Option<String>,
    /// Number of nodes.
    pub count: usize,
    /// Virtual CPUs of one.
    pub vcpus: u32,
    /// Memory of one in MiB.
    pub memory_mib: u64,
    /// The price of an hour of one.
    pub hourly_each: Option<Money>,
    /// The price of an hour of all.
    pub hourly: Option<Money>,
    /// The price of a month of all.
    pub monthly: Option<Money>,
}

/// A proposed configuration and its savings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Proposal {
    /// The nodes.
    #[serde(flatten)]
    pub configuration: Configuration,
    /// The difference to today; none if one of the two is not known.
    pub saves: Option<Saves>,
    /// Whether nothing cheaper was found, so that the nodes are today's.
    pub as_today: bool,
    /// The On-Demand nodes that would cost more than today's Spot nodes, where [`Proposal::as_today`] is for that reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub more_expensive: Option<Configuration>,
}

impl Proposal {
    /// Whether it costs less than today.
    #[must_use]
    pub fn is_cheaper(&self) -> bool {
        self.saves.as_ref().is_some_and(|saves| saves.monthly > Money::ZERO)
    }

    /// The nodes that the report shows: On-Demand ones also where they cost more than today's Spot nodes.
    #[must_use]
    pub fn shown(&self) -> &Configuration {
        self.more_expensive.as_ref().unwrap_or(&self.configuration)
    }
}

/// Savings, never below zero.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Saves {
    /// Savings in an hour.
    pub hourly: Money,
    /// Savings in a month.
    pub monthly: Money,
    /// Savings in twelve months.
    pub yearly: Money,
    /// Percent of today's cost, with one decimal.
    pub percent: String,
}

/// Savings as a range.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Range {
    /// The smaller savings, as a rule those of right-sizing alone.
    pub low: Saves,
    /// The larger savings, as a rule those with Spot.
    pub high: Saves,
    /// How reliable it is.
    pub confidence: Confidence,
    /// What lowers the confidence; empty if it is high.
    pub because: Vec<String>,
}

/// How reliable figures are, as estimates of list prices for what pods request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Nothing that the figures need is missing.
    High,
    /// One thing is missing.
    Medium,
    /// More is missing.
    Low,
}

/// A workload: the pods of one owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Workload {
    /// Namespace.
    pub namespace: String,
    /// Kind of the owner.
    pub kind: Kind,
    /// Name of the owner.
    pub name: String,
    /// Running and pending pods.
    pub pods: usize,
    /// CPU that they request together, in thousandths.
    pub cpu_millis: u64,
    /// Memory that they request together, in MiB.
    pub memory_mib: u64,
    /// Pods on Spot nodes today.
    pub on_spot_today: usize,
    /// Where it could run.
    pub verdict: Verdict,
    /// Reasons for the verdict, the strongest first.
    pub reasons: Vec<Reason>,
    /// Risks to consider before it is moved.
    pub cautions: Vec<Reason>,
    /// Its part of the price of its nodes.
    pub cost: Cost,
    /// Number of its pods on each kind of node of [`Report::spot`].
    pub proposed: BTreeMap<String, usize>,
    /// Result of an interruption of its Spot nodes; none if it has none, or was not rehearsed.
    pub risk: Option<Risk>,
    /// What its pods use; none if that is not known of any.
    pub usage: Option<WorkloadUsage>,
}

/// A part of the price of nodes. A pod has the largest share of a node's CPU, memory and devices that it requests;
/// shares of more than the whole node are scaled to it. None without a node that has a price.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// For a month of [`Report::today`].
    pub monthly_today: Option<Money>,
    /// For a month of [`Report::spot`].
    pub monthly_proposed: Option<Money>,
}

impl Cost {
    /// Adds what is known of another.
    pub fn add(&mut self, other: &Self) {
        for (sum, part) in [
            (&mut self.monthly_today, other.monthly_today),
            (&mut self.monthly_proposed, other.monthly_proposed),
        ] {
            *sum = sum.map_or(part, |sum| Some(sum + part.unwrap_or_default()));
        }
    }
}

/// The workloads of a namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Namespace {
    /// Its name.
    pub name: String,
    /// Running and pending pods.
    pub pods: usize,
    /// The sum of its workloads.
    #[serde(flatten)]
    pub cost: Cost,
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
    /// Where it runs today, which is not on Linux instances of EC2.
    Stays,
}

/// Result of a rehearsal in which all Spot nodes of a workload get a notice at once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Risk {
    /// Its pods on Spot nodes.
    pub pods: usize,
    /// Of these, pods in the pool of instance type and zone that has most of them. EC2 interrupts pools.
    pub most_in_one_pool: usize,
    /// Pods that ended within their grace period.
    pub ended: usize,
    /// Of these, deleted over a PodDisruptionBudget at the last moment.
    pub over_budget: usize,
    /// Pods that were killed with the instance.
    pub killed: usize,
    /// Time from the notice to the end of the last pod.
    pub last_end_ms: Option<u64>,
}

/// A pod without a node in a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unplaced {
    /// The configuration.
    pub configuration: Name,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub pod: String,
    /// The reason.
    pub reason: String,
    /// Today's node of the pod, which stays in the configuration and in its cost. None for a pending pod.
    pub keeps_node: Option<String>,
}

/// The name of a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Name {
    /// Today's nodes.
    Today,
    /// Right-sized, On-Demand.
    OnDemand,
    /// Right-sized, with Spot.
    Spot,
    /// The same for requests that follow usage.
    Usage,
}

impl Report {
    /// The configurations to show, the proposed ones with their savings. Those sized by usage are the last, if there are any.
    #[must_use]
    pub fn configurations(&self) -> Vec<(Name, &Configuration, Option<&Proposal>)> {
        let by_usage = self.usage.as_ref().and_then(|usage| usage.proposal.as_ref());
        let proposals = [(Name::OnDemand, &self.on_demand), (Name::Spot, &self.spot)].into_iter();
        let proposals = proposals.chain(by_usage.map(|proposal| (Name::Usage, proposal)));
        let proposals = proposals.map(|(name, proposal)| (name, proposal.shown(), Some(proposal)));
        [(Name::Today, &self.today, None)].into_iter().chain(proposals).collect()
    }

    /// Whether the larger savings are more than this part of today's cost; false where they are not known.
    #[must_use]
    pub fn saves_more_than(&self, percent: u32) -> bool {
        let saves = self.range.as_ref().map_or(Money::ZERO, |range| range.high.hourly);
        i128::from(saves.micros()) * 100 > i128::from(self.today.hourly.micros()) * i128::from(percent)
    }

    /// The report as JSON.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    /// Number of pods that could run on Spot, and of all pods without DaemonSets and static ones.
    #[must_use]
    pub fn spot_friendly(&self) -> (usize, usize) {
        let asked = self.workloads.iter().filter(|workload| workload.verdict != Verdict::EveryNode);
        asked.fold((0, 0), |(spot, all), workload| {
            (spot + if workload.verdict == Verdict::Spot { workload.pods } else { 0 }, all + workload.pods)
        })
    }
}
