//! Whether a pod may be scheduled on a node that is being drained (Kubernetes, "Taints and Tolerations").

use k8s_openapi::api::core::v1::Toleration;

use super::node::UNSCHEDULABLE;
use crate::ports::Pod;

/// Whether the scheduler puts the pod on a cordoned node: it tolerates the node controller's own taint, which
/// has no value and the effect `NoSchedule`.
pub(crate) fn tolerates_cordon(pod: &Pod) -> bool {
    pod.spec.tolerations.iter().any(covers_cordon)
}

fn covers_cordon(toleration: &Toleration) -> bool {
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    let exists = toleration.operator.as_deref() == Some("Exists");
    let value = exists || text(&toleration.value).is_empty();
    let key = match text(&toleration.key).as_str() {
        "" => exists,
        key => key == UNSCHEDULABLE,
    };
    key && value && matches!(text(&toleration.effect).as_str(), "" | "NoSchedule")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tolerations_match_as_the_scheduler_matches_them() {
        for (case, tolerations, expected) in [
            ("none", json!(null), false),
            ("everything", json!([{"operator": "Exists"}]), true),
            ("everything NoSchedule", json!([{"operator": "Exists", "effect": "NoSchedule"}]), true),
            ("everything NoExecute", json!([{"operator": "Exists", "effect": "NoExecute"}]), false),
            ("no key without Exists", json!([{"value": "x"}]), false),
            ("the cordon", json!([{"key": UNSCHEDULABLE, "operator": "Exists"}]), true),
            ("the cordon, by its empty value", json!([{"key": UNSCHEDULABLE}]), true),
            ("the cordon with another value", json!([{"key": UNSCHEDULABLE, "value": "x"}]), false),
            ("another taint", json!([{"key": "gpu", "operator": "Exists"}]), false),
        ] {
            let pod: Pod = serde_json::from_value(
                json!({"metadata": {}, "spec": {"containers": [], "tolerations": tolerations}}),
            )
            .unwrap();
            assert_eq!(tolerates_cordon(&pod), expected, "{case}");
        }
    }
}
