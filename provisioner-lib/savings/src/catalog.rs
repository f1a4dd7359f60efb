//! What could be bought: instance types, prices, and the offers that they make, each a node as it would stand in
//! the cluster.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Taint;
use serde::{Deserialize, Serialize};

use crate::{money::Money, quantity::Resources, template::Template};

const MIB: u64 = 1024 * 1024;
const GIB: u64 = 1024 * MIB;

/// Label of a node's capacity type, as EKS managed node groups set it.
pub const CAPACITY_TYPE: &str = "eks.amazonaws.com/capacityType";
/// Label of a node's zone.
pub const ZONE: &str = "topology.kubernetes.io/zone";
/// Label of a node's architecture.
pub const ARCHITECTURE: &str = "kubernetes.io/arch";
/// Label of a node's instance type.
pub const INSTANCE_TYPE: &str = "node.kubernetes.io/instance-type";
/// Label that differs from node to node.
pub const HOSTNAME: &str = "kubernetes.io/hostname";

/// Processor architecture, in Kubernetes' spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Architecture {
    /// x86_64.
    Amd64,
    /// Graviton.
    Arm64,
}

impl Architecture {
    /// Value of the label `kubernetes.io/arch`.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }
}

/// How capacity is bought.
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

/// An EC2 instance type, as DescribeInstanceTypes tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceType {
    /// `m5.large`.
    pub name: String,
    /// VCpuInfo.DefaultVCpus.
    pub vcpus: u32,
    /// MemoryInfo.SizeInMiB.
    pub memory_mib: u64,
    /// The first of ProcessorInfo.SupportedArchitectures that EKS runs on.
    pub architecture: Architecture,
    /// NetworkInfo.MaximumNetworkInterfaces.
    pub network_interfaces: u32,
    /// NetworkInfo.Ipv4AddressesPerInterface.
    pub addresses_per_interface: u32,
    /// EbsInfo.MaximumEbsAttachments where they are not shared with network interfaces; `None`: they are, 28 in
    /// all.
    #[serde(default)]
    pub ebs_attachments: Option<u32>,
    /// Disks of the instance store.
    #[serde(default)]
    pub local_disks: u32,
    /// Accelerators, by their Kubernetes resource name (`nvidia.com/gpu`).
    #[serde(default)]
    pub devices: BTreeMap<String, u64>,
    /// BareMetal.
    #[serde(default)]
    pub bare_metal: bool,
    /// BurstablePerformanceSupported: a CPU of it is not always a whole one.
    #[serde(default)]
    pub burstable: bool,
    /// CurrentGeneration.
    #[serde(default = "yes")]
    pub current_generation: bool,
}

const fn yes() -> bool {
    true
}

impl InstanceType {
    /// Pods that the VPC CNI has addresses for, the kubelet's `maxPods` on AL2023. Amazon EKS user guide, "Maximum
    /// Pods per node".
    #[must_use]
    pub fn max_pods(&self) -> u32 {
        self.network_interfaces * self.addresses_per_interface.saturating_sub(1) + 2
    }

    /// EBS volumes beside the root volume, with every network interface in use. Amazon EC2 user guide, "Volume
    /// limits": on Nitro 28 attachments are shared by volumes, network interfaces and local disks.
    #[must_use]
    pub fn max_volumes(&self) -> u32 {
        match self.ebs_attachments {
            Some(attachments) => attachments.saturating_sub(1),
            None => 27_u32.saturating_sub(self.network_interfaces + self.local_disks).max(1),
        }
    }

    /// What pods can have of a node, as AL2023's nodeadm sets the kubelet up: kube-reserved CPU 6 % of the first
    /// core, 1 % of the second, 0.5 % of the next two, 0.25 % of the others; kube-reserved memory 255 MiB and
    /// 11 MiB a pod, 100 MiB eviction threshold; 1 GiB of the volume reserved, 10 % eviction threshold.
    ///
    /// The kernel and the hypervisor keep memory, too. How much is known only from a running node; 7.5 % is more
    /// than any known type keeps (Karpenter documentation, "VM_MEMORY_OVERHEAD_PERCENT").
    #[must_use]
    pub fn allocatable(&self, max_pods: u32, root_volume_gib: u64) -> Resources {
        let cores = u64::from(self.vcpus);
        // Hundredths of a thousandth of a CPU.
        let of = |cores: u64, share: u64| cores * share;
        let reserved = of(cores.min(1), 6000)
            + of(cores.saturating_sub(1).min(1), 1000)
            + of(cores.saturating_sub(2).min(2), 500)
            + of(cores.saturating_sub(4), 250);
        let memory = self.memory_mib * MIB / 1000 * 925;
        let volume = root_volume_gib * GIB;
        Resources {
            cpu: (cores * 1000).saturating_sub(reserved.div_ceil(100)),
            memory: memory.saturating_sub((255 + 11 * u64::from(max_pods) + 100) * MIB),
            ephemeral_storage: (volume - volume / 10).saturating_sub(GIB),
            extended: self.devices.clone(),
        }
    }
}

