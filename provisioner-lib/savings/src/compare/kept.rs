//! Today's nodes that stay in a proposal, and their effect on pods that move.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::PodAffinityTerm;

use super::{Inputs, Placed, node_of};
use crate::{
    catalog::HOSTNAME,
    demand::{self, Pod},
    fit::{self, Labels},
};

impl Inputs<'_> {
    pub(super) fn kept(&self, names: &BTreeSet<String>) -> Vec<Placed> {
        let mut pods: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for pod in &self.demand.pods {
            if let Some(node) = node_of(self.snapshot, pod.source) {
                pods.entry(node).or_default().push(pod.source);
            }
        }
        let kept = self.machines.values().filter(|machine| names.contains(&machine.name));
        kept.map(|machine| Placed {
            offer: None,
            machine: machine.clone(),
            pods: pods.remove(machine.name.as_str()).unwrap_or_default(),
        })
        .collect()
    }

    /// A sentence about pods of `moving` that the scheduler may leave without a node: it counts nodes that stay for
    /// spread and anti-affinity, and the packing does not.
    pub(super) fn beside_kept(&self, moving: &[Pod], kept: &BTreeSet<String>) -> Option<String> {
        let is_kept = |node: Option<&str>| node.is_some_and(|node| kept.contains(node));
        let pods = self.demand.pods.iter();
        let standing: Vec<&Pod> = pods.filter(|pod| is_kept(node_of(self.snapshot, pod.source))).collect();
        let nodes = self.snapshot.nodes.iter().filter(|node| is_kept(node.metadata.name.as_deref()));
        let nodes: Vec<Labels> = nodes.map(|node| node.metadata.labels.clone().unwrap_or_default()).collect();
        let names = moving.iter().filter(|pod| counts(pod, &standing, &nodes));
        let names: Vec<String> = names.map(|pod| format!("{}/{}", pod.namespace, pod.name)).collect();
        demand::note(
            "spread over nodes or kept apart from other pods; nodes that stay and their pods are not counted, so the \
             scheduler may leave some pods pending",
            &names,
        )
    }
}

/// Whether nodes that stay, or the pods on them, restrict where `pod` may go.
fn counts(pod: &Pod, standing: &[&Pod], nodes: &[Labels]) -> bool {
    let spread = pod.spread.iter().any(|spread| {
        let over_nodes = spread.topology_key == HOSTNAME && nodes.iter().any(|node| fit::selects(pod, node));
        let matches = |other: &&Pod| {
            other.namespace == pod.namespace
                && fit::selector_matches(spread.label_selector.as_ref(), &other.labels)
        };
        over_nodes || standing.iter().any(matches)
    });
    // A new node is never the node of a pod that stays.
    let wider = |term: &&PodAffinityTerm| term.topology_key != HOSTNAME;
    let forbids = |one: &Pod, other: &Pod| {
        // Namespaces that are chosen by label are taken to be the other's: a note too many is better than one too few.
        one.anti_affinity
            .iter()
            .filter(wider)
            .any(|term| fit::term_selects(term, &one.namespace, &other.namespace, &other.labels, |_| true))
    };
    spread || standing.iter().any(|other| forbids(pod, other) || forbids(other, pod))
}
