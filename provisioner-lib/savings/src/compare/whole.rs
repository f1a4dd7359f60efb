//! Whether the objects are those of one whole cluster. If they are not, a comparison would be of something else.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Node;

use super::Inputs;
use crate::{
    machines::Place,
    objects::{is_live, label, name, namespace, node_of},
    report::Missing,
};

/// Percent of the pods beyond which a gap changes the result.
const MOST_PERCENT: usize = 5;
/// Nodes beyond which a cluster without system pods is one of which only some namespaces were listed.
const MOST_NODES_WITHOUT_SYSTEM_PODS: usize = 5;

impl Inputs<'_> {
    /// Why a comparison would be of something else than the whole cluster.
    pub(super) fn gap(&self) -> Option<Missing> {
        let gaps = [self.other_nodes(), self.some_namespaces(), self.without_requests()];
        gaps.into_iter().flatten().next().map(|(what, hint)| Missing { what, hint: hint.to_owned() })
    }

    /// Pods of nodes that are not there. Some are left when a node goes.
    fn other_nodes(&self) -> Option<(String, &'static str)> {
        let (count, all) = self.without_node();
        (count * 100 > all * MOST_PERCENT).then(|| {
            let what = format!("{count} of {all} pods run on nodes that are not known");
            (what, "all nodes of the cluster are needed, without a selector")
        })
    }

    /// Number of live pods whose node is not there, and of all that have one.
    pub(super) fn without_node(&self) -> (usize, usize) {
        let pods = self.snapshot.pods.iter().filter(|pod| is_live(pod));
        let nodes: Vec<&str> = pods.filter_map(node_of).collect();
        (nodes.iter().filter(|node| !self.machines.contains_key(**node)).count(), nodes.len())
    }

    /// Every node of EKS has pods of kube-system, except those of Auto Mode.
    fn some_namespaces(&self) -> Option<(String, &'static str)> {
        if self.has_system_pods() {
            return None;
        }
        let nodes =
            self.nodes_of_ec2().filter(|node| label(node, "eks.amazonaws.com/compute-type") != Some("auto"));
        let nodes: Vec<&str> = nodes.map(|node| name(&node.metadata)).collect();
        let used: BTreeSet<&str> = self.snapshot.pods.iter().filter_map(node_of).collect();
        let idle = nodes.iter().filter(|node| !used.contains(**node)).count();
        // One node may be new.
        (idle > 1 || nodes.len() > MOST_NODES_WITHOUT_SYSTEM_PODS).then(|| {
            let what = format!(
                "{} nodes have no pod of kube-system, so pods of some namespaces are missing",
                nodes.len()
            );
            (what, "pods of all namespaces are needed: `kubectl get pods -A`")
        })
    }

    /// Whether pods of kube-system are there.
    pub(super) fn has_system_pods(&self) -> bool {
        self.snapshot.pods.iter().any(|pod| namespace(&pod.metadata) == "kube-system")
    }

    /// Pods that take no room.
    fn without_requests(&self) -> Option<(String, &'static str)> {
        let pods = &self.demand.pods;
        let count = pods.iter().filter(|pod| pod.requests.lack_cpu_or_memory()).count();
        let is_relevant = count * 100 > pods.len() * MOST_PERCENT && !self.choices.accept_missing_requests;
        is_relevant.then(|| {
            let what = format!("{count} of {} pods do not request both CPU and memory", pods.len());
            (what, "set requests, or compare all the same with --accept-missing-requests")
        })
    }

    fn nodes_of_ec2(&self) -> impl Iterator<Item = &Node> {
        self.snapshot.nodes.iter().filter(|node| {
            let machine = self.machines.get(name(&node.metadata));
            machine.is_some_and(|machine| machine.place == Place::Ec2)
        })
    }
}
