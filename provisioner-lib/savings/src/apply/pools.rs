//! The new nodes of a proposal by template and market, and the NodePool of each.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Taint;

use serde_json::{Value, json};

use super::allowed::{is_in, of_types, types};
use crate::{
    catalog::{ARCHITECTURE, Catalog, HOSTNAME, Market, OFFER_LABELS, ZONE},
    compare::Placed,
    labels::{CAPACITY_LABELS, Origin, origin},
    money::Money,
    offers::Offer,
    template::Template,
};

/// Name of the EC2NodeClass, and the first word in the name of each NodePool, which must not be that of another one.
pub(super) const PREFIX: &str = "savings";
/// Karpenter's label of the market.
const CAPACITY: &str = "karpenter.sh/capacity-type";
/// Labels that Karpenter sets itself, beside those of Kubernetes.
const OF_KARPENTER: [&str; 3] = ["karpenter.sh/", "karpenter.k8s.aws/", "topology.k8s.aws/"];
/// Nodes that are replaced and their replacements run at the same time.
const ROOM: u64 = 2;

/// A Spot node takes only pods that tolerate this taint: a workload comes to it when it was patched, not by chance.
pub(super) fn spot_taint() -> Taint {
    Taint {
        key: CAPACITY.to_owned(),
        value: Some(label(Market::Spot).to_owned()),
        effect: "NoSchedule".to_owned(),
        time_added: None,
    }
}

/// New nodes of one template from one market.
pub(super) struct Pool<'c> {
    template: Template,
    pub(super) market: Market,
    /// The proposed nodes. An On-Demand pool without any takes over what EC2 has no Spot capacity for.
    pub(super) nodes: Vec<&'c Placed>,
    /// What it may launch: offers of its nodes, of an On-Demand pool also those of the template's Spot nodes.
    offers: Vec<&'c Offer>,
    /// Zones of both markets: a spread over zones counts all of them, and would leave Spot for one that it lacks.
    zones: BTreeSet<&'c str>,
}

/// The pools of a proposal: for each template an On-Demand one, and a Spot one if it has Spot nodes. `selected` are the
/// labels that a pod asks for.
pub(super) fn pools<'c>(nodes: &'c [Placed], selected: &BTreeSet<String>) -> Vec<Pool<'c>> {
    let mut templates: Vec<(Template, Vec<(&Placed, &Offer)>)> = Vec::new();
    for node in nodes {
        let Some(offer) = &node.offer else { continue };
        let template = template(offer, selected);
        match templates.iter_mut().find(|(known, _)| *known == template) {
            Some((_, nodes)) => nodes.push((node, offer)),
            None => templates.push((template, vec![(node, offer)])),
        }
    }
    templates.sort_by_key(|(template, _)| (template.labels.clone(), template.taints.len()));
    let mut pools = Vec::new();
    for (template, nodes) in templates {
        let zones: BTreeSet<&str> = nodes.iter().map(|(_, offer)| offer.zone.as_str()).collect();
        for market in [Market::OnDemand, Market::Spot] {
            let of_market = |offer: &Offer| offer.market == market;
            let own = nodes.iter().filter(|(_, offer)| of_market(offer)).map(|(node, _)| *node);
            let own: Vec<&Placed> = own.collect();
            if market == Market::Spot && own.is_empty() {
                continue;
            }
            let offers = nodes.iter().map(|(_, offer)| *offer);
            let offers = offers.filter(|offer| market == Market::OnDemand || of_market(offer)).collect();
            let mut template = template.clone();
            let of_market = CAPACITY_LABELS.iter().filter(|known| selected.contains(known.key));
            let of_market = of_market.filter(|known| !is_set_by_karpenter(known.key));
            template.labels.extend(of_market.filter_map(|known| {
                let value = known.values(market).first().filter(|value| !value.is_empty())?;
                Some((known.key.to_owned(), (*value).to_owned()))
            }));
            pools.push(Pool { template, market, nodes: own, offers, zones: zones.clone() });
        }
    }
    pools
}

/// Labels of a node group that a pod asks for, and taints: what only the NodePool can add to a node.
fn template(offer: &Offer, selected: &BTreeSet<String>) -> Template {
    let is_of_template =
        |key: &str| selected.contains(key) && origin(key) == Origin::Group && !is_set_by_karpenter(key);
    let labels = offer.labels.iter().filter(|(key, _)| is_of_template(key));
    let labels = labels.map(|(key, value)| (key.clone(), value.clone())).collect();
    // A cluster that was made what an earlier report proposed has it.
    let taints = offer.taints.iter().filter(|taint| **taint != spot_taint());
    Template { labels, taints: taints.cloned().collect(), ..Template::default() }
}

