//! What a pod's own constraints require of the market, of its node and of other pods on it.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{NodeSelectorRequirement, NodeSelectorTerm};

use super::Reason;
use crate::{
    catalog::{HOSTNAME, Market},
    demand::Pod,
    fit::{any_matches, term_selects},
    markets::MarketLabels,
};

/// The market that a pod's own constraints settle, with the reason: the only one that its node selector or required node
/// affinity allows, or Spot if it is spread over nodes of both.
pub(super) fn required_market(pod: &Pod, markets: &MarketLabels) -> Option<(Market, Reason)> {
    let selected = pod.node_selector.iter().map(|(key, value)| {
        let allowed = |market| markets.values(key, market).contains(&value.as_str());
        (key, allowed(Market::Spot), allowed(Market::OnDemand))
    });
    let required = requirements(pod).map(|required| {
        let allowed =
            |market| markets.values(&required.key, market).iter().any(|value| allows(required, value));
        (&required.key, allowed(Market::Spot), allowed(Market::OnDemand))
    });
    let only = selected.chain(required).find_map(|(key, spot, on_demand)| match (spot, on_demand) {
        (true, false) => Some((Market::Spot, key)),
        (false, true) => Some((Market::OnDemand, key)),
        _ => None,
    });
    if let Some((market, key)) = only {
        return Some((market, Reason::new("affinity", format!("requires {market} nodes ({key})"))));
    }
    let text = "its own constraints keep it on On-Demand and Spot nodes";
    markets.separate(pod).then(|| (Market::Spot, Reason::new("affinity", text)))
}

/// Requirements of the required node affinity if it has one term: of several terms any may hold.
fn requirements(pod: &Pod) -> impl Iterator<Item = &NodeSelectorRequirement> {
    let only = if let [only] = &pod.node_affinity[..] { Some(only) } else { None };
    only.into_iter().flat_map(|term| term.match_expressions.iter().flatten())
}

/// Whether a node with this value is selected; an empty value is a node without the label.
fn allows(required: &NodeSelectorRequirement, value: &str) -> bool {
    let term = NodeSelectorTerm { match_expressions: Some(vec![required.clone()]), match_fields: None };
    let label = (!value.is_empty()).then(|| (required.key.clone(), value.to_owned()));
    any_matches(&[term], &label.into_iter().collect())
}

/// The reason if it can run on one named node only.
pub(super) fn bound_to_a_node(pod: &Pod) -> Option<Reason> {
    let required = requirements(pod).find(|found| found.key == HOSTNAME && found.operator == "In");
    let required = || required.and_then(|found| found.values.as_ref()?.first());
    let node = pod.node_selector.get(HOSTNAME).or_else(required)?;
    Some(Reason::new("affinity", format!("bound to the node {node}")))
}

/// Whether anti-affinity or a spread constraint keeps its pods apart, at least by preference.
pub(crate) fn is_spread(pod: &Pod) -> bool {
    let is_apart = !(pod.anti_affinity.is_empty() && pod.soft_anti_affinity.is_empty());
    is_apart || !(pod.spread.is_empty() && pod.soft_spread.is_empty())
}

/// Whether the pod, which is in `own`, may run only on the node of a pod in `namespace` with these labels. Terms that
/// choose namespaces by label are left to the packing.
pub(super) fn must_run_beside(
    pod: &Pod,
    own: &str,
    namespace: &str,
    labels: &BTreeMap<String, String>,
) -> bool {
    let mut near = pod.affinity.iter().filter(|term| term.topology_key == HOSTNAME);
    near.any(|term| term_selects(term, own, namespace, labels, |_| false))
}
