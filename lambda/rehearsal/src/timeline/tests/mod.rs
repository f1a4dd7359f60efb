//! The text of hand-made outcomes.

pub(crate) mod sample;

use anstream::adapter::strip_str;
use insta::assert_snapshot;

use super::*;
use crate::law::Law;
use crate::outcome::{DeliveryError, Fate, Violation};
use sample::{node, outcome, pod};

fn heading() -> Heading {
    Heading {
        description: "one node of a healthy cluster gets a notice".to_owned(),
        setting: "20 nodes · 400 pods · 1 notice · 20 ms a call · warm".to_owned(),
    }
}

fn text(outcome: &Outcome, width: usize) -> String {
    strip_str(&render(outcome, &heading(), width)).to_string()
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for width in [40, 60, 80, 120] {
        for nodes in [5, 50] {
            let nodes = (0..nodes).map(|n| node(n, (0..110).map(|p| pod(p, Fate::Drained)).collect()));
            for line in text(&outcome(nodes.collect()), width).lines() {
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
        }
    }
}

#[test]
fn five_hundred_nodes_stay_readable() {
    let nodes = (0..500).map(|n| node(n, (0..20).map(|p| pod(p, Fate::Drained)).collect()));
    let text = text(&outcome(nodes.collect()), 80);
    assert!(text.lines().count() <= 60, "{text}");
    assert_snapshot!("five_hundred_nodes", text);
}

#[test]
fn a_forced_pod_has_its_own_line_and_its_reason() {
    let mut pods: Vec<_> = (0..109).map(|p| pod(p, Fate::Drained)).collect();
    pods.push(pod(900, Fate::Deleted));
    assert_snapshot!("forced_pod", text(&outcome(vec![node(1, pods)]), 100));
}

#[test]
fn the_verdict_says_it_in_one_sentence() {
    let pods = (0..3).map(|p| pod(p, Fate::Drained)).collect();
    assert_snapshot!("drained", text(&outcome(vec![node(1, pods)]), 150));
}

#[test]
fn killed_pods_bring_a_hint() {
    let pods = vec![pod(1, Fate::Killed), pod(2, Fate::Left)];
    assert_snapshot!("killed_and_left", text(&outcome(vec![node(1, pods)]), 150));
}

#[test]
fn a_broken_law_is_shown_with_its_number_and_time() {
    let mut outcome = outcome(vec![node(1, vec![pod(1, Fate::Drained)])]);
    let what = "pods/eviction shop/web-0 without preconditions.uid".to_owned();
    outcome.world.violations.push(Violation { law: Law::UidAndGrace, at_ms: 50, what });
    assert_snapshot!("broken_law", text(&outcome, 100));
}

#[test]
fn the_launcher_of_a_late_replacement_is_named() {
    for (method, reported) in [("detach", "failed"), ("verify", "failed"), ("none", "not_needed")] {
        let mut outcome = outcome(vec![node(1, vec![pod(1, Fate::Drained)])]);
        outcome.timelines[0].replacement.as_mut().unwrap().launched_ms = 135_000;
        outcome.timelines[0].replacement.as_mut().unwrap().ready_ms = Some(180_000);
        outcome.reports[0]["replacement"] = serde_json::json!({"method": method, "outcome": reported});
        assert_snapshot!(format!("late_replacement_of_{method}"), text(&outcome, 150));
    }
}

#[test]
fn the_verdict_names_a_replacement_that_was_not_asked_for() {
    let mut outcome = outcome(vec![node(1, vec![pod(1, Fate::Drained)])]);
    outcome.timelines[0].replacement = None;
    outcome.reports[0]["replacement"]["outcome"] = "not_needed".into();
    assert_snapshot!("no_replacement_asked_for", text(&outcome, 150));
}

#[test]
fn a_few_errors_are_shown_and_the_rest_counted() {
    let mut outcome = outcome(vec![node(1, vec![pod(1, Fate::Drained)])]);
    outcome.errors = (0..7)
        .map(|at_ms| DeliveryError { at_ms, instances: vec!["i-1".to_owned()], error: "crashed".to_owned() })
        .collect();
    assert_snapshot!("seven_errors", text(&outcome, 80));
}

#[test]
fn equal_answers_for_other_instances_share_a_line() {
    let mut outcome = outcome((0..3).map(|number| node(number, Vec::new())).collect());
    outcome.timelines.truncate(1);
    for delivery in &mut outcome.deliveries {
        let reason = format!("{} carries no cluster tag (EC2: throttled)", delivery.instances[0]);
        delivery.answer = Ok(serde_json::json!({"outcome": "ignored", "reason": reason}));
    }
    assert_snapshot!("other_instances", text(&outcome, 150));
}

#[test]
fn a_delete_names_the_budget_only_where_it_is_the_reason() {
    let mut outcome = outcome(vec![node(1, vec![pod(1, Fate::Deleted)])]);
    assert_snapshot!("deleted_over_a_budget", text(&outcome, 150));
    outcome.reports[0]["pods"][0]["reason"] = "500: admission webhook denied the request".into();
    assert_snapshot!("deleted_over_a_webhook", text(&outcome, 150));
}

#[test]
fn a_hint_names_the_cause_of_the_loss() {
    let mut never = pod(1, Fate::Killed);
    (never.asked_ms, never.terminating_ms) = (None, None);
    for (key, word, hint) in [
        ("observed", None, "leaves them to the owner of the node"),
        ("ignored", None, "because the notice was ignored (the report says: why)"),
        ("missed", None, "because the notice came after the deadline (the report says: why)"),
        ("failed", None, "got no eviction that reached the API server (the report says: why)"),
        ("drained", Some("tolerates the cordon and came back"), "came back to the node, and no further"),
    ] {
        let mut outcome = outcome(vec![node(1, vec![never.clone()])]);
        outcome.reports[0]["outcome"] = key.into();
        outcome.reports[0]["reason"] = "why".into();
        outcome.reports[0]["pods"] = serde_json::json!([{"uid": never.uid, "reason": word}]);
        let text = text(&outcome, 150).replace("\n      ", " ");
        assert!(text.contains(hint), "{key}: {text}");
    }
}

#[test]
fn a_grace_that_was_cut_is_longer_than_a_notice() {
    let mut cut = pod(1, Fate::Killed);
    (cut.terminating_ms, cut.ended_ms) = (Some(20_000), Some(114_000));
    let mut outcome = outcome(vec![node(1, vec![cut.clone()])]);
    assert_snapshot!("grace_ran_out", text(&outcome, 150));
    let why = "terminated already; its grace was cut to the time left";
    outcome.reports[0]["pods"] = serde_json::json!([{"uid": cut.uid, "reason": why}]);
    assert_snapshot!("grace_was_cut", text(&outcome, 150));
}

#[test]
fn reasons_of_cordon_and_replacement_are_shown() {
    let mut outcome = outcome(vec![node(1, vec![pod(1, Fate::Drained)])]);
    outcome.reports[0]["replacement"]["reason"] = "lifecycle hook drain was not run".into();
    outcome.reports[0]["cordon"] = serde_json::json!({"outcome": "failed", "reason": "forbidden"});
    assert_snapshot!("reasons_of_cordon_and_replacement", text(&outcome, 150));
}

#[test]
fn no_notice_at_all_is_no_fault() {
    assert_snapshot!("no_notice", text(&outcome(Vec::new()), 80));
}
