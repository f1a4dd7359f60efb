//! The offers of a catalog: nodes as they would be in the cluster, with labels and taints.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Taint;

use crate::{
    catalog::{Architecture, Catalog, InstanceType, Market, is_local_zone},
    choices::Families,
    machines::{KeptMemory, Machine, Observed},
    money::Money,
    quantity::Resources,
    shown::Shown,
    template::Template,
};

/// Selects the offers of a catalog. The default has none.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings {
    /// Zones that the cluster has subnets in.
    pub zones: BTreeSet<String>,
    /// Markets to buy from.
    pub markets: BTreeSet<Market>,
    /// Architectures for which the images of the cluster's pods exist.
    pub architectures: BTreeSet<Architecture>,
    /// Size of the biggest node, in vCPUs. A cluster of few big nodes loses much with each.
    pub max_vcpus: Option<u32>,
    /// Size of the smallest node, in vCPUs.
    pub min_vcpus: Option<u32>,
    /// Families of instance types.
    pub families: Families,
    /// Size of the kubelet's volume in bytes, for types that do not run today.
    pub root_volume: u64,
    /// Memory that kernel and hypervisor keep of types that do not run today.
    pub kept_memory: KeptMemory,
    /// Whether the VPC CNI assigns prefixes, so that nodes take more pods.
    pub prefixes: bool,
    /// Whether burstable types are offered.
    pub burstable: bool,
    /// Capacities of running nodes, by instance type.
    pub observed: BTreeMap<String, Observed>,
    /// Labels of new nodes that follow from what they are.
    pub shown: Shown,
    /// Whether types with accelerators are offered.
    pub accelerators: bool,
    /// Labels and taints of new nodes, one template for each kind of node group.
    pub templates: Vec<Template>,
}

/// A node on offer: a type in a zone, from a market, with the labels and taints of a template.
#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    /// The instance type.
    pub instance_type: String,
    /// The zone.
    pub zone: String,
    /// The purchase option.
    pub market: Market,
    /// For one hour.
    pub hourly: Money,
    /// Virtual CPUs.
    pub vcpus: u32,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// Allocatable resources, DaemonSets' pods included.
    pub allocatable: Resources,
    /// Pods at most, DaemonSets' pods included.
    pub max_pods: u32,
    /// EBS volumes at most.
    pub max_volumes: u32,
    /// All labels but `kubernetes.io/hostname`.
    pub labels: BTreeMap<String, String>,
    /// All taints.
    pub taints: Vec<Taint>,
}

impl Machine {
    /// A new node, without a name and pods.
    #[must_use]
    pub fn of(offer: &Offer) -> Self {
        Self {
            instance_type: Some(offer.instance_type.clone()),
            zone: Some(offer.zone.clone()),
            market: Some(offer.market),
            market_is_known: true,
            vcpus: offer.vcpus,
            memory_mib: offer.memory_mib,
            allocatable: offer.allocatable.clone(),
            hourly: Some(offer.hourly),
            ..Self::default()
        }
    }
}

impl Catalog {
    /// All offers in a fixed order, without bare metal and former generations.
    #[must_use]
    pub fn offers(&self, settings: &Settings) -> Vec<Offer> {
        let types: BTreeMap<&str, &InstanceType> = self
            .types
            .iter()
            .filter(|found| settings.admits(found))
            .map(|found| (found.name.as_str(), found))
            .collect();
        // A price of the zone overrides one of the region.
        let mut prices = BTreeMap::new();
        for price in self.prices.iter().filter(|price| settings.markets.contains(&price.market)) {
            for zone in &settings.zones {
                let key = (price.instance_type.as_str(), price.market, zone.as_str());
                if price.zone.as_ref() == Some(zone) {
                    prices.insert(key, price.hourly);
                } else if price.zone.is_none() && !is_local_zone(&self.region, zone) {
                    prices.entry(key).or_insert(price.hourly);
                }
            }
        }
        let mut offers = Vec::new();
        for ((name, market, zone), hourly) in prices {
            let Some(instance_type) = types.get(name) else { continue };
            let observed = settings.observed.get(name);
            let calculated = || {
                instance_type
                    .allocatable(settings.root_volume, settings.kept_memory.hundredths(instance_type))
            };
            let allocatable = observed.map_or_else(calculated, |seen| seen.allocatable.clone());
            let max_pods = observed.and_then(|seen| seen.max_pods);
            let most_pods = if settings.prefixes {
                instance_type.max_pods_with_prefixes()
            } else {
                instance_type.max_pods()
            };
            let max_volumes = observed.and_then(|seen| seen.max_volumes);
            let own = settings.shown.labels(instance_type, &self.region, zone, market);
            for template in settings.templates.iter().filter(|found| found.admits(instance_type, market)) {
                let mut labels = template.labels.clone();
                labels.extend(own.clone());
                offers.push(Offer {
                    instance_type: name.to_owned(),
                    zone: zone.to_owned(),
                    market,
                    hourly,
                    vcpus: instance_type.vcpus,
                    memory_mib: instance_type.memory_mib,
                    allocatable: allocatable.clone(),
                    max_pods: max_pods.unwrap_or(most_pods),
                    max_volumes: max_volumes.unwrap_or_else(|| instance_type.max_volumes()),
                    labels,
                    taints: template.taints.clone(),
                });
            }
        }
        offers
    }
}

impl Settings {
    fn admits(&self, found: &InstanceType) -> bool {
        !found.bare_metal
            && found.current_generation
            && (self.burstable || !found.burstable)
            && self.architectures.contains(&found.architecture)
            && (self.accelerators || found.devices.is_empty())
            && self.max_vcpus.is_none_or(|most| found.vcpus <= most)
            && self.min_vcpus.is_none_or(|least| found.vcpus >= least)
            && self.families.admit(&found.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{CAPACITY_TYPE, Price, tests::m5_large};

    #[test]
    fn zonal_price_and_observed_capacity_take_precedence() {
        let price = |zone: Option<&str>, market, micros| Price {
            instance_type: "m5.large".into(),
            zone: zone.map(Into::into),
            market,
            hourly: Money::from_micros(micros),
            spread: None,
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
            architectures: [Architecture::Amd64].into(),
            observed: [("m5.large".to_owned(), observed)].into(),
            templates: vec![Template::default()],
            ..Settings::default()
        };
        let offers = catalog.offers(&settings);
        let found: Vec<_> = offers.iter().map(|offer| (offer.zone.as_str(), offer.hourly.micros())).collect();
        assert_eq!(found, [("a", 1), ("b", 2), ("b", 3)]);
        assert!(offers.iter().all(|offer| offer.max_pods == 110));
        assert_eq!(offers[2].labels[CAPACITY_TYPE], "SPOT");
    }
}
