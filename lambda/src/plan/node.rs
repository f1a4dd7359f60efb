//! Facts about a Node, as the API server shows it.

use jiff::{SignedDuration, Timestamp};

use crate::ports::Node;

/// How far the clocks of EC2 and of the node controller differ at most.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(2);

/// Taint that gives the reason why the node is unschedulable.
pub(crate) const TAINT: &str = "cast-spot/interruption";
/// Taint of the node controller on a node that is unschedulable.
pub(crate) const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";
/// Label that takes a node out of service load balancers (Kubernetes, "Well-Known Labels, Annotations and Taints").
pub(super) const EXCLUDE_FROM_LOAD_BALANCERS: &str =
    "node.kubernetes.io/exclude-from-external-load-balancers";

/// Whether the node runs on this instance. The AWS cloud provider writes `aws:///ZONE/INSTANCE`.
pub(crate) fn runs_on(node: &Node, instance_id: &str) -> bool {
    names_instance(&node.spec.provider_id, instance_id)
}

/// Whether a providerID is that of this instance.
pub(crate) fn names_instance(provider_id: &str, instance_id: &str) -> bool {
    provider_id.starts_with("aws://") && provider_id.rsplit('/').next() == Some(instance_id)
}

/// Whether the node, as the cordon's answer shows it, was unschedulable before: it already has the taints that follow
/// a cordon.
pub(crate) fn was_cordoned(node: &Node) -> bool {
    node.spec.taints.iter().any(|taint| [TAINT, UNSCHEDULABLE].contains(&taint.key.as_str()))
}

/// Whether the node has the reason taint.
pub(crate) fn is_tainted(node: &Node) -> bool {
    node.spec.taints.iter().any(|taint| taint.key == TAINT)
}

/// Whether the node became unschedulable no earlier than `since`, by the node controller's taint.
pub(super) fn is_cordoned_since(node: &Node, since: Timestamp) -> bool {
    let mut taints = node.spec.taints.iter().filter(|taint| taint.key == UNSCHEDULABLE);
    taints.any(|taint| taint.time_added.as_ref().is_some_and(|added| added.0 + CLOCK_SKEW >= since))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_node_runs_on_the_instance_that_ends_its_provider_id() {
        for (provider_id, expected) in [
            ("aws:///eu-west-1a/i-0abc1234", true),
            ("aws:///eu-west-1a/i-0abc12345", false),
            ("aws:///eu-west-1a/xi-0abc1234", false),
            ("gce:///p/i-0abc1234", false),
            ("", false),
        ] {
            let node = serde_json::from_value(json!({"metadata": {}, "spec": {"providerID": provider_id}}));
            assert_eq!(runs_on(&node.unwrap(), "i-0abc1234"), expected, "{provider_id}");
        }
    }
}