/// What an hour costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Price {
    /// The instance type.
    pub instance_type: String,
    /// The zone; `None`: every zone of the region.
    #[serde(default)]
    pub zone: Option<String>,
    /// How it is bought.
    pub market: Market,
    /// For one hour.
    pub hourly: Money,
}

/// What a running node of a type showed, where one runs today: it counts before the rules.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Observed {
    /// status.allocatable.
    pub allocatable: Resources,
    /// status.allocatable.pods.
    pub max_pods: Option<u32>,
    /// Attachable volumes that the EBS CSI driver reports (CSINode).
    pub max_volumes: Option<u32>,
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

/// Which offers a catalog makes.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Zones that the cluster has subnets in.
    pub zones: BTreeSet<String>,
    /// Markets to buy from.
    pub markets: BTreeSet<Market>,
    /// Architectures that the pods' images are there for.
    pub architectures: BTreeSet<Architecture>,
    /// The biggest node, in vCPUs. A cluster of few big nodes loses much with each.
    pub max_vcpus: Option<u32>,
    /// Size of the kubelet's volume.
    pub root_volume_gib: u64,
    /// Whether types whose CPU is lent by credits are offered.
    pub burstable: bool,
    /// What runs today, by instance type.
    pub observed: BTreeMap<String, Observed>,
    /// Labels and taints that nodes can come up with, one for each kind of node group.
    pub templates: Vec<Template>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            zones: BTreeSet::new(),
            markets: [Market::OnDemand].into(),
            architectures: [Architecture::Amd64].into(),
            max_vcpus: None,
            root_volume_gib: 20,
            burstable: false,
            observed: BTreeMap::new(),
            templates: vec![Template::default()],
        }
    }
}

/// A node that could be had: a type in a zone, from a market, with the labels and taints of a template.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Offer {
    /// The instance type.
    pub instance_type: String,
    /// The zone.
    pub zone: String,
    /// How it is bought.
    pub market: Market,
    /// For one hour.
    pub hourly: Money,
    /// What pods can have of it, DaemonSets' pods included.
    pub allocatable: Resources,
    /// Pods at most, DaemonSets' pods included.
    pub max_pods: u32,
    /// EBS volumes at most.
    pub max_volumes: u32,
    /// All labels but [`HOSTNAME`].
    pub labels: BTreeMap<String, String>,
    /// All taints.
    pub taints: Vec<Taint>,
}

impl Catalog {
    /// All offers, in a fixed order. Bare metal and former generations are not among them.
    #[must_use]
    pub fn offers(&self, settings: &Settings) -> Vec<Offer> {
        let types: BTreeMap<&str, &InstanceType> = self
            .types
            .iter()
            .filter(|found| settings.admits(found))
            .map(|found| (found.name.as_str(), found))
            .collect();
        // A price of the zone counts before one of the region.
        let mut prices = BTreeMap::new();
        for price in self.prices.iter().filter(|price| settings.markets.contains(&price.market)) {
            for zone in &settings.zones {
                let key = (price.instance_type.as_str(), price.market, zone.as_str());
                if price.zone.as_ref() == Some(zone) {
                    prices.insert(key, price.hourly);
                } else if price.zone.is_none() {
                    prices.entry(key).or_insert(price.hourly);
                }
            }
        }
        let mut offers = Vec::new();
        for ((name, market, zone), hourly) in prices {
            let Some(instance_type) = types.get(name) else { continue };
            for template in &settings.templates {
                offers.push(self.offer(settings, instance_type, market, zone, hourly, template));
            }
        }
        offers
    }

