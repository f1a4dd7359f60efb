//! Which PodDisruptionBudgets cover a pod: for the reasons in the report, never for a decision. What a
//! pdb allows at a moment only the API server knows.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::policy::v1::PodDisruptionBudget,
    apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement},
};

use crate::ports::{Metadata, Pod};

/// Names of the pdbs that cover `pod`, in the order of the list.
pub(crate) fn covering<'a>(pdbs: &'a [PodDisruptionBudget], pod: &Pod) -> Vec<&'a str> {
    let Metadata { namespace, labels, .. } = &pod.metadata;
    pdbs.iter()
        .filter(|pdb| pdb.metadata.namespace.as_ref() == Some(namespace))
        .filter(|pdb| {
            let selector = pdb.spec.as_ref().and_then(|s| s.selector.as_ref());
            // policy/v1: an absent selector matches no pod, an empty one every pod of the namespace.
            selector.is_some_and(|s| selects(s, labels))
        })
        .filter_map(|pdb| pdb.metadata.name.as_deref())
        .collect()
}

fn selects(selector: &LabelSelector, labels: &BTreeMap<String, String>) -> bool {
    selector.match_labels.iter().flatten().all(|(key, value)| labels.get(key) == Some(value))
        && selector.match_expressions.iter().flatten().all(|r| meets(r, labels))
}

fn meets(requirement: &LabelSelectorRequirement, labels: &BTreeMap<String, String>) -> bool {
    let value = labels.get(&requirement.key);
    let listed = || value.is_some_and(|v| requirement.values.iter().flatten().any(|w| w == v));
    match requirement.operator.as_str() {
        "In" => listed(),
        "NotIn" => !listed(),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        // The API server takes no other; such a selector selects nothing.
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn selectors_select_as_the_api_server_does() {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"name": "p", "namespace": "shop", "labels": {"app": "web", "tier": "front"}}
        }))
        .unwrap();
        for (case, namespace, selector, expected) in [
            ("label", "shop", json!({"matchLabels": {"app": "web"}}), true),
            ("other value", "shop", json!({"matchLabels": {"app": "db"}}), false),
            ("other namespace", "bank", json!({"matchLabels": {"app": "web"}}), false),
            ("empty selector", "shop", json!({}), true),
            ("no selector", "shop", Value::Null, false),
            ("in", "shop", expression("app", "In", &["db", "web"]), true),
            ("not in", "shop", expression("app", "NotIn", &["web"]), false),
            ("not in, absent key", "shop", expression("zone", "NotIn", &["a"]), true),
            ("exists", "shop", expression("tier", "Exists", &[]), true),
            ("does not exist", "shop", expression("tier", "DoesNotExist", &[]), false),
            ("nonsense", "shop", expression("tier", "Resembles", &["x"]), false),
        ] {
            let pdb: PodDisruptionBudget = serde_json::from_value(json!({
                "metadata": {"name": "b", "namespace": namespace}, "spec": {"selector": selector}
            }))
            .unwrap();
            assert_eq!(covering(&[pdb], &pod) == ["b"], expected, "{case}");
        }
    }

    fn expression(key: &str, operator: &str, values: &[&str]) -> Value {
        json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]})
    }
}
