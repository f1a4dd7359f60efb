//! Auto Scaling groups.

use super::spec::{GroupSpec, HookSpec};

/// HeartbeatTimeout of the hook of a managed node group.
const MANAGED_HOOK_MS: u64 = 1_800_000;

/// One Auto Scaling group.
pub(crate) struct Group {
    pub(crate) spec: GroupSpec,
    pub(crate) desired: u32,
    /// The oldest first.
    pub(crate) activities: Vec<Activity>,
}

/// A scaling activity, in Auto Scaling's words.
pub(crate) struct Activity {
    pub(crate) at_ms: u64,
    pub(crate) description: String,
    pub(crate) status: &'static str,
    /// Why it failed.
    pub(crate) message: Option<&'static str>,
}

impl Group {
    pub(super) fn new(spec: GroupSpec) -> Self {
        Self { spec, desired: 0, activities: Vec::new() }
    }

    /// The group launches by itself on a notice.
    pub(crate) fn rebalances(&self) -> bool {
        self.spec.capacity_rebalance || self.spec.managed_node_group.is_some()
    }

    /// The hooks that hold its terminating instances.
    pub(crate) fn hooks(&self) -> Vec<HookSpec> {
        let managed = self.spec.managed_node_group.as_ref().map(|_| HookSpec {
            name: "Terminate-LC-Hook".to_owned(),
            timeout_ms: MANAGED_HOOK_MS,
            consumer_ms: None,
        });
        self.spec.hooks.iter().cloned().chain(managed).collect()
    }

    /// Whether the process of this name is suspended.
    pub(crate) fn is_suspended(&self, process: &str) -> bool {
        self.spec.suspended.iter().any(|name| name == process)
    }
}
