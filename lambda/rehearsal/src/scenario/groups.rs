//! Groups that replace in ways of their own.

use crate::{GroupSpec, HookSpec, WorldSpec};

use super::Options;
use super::budgets::pdb_blocked;
use super::cluster::terminated;

/// The group launches a replacement on the notice, by itself.
pub(super) fn capacity_rebalance(options: &Options) -> WorldSpec {
    with(options, |group| group.capacity_rebalance = true)
}

/// The group belongs to EKS.
pub(super) fn managed_node_group(options: &Options) -> WorldSpec {
    with(options, |group| group.managed_node_group = Some("workers".to_owned()))
}

/// A hook on `autoscaling:EC2_INSTANCE_TERMINATING` holds what the group terminates for an hour.
pub(super) fn termination_hook(options: &Options) -> WorldSpec {
    hook(options, 3_600_000, None)
}

/// The hook lets go after 30 s, the least that AWS allows.
pub(super) fn hook_short_heartbeat(options: &Options) -> WorldSpec {
    hook(options, 30_000, None)
}

/// A consumer completes the hook's action at once.
pub(super) fn hook_consumer(options: &Options) -> WorldSpec {
    hook(options, 3_600_000, Some(2_000))
}

/// A group that replaces by itself and terminates what a hook holds for 60 s, while a budget protects a pod.
pub(super) fn group_ends_early(options: &Options) -> WorldSpec {
    let mut spec = pdb_blocked(options);
    spec.group().capacity_rebalance = true;
    spec.group().hooks = vec![HookSpec { name: "drain".to_owned(), timeout_ms: 60_000, consumer_ms: None }];
    spec
}

/// The group's `Launch` process is suspended.
pub(super) fn launch_suspended(options: &Options) -> WorldSpec {
    with(options, |group| group.suspended = vec!["Launch".to_owned()])
}

/// No pool of the group has capacity.
pub(super) fn no_capacity(options: &Options) -> WorldSpec {
    with(options, |group| group.spare_capacity = Some(0))
}

fn hook(options: &Options, timeout_ms: u64, consumer_ms: Option<u64>) -> WorldSpec {
    let hook = HookSpec { name: "drain".to_owned(), timeout_ms, consumer_ms };
    with(options, |group| group.hooks = vec![hook])
}

fn with(options: &Options, change: impl FnOnce(&mut GroupSpec)) -> WorldSpec {
    terminated(options, |spec| change(spec.group()))
}
