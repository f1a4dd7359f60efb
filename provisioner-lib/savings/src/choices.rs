//! What the user may choose of a comparison.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::catalog::family;

/// Hours of a month by default: a twelfth of 365 days, as in AWS Pricing Calculator.
pub const HOURS_PER_MONTH: u32 = 730;

/// The user's choices; the defaults are safe to follow.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct Choices {
    /// Hours of a month in every monthly figure: 730 by default. A year is twelve of these months.
    pub hours_per_month: u32,
    /// Discount on On-Demand prices in percent, 0 to 100, for Savings Plans, reserved capacity or a private agreement.
    /// It applies to today's nodes and to proposed ones. Spot prices have none.
    pub discount_percent: u32,
    /// Whether to compare although many pods do not request both CPU and memory, so that proposals are too small.
    pub accept_missing_requests: bool,
    /// Size of the biggest node, in vCPUs.
    pub max_vcpus: Option<u32>,
    /// Size of the smallest new node, in vCPUs.
    pub min_vcpus: Option<u32>,
    /// Families of new nodes, such as `m7i`: those that are allowed, all if there are none, and those that are not.
    pub families: Families,
    /// How the cluster's scheduler scores free resources; none for what EKS says, or else the default of Kubernetes.
    pub scoring: Option<Scoring>,
    /// Which architectures pods may get.
    pub architectures: Architectures,
    /// How much of a workload one pool or one zone may have on Spot.
    pub caps: Caps,
    /// The least that a proposal keeps, as far as today has it.
    pub floors: Floors,
    /// Soft constraints (`ScheduleAnyway`, preferred anti-affinity) are kept where all of them together cost at most
    /// this many percent more.
    pub soft_percent: u32,
    /// Percent that requests by usage have above it; none for [`crate::usage::headroom`].
    pub usage_headroom_percent: Option<u32>,
    /// Whether system-critical pods, those of `kube-system` and autoscalers may move to Spot.
    pub platform_on_spot: bool,
    /// Whether workloads stay on Spot whose pods a rehearsal kills.
    pub accept_risk: bool,
    /// Whether nodes that are marked not to be disrupted may be removed.
    pub remove_protected: bool,
}

/// Which architectures pods may get.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Architectures {
    /// Those that they name in a node selector or a required node affinity, else the one that they run on.
    #[default]
    AsNamed,
    /// The one that they run on.
    AsToday,
}

/// The greatest shares of a workload's Spot pods. EC2 interrupts pools of instance type and zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// Percent in one pool.
    pub pool_percent: u32,
    /// Percent in one zone.
    pub zone_percent: u32,
}

impl Caps {
    /// Every share is allowed.
    pub const NONE: Self = Self { pool_percent: 100, zone_percent: 100 };
}

impl Default for Caps {
    /// A third in one pool and 40 % in one zone: the loss of either leaves more than half, and three zones do.
    fn default() -> Self {
        Self { pool_percent: 34, zone_percent: 40 }
    }
}

/// The least that a proposal keeps, and never more than today has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Floors {
    /// Nodes.
    pub nodes: usize,
    /// On-Demand nodes; none for two as far as pods stay On-Demand, and for one.
    pub on_demand: Option<usize>,
    /// Zones; none for all of today's.
    pub zones: Option<usize>,
}

impl Floors {
    /// A proposal may be one Spot node.
    pub const NONE: Self = Self { nodes: 0, on_demand: Some(0), zones: Some(0) };
}

impl Default for Floors {
    fn default() -> Self {
        Self { nodes: 2, on_demand: None, zones: None }
    }
}

/// Instance families, such as `m7i`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Families {
    /// The only ones that are offered; all if there are none.
    pub only: BTreeSet<String>,
    /// Those that are not offered.
    pub without: BTreeSet<String>,
}

impl Families {
    /// Whether types of this name are offered.
    #[must_use]
    pub fn admit(&self, instance_type: &str) -> bool {
        let family = family(instance_type);
        (self.only.is_empty() || self.only.contains(family)) && !self.without.contains(family)
    }
}

/// How the scheduler scores free resources of nodes: `kubeSchedulerConfig.nodeResourcesFit.scoringStrategy` of an EKS
/// cluster.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scoring {
    /// Prefers nodes with most of it.
    #[default]
    LeastAllocated,
    /// Prefers nodes with least of it.
    MostAllocated,
}

impl Default for Choices {
    fn default() -> Self {
        Self {
            hours_per_month: HOURS_PER_MONTH,
            discount_percent: 0,
            accept_missing_requests: false,
            max_vcpus: None,
            min_vcpus: None,
            families: Families::default(),
            scoring: None,
            architectures: Architectures::AsNamed,
            caps: Caps::default(),
            floors: Floors::default(),
            soft_percent: 5,
            usage_headroom_percent: None,
            platform_on_spot: false,
            accept_risk: false,
            remove_protected: false,
        }
    }
}
