//! Labels and taints that the cluster's node groups add to their nodes.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Node, Taint};
use serde::{Deserialize, Serialize};

use crate::catalog::{HOSTNAME, OFFER_LABELS};

/// One kind of node group.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Template {
    /// Labels that a selector or a topology key names.
    pub labels: BTreeMap<String, String>,
    /// Permanent taints.
    pub taints: Vec<Taint>,
}

/// Karpenter's labels of the instance type. No offer has them: a pod that selects by them is reported without a node.
const OF_THE_TYPE: &str = "karpenter.k8s.aws/instance-";

/// The templates of today's nodes, which differ by taints and by labels with one of `keys`. Without nodes there is one
/// plain template.
#[must_use]
pub fn templates<'n>(nodes: impl IntoIterator<Item = &'n Node>, keys: &BTreeSet<String>) -> Vec<Template> {
    let mut found: Vec<Template> = Vec::new();
    for node in nodes {
        let labels = node.metadata.labels.iter().flatten();
        let labels = labels.filter(|(key, _)| {
            keys.contains(*key)
                && !OFFER_LABELS.iter().any(|same| same.contains(&key.as_str()))
                && key.as_str() != HOSTNAME
                && !key.starts_with(OF_THE_TYPE)
        });
        let labels = labels.map(|(key, value)| (key.clone(), value.clone())).collect();
        let taints = node.spec.iter().flat_map(|spec| spec.taints.iter().flatten());
        let taints: Vec<Taint> = taints.filter(|taint| stays(taint)).cloned().collect();
        let template = Template { labels, taints };
        if !found.contains(&template) {
            found.push(template);
        }
    }
    if found.is_empty() {
        found.push(Template::default());
    }
    found
}

/// Whether a new node of the group would have the taint, too. Controllers add others for a condition or a drain.
fn stays(taint: &Taint) -> bool {
    let passing = ["node.kubernetes.io/", "node.cloudprovider.kubernetes.io/", "cast-spot/"];
    let drains = ["ToBeDeletedByClusterAutoscaler", "DeletionCandidateOfClusterAutoscaler"];
    !passing.iter().any(|prefix| taint.key.starts_with(prefix))
        && !drains.contains(&taint.key.as_str())
        && taint.key != "karpenter.sh/disrupted"
        && taint.effect != "PreferNoSchedule"
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn unselected_labels_and_passing_taints_are_ignored() {
        let node = |pool: &str, name: &str, taint: &str| {
            from_value::<Node>(json!({
                "metadata": { "labels": {
                    "pool": pool, "kubernetes.io/hostname": name, "kubernetes.io/arch": "amd64", "made-by": name,
                }},
                "spec": { "taints": [{ "key": taint, "effect": "NoSchedule" }] },
            }))
            .unwrap()
        };
        let nodes = [
            node("a", "1", "node.kubernetes.io/unschedulable"),
            node("a", "2", "cast-spot/interruption"),
            node("b", "3", "gpu"),
        ];
        let keys = ["pool".to_owned(), "kubernetes.io/arch".to_owned(), "kubernetes.io/hostname".to_owned()];
        let found = templates(&nodes, &keys.into());
        let pools: Vec<_> =
            found.iter().map(|found| (found.labels["pool"].as_str(), found.taints.len())).collect();
        assert_eq!(pools, [("a", 0), ("b", 1)]);
        assert!(found.iter().all(|found| found.labels.len() == 1));
        assert_eq!(templates(&[], &BTreeSet::new()), [Template::default()]);
    }
}
