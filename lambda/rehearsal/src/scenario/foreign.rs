//! Notices for instances that are not this handler's.

use crate::{Action, ClusterSpec, NodeSpec, Purchase, WorldSpec};

use super::Options;
use super::cluster::victims;

/// Instances of a fleet outside of the cluster.
const FLEET: usize = 2_000;

/// Nodes that Karpenter has launched: in no group, with its tags and labels.
pub(super) fn karpenter_node(spec: &mut WorldSpec, options: &Options) {
    let pool = || [("karpenter.sh/nodepool".to_owned(), "default".to_owned())];
    for_victims(spec, options, |node| {
        node.group = None;
        node.labels.extend(pool());
        node.purchase.tags.extend(pool());
    });
}

/// Events that EC2 never sent, for instances that were bought on demand.
pub(super) fn forged(spec: &mut WorldSpec, options: &Options) {
    spec.notices.clear();
    for_victims(spec, options, |node| node.purchase.lifecycle = None);
}

/// A fleet of Spot instances without any cluster's tag, announced a moment before the nodes.
pub(super) fn fleet(spec: &mut WorldSpec, _: &Options) {
    let purchase = Purchase { has_cluster_tag: false, ..Purchase::default() };
    let nodes = (0..FLEET).map(|index| NodeSpec {
        instance: format!("i-0f{index:015x}"),
        group: None,
        joined: false,
        purchase: purchase.clone(),
        ..NodeSpec::baseline(index, 0)
    });
    let fleet = ClusterSpec { name: "batch".to_owned(), nodes: nodes.collect(), ..ClusterSpec::default() };
    let instances: Vec<String> = fleet.nodes.iter().map(|node| node.instance.clone()).collect();
    spec.clusters.push(fleet);
    let of_nodes = std::mem::take(&mut spec.deliveries);
    for instance in instances {
        let payload = spec.payload(&instance, Action::Terminate, 0);
        spec.deliver(0, payload);
    }
    spec.deliveries.extend(of_nodes);
}

fn for_victims(spec: &mut WorldSpec, options: &Options, change: impl Fn(&mut NodeSpec)) {
    let (victims, _) = victims(spec, options);
    spec.cluster().nodes.iter_mut().filter(|node| victims.contains(&node.name)).for_each(change);
}
