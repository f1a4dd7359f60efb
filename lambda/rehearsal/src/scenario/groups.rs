//! Groups that replace in ways of their own.

use crate::{Action, GroupSpec, WorldSpec};

use super::Options;
use super::cluster::{calm, interrupt};

/// The group launches a replacement on the notice, by itself.
pub(super) fn capacity_rebalance(options: &Options) -> WorldSpec {
    with(options, |group| group.capacity_rebalance = true)
}

/// The group belongs to EKS.
pub(super) fn managed_node_group(options: &Options) -> WorldSpec {
    with(options, |group| group.managed_node_group = Some("workers".to_owned()))
}

/// A hook on `autoscaling:EC2_INSTANCE_TERMINATING` holds what the group terminates.
pub(super) fn termination_hook(options: &Options) -> WorldSpec {
    with(options, |group| group.termination_hook = Some("drain".to_owned()))
}

fn with(options: &Options, change: impl Fn(&mut GroupSpec)) -> WorldSpec {
    let mut spec = calm(options);
    change(spec.group());
    interrupt(&mut spec, options, Action::Terminate);
    spec
}
