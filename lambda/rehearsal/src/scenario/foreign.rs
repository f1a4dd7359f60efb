//! Notices for instances that are not this handler's.

use crate::{Action, ClusterSpec, NodeSpec, Purchase, WorldSpec};

use super::Options;
use super::cluster::{calm, interrupt, terminated, victims};

/// Instances of a fleet outside of the cluster.
const FLEET: usize = 2_000;

/// Nodes that Karpenter has launched: in no group, with its tags and labels.
pub(super) fn karpenter_node(options: &Options) -> WorldSpec {
    let mut spec = terminated(options, |_| {});
    let pool = || [("karpenter.sh/nodepool".to_owned(), "default".to_owned())];
    for_victims(&mut spec, options, |node| {
        node.group = None;
        node.labels.extend(pool());
        node.purchase.tags.extend(pool());
    });
    spec
}

/// Events that EC2 never sent, for instances that were bought on demand.
pub(super) fn forged(options: &Options) -> WorldSpec {
    let mut spec = terminated(options, |_| {});
    spec.notices.clear();
    for_victims(&mut spec, options, |node| node.purchase.lifecycle = None);
    spec
}

/// A fleet of Spot instances without any cluster's tag, announced together with the nodes.
pub(super) fn fleet(options: &Options) -> WorldSpec {
    let mut spec = calm(options);
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
    for instance in instances {
        let payload = spec.payload(&instance, Action::Terminate, 0);
        spec.deliver(0, payload);
    }
    interrupt(&mut spec, options, Action::Terminate);
    spec
}

fn for_victims(spec: &mut WorldSpec, options: &Options, change: impl Fn(&mut NodeSpec)) {
    let (victims, _) = victims(spec, options);
    spec.cluster().nodes.iter_mut().filter(|node| victims.contains(&node.name)).for_each(change);
}
