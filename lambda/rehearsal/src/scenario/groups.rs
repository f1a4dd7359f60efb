//! Groups that replace in ways of their own.

use crate::{HookSpec, WorldSpec};

use super::Options;
use super::budgets::pdb_blocked;

/// A group that replaces by itself and terminates what a hook holds for 60 s, while a budget protects a pod.
pub(super) fn group_ends_early(spec: &mut WorldSpec, options: &Options) {
    pdb_blocked(spec, options);
    spec.group().capacity_rebalance = true;
    hook(spec, 60_000, None);
}

/// A hook on `autoscaling:EC2_INSTANCE_TERMINATING` holds what the group terminates for its timeout, or until a
/// consumer completes it.
pub(super) fn hook(spec: &mut WorldSpec, timeout_ms: u64, consumer_ms: Option<u64>) {
    spec.group().hooks = vec![HookSpec { name: "drain".to_owned(), timeout_ms, consumer_ms }];
}
