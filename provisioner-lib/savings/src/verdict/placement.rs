//! What a pod's own constraints require of the market, of its node and of other pods on it.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{NodeSelectorRequirement, NodeSelectorTerm, PodSpec};

use super::Reason;
use crate::{
    catalog::{HOSTNAME, Market},
    fit::{any_matches, term_selects},
    machines::CAPACITY_LABELS,
};

/// The only market that a pod's node selector or required node affinity allows, and the label that says so.
pub(super) fn required_market(spec: &PodSpec) -> Option<(Market, &'static str)> {
    for (label, spot, on_demand) in CAPACITY_LABELS {
        let selected = spec.node_selector.as_ref().and_then(|selector| selector.get(label));
        let required = requirements(spec).find(|found| found.key == label);
        let (allows_spot, allows_on_demand) = match (selected, required) {
            (Some(value), _) => (value == spot, value == on_demand),
            (None, Some(required)) => (allows(required, spot), allows(required, on_demand)),
            (None, None) => continue,
        };
        match (allows_spot, allows_on_demand) {
            (true, false) => return Some((Market::Spot, label)),
            (false, true) => return Some((Market::OnDemand, label)),
            _ => {}
        }
    }
    None
}

/// Requirements of the required node affinity if it has one term: of several terms any may hold.
fn requirements(spec: &PodSpec) -> impl Iterator<Item = &NodeSelectorRequirement> {
    let node = spec.affinity.as_ref().and_then(|affinity| affinity.node_affinity.as_ref());
    let required = node.and_then(|node| node.required_during_scheduling_ignored_during_execution.as_ref());
    let only = required.map(|required| required.node_selector_terms.as_slice());
    let only = only.filter(|terms| terms.len() == 1).and_then(<[_]>::first);
    only.and_then(|term| term.match_expressions.as_ref()).into_iter().flatten()
}

fn allows(required: &NodeSelectorRequirement, value: &str) -> bool {
    let term = NodeSelectorTerm { match_expressions: Some(vec![required.clone()]), match_fields: None };
    any_matches(&[term], &BTreeMap::from([(required.key.clone(), value.to_owned())]))
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
