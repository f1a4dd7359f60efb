//! The options of `cast-spot savings` that decide what is proposed.

use std::collections::BTreeSet;

use cast_spot_savings::choices::{Architectures, Caps, Choices, Families, Floors, HOURS_PER_MONTH, Scoring};
use clap::{ValueEnum, value_parser};

use crate::terminal::Diagnostic;

const PROPOSED: &str = "What is proposed";

/// The user's choices; the defaults are safe to follow.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub(super) struct ChoiceArgs {
    /// Hours of a month, 1 to 744: 720 is 30 days
    #[arg(long, value_name = "N", help_heading = "Prices", default_value_t = HOURS_PER_MONTH)]
    #[arg(value_parser = value_parser!(u32).range(1..=744))]
    hours: u32,

    /// Percent taken off every On-Demand price, for Savings Plans, reserved capacity or a private agreement; Spot
    /// prices have no discount
    #[arg(long, value_name = "PERCENT", help_heading = "Prices", default_value_t = 0)]
    #[arg(value_parser = value_parser!(u32).range(0..=99))]
    discount: u32,

    /// Compare although many pods do not request both CPU and memory
    #[arg(long, help_heading = PROPOSED)]
    accept_missing_requests: bool,

    /// The biggest proposed node, in vCPUs [default: any]
    #[arg(long, value_name = "N", help_heading = PROPOSED, value_parser = value_parser!(u32).range(1..))]
    max_vcpus: Option<u32>,

    /// The smallest proposed node, in vCPUs [default: any]
    #[arg(long, value_name = "N", help_heading = PROPOSED, value_parser = value_parser!(u32).range(1..))]
    min_vcpus: Option<u32>,

    /// Propose these families alone, such as m7i,c7i [default: all]
    #[arg(long, value_name = "FAMILY,...", help_heading = PROPOSED, value_delimiter = ',')]
    families: Vec<String>,

    /// Propose none of these families
    #[arg(long, value_name = "FAMILY,...", help_heading = PROPOSED, value_delimiter = ',')]
    without_families: Vec<String>,

    /// Keep every pod on the architecture that it runs on, also one that names others
    #[arg(long, help_heading = PROPOSED)]
    same_architectures: bool,

    /// How the cluster's scheduler scores nodes [default: nodeResourcesFit.scoringStrategy of EKS, or least-allocated]
    #[arg(long, value_name = "STRATEGY", value_enum, help_heading = PROPOSED)]
    scoring: Option<Strategy>,

    /// Greatest part of a workload's Spot pods in one pool of instance type and zone
    #[arg(long, value_name = "PERCENT", help_heading = PROPOSED, default_value_t = Caps::default().pool_percent)]
    #[arg(value_parser = value_parser!(u32).range(1..=100))]
    most_in_pool: u32,

    /// Greatest part of a workload's Spot pods in one zone
    #[arg(long, value_name = "PERCENT", help_heading = PROPOSED, default_value_t = Caps::default().zone_percent)]
    #[arg(value_parser = value_parser!(u32).range(1..=100))]
    most_in_zone: u32,

    /// Least nodes, but never more than today
    #[arg(long, value_name = "N", help_heading = PROPOSED, default_value_t = Floors::default().nodes)]
    min_nodes: usize,

    /// Least On-Demand nodes [default: 2, or 1 for one pod On-Demand]
    #[arg(long, value_name = "N", help_heading = PROPOSED)]
    min_on_demand: Option<usize>,

    /// Least zones [default: all of today's]
    #[arg(long, value_name = "N", help_heading = PROPOSED)]
    min_zones: Option<usize>,

    /// Keep soft spread and anti-affinity where that costs at most this much more
    #[arg(long, value_name = "PERCENT", help_heading = PROPOSED, default_value_t = Choices::default().soft_percent)]
    #[arg(value_parser = value_parser!(u32).range(0..=100))]
    soft_constraints: u32,

    /// How much more than usage requests are in the configuration by usage [default: 50, and 15 with --prometheus]
    #[arg(long, value_name = "PERCENT", help_heading = PROPOSED, value_parser = value_parser!(u32).range(0..=900))]
    usage_headroom: Option<u32>,

    /// Let system-critical pods, those of kube-system and autoscalers move to Spot
    #[arg(long, help_heading = PROPOSED)]
    platform_on_spot: bool,

    /// Keep workloads on Spot whose pods the rehearsal kills
    #[arg(long, help_heading = PROPOSED)]
    accept_risk: bool,

    /// Let nodes go that are marked not to be disrupted
    #[arg(long, help_heading = PROPOSED)]
    remove_protected: bool,
}

/// [`Scoring`] as EKS names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Strategy {
    LeastAllocated,
    MostAllocated,
}

impl ChoiceArgs {
    /// Adds the faults of options that contradict each other.
    pub(super) fn check(&self, diagnostics: &mut Vec<Diagnostic>) {
        if let (Some(least), Some(most)) = (self.min_vcpus, self.max_vcpus)
            && least > most
        {
            let text = format!("--min-vcpus {least}: more than --max-vcpus {most}");
            diagnostics.push(Diagnostic::new(text, "no node is between the two: give a smaller one"));
        }
        for family in self.families.iter().filter(|family| self.without_families.contains(family)) {
            let text = format!("--families {family}: --without-families has it, too");
            diagnostics.push(Diagnostic::new(text, "leave it out of one of the two"));
        }
    }

    /// The choices for the comparison.
    pub(super) fn choices(&self) -> Choices {
        let names = |families: &[String]| families.iter().cloned().collect::<BTreeSet<_>>();
        Choices {
            hours_per_month: self.hours,
            discount_percent: self.discount,
            accept_missing_requests: self.accept_missing_requests,
            max_vcpus: self.max_vcpus,
            min_vcpus: self.min_vcpus,
            families: Families { only: names(&self.families), without: names(&self.without_families) },
            scoring: self.scoring.map(|strategy| match strategy {
                Strategy::LeastAllocated => Scoring::LeastAllocated,
                Strategy::MostAllocated => Scoring::MostAllocated,
            }),
            architectures: if self.same_architectures {
                Architectures::AsToday
            } else {
                Architectures::AsNamed
            },
            caps: Caps { pool_percent: self.most_in_pool, zone_percent: self.most_in_zone },
            floors: Floors { nodes: self.min_nodes, on_demand: self.min_on_demand, zones: self.min_zones },
            soft_percent: self.soft_constraints,
            usage_headroom_percent: self.usage_headroom,
            platform_on_spot: self.platform_on_spot,
            accept_risk: self.accept_risk,
            remove_protected: self.remove_protected,
        }
    }
}
