//! The two JSON Patches on a node. Both begin with a `test`, so that a wrong node can never be written.

use k8s_openapi::api::core::v1::{Node, Taint};
use serde_json::{Value, json};

use crate::event::Notice;

/// Annotation that says which notice is being handled: the EventBridge event id.
pub const CLAIM: &str = "cast-spot/claim";
/// Taint that says why the node is unschedulable.
pub const TAINT: &str = "cast-spot/interruption";
/// Taken out of service load balancers (Kubernetes, "Well-Known Labels, Annotations and Taints").
const EXCLUDE_FROM_LOAD_BALANCERS: &str = "node.kubernetes.io/exclude-from-external-load-balancers";
/// Set by the node controller on a node that is unschedulable.
pub const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// The patch that cordons the node of `notice`, if it is the one with this providerID. `seen` is the
/// node as it was read after a refused patch: parents that it lacks are added.
#[must_use]
pub fn cordon_patch(provider_id: &str, notice: &Notice, seen: Option<&Node>) -> Value {
    let mut patch = unschedulable(provider_id);
    let missing = seen.is_some_and(|node| node.metadata.annotations.is_none());
    patch.extend(entry("/metadata/annotations", missing, CLAIM, &notice.event_id));
    Value::Array(patch)
}

/// The same patch without the claim: all that a cordon needs.
#[must_use]
pub fn unschedulable_patch(provider_id: &str) -> Value {
    Value::Array(unschedulable(provider_id))
}

fn unschedulable(provider_id: &str) -> Vec<Value> {
    vec![test_identity(provider_id), json!({"op": "add", "path": "/spec/unschedulable", "value": true})]
}

fn test_identity(provider_id: &str) -> Value {
    json!({"op": "test", "path": "/spec/providerID", "value": provider_id})
}

/// The operations that set `key` in the map at `parent`, which is added if it is `missing`.
fn entry(parent: &str, missing: bool, key: &str, value: &str) -> Vec<Value> {
    let key = key.replace('~', "~0").replace('/', "~1");
    let parent_added = missing.then(|| json!({"op": "add", "path": parent, "value": {}}));
    let added = json!({"op": "add", "path": format!("{parent}/{key}"), "value": value});
    parent_added.into_iter().chain([added]).collect()
}

/// What is set on a node beside the cordon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marks {
    /// The taint that gives the reason.
    pub taint: bool,
    /// The label that takes the node out of load balancers.
    pub label: bool,
}

impl Marks {
    /// Those of them that `node` lacks. A label that stands there, whatever its value, is kept.
    #[must_use]
    pub fn lacking(self, node: &Node) -> Self {
        let labels = node.metadata.labels.as_ref();
        let labelled = labels.is_some_and(|labels| labels.contains_key(EXCLUDE_FROM_LOAD_BALANCERS));
        Self { taint: self.taint && !is_tainted(node), label: self.label && !labelled }
    }

    /// Those of them that are set now; the label only once no protected pod serves on the node any more.
    #[must_use]
    pub fn due(self, unprotected: bool) -> Self {
        Self { label: self.label && unprotected, ..self }
    }

    /// Whether there is nothing to set.
    #[must_use]
    pub fn is_empty(self) -> bool {
        !self.taint && !self.label
    }
}

/// Whether the reason taint stands on the node.
#[must_use]
pub fn is_tainted(node: &Node) -> bool {
    taints(node).iter().any(|t| t.key == TAINT)
}

/// The patch that sets `marks`.
///
/// `spec.taints` is an atomic list. Where the node as it was `seen` has one, the taint is put at its end,
/// whatever stands in it by then. Where it has none, the list is written whole, and the `test` of the
/// resource version keeps what others add meanwhile (the node controller does so after a cordon).
#[must_use]
pub fn mark_patch(provider_id: &str, notice: &Notice, seen: &Node, marks: Marks) -> Value {
    if marks.taint && taints(seen).is_empty() {
        let mut patch = vec![
            test_identity(provider_id),
            json!({"op": "test", "path": "/metadata/resourceVersion", "value": seen.metadata.resource_version}),
            json!({"op": "add", "path": "/spec/taints", "value": [taint(notice)]}),
        ];
        patch.extend(label(seen, marks));
        Value::Array(patch)
    } else {
        append_mark_patch(provider_id, notice, seen, marks)
    }
}

/// The patch that sets `marks`, the taint at the end of a list that stands there by now.
#[must_use]
pub fn append_mark_patch(provider_id: &str, notice: &Notice, seen: &Node, marks: Marks) -> Value {
    let mut patch = vec![test_identity(provider_id)];
    if marks.taint {
        patch.push(json!({"op": "add", "path": "/spec/taints/-", "value": taint(notice)}));
    }
    patch.extend(label(seen, marks));
    Value::Array(patch)
}

fn label(seen: &Node, marks: Marks) -> Vec<Value> {
    if !marks.label {
        return Vec::new();
    }
    entry("/metadata/labels", seen.metadata.labels.is_none(), EXCLUDE_FROM_LOAD_BALANCERS, "cast-spot")
}

