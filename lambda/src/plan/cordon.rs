//! The JSON Patches on a node. Each begins with a `test`, so that a wrong node can never be written.

use serde_json::{Value, json};

use super::{
    claim::{Claim, Mark},
    node::{EXCLUDE_FROM_LOAD_BALANCERS, TAINT, is_tainted},
};
use crate::ports::Node;

pub(super) const ANNOTATIONS: &str = "/metadata/annotations";
pub(super) const LABELS: &str = "/metadata/labels";
/// Value of the label that cast-spot sets.
pub(super) const LABEL_VALUE: &str = "cast-spot";

/// The patch that cordons the node with this providerID and writes the claim. `seen` is the node as it was read after a
/// refused patch: parents that it lacks are added.
pub(crate) fn cordon_patch(provider_id: &str, claim: &Claim, seen: Option<&Node>) -> Value {
    let mut patch = unschedulable(provider_id);
    let missing = seen.is_some_and(|node| node.metadata.annotations.is_empty());
    patch.extend(entry(ANNOTATIONS, missing, &claim.key, &claim.text()));
    Value::Array(patch)
}

/// The same patch without the claim: all that a cordon needs.
pub(crate) fn unschedulable_patch(provider_id: &str) -> Value {
    Value::Array(unschedulable(provider_id))
}

fn unschedulable(provider_id: &str) -> Vec<Value> {
    vec![test_identity(provider_id), json!({"op": "add", "path": "/spec/unschedulable", "value": true})]
}

pub(super) fn test_identity(provider_id: &str) -> Value {
    json!({"op": "test", "path": "/spec/providerID", "value": provider_id})
}

/// Path of `key` in the map at `parent`.
pub(super) fn path(parent: &str, key: &str) -> String {
    format!("{parent}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// The operations that set `key` in the map at `parent`, which is added if it is `missing`.
fn entry(parent: &str, missing: bool, key: &str, value: &str) -> Vec<Value> {
    let parent_added = missing.then(|| json!({"op": "add", "path": parent, "value": {}}));
    let added = json!({"op": "add", "path": path(parent, key), "value": value});
    parent_added.into_iter().chain([added]).collect()
}

/// Those of `marks` that follow the cordon and that `node` lacks. A label that is there, whatever its value, is kept.
pub(crate) fn lacking(marks: &[Mark], node: &Node) -> Vec<Mark> {
    let lacks = |mark: &Mark| match mark {
        Mark::Cordon => false,
        Mark::Taint => !is_tainted(node),
        Mark::Label => !node.metadata.labels.contains_key(EXCLUDE_FROM_LOAD_BALANCERS),
    };
    marks.iter().copied().filter(lacks).collect()
}

/// Marks to be set on a node.
#[derive(Debug)]
pub(crate) struct Marking {
    /// The marks.
    pub(crate) marks: Vec<Mark>,
    /// Value of the taint: what EC2 does to the instance.
    pub(crate) reason: &'static str,
}

/// The patch that sets marks.
///
/// `spec.taints` is an atomic list. Where the node as it was `seen` has one, or has one by now (`append`), the taint is
/// put at its end, whatever is in it by then. Where it has none, the list is written whole, and the `test` of the
/// resource version keeps what others add meanwhile (the node controller does so after a cordon).
pub(crate) fn mark_patch(provider_id: &str, seen: &Node, marking: &Marking, append: bool) -> Value {
    let mut patch = vec![test_identity(provider_id)];
    let taint = json!({"key": TAINT, "value": marking.reason, "effect": "NoSchedule"});
    let is_bare = !append && seen.spec.taints.is_empty();
    match marking.marks.contains(&Mark::Taint) {
        true if is_bare => patch.extend([
            json!({"op": "test", "path": "/metadata/resourceVersion", "value": seen.metadata.resource_version}),
            json!({"op": "add", "path": "/spec/taints", "value": [taint]}),
        ]),
        true => patch.push(json!({"op": "add", "path": "/spec/taints/-", "value": taint})),
        false => {}
    }
    if marking.marks.contains(&Mark::Label) {
        let missing = seen.metadata.labels.is_empty();
        patch.extend(entry(LABELS, missing, EXCLUDE_FROM_LOAD_BALANCERS, LABEL_VALUE));
    }
    Value::Array(patch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::claim::{NOTICE, tests::claim};

    fn node(spec: &Value) -> Node {
        serde_json::from_value(json!({"metadata": {"name": "n"}, "spec": spec})).unwrap()
    }

    #[test]
    fn the_cordon_is_one_patch_that_tests_the_provider_id_first() {
        let claim = claim(NOTICE, &BOTH);
        assert_eq!(
            cordon_patch("aws:///eu-west-1a/i-0abc1234", &claim, None),
            json!([
                {"op": "test", "path": "/spec/providerID", "value": "aws:///eu-west-1a/i-0abc1234"},
                {"op": "add", "path": "/spec/unschedulable", "value": true},
                {"op": "add", "path": "/metadata/annotations/cast-spot~1claim.notice", "value": claim.text()},
            ])
        );
    }

    #[test]
    fn missing_parents_are_added_once_the_node_was_read() {
        let patch = cordon_patch("aws:///z/i-0abc1234", &claim(NOTICE, &BOTH), Some(&node(&json!({}))));
        assert_eq!(patch[2], json!({"op": "add", "path": "/metadata/annotations", "value": {}}));
    }

    const BOTH: [Mark; 2] = [Mark::Taint, Mark::Label];

    fn marking(marks: &[Mark]) -> Marking {
        Marking { marks: marks.to_vec(), reason: "terminate" }
    }

    #[test]
    fn the_taint_never_takes_the_place_of_others() {
        let taint = json!({"key": "cast-spot/interruption", "value": "terminate", "effect": "NoSchedule"});
        let identity = json!({"op": "test", "path": "/spec/providerID", "value": "p"});
        let mut bare = node(&json!({}));
        bare.metadata.resource_version = "7".into();
        let only = marking(&[Mark::Taint]);
        assert_eq!(
            mark_patch("p", &bare, &only, false),
            json!([
                identity,
                {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
                {"op": "add", "path": "/spec/taints", "value": [taint]},
            ])
        );
        let tainted = node(&json!({"taints": [{"key": "gpu", "effect": "NoSchedule"}]}));
        let appended = json!({"op": "add", "path": "/spec/taints/-", "value": taint});
        assert_eq!(mark_patch("p", &tainted, &only, false), json!([identity, appended]));
        assert!(is_tainted(&node(&json!({"taints": [taint]}))));
        assert!(!is_tainted(&tainted));
    }

    #[test]
    fn taint_and_label_are_one_patch() {
        let tainted = node(&json!({"taints": [{"key": "gpu", "effect": "NoSchedule"}]}));
        let patch = mark_patch("p", &tainted, &marking(&BOTH), false);
        let paths: Vec<_> = patch.as_array().unwrap().iter().map(|op| op["path"].as_str().unwrap()).collect();
        let label = "/metadata/labels/node.kubernetes.io~1exclude-from-external-load-balancers";
        assert_eq!(paths, ["/spec/providerID", "/spec/taints/-", "/metadata/labels", label]);
    }

    #[test]
    fn a_label_of_others_is_kept() {
        let mut labelled = node(&json!({}));
        let label = (EXCLUDE_FROM_LOAD_BALANCERS.to_owned(), "theirs".to_owned());
        labelled.metadata.labels = [label].into();
        assert_eq!(lacking(&BOTH, &labelled), [Mark::Taint]);
        assert_eq!(lacking(&BOTH, &node(&json!({}))), BOTH);
    }
}
