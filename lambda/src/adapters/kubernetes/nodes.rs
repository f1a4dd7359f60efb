//! Nodes as a list brings them, cut down to what locating an instance reads. 5,000 whole nodes would not fit into the
//! function's memory.

use std::collections::BTreeMap;

use kube::api::ListParams;
use serde::Deserialize;

use crate::ports::ListedNode;

/// Nodes of one page.
const PAGE: u32 = 500;

/// A list in pages. No resourceVersion: with `resourceVersion=0` the API server ignores the limit and sends all nodes
/// at once (Kubernetes API concepts, "Retrieving large results sets in chunks").
pub(super) fn page(token: Option<&str>) -> ListParams {
    let page = ListParams::default().limit(PAGE);
    token.map_or(page.clone(), |token| page.continue_token(token))
}

/// A node that is read no further than necessary.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "Read")]
pub(super) struct LeanNode(pub(super) ListedNode);

#[derive(Deserialize)]
struct Read {
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    spec: Spec,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    name: String,
    labels: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Spec {
    #[serde(rename = "providerID")]
    provider_id: String,
}

impl From<Read> for LeanNode {
    fn from(Read { metadata, spec }: Read) -> Self {
        let mut labels = metadata.labels;
        labels.retain(|label, _| ListedNode::LABELS.contains(&label.as_str()));
        Self(ListedNode { name: metadata.name, provider_id: spec.provider_id, labels })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_listed_node_keeps_name_provider_id_and_known_labels() {
        let node = json!({
            "metadata": {
                "name": "n", "uid": "u", "managedFields": [{"manager": "kubelet"}],
                "labels": {"kubernetes.io/arch": "arm64", "karpenter.sh/nodepool": "default"},
            },
            "spec": {"providerID": "aws:///eu-west-1a/i-0abc1234", "podCIDR": "10.0.0.0/24"},
            "status": {"images": [{"names": ["x"]}]},
        });
        let LeanNode(read) = serde_json::from_value(node).unwrap();
        assert_eq!((read.name.as_str(), read.provider_id.as_str()), ("n", "aws:///eu-west-1a/i-0abc1234"));
        assert_eq!(read.labels.into_keys().collect::<Vec<_>>(), ["karpenter.sh/nodepool"]);
        let LeanNode(young) = serde_json::from_value(json!({"metadata": {"name": "n"}})).unwrap();
        assert_eq!(young.provider_id, "");
    }
}