    fn offer(
        &self,
        settings: &Settings,
        instance_type: &InstanceType,
        market: Market,
        zone: &str,
        hourly: Money,
        template: &Template,
    ) -> Offer {
        let observed = settings.observed.get(&instance_type.name);
        let max_pods = observed.and_then(|seen| seen.max_pods).unwrap_or_else(|| instance_type.max_pods());
        let mut labels = template.labels.clone();
        for (name, value) in [
            (ARCHITECTURE, instance_type.architecture.label()),
            ("beta.kubernetes.io/arch", instance_type.architecture.label()),
            ("kubernetes.io/os", "linux"),
            ("beta.kubernetes.io/os", "linux"),
            (INSTANCE_TYPE, instance_type.name.as_str()),
            ("beta.kubernetes.io/instance-type", instance_type.name.as_str()),
            (ZONE, zone),
            ("failure-domain.beta.kubernetes.io/zone", zone),
            ("topology.ebs.csi.aws.com/zone", zone),
            ("topology.kubernetes.io/region", self.region.as_str()),
            ("failure-domain.beta.kubernetes.io/region", self.region.as_str()),
            (CAPACITY_TYPE, market.label()),
        ] {
            labels.insert(name.to_owned(), value.to_owned());
        }
        Offer {
            instance_type: instance_type.name.clone(),
            zone: zone.to_owned(),
            market,
            hourly,
            allocatable: observed.map_or_else(
                || instance_type.allocatable(max_pods, settings.root_volume_gib),
                |seen| seen.allocatable.clone(),
            ),
            max_pods,
            max_volumes: observed
                .and_then(|seen| seen.max_volumes)
                .unwrap_or_else(|| instance_type.max_volumes()),
            labels,
            taints: template.taints.clone(),
        }
    }
}

impl Settings {
    fn admits(&self, found: &InstanceType) -> bool {
        !found.bare_metal
            && found.current_generation
            && (self.burstable || !found.burstable)
            && self.architectures.contains(&found.architecture)
            && self.max_vcpus.is_none_or(|most| found.vcpus <= most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn m5_large() -> InstanceType {
        InstanceType {
            name: "m5.large".into(),
            vcpus: 2,
            memory_mib: 8192,
            architecture: Architecture::Amd64,
            network_interfaces: 3,
            addresses_per_interface: 10,
            ebs_attachments: None,
            local_disks: 0,
            devices: BTreeMap::new(),
            bare_metal: false,
            burstable: false,
            current_generation: true,
        }
    }

    #[test]
    fn a_node_keeps_what_al2023_reserves() {
        let small = m5_large();
        assert_eq!((small.max_pods(), small.max_volumes()), (29, 24));
        let found = small.allocatable(29, 20);
        assert_eq!(found.cpu, 1930);
        assert_eq!(found.memory / MIB, 8192 * 925 / 1000 - 255 - 11 * 29 - 100);
        assert_eq!(found.ephemeral_storage, 17 * GIB);
        let big = InstanceType { vcpus: 96, memory_mib: 384 * 1024, ..small };
        // 60 + 10 + 2 × 5 + 92 × 2.5
        assert_eq!(big.allocatable(737, 20).cpu, 96_000 - 310);
    }

    #[test]
    fn a_price_of_the_zone_counts_before_one_of_the_region_and_a_running_node_before_the_rules() {
        let price = |zone: Option<&str>, market, micros| Price {
            instance_type: "m5.large".into(),
            zone: zone.map(Into::into),
            market,
            hourly: Money::from_micros(micros),
        };
        let catalog = Catalog {
            region: "eu-central-1".into(),
            types: vec![m5_large()],
            prices: vec![
                price(Some("a"), Market::OnDemand, 1),
                price(None, Market::OnDemand, 2),
                price(Some("b"), Market::Spot, 3),
            ],
        };
        let observed = Observed { max_pods: Some(110), ..Observed::default() };
        let settings = Settings {
            zones: ["a".into(), "b".into()].into(),
            markets: [Market::OnDemand, Market::Spot].into(),
            observed: [("m5.large".to_owned(), observed)].into(),
            ..Settings::default()
        };
        let offers = catalog.offers(&settings);
        let found: Vec<_> = offers.iter().map(|offer| (offer.zone.as_str(), offer.hourly.micros())).collect();
        assert_eq!(found, [("a", 1), ("b", 2), ("b", 3)]);
        assert!(offers.iter().all(|offer| offer.max_pods == 110));
        assert_eq!(offers[2].labels[CAPACITY_TYPE], "SPOT");
    }
}
