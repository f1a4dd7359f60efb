//! The JSON Patches on a node. All begin with a `test`, so that a wrong node can never be written.

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
pub(super) const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// The patch that cordons the node of `notice`, if it is the one with this providerID. `seen` is the
/// node as it was read after a refused patch: parents that it lacks are added.
#[must_use]
pub fn cordon_patch(provider_id: &str, notice: &Notice, seen: Option<&Node>) -> Value {
    let mut patch = vec![
        json!({"op": "test", "path": "/spec/providerID", "value": provider_id}),
        json!({"op": "add", "path": "/spec/unschedulable", "value": true}),
    ];
    if seen.is_some_and(|n| n.metadata.annotations.is_none()) {
        patch.push(json!({"op": "add", "path": "/metadata/annotations", "value": {}}));
    }
    patch.push(
        json!({"op": "add", "path": pointer("/metadata/annotations", CLAIM), "value": notice.event_id}),
    );
    Value::Array(patch)
}

fn pointer(parent: &str, key: &str) -> String {
    format!("{parent}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// Whether the label stands on the node that takes it out of service load balancers, whoever has set it.
#[must_use]
pub fn is_excluded(node: &Node) -> bool {
    node.metadata.labels.as_ref().is_some_and(|labels| labels.contains_key(EXCLUDE_FROM_LOAD_BALANCERS))
}

/// What is marked on a node beside the evictions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marks {
    /// The reason taint.
    pub taint: bool,
    /// The label that takes the node out of service load balancers.
    pub exclude: bool,
}

/// The patch that adds those of `marks` that `seen` lacks; `None` where it lacks none. A label of others is kept.
/// `is_cordons_answer`: the node controller has added its own taint since.
#[must_use]
pub fn mark_patch(
    provider_id: &str,
    notice: &Notice,
    seen: &Node,
    marks: Marks,
    is_cordons_answer: bool,
) -> Option<Value> {
    let mut patch = vec![json!({"op": "test", "path": "/spec/providerID", "value": provider_id})];
    let rest = |patch: Value| patch.as_array().into_iter().flatten().skip(1).cloned().collect::<Vec<_>>();
    if marks.taint && !is_tainted(seen) {
        let is_unschedulable = seen.spec.as_ref().and_then(|spec| spec.unschedulable) == Some(true);
        patch.extend(rest(if is_cordons_answer && is_unschedulable {
            append_taint_patch(provider_id, notice)
        } else {
            taint_patch(provider_id, notice, seen)
        }));
    }
    if marks.exclude && !is_excluded(seen) {
        let path = pointer("/metadata/labels", EXCLUDE_FROM_LOAD_BALANCERS);
        if seen.metadata.labels.is_none() {
            patch.push(json!({"op": "test", "path": "/metadata/labels", "value": null}));
            patch.push(json!({"op": "add", "path": "/metadata/labels", "value": {}}));
        } else {
            patch.push(json!({"op": "test", "path": path, "value": null}));
        }
        patch.push(json!({"op": "add", "path": path, "value": "cast-spot"}));
    }
    (patch.len() > 1).then_some(Value::Array(patch))
}

/// The smallest patch that cordons: what a policy refuses is a label or an annotation, as a rule.
#[must_use]
pub fn smallest_cordon_patch(provider_id: &str) -> Value {
    json!([
        {"op": "test", "path": "/spec/providerID", "value": provider_id},
        {"op": "add", "path": "/spec/unschedulable", "value": true},
    ])
}

/// Whether the reason taint stands on the node.
#[must_use]
pub fn is_tainted(node: &Node) -> bool {
    taints(node).iter().any(|t| t.key == TAINT)
}

/// The patch that adds the reason taint.
///
/// `spec.taints` is an atomic list. Where the node as it was `seen` has one, the taint is put at its end,
/// whatever stands in it by then. Where it has none, the list is written whole, and the `test` of the
/// resource version keeps what others add meanwhile (the node controller does so after a cordon).
#[must_use]
pub fn taint_patch(provider_id: &str, notice: &Notice, seen: &Node) -> Value {
    if taints(seen).is_empty() {
        json!([
            {"op": "test", "path": "/spec/providerID", "value": provider_id},
            {"op": "test", "path": "/metadata/resourceVersion", "value": seen.metadata.resource_version},
            {"op": "add", "path": "/spec/taints", "value": [taint(notice)]},
        ])
    } else {
        append_taint_patch(provider_id, notice)
    }
}

/// The patch that puts the reason taint at the end of a list that stands there by now.
#[must_use]
pub fn append_taint_patch(provider_id: &str, notice: &Notice) -> Value {
    json!([
        {"op": "test", "path": "/spec/providerID", "value": provider_id},
        {"op": "add", "path": "/spec/taints/-", "value": taint(notice)},
    ])
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
    let provider_id = provider_id(node);
    provider_id.starts_with("aws://") && provider_id.rsplit('/').next() == Some(instance_id)
}

fn taints(node: &Node) -> &[Taint] {
    node.spec.as_ref().and_then(|s| s.taints.as_deref()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Action;

    fn notice() -> Notice {
        let time = "2026-11-22T09:00:00Z".parse().unwrap();
        Notice {
            event_id: "e-1".into(),
            kind: "spot_interruption",
            instance_id: "i-0abc1234".into(),
            action: Action::Terminate,
            time,
            deadline: time + jiff::SignedDuration::from_secs(120),
            dry_run: false,
        }
    }

    fn node(spec: &Value) -> Node {
        serde_json::from_value(json!({"metadata": {"name": "n"}, "spec": spec})).unwrap()
    }

    #[test]
    fn the_cordon_is_one_patch_that_tests_the_provider_id_first() {
        assert_eq!(
            cordon_patch("aws:///eu-west-1a/i-0abc1234", &notice(), None),
            json!([
                {"op": "test", "path": "/spec/providerID", "value": "aws:///eu-west-1a/i-0abc1234"},
                {"op": "add", "path": "/spec/unschedulable", "value": true},
                {"op": "add", "path": "/metadata/annotations/cast-spot~1claim", "value": "e-1"},
            ])
        );
    }

    #[test]
    fn missing_parents_are_added_once_the_node_was_read() {
        let patch = cordon_patch("aws:///z/i-0abc1234", &notice(), Some(&node(&json!({}))));
        let paths: Vec<_> = patch.as_array().unwrap().iter().map(|op| op["path"].as_str().unwrap()).collect();
        assert_eq!(paths[2..], ["/metadata/annotations", "/metadata/annotations/cast-spot~1claim"]);
    }

    #[test]
    fn a_label_of_others_is_kept() {
        let (exclude, label) = (
            Marks { taint: false, exclude: true },
            "/metadata/labels/node.kubernetes.io~1exclude-from-external-load-balancers",
        );
        let labelled = |labels: Value| -> Node {
            serde_json::from_value(json!({"metadata": {"labels": labels}})).unwrap()
        };
        let theirs = labelled(json!({EXCLUDE_FROM_LOAD_BALANCERS: ""}));
        assert_eq!(mark_patch("p", &notice(), &theirs, exclude, false), None);
        assert_eq!(
            mark_patch("p", &notice(), &labelled(json!({"a": "b"})), exclude, false),
            Some(json!([
                {"op": "test", "path": "/spec/providerID", "value": "p"},
                {"op": "test", "path": label, "value": null},
                {"op": "add", "path": label, "value": "cast-spot"},
            ]))
        );
    }

    #[test]
    fn taint_and_label_are_one_patch_after_the_cordon() {
        let both = Marks { taint: true, exclude: true };
        let cordoned = node(&json!({"unschedulable": true}));
        let patch = mark_patch("p", &notice(), &cordoned, both, true).unwrap();
        let paths: Vec<_> = patch.as_array().unwrap().iter().map(|op| op["path"].as_str().unwrap()).collect();
        assert_eq!(paths[..2], ["/spec/providerID", "/spec/taints/-"]);
        assert_eq!(paths.len(), 5);
        let read = mark_patch("p", &notice(), &cordoned, both, false).unwrap();
        assert_eq!(read[1]["path"], "/metadata/resourceVersion", "nothing stands there yet");
    }

    #[test]
    fn the_taint_never_takes_the_place_of_others() {
        let taint = json!({"key": "cast-spot/interruption", "value": "terminate", "effect": "NoSchedule"});
        let mut bare = node(&json!({}));
        bare.metadata.resource_version = Some("7".into());
        assert_eq!(
            taint_patch("p", &notice(), &bare),
            json!([
                {"op": "test", "path": "/spec/providerID", "value": "p"},
                {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
                {"op": "add", "path": "/spec/taints", "value": [taint]},
            ])
        );
        let tainted = node(&json!({"taints": [{"key": "gpu", "effect": "NoSchedule"}]}));
        assert_eq!(
            taint_patch("p", &notice(), &tainted),
            json!([
                {"op": "test", "path": "/spec/providerID", "value": "p"},
                {"op": "add", "path": "/spec/taints/-", "value": taint},
            ])
        );
        assert!(is_tainted(&node(&json!({"taints": [taint]}))));
        assert!(!is_tainted(&tainted));
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
