//! What a pod's own constraints require of the market, of its node and of other pods on it.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{NodeSelectorRequirement, NodeSelectorTerm, PodSpec};

use super::Reason;
use crate::{
    catalog::{HOSTNAME, Market},
    demand::Pod,
    fit::{any_matches, term_selects},
    markets::MarketLabels,
};

/// The market that a pod's own constraints settle, with the reason: the only one that its node selector or required node
/// affinity allows, or Spot if it is spread over nodes of both.
pub(super) fn required_market(spec: &PodSpec, markets: &MarketLabels) -> Option<(Market, Reason)> {
    let selected = spec.node_selector.iter().flatten().map(|(key, value)| {
        let allowed = |market| markets.values(key, market).contains(&value.as_str());
        (key, allowed(Market::Spot), allowed(Market::OnDemand))
    });
    let required = requirements(spec).map(|required| {
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
    let pod = Pod::of_spec(spec);
    let text = "its own constraints keep it on On-Demand and Spot nodes";
    markets.separate(&pod).then(|| (Market::Spot, Reason::new("affinity", text)))
}

/// Requirements of the required node affinity if it has one term: of several terms any may hold.
fn requirements(spec: &PodSpec) -> impl Iterator<Item = &NodeSelectorRequirement> {
    let node = spec.affinity.as_ref().and_then(|affinity| affinity.node_affinity.as_ref());
    let required = node.and_then(|node| node.required_during_scheduling_ignored_during_execution.as_ref());
    let only = required.map(|required| required.node_selector_terms.as_slice());
    let only = only.filter(|terms| terms.len() == 1).and_then(<[_]>::first);
    only.and_then(|term| term.match_expressions.as_ref()).into_iter().flatten()
}

/// Whether a node with this value is selected; an empty value is a node without the label.
fn allows(required: &NodeSelectorRequirement, value: &str) -> bool {
    let term = NodeSelectorTerm { match_expressions: Some(vec![required.clone()]), match_fields: None };
    let label = (!value.is_empty()).then(|| (required.key.clone(), value.to_owned()));
    any_matches(&[term], &label.into_iter().collect())
}

/// The reason if it can run on one named node only.
pub(super) fn bound_to_a_node(spec: &PodSpec) -> Option<Reason> {
    let selected = spec.node_selector.as_ref().and_then(|selector| selector.get(HOSTNAME)).cloned();
    let required = requirements(spec).find(|found| found.key == HOSTNAME && found.operator == "In");
    let required = required.and_then(|found| found.values.as_ref()?.first().cloned());
    let node = selected.or(required)?;
    Some(Reason::new("affinity", format!("bound to the node {node}")))
}

/// Whether anti-affinity or a spread constraint keeps its pods apart, at least by preference.
pub(crate) fn is_spread(spec: &PodSpec) -> bool {
    let apart = spec.affinity.as_ref().and_then(|affinity| affinity.pod_anti_affinity.as_ref());
    let apart = apart.is_some_and(|apart| {
        let required = apart.required_during_scheduling_ignored_during_execution.as_ref();
        let preferred = apart.preferred_during_scheduling_ignored_during_execution.as_ref();
        required.is_some_and(|terms| !terms.is_empty()) || preferred.is_some_and(|terms| !terms.is_empty())
    });
    apart || spec.topology_spread_constraints.as_ref().is_some_and(|spread| !spread.is_empty())
}

/// Whether a pod in `own` may run only on the node of a pod in `namespace` with these labels. Terms that choose
/// namespaces by label are left to the packing.
pub(super) fn must_run_beside(
    spec: &PodSpec,
    own: &str,
    namespace: &str,
    labels: &BTreeMap<String, String>,
) -> bool {
    let near = spec.affinity.as_ref().and_then(|affinity| affinity.pod_affinity.as_ref());
    let terms = near.and_then(|near| near.required_during_scheduling_ignored_during_execution.as_ref());
    let mut terms = terms.into_iter().flatten().filter(|term| term.topology_key == HOSTNAME);
    terms.any(|term| term_selects(term, own, namespace, labels, |_| false))
}