fn is_set_by_karpenter(key: &str) -> bool {
    let of_every_node = OFFER_LABELS.iter().flat_map(|same| same.iter()).filter(|key| !key.contains("eks"));
    OF_KARPENTER.iter().any(|domain| key.starts_with(domain))
        || of_every_node.chain(&[HOSTNAME]).any(|of_node| *of_node == key)
}

/// Karpenter's word for the market.
pub(super) fn label(market: Market) -> &'static str {
    match market {
        Market::OnDemand => "on-demand",
        Market::Spot => "spot",
    }
}

impl Pool<'_> {
    /// The price of an hour of the proposed nodes.
    pub(super) fn hourly(&self) -> Money {
        self.nodes.iter().filter_map(|node| node.machine.hourly).fold(Money::ZERO, |sum, one| sum + one)
    }

    /// Architectures of its nodes.
    pub(super) fn architectures(&self) -> BTreeSet<&str> {
        self.offers.iter().filter_map(|offer| offer.labels.get(ARCHITECTURE)).map(String::as_str).collect()
    }

    /// `savings-batch-spot`: labels and taints of the template, and the market.
    fn name(&self) -> String {
        let of_market = |key: &str| CAPACITY_LABELS.iter().any(|known| known.key == key);
        let labels = self.template.labels.iter().filter(|(key, _)| !of_market(key)).map(|(_, value)| value);
        let taints = self.template.taints.iter().map(|taint| taint.value.as_ref().unwrap_or(&taint.key));
        let mut words: Vec<String> = Vec::new();
        for word in labels.chain(taints) {
            let word = word.to_ascii_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
            let word = word.trim_matches('-').to_owned();
            if !word.is_empty() && !words.contains(&word) {
                words.push(word);
            }
        }
        let middle: String = words.join("-").chars().take(40).collect();
        let words = [PREFIX, middle.trim_end_matches('-'), label(self.market)];
        words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
    }

    /// Its karpenter.sh/v1 NodePool. `is_interruptible` is false if one of its pods would lose work by a move.
    pub(super) fn node_pool(&self, catalog: &Catalog, is_interruptible: bool) -> Value {
        let mut requirements = vec![
            is_in(CAPACITY, [label(self.market)]),
            is_in(ARCHITECTURE, self.architectures()),
            is_in("kubernetes.io/os", ["linux"]),
            is_in(ZONE, &self.zones),
        ];
        requirements.extend(of_types(&types(&self.offers, self.market, catalog)));
        let room = |size: fn(&Offer) -> u64| {
            let sizes = self.offers.iter().map(|offer| size(offer));
            sizes.fold(0, u64::saturating_add).saturating_mul(ROOM)
        };
        let mut taints = self.template.taints.clone();
        taints.extend((self.market == Market::Spot).then(spot_taint));
        // Sorted: the order of keys of a JSON value depends on features of other crates.
        let mut template = BTreeMap::new();
        if !self.template.labels.is_empty() {
            template.insert("metadata", json!({ "labels": self.template.labels }));
        }
        let mut spec = BTreeMap::from([
            ("nodeClassRef", json!({ "group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": PREFIX })),
            ("requirements", json!(requirements)),
        ]);
        if !taints.is_empty() {
            spec.insert("taints", json!(taints));
        }
        template.insert("spec", json!(spec));
        json!({
            "apiVersion": "karpenter.sh/v1",
            "kind": "NodePool",
            "metadata": { "name": self.name() },
            "spec": {
                "disruption": {
                    "budgets": [{ "nodes": "10%" }],
                    // Pods of a drained node come back within this time.
                    "consolidateAfter": "5m",
                    "consolidationPolicy": if is_interruptible { "WhenEmptyOrUnderutilized" } else { "WhenEmpty" },
                },
                "limits": {
                    "cpu": room(|offer| u64::from(offer.vcpus)).to_string(),
                    "memory": format!("{}Mi", room(|offer| offer.memory_mib)),
                },
                "template": template,
                "weight": if self.market == Market::Spot { 20 } else { 10 },
            },
        })
    }
}
