//! The undo: the JSON Patch that takes back what a claim names on a node.

use serde_json::{Value, json};

use super::{
    claim::{Claim, Mark, claims},
    cordon::{ANNOTATIONS, LABEL_VALUE, LABELS, path, test_identity},
    node::{EXCLUDE_FROM_LOAD_BALANCERS, TAINT, is_cordoned_since},
};
use crate::ports::Node;

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
            let is_ours = node.spec.unschedulable && is_cordoned_since(node, claim.since);
            is_ours.then(|| removal(path, path, true))
        }
        Mark::Taint => {
            let index = node.spec.taints.iter().position(|taint| taint.key == TAINT)?;
            Some(removal(&format!("/spec/taints/{index}"), &format!("/spec/taints/{index}/key"), TAINT))
        }
        Mark::Label => {
            let label = path(LABELS, EXCLUDE_FROM_LOAD_BALANCERS);
            (node.metadata.labels.get(EXCLUDE_FROM_LOAD_BALANCERS)? == LABEL_VALUE)
                .then(|| removal(&label, &label, LABEL_VALUE))
        }
    };
    let marks = claim.undo.iter().filter(|mark| !is_held(mark)).filter_map(take_back);
    let annotation = path(ANNOTATIONS, &claim.key);
    let claim = node
        .metadata
        .annotations
        .get(&claim.key)
        .map(|text| removal(&annotation, &annotation, text.as_str()));
    let marks = marks.chain(claim).flatten();
    [test_identity(&node.spec.provider_id)].into_iter().chain(marks).collect()
}

/// The operations that remove what is at `path`, if `value` is at `tested`.
fn removal(path: &str, tested: &str, value: impl Into<Value>) -> [Value; 2] {
    let value = value.into();
    [json!({"op": "test", "path": tested, "value": value}), json!({"op": "remove", "path": path})]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{
        claim::{NOTICE, tests::claim},
        node::UNSCHEDULABLE,
    };

    #[test]
    fn an_undo_takes_back_what_the_claim_names_and_is_ours() {
        const AT: &str = "2026-11-22T09:00:01Z";
        const BOTH: [Mark; 2] = [Mark::Taint, Mark::Label];
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
            let taints = json!([controllers, json!({"key": TAINT, "value": "stop", "effect": "NoSchedule"})]);
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
