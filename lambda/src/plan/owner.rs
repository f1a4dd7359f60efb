//! Who owns a node, by the tags of its instance or by its own labels. A node of another owner is only observed.

use std::collections::BTreeMap;

// Owners that handle interruptions of their nodes by themselves.
/// "Interruption" in its documentation.
const KARPENTER: &str = "Karpenter";
const AUTO_MODE: &str = "EKS Auto Mode";
const CAST_AI: &str = "CAST AI";

const KARPENTER_TAGS: [&str; 4] = [
    "karpenter.sh/nodepool",
    "karpenter.sh/nodeclaim",
    "karpenter.sh/provisioner-name",
    "karpenter.k8s.aws/ec2nodeclass",
];
/// Of the managed policy AmazonEKSComputePolicy, which lets EKS set them on instances of Auto Mode.
const AUTO_MODE_TAGS: [&str; 2] = ["eks:kubernetes-node-pool-name", "eks:kubernetes-node-class-name"];
const CAST_AI_TAGS: [&str; 2] = ["cast:cluster-id", "cast:managed-by"];

/// The owner by the instance's tags and its EC2 operator; `None` where it is this handler's.
pub(crate) fn of_instance(tags: &BTreeMap<String, String>, operator: Option<&str>) -> Option<&'static str> {
    let has = |keys: &[&str]| keys.iter().any(|key| tags.contains_key(*key));
    if has(&AUTO_MODE_TAGS) || (operator == Some("eks.amazonaws.com") && !has(&["eks:nodegroup-name"])) {
        Some(AUTO_MODE)
    } else if has(&KARPENTER_TAGS) {
        Some(KARPENTER)
    } else {
        has(&CAST_AI_TAGS).then_some(CAST_AI)
    }
}

/// The owner by the node's labels; `None` where it is this handler's. Nodes of Auto Mode carry labels of Karpenter
/// too.
pub(crate) fn of_labels(labels: &BTreeMap<String, String>) -> Option<&'static str> {
    let is = |key: &str, value: &str| labels.get(key).is_some_and(|found| found == value);
    if is("eks.amazonaws.com/compute-type", "auto") {
        Some(AUTO_MODE)
    } else if labels.contains_key("karpenter.sh/nodepool")
        || labels.contains_key("karpenter.sh/provisioner-name")
    {
        Some(KARPENTER)
    } else {
        is("provisioner.cast.ai/managed-by", "cast.ai").then_some(CAST_AI)
    }
}

/// Whether the node's labels say that its instance was bought on demand. Without such a label nothing is known.
pub(crate) fn is_on_demand(labels: &BTreeMap<String, String>) -> bool {
    ["eks.amazonaws.com/capacityType", "karpenter.sh/capacity-type", "node.kubernetes.io/lifecycle"]
        .iter()
        .filter_map(|key| labels.get(*key))
        .any(|value| {
            matches!(value.to_ascii_lowercase().as_str(), "on_demand" | "on-demand" | "ondemand" | "normal")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
        entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn tags_and_operator_of_an_instance_name_its_owner() {
        let eks = Some("eks.amazonaws.com");
        for (case, tags, operator, expected) in [
            ("self-managed", vec![("kubernetes.io/cluster/prod", "owned")], None, None),
            ("managed node group", vec![("eks:nodegroup-name", "spot")], eks, None),
            ("NTH", vec![("aws-node-termination-handler/managed", "")], None, None),
            ("Karpenter", vec![("karpenter.sh/nodepool", "default")], None, Some(KARPENTER)),
            ("Karpenter 0.x", vec![("karpenter.sh/provisioner-name", "x")], None, Some(KARPENTER)),
            ("Auto Mode", vec![("eks:kubernetes-node-pool-name", "x")], None, Some(AUTO_MODE)),
            ("Auto Mode by operator", vec![("karpenter.sh/nodepool", "x")], eks, Some(AUTO_MODE)),
            ("another operator", vec![], Some("example.com"), None),
            ("CAST AI", vec![("cast:cluster-id", "u")], None, Some(CAST_AI)),
        ] {
            assert_eq!(of_instance(&map(&tags), operator), expected, "{case}");
        }
    }

    #[test]
    fn labels_of_a_node_name_its_owner() {
        for (case, labels, expected) in [
            ("managed node group", vec![("eks.amazonaws.com/nodegroup", "spot")], None),
            ("Karpenter", vec![("karpenter.sh/nodepool", "default")], Some(KARPENTER)),
            (
                "Auto Mode",
                vec![("karpenter.sh/nodepool", "x"), ("eks.amazonaws.com/compute-type", "auto")],
                Some(AUTO_MODE),
            ),
            ("hybrid", vec![("eks.amazonaws.com/compute-type", "hybrid")], None),
            ("CAST AI", vec![("provisioner.cast.ai/managed-by", "cast.ai")], Some(CAST_AI)),
        ] {
            assert_eq!(of_labels(&map(&labels)), expected, "{case}");
        }
    }

    #[test]
    fn only_a_label_that_says_so_makes_a_node_on_demand() {
        for (label, value, expected) in [
            ("eks.amazonaws.com/capacityType", "ON_DEMAND", true),
            ("eks.amazonaws.com/capacityType", "SPOT", false),
            ("eks.amazonaws.com/capacityType", "CAPACITY_BLOCK", false),
            ("karpenter.sh/capacity-type", "on-demand", true),
            ("karpenter.sh/capacity-type", "spot", false),
            ("node.kubernetes.io/lifecycle", "normal", true),
            ("node.kubernetes.io/lifecycle", "spot", false),
            ("node.kubernetes.io/other", "on-demand", false),
        ] {
            assert_eq!(is_on_demand(&map(&[(label, value)])), expected, "{label}={value}");
        }
    }
}
