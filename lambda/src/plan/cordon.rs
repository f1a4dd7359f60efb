//! The JSON Patches on a node. Each begins with a `test`, so that a wrong node can never be written.

use k8s_openapi::api::core::v1::Node;
use serde_json::{Value, json};

use super::{
    claim::{Claim, Mark, claims},
    node::{
        EXCLUDE_FROM_LOAD_BALANCERS, TAINT, exclusion, is_cordoned_since, is_tainted, provider_id, taints,
    },
};

const ANNOTATIONS: &str = "/metadata/annotations";
const LABELS: &str = "/metadata/labels";
/// Value of the label that cast-spot sets.
const LABEL_VALUE: &str = "cast-spot";

/// The patch that cordons the node with this providerID and writes the claim. `seen` is the node as it was read after a
/// refused patch: parents that it lacks are added.
#[must_use]
pub fn cordon_patch(provider_id: &str, claim: &Claim, seen: Option<&Node>) -> Value {
    let mut patch = unschedulable(provider_id);
    let missing = seen.is_some_and(|node| node.metadata.annotations.is_none());
    patch.extend(entry(ANNOTATIONS, missing, &claim.key, &claim.text()));
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

/// Path of `key` in the map at `parent`.
fn path(parent: &str, key: &str) -> String {
    format!("{parent}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// The operations that set `key` in the map at `parent`, which is added if it is `missing`.
fn entry(parent: &str, missing: bool, key: &str, value: &str) -> Vec<Value> {
    let parent_added = missing.then(|| json!({"op": "add", "path": parent, "value": {}}));
    let added = json!({"op": "add", "path": path(parent, key), "value": value});
    parent_added.into_iter().chain([added]).collect()
}

/// The operations that remove what is at `path`, if `value` is at `tested`.
fn removal(path: &str, tested: &str, value: impl Into<Value>) -> [Value; 2] {
    let value = value.into();
    [json!({"op": "test", "path": tested, "value": value}), json!({"op": "remove", "path": path})]
}

/// Those of `marks` that follow the cordon and that `node` lacks. A label that is there, whatever its value, is kept.
#[must_use]
pub fn lacking(marks: &[Mark], node: &Node) -> Vec<Mark> {
    let lacks = |mark: &Mark| match mark {
        Mark::Cordon => false,
        Mark::Taint => !is_tainted(node),
        Mark::Label => exclusion(node).is_none(),
    };
    marks.iter().copied().filter(lacks).collect()
}

/// Marks to be set on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marking {
    /// The marks.
    pub marks: Vec<Mark>,
    /// Value of the taint: what EC2 does to the instance.
    pub reason: &'static str,
}

/// The patch that sets marks.
///
/// `spec.taints` is an atomic list. Where the node as it was `seen` has one, or has one by now (`append`), the taint is
/// put at its end, whatever is in it by then. Where it has none, the list is written whole, and the `test` of the
/// resource version keeps what others add meanwhile (the node controller does so after a cordon).
#[must_use]
pub fn mark_patch(provider_id: &str, seen: &Node, marking: &Marking, append: bool) -> Value {
    let mut patch = vec![test_identity(provider_id)];
    let taint = taint(marking.reason);
    let is_bare = !append && taints(seen).is_empty();
    match marking.marks.contains(&Mark::Taint) {
        true if is_bare => patch.extend([
            json!({"op": "test", "path": "/metadata/resourceVersion", "value": seen.metadata.resource_version}),
            json!({"op": "add", "path": "/spec/taints", "value": [taint]}),
        ]),
        true => patch.push(json!({"op": "add", "path": "/spec/taints/-", "value": taint})),
        false => {}
    }
    if marking.marks.contains(&Mark::Label) {
        let missing = seen.metadata.labels.is_none();
        patch.extend(entry(LABELS, missing, EXCLUDE_FROM_LOAD_BALANCERS, LABEL_VALUE));
    }
    Value::Array(patch)
}

fn taint(reason: &str) -> Value {
    json!({"key": TAINT, "value": reason, "effect": "NoSchedule"})
}

/// The patch that takes back `claim` and what it names on `node`, but for what another claim names too or may name, and
/// for what others set: a cordon from before the signal, a label of another value. It is for signals that end a claim
/// (an instance that runs again, a warning that passed); a notice takes nothing back.
#[must_use]
pub fn undo_patch(node: &Node, claim: &Claim) -> Value {
    let others: Vec<_> = claims(node).into_iter().filter(|(key, _)| *key != claim.key).collect();
    let is_held = |mark| others.iter().any(|(_, other)| other.as_ref().is_none_or(|o| o.undo.contains(mark)));
    let take_back = |mark: &Mark| match mark {
        Mark::Cordon => {
            let path = "/spec/unschedulable";
            let is_ours = node.spec.as_ref()?.unschedulable? && is_cordoned_since(node, claim.since);
            is_ours.then(|| removal(path, path, true))
        }
        Mark::Taint => {
            let index = taints(node).iter().position(|taint| taint.key == TAINT)?;
            Some(removal(&format!("/spec/taints/{index}"), &format!("/spec/taints/{index}/key"), TAINT))
        }
        Mark::Label => {
            let label = path(LABELS, EXCLUDE_FROM_LOAD_BALANCERS);
            (exclusion(node)? == LABEL_VALUE).then(|| removal(&label, &label, LABEL_VALUE))
        }
    };
    let marks = claim.undo.iter().filter(|mark| !is_held(mark)).filter_map(take_back);
    let annotation = path(ANNOTATIONS, &claim.key);
    let text = node.metadata.annotations.as_ref().and_then(|all| all.get(&claim.key)).cloned();
    let claim = text.map(|text| removal(&annotation, &annotation, text));
    let marks = marks.chain(claim).flatten();
    [test_identity(provider_id(node))].into_iter().chain(marks).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{
        claim::{NOTICE, tests::claim},
        node::UNSCHEDULABLE,
    };

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
        bare.metadata.resource_version = Some("7".into());
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
        labelled.metadata.labels = Some([label].into());
        assert_eq!(lacking(&BOTH, &labelled), [Mark::Taint]);
        assert_eq!(lacking(&BOTH, &node(&json!({}))), BOTH);
    }

    #[test]
    fn an_undo_takes_back_what_the_claim_names_and_is_ours() {
        const AT: &str = "2026-11-22T09:00:01Z";
        const ALL: [Mark; 3] = [Mark::Cordon, Mark::Taint, Mark::Label];
        let claim = |undo: &[Mark]| claim(NOTICE, undo);
        let marked = |cordoned: Option<&str>, label: &str, others: &[(&str, String)], own: &Claim| -> Node {
            let mut annotations = json!({NOTICE: own.text()});
            for (key, text) in others {
                annotations[*key] = text.as_str().into();
            }
            let mut controllers = json!({"key": UNSCHEDULABLE, "effect": "NoSchedule"});
            if let Some(at) = cordoned {
                controllers["timeAdded"] = at.into();
            }
            let taints = json!([controllers, taint("stop")]);
            let labels = json!({EXCLUDE_FROM_LOAD_BALANCERS: label});
            let metadata = json!({"annotations": annotations, "labels": labels});
            let spec = json!({"providerID": "p", "unschedulable": true, "taints": taints});
            serde_json::from_value(json!({"metadata": metadata, "spec": spec})).unwrap()
        };
        let label = path(LABELS, EXCLUDE_FROM_LOAD_BALANCERS);
        let (cordon, taint) = ("/spec/unschedulable", "/spec/taints/1");
        let weaker = Claim { rank: 30, undo: vec![Mark::Cordon], ..claim(&[]) };
        for (case, cordoned, undo, value, others, expected) in [
            ("all", Some(AT), &ALL[..], "cast-spot", vec![], vec![cordon, taint, label.as_str()]),
            ("not named", Some(AT), &BOTH, "cast-spot", vec![], vec![taint, label.as_str()]),
            ("cordoned before", Some("2026-11-22T08:59:00Z"), &ALL, "", vec![], vec![taint]),
            ("cordoned at an unknown time", None, &ALL, "", vec![], vec![taint]),
            ("their label", Some(AT), &ALL, "", vec![], vec![cordon, taint]),
            (
                "another claim",
                Some(AT),
                &ALL,
                "",
                vec![("cast-spot/claim.rebalance", weaker.text())],
                vec![taint],
            ),
            ("an unreadable claim", Some(AT), &ALL, "", vec![("cast-spot/claim.x", "e-0".into())], vec![]),
            (
                "an earlier release",
                Some(AT),
                &ALL,
                "",
                vec![("cast-spot/claim", "e-0".into())],
                vec![cordon, taint],
            ),
        ] {
            let own = claim(undo);
            let patch = undo_patch(&marked(cordoned, value, &others, &own), &own);
            let operations = patch.as_array().unwrap();
            let removed = operations.iter().filter(|operation| operation["op"] == "remove");
            let removed: Vec<_> = removed.map(|operation| operation["path"].as_str().unwrap()).collect();
            let annotation = "/metadata/annotations/cast-spot~1claim.notice";
            assert_eq!(removed, [expected, vec![annotation]].concat(), "{case}");
            assert_eq!(operations[0], test_identity("p"), "{case}");
        }
    }
}
