//! Which pods the cordon does not keep away, as Kubernetes matches tolerations ("Taints and Tolerations").

use k8s_openapi::api::core::v1::{Pod, Taint};

use super::cordon::{TAINT, UNSCHEDULABLE};

/// Whether neither the cordon nor the reason taint keeps the pod from being scheduled to the node.
#[must_use]
pub fn tolerates_the_cordon(pod: &Pod) -> bool {
    [UNSCHEDULABLE, TAINT].into_iter().all(|key| {
        // The reason taint has the notice's action as its value: who tolerates one of three comes back only there.
        let taint = Taint { key: key.to_owned(), effect: "NoSchedule".to_owned(), ..Taint::default() };
        tolerates(pod, &taint)
    })
}

fn tolerates(pod: &Pod, taint: &Taint) -> bool {
    let tolerations = pod.spec.as_ref().and_then(|spec| spec.tolerations.as_deref()).unwrap_or_default();
    tolerations.iter().any(|toleration| {
        let key = toleration.key.as_deref().unwrap_or_default();
        let of_effect =
            toleration.effect.as_deref().is_none_or(|effect| effect.is_empty() || effect == taint.effect);
        let of_key = key.is_empty() || key == taint.key;
        let of_value = match toleration.operator.as_deref() {
            Some("Exists") => true,
            None | Some("" | "Equal") => {
                !key.is_empty()
                    && toleration.value.as_deref().unwrap_or_default()
                        == taint.value.as_deref().unwrap_or_default()
            }
            Some(_) => false,
        };
        of_effect && of_key && of_value
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(tolerations: &Value) -> Pod {
        serde_json::from_value(
            json!({"metadata": {}, "spec": {"containers": [], "tolerations": tolerations}}),
        )
        .unwrap()
    }

    #[test]
    fn tolerations_match_as_in_kubernetes() {
        let taint =
            Taint { key: "k".into(), value: Some("v".into()), effect: "NoSchedule".into(), time_added: None };
        for (case, toleration, expected) in [
            ("everything", json!({"operator": "Exists"}), true),
            ("the key", json!({"key": "k", "operator": "Exists"}), true),
            ("another key", json!({"key": "other", "operator": "Exists"}), false),
            ("Equal is the default", json!({"key": "k", "value": "v"}), true),
            ("another value", json!({"key": "k", "operator": "Equal", "value": "w"}), false),
            ("no value", json!({"key": "k"}), false),
            ("Equal needs a key", json!({"operator": "Equal", "value": "v"}), false),
            ("the effect", json!({"key": "k", "operator": "Exists", "effect": "NoSchedule"}), true),
            ("an empty effect is all", json!({"key": "k", "operator": "Exists", "effect": ""}), true),
            ("another effect", json!({"operator": "Exists", "effect": "NoExecute"}), false),
            ("an operator of later versions", json!({"key": "k", "operator": "Gt", "value": "1"}), false),
        ] {
            assert_eq!(tolerates(&pod(&json!([toleration])), &taint), expected, "{case}");
        }
        assert!(!tolerates(&Pod::default(), &taint));
    }

    #[test]
    fn who_tolerates_one_of_the_two_taints_is_kept_away() {
        let unschedulable = json!({"key": UNSCHEDULABLE, "operator": "Exists"});
        let reason = json!({"key": TAINT, "operator": "Exists", "effect": "NoSchedule"});
        assert!(!tolerates_the_cordon(&pod(&json!([unschedulable]))));
        assert!(!tolerates_the_cordon(&pod(&json!([reason]))));
        assert!(tolerates_the_cordon(&pod(&json!([unschedulable, reason]))));
    }
}
