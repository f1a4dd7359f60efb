//! Labels by which a cluster tells On-Demand nodes from Spot nodes.

use std::collections::BTreeMap;

use crate::{
    catalog::Market,
    demand::Pod,
    labels::{CAPACITY_LABELS, Origin, is_managed, origin},
    machines::market,
    objects::labels,
    snapshot::Snapshot,
};

/// Further labels that separate the markets of a cluster: nodes of both have the key, and each value is of one market
/// only. So are the node groups of each market, and the values of Karpenter's "On-Demand/Spot Ratio Split".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MarketLabels {
    own: BTreeMap<String, BTreeMap<String, Market>>,
    /// The market of each managed node group, by label.
    groups: BTreeMap<String, BTreeMap<String, Market>>,
}

impl MarketLabels {
    /// Those of the cluster's nodes.
    #[must_use]
    pub fn of(snapshot: &Snapshot) -> Self {
        let mut own: BTreeMap<String, BTreeMap<String, Option<Market>>> = BTreeMap::new();
        for node in &snapshot.nodes {
            let Some(market) = market(node, &snapshot.lifecycles) else { continue };
            for (key, value) in labels(&node.metadata) {
                if origin(key) == Origin::Group {
                    let seen = own.entry(key.clone()).or_default().entry(value.clone());
                    seen.and_modify(|seen| *seen = seen.filter(|seen| *seen == market))
                        .or_insert(Some(market));
                }
            }
        }
        let separates = |values: &BTreeMap<String, Option<Market>>| {
            let has = |market| values.values().any(|found| *found == Some(market));
            has(Market::Spot) && has(Market::OnDemand) && values.values().all(Option::is_some)
        };
        let known = |(key, values): (&String, &BTreeMap<String, Option<Market>>)| {
            let values = values.iter().filter_map(|(value, market)| Some((value.clone(), (*market)?)));
            (key.clone(), values.collect())
        };
        Self {
            own: own.iter().filter(|(_, values)| separates(values)).map(known).collect(),
            groups: own.iter().filter(|(key, _)| is_managed(key)).map(known).collect(),
        }
    }

    /// Whether the label means the market.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.own.contains_key(key) || CAPACITY_LABELS.iter().any(|known| known.key == key)
    }

    /// Whether constraints of the pod keep its workload's pods on nodes of both markets.
    #[must_use]
    pub fn separate(&self, pod: &Pod) -> bool {
        let spread = pod.spread.iter().map(|spread| &spread.topology_key);
        let apart = pod.anti_affinity.iter().map(|term| &term.topology_key);
        spread.chain(apart).any(|key| self.has(key))
    }

    /// The market of nodes with this label of a node group, if it has only one.
    #[must_use]
    pub fn market_of(&self, key: &str, value: &str) -> Option<Market> {
        [&self.own, &self.groups].iter().find_map(|known| known.get(key)?.get(value)).copied()
    }

    /// The values that nodes of a market have; an empty one is a node without the label.
    pub(crate) fn values(&self, key: &str, market: Market) -> Vec<&str> {
        if let Some(known) = CAPACITY_LABELS.iter().find(|known| known.key == key) {
            return known.values(market).to_vec();
        }
        let values = self.own.get(key).into_iter().flatten();
        values.filter(|(_, found)| **found == market).map(|(value, _)| value.as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn a_key_whose_values_are_of_one_market_each_means_the_market() {
        let node = |market: &str, pool: &str, team: &str| json!({ "metadata": { "labels": { "karpenter.sh/capacity-type": market, "pool": pool, "team": team, "one": "1" } } });
        let nodes = json!([node("spot", "a", "x"), node("on-demand", "b", "x"), node("spot", "c", "y")]);
        let found = MarketLabels::of(&from_value(json!({ "nodes": nodes })).unwrap());
        assert_eq!(found.market_of("pool", "a"), Some(Market::Spot));
        assert_eq!(found.market_of("pool", "b"), Some(Market::OnDemand));
        assert_eq!(found.values("pool", Market::Spot), ["a", "c"]);
        assert!(found.has("pool") && found.has("lifecycle") && !found.has("team") && !found.has("one"));
        let nodes = json!([node("spot", "a", "x"), node("spot", "b", "y")]);
        let found = MarketLabels::of(&from_value(json!({ "nodes": nodes })).unwrap());
        assert!(!found.has("pool"), "all nodes are of one market");
    }
}