fn taint(notice: &Notice) -> Value {
    json!({"key": TAINT, "value": notice.action.as_str(), "effect": "NoSchedule"})
}

/// Whether the node, as the cordon's answer shows it, was unschedulable before: the taints that follow
/// a cordon stand on it already.
#[must_use]
pub fn was_cordoned(node: &Node) -> bool {
    is_tainted(node) || taints(node).iter().any(|t| t.key == UNSCHEDULABLE)
}

/// A node's providerID; empty if it has none.
#[must_use]
pub fn provider_id(node: &Node) -> &str {
    node.spec.as_ref().and_then(|s| s.provider_id.as_deref()).unwrap_or_default()
}

/// Whether a node runs on this instance. The AWS cloud provider writes `aws:///ZONE/INSTANCE`.
#[must_use]
pub fn runs_on(node: &Node, instance_id: &str) -> bool {
    names_instance(provider_id(node), instance_id)
}

/// Whether a providerID is that of this instance.
#[must_use]
pub fn names_instance(provider_id: &str, instance_id: &str) -> bool {
    provider_id.starts_with("aws://") && provider_id.rsplit('/').next() == Some(instance_id)
}

fn taints(node: &Node) -> &[Taint] {
    node.spec.as_ref().and_then(|s| s.taints.as_deref()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(spec: &Value) -> Node {
        serde_json::from_value(json!({"metadata": {"name": "n"}, "spec": spec})).unwrap()
    }

    #[test]
    fn the_cordon_is_one_patch_that_tests_the_provider_id_first() {
        assert_eq!(
            cordon_patch("aws:///eu-west-1a/i-0abc1234", &Notice::sample(), None),
            json!([
                {"op": "test", "path": "/spec/providerID", "value": "aws:///eu-west-1a/i-0abc1234"},
                {"op": "add", "path": "/spec/unschedulable", "value": true},
                {"op": "add", "path": "/metadata/annotations/cast-spot~1claim", "value": "e-1"},
            ])
        );
    }

    #[test]
    fn missing_parents_are_added_once_the_node_was_read() {
        let patch = cordon_patch("aws:///z/i-0abc1234", &Notice::sample(), Some(&node(&json!({}))));
        assert_eq!(patch[2], json!({"op": "add", "path": "/metadata/annotations", "value": {}}));
    }

    const BOTH: Marks = Marks { taint: true, label: true };

    #[test]
    fn the_taint_never_takes_the_place_of_others() {
        let taint = json!({"key": "cast-spot/interruption", "value": "terminate", "effect": "NoSchedule"});
        let identity = json!({"op": "test", "path": "/spec/providerID", "value": "p"});
        let mut bare = node(&json!({}));
        bare.metadata.resource_version = Some("7".into());
        let only = Marks { taint: true, label: false };
        assert_eq!(
            mark_patch("p", &Notice::sample(), &bare, only),
            json!([
                identity,
                {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
                {"op": "add", "path": "/spec/taints", "value": [taint]},
            ])
        );
        let tainted = node(&json!({"taints": [{"key": "gpu", "effect": "NoSchedule"}]}));
        let appended = json!({"op": "add", "path": "/spec/taints/-", "value": taint});
        assert_eq!(mark_patch("p", &Notice::sample(), &tainted, only), json!([identity, appended]));
        assert!(is_tainted(&node(&json!({"taints": [taint]}))));
        assert!(!is_tainted(&tainted));
    }

    #[test]
    fn taint_and_label_are_one_patch() {
        let tainted = node(&json!({"taints": [{"key": "gpu", "effect": "NoSchedule"}]}));
        let patch = mark_patch("p", &Notice::sample(), &tainted, BOTH);
        let paths: Vec<_> = patch.as_array().unwrap().iter().map(|op| op["path"].as_str().unwrap()).collect();
        let label = "/metadata/labels/node.kubernetes.io~1exclude-from-external-load-balancers";
        assert_eq!(paths, ["/spec/providerID", "/spec/taints/-", "/metadata/labels", label]);
    }

    #[test]
    fn a_label_of_others_is_kept() {
        let mut labelled = node(&json!({}));
        let label = (EXCLUDE_FROM_LOAD_BALANCERS.to_owned(), "theirs".to_owned());
        labelled.metadata.labels = Some([label].into());
        assert_eq!(BOTH.lacking(&labelled), Marks { taint: true, label: false });
        assert_eq!(BOTH.lacking(&node(&json!({}))), BOTH);
    }

    #[test]
    fn a_node_runs_on_the_instance_that_ends_its_provider_id() {
        for (provider_id, expected) in [
            ("aws:///eu-west-1a/i-0abc1234", true),
            ("aws:///eu-west-1a/i-0abc12345", false),
            ("aws:///eu-west-1a/xi-0abc1234", false),
            ("gce:///p/i-0abc1234", false),
            ("", false),
        ] {
            assert_eq!(
                runs_on(&node(&json!({"providerID": provider_id})), "i-0abc1234"),
                expected,
                "{provider_id}"
            );
        }
    }
}
