//! Today's nodes that stay in a proposal, and their effect on pods that move.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::PodAffinityTerm;

use super::{Inputs, node_of};
use crate::{
    catalog::{HOSTNAME, Market},
    demand::{self, Pod},
    fit::{self, Labels},
    machines::Place,
};

/// A node of today that stays in a proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// metadata.name.
    pub name: String,
    /// Instance type, where it is known.
    pub instance_type: Option<String>,
    /// Availability Zone, where it is known.
    pub zone: Option<String>,
    /// The purchase option.
    pub market: Option<Market>,
    /// Indices of its pods in [`Snapshot::pods`](crate::snapshot::Snapshot::pods), without those of DaemonSets.
    pub pods: Vec<usize>,
}

impl Inputs<'_> {
    pub(super) fn kept(&self, names: &BTreeSet<String>) -> Vec<Kept> {
        let mut pods: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for pod in &self.demand.pods {
            if let Some(node) = node_of(self.snapshot, pod.source) {
                pods.entry(node).or_default().push(pod.source);
            }
        }
        let kept = self.machines.values().filter(|machine| names.contains(&machine.name));
        kept.map(|machine| Kept {
            name: machine.name.clone(),
            instance_type: machine.instance_type.clone(),
            zone: machine.zone.clone(),
            market: machine.market,
            pods: pods.remove(machine.name.as_str()).unwrap_or_default(),
        })
        .collect()
    }

    /// Names of all nodes that are instances of EC2.
    pub(super) fn of_ec2(&self) -> BTreeSet<String> {
        let machines = self.machines.values().filter(|machine| machine.place == Place::Ec2);
        machines.map(|machine| machine.name.clone()).collect()
    }

    /// A sentence about pods of `moving` that the scheduler may leave without a node: it counts nodes that stay for
    /// spread and anti-affinity, and the packing does not.
    pub(super) fn beside_kept(&self, moving: &[Pod], kept: &[Kept]) -> Option<String> {
        let on: BTreeSet<usize> = kept.iter().flat_map(|kept| kept.pods.iter().copied()).collect();
        let standing: Vec<&Pod> = self.demand.pods.iter().filter(|pod| on.contains(&pod.source)).collect();
        let nodes = self
            .snapshot
            .nodes
            .iter()
            .filter(|node| kept.iter().any(|kept| node.metadata.name.as_ref() == Some(&kept.name)));
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
