//! What happens to instances, and how pods take it.

use crate::{Action, ExitTime, WorldSpec};

use super::Options;
use super::cluster::{add_deployment, calm, interrupt};

/// Nothing out of the ordinary.
pub(super) fn baseline(options: &Options) -> WorldSpec {
    interrupted(options, Action::Terminate)
}

/// EC2 stops the instance and starts it again some day.
pub(super) fn stop(options: &Options) -> WorldSpec {
    interrupted(options, Action::Stop)
}

/// EC2 freezes the instance at once.
pub(super) fn hibernate(options: &Options) -> WorldSpec {
    interrupted(options, Action::Hibernate)
}

fn interrupted(options: &Options, action: Action) -> WorldSpec {
    let mut spec = calm(options);
    interrupt(&mut spec, options, action);
    spec
}

/// A pod that would like ten minutes, and really needs a minute and a half.
pub(super) fn long_grace(options: &Options) -> WorldSpec {
    let mut spec = calm(options);
    let encoder = add_deployment(&mut spec, options, "encoder");
    encoder.grace_s = 600;
    encoder.exit = ExitTime::Ms(90_000);
    interrupt(&mut spec, options, Action::Terminate);
    spec
}

/// A pod whose process 1 is a shell that passes no signal on.
pub(super) fn slow_exit(options: &Options) -> WorldSpec {
    let mut spec = calm(options);
    add_deployment(&mut spec, options, "legacy").exit = ExitTime::Never;
    interrupt(&mut spec, options, Action::Terminate);
    spec
}

/// A Deployment whose pods tolerate everything: its scheduler finds the doomed node the emptiest of all.
pub(super) fn tolerates_everything(options: &Options) -> WorldSpec {
    let mut spec = calm(options);
    add_deployment(&mut spec, options, "operator").tolerates = true;
    interrupt(&mut spec, options, Action::Terminate);
    spec
}

/// The scheduler has chosen the node for a pod before the cordon; its volume is attached for a minute.
pub(super) fn late_pod(options: &Options) -> WorldSpec {
    let mut spec = calm(options);
    add_deployment(&mut spec, options, "database").binds_after_ms = Some(60_000);
    interrupt(&mut spec, options, Action::Terminate);
    spec
}

/// The function knows no cluster of the notice. Another cluster is registered.
pub(super) fn unregistered_cluster(options: &Options) -> WorldSpec {
    let mut spec = calm(options);
    interrupt(&mut spec, options, Action::Terminate);
    let mut other = calm(&Options { cluster_nodes: Some(3), nodes: Some(1), event: None, ..options.clone() });
    let mut cluster = std::mem::take(other.cluster());
    "staging".clone_into(&mut cluster.name);
    for (number, node) in cluster.nodes.iter_mut().enumerate() {
        node.instance = format!("i-0b{number:015x}");
        node.group = Some("staging-spot".to_owned());
    }
    let mut group = other.group().clone();
    "staging-spot".clone_into(&mut group.name);
    "staging".clone_into(&mut group.cluster);
    spec.cluster().registered = false;
    spec.clusters.push(cluster);
    spec.groups.push(group);
    spec
}

/// The first node's instance claims the name of a node that stays.
pub(super) fn wrong_node_name(options: &Options) -> WorldSpec {
    let mut spec = calm(options);
    interrupt(&mut spec, options, Action::Terminate);
    let nodes = &mut spec.cluster().nodes;
    if let [first, .., last] = nodes.as_mut_slice() {
        first.private_dns_name.clone_from(&last.name);
    }
    spec
}
