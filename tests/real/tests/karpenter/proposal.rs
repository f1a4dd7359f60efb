//! The proposal for the example of the savings report.

use std::collections::BTreeMap;

use cast_spot_real::karpenter::InstanceType;
use cast_spot_savings::{
    apply::{Manifests, manifests},
    catalog::{DEFAULT_ROOT_VOLUME, Market},
    choices::Choices,
    compare::{Comparison, compare},
    prices::PriceList,
    snapshot::Snapshot,
    verdict::Judged,
};
use serde_json::{Value, json, to_value};

const SHOP: &str = include_str!("../../../../provisioner-lib/savings/examples/shop.json");
const NOW: &str = "2026-11-27T12:00:00Z";

pub(crate) struct Proposal {
    pub(crate) snapshot: Snapshot,
    pub(crate) manifests: Manifests,
    prices: PriceList,
    comparison: Comparison,
}

impl Proposal {
    pub(crate) fn of_the_shop() -> Self {
        let snapshot = Snapshot::parse(SHOP).unwrap();
        let prices = snapshot.prices.clone().unwrap();
        let comparison = compare(&snapshot, Some(&prices), &Choices::default(), NOW.parse().unwrap());
        let manifests = manifests(&comparison, &snapshot, &prices).unwrap();
        Self { snapshot, manifests, prices, comparison }
    }

    /// The objects in the printed file.
    pub(crate) fn objects(&self) -> Vec<Value> {
        serde_saphyr::from_multiple(&self.manifests.to_yaml().unwrap()).unwrap()
    }

    /// All types of the price list, with the capacity that the proposal has counted on.
    pub(crate) fn instance_types(&self) -> Vec<InstanceType> {
        let catalog = &self.prices.catalog;
        let offers: BTreeMap<&str, _> = self
            .comparison
            .nodes
            .iter()
            .filter_map(|node| node.offer.as_ref())
            .map(|offer| (offer.instance_type.as_str(), offer))
            .collect();
        let types = catalog.types.iter().map(|found| {
            let offer = offers.get(found.name.as_str());
            let calculated = found.allocatable(DEFAULT_ROOT_VOLUME, None);
            let has = offer.map_or(&calculated, |offer| &offer.allocatable);
            let pods = offer.map_or_else(|| found.max_pods(), |offer| offer.max_pods);
            let mut found =
                InstanceType::new(&found.name, found.architecture.label(), has.cpu, has.memory, pods)
                    .with("ephemeral-storage", has.ephemeral_storage);
            for (resource, amount) in &has.extended {
                found = found.with(resource, *amount);
            }
            found
        });
        types.zip(&catalog.types).map(|(made, found)| self.offered(made, &found.name)).collect()
    }

    /// With each price, in each of the cluster's zones if it is of the region.
    fn offered(&self, mut made: InstanceType, name: &str) -> InstanceType {
        let zones = self.zones();
        for price in self.prices.catalog.prices.iter().filter(|price| price.instance_type == name) {
            let capacity_type = if price.market == Market::Spot { "spot" } else { "on-demand" };
            let dollars = price.hourly.micros() as f64 / 1e6;
            for zone in zones.iter().filter(|zone| price.zone.as_ref().is_none_or(|only| only == *zone)) {
                made = made.offered(zone, capacity_type, dollars);
            }
        }
        made
    }

    fn zones(&self) -> Vec<String> {
        let labels = self.snapshot.nodes.iter().filter_map(|node| node.metadata.labels.as_ref());
        let mut zones: Vec<String> =
            labels.filter_map(|labels| labels.get("topology.kubernetes.io/zone").cloned()).collect();
        zones.sort();
        zones.dedup();
        zones
    }

    /// The pods that move to new nodes, patched, with the market of their workload.
    pub(crate) fn pods(&self) -> Vec<(Value, Market)> {
        let moving =
            self.comparison.nodes.iter().filter(|node| node.offer.is_some()).flat_map(|node| &node.pods);
        let pods = moving.map(|pod| {
            let mut judged = self.comparison.judged.iter();
            let judged = judged.find(|judged| judged.owned.pods.contains(pod)).unwrap();
            let found = &self.snapshot.pods[*pod];
            let mut spec = to_value(&found.spec).unwrap();
            self.patch(judged, &mut spec);
            // Where it runs today, and what exists only there.
            for field in ["nodeName", "serviceAccountName", "serviceAccount", "priority"] {
                spec.as_object_mut().unwrap().remove(field);
            }
            let metadata = json!({
                "name": found.metadata.name, "namespace": found.metadata.namespace, "labels": found.metadata.labels,
            });
            let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec });
            (pod, judged.market.unwrap())
        });
        pods.collect()
    }

    /// Adds what the workload's patch adds to its pod template. Its lists replace others, as in a JSON merge patch.
    pub(crate) fn patch(&self, judged: &Judged, spec: &mut Value) {
        let patch = self.manifests.patches.iter().find(|patch| {
            (&patch.namespace, &patch.kind, &patch.name)
                == (&judged.owned.namespace, &judged.owned.kind, &judged.owned.name)
        });
        let Some(patch) = patch else { return };
        json_patch::merge(spec, &patch.body["spec"]["template"]["spec"]);
    }

    pub(crate) fn judged(&self) -> &[Judged] {
        &self.comparison.judged
    }

    /// Number of proposed nodes by type and market, and their price for an hour in dollars.
    pub(crate) fn nodes(&self) -> (BTreeMap<String, usize>, f64) {
        let mut nodes = BTreeMap::new();
        let mut hourly = 0.0;
        for offer in self.comparison.nodes.iter().filter_map(|node| node.offer.as_ref()) {
            *nodes.entry(format!("{} {}", offer.instance_type, offer.market)).or_default() += 1;
            hourly += offer.hourly.micros() as f64 / 1e6;
        }
        (nodes, hourly)
    }
}
