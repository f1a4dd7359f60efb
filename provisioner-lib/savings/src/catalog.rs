//! Instance types and prices of a region.

mod instance_type;
mod properties;

use std::fmt;

use serde::{Deserialize, Serialize};

#[cfg(test)]
pub(crate) use self::instance_type::tests;
pub use self::instance_type::{Accelerator, Architecture, InstanceType};
pub(crate) use self::properties::family;
use crate::money::Money;

pub(crate) const MIB: u64 = 1024 * 1024;
pub(crate) const GIB: u64 = 1024 * MIB;
/// Default size of a node's volume in bytes, that of managed node groups ("diskSize" in the EKS API reference).
pub const DEFAULT_ROOT_VOLUME: u64 = 20 * GIB;

/// Label of a node's capacity type, as EKS managed node groups set it.
pub const CAPACITY_TYPE: &str = "eks.amazonaws.com/capacityType";
/// Label of a node's zone.
pub const ZONE: &str = "topology.kubernetes.io/zone";
/// Label of a node's architecture.
pub const ARCHITECTURE: &str = "kubernetes.io/arch";
/// Label of a node's instance type.
pub const INSTANCE_TYPE: &str = "node.kubernetes.io/instance-type";
/// Labels of an offered node with its architecture, system, type, zone, region and market: today's name and former ones.
pub(crate) const OFFER_LABELS: [&[&str]; 6] = [
    &[ARCHITECTURE, "beta.kubernetes.io/arch"],
    &["kubernetes.io/os", "beta.kubernetes.io/os"],
    &[INSTANCE_TYPE, "beta.kubernetes.io/instance-type"],
    &[ZONE, "failure-domain.beta.kubernetes.io/zone", "topology.ebs.csi.aws.com/zone"],
    &REGION_LABELS,
    &[CAPACITY_TYPE],
];
/// Labels of a zone: today's, and the one that volumes of the in-tree driver carry, too.
pub(crate) const ZONE_LABELS: [&str; 2] = [ZONE, "failure-domain.beta.kubernetes.io/zone"];
/// Labels of a region, today's first.
pub(crate) const REGION_LABELS: [&str; 2] =
    ["topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region"];
/// Label of an offered node with the model of its accelerators, by which pods are pinned to the one that they run on. No
/// node of a cluster has it.
pub const ACCELERATOR: &str = "cast-spot/accelerator";
/// Label that differs from node to node.
pub const HOSTNAME: &str = "kubernetes.io/hostname";

/// Whether a zone is a Local Zone or a Wavelength Zone of the region: `us-west-2-lax-1a`, `us-east-1-wl1-bos-wlz-1`. They
/// have fewer types, at prices of their own (Amazon EC2 user guide, "Local Zones").
#[must_use]
pub fn is_local_zone(region: &str, zone: &str) -> bool {
    !region.is_empty() && zone.strip_prefix(region).is_some_and(|rest| rest.starts_with('-'))
}

/// The purchase option of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Market {
    /// By the hour, until it is given back.
    OnDemand,
    /// Until EC2 takes it back.
    Spot,
}

impl Market {
    /// Value of the label [`CAPACITY_TYPE`].
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::OnDemand => "ON_DEMAND",
            Self::Spot => "SPOT",
        }
    }
}

impl fmt::Display for Market {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OnDemand => "On-Demand",
            Self::Spot => "Spot",
        })
    }
}

/// The price of an instance type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Price {
    /// The instance type.
    pub instance_type: String,
    /// The zone; `None`: every zone of the region.
    #[serde(default)]
    pub zone: Option<String>,
    /// The purchase option.
    pub market: Market,
    /// For one hour.
    pub hourly: Money,
    /// The extremes of a price that is a mean over time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spread: Option<Spread>,
}

/// The lowest and the highest of several prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Spread {
    /// The lowest.
    pub lowest: Money,
    /// The highest.
    pub highest: Money,
}

/// Instance types and prices of one region.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Catalog {
    /// The region.
    pub region: String,
    /// The types.
    pub types: Vec<InstanceType>,
    /// The prices. A type without one is not offered.
    pub prices: Vec<Price>,
}

impl Catalog {
    /// The type of this name.
    #[must_use]
    pub fn instance_type(&self, name: &str) -> Option<&InstanceType> {
        self.types.iter().find(|found| found.name == name)
    }

    /// The price of a type in a zone: its own, else that of the region, which does not hold in Local Zones.
    #[must_use]
    pub fn price(&self, name: &str, market: Market, zone: Option<&str>) -> Option<&Price> {
        let is_local = zone.is_some_and(|zone| is_local_zone(&self.region, zone));
        let of_type = self.prices.iter().rev();
        let mut of_type = of_type.filter(|price| price.market == market && price.instance_type == name);
        let of_region = of_type.clone().find(|price| price.zone.is_none() && !is_local);
        of_type.find(|price| price.zone.as_deref() == zone).or(of_region)
    }

    /// The model of a type's accelerators. A type that is not in the catalog is taken for one of its family.
    #[must_use]
    pub fn accelerator_model(&self, name: &str) -> Option<String> {
        let alike = || self.types.iter().find(|found| family(&found.name) == family(name));
        self.instance_type(name).or_else(alike)?.accelerator_model()
    }
}
