//! Notices for foreign or terminated instances, and for those that only their group can locate.

use std::collections::BTreeMap;

use cast_spot_rehearsal::{
    Action, Api, Fault, FaultKind, Outcome, WorldSpec, run,
    scenario::{Options, find},
};
use serde_json::{Value, json};

use super::{DELETE, DETACH, EVICT, assert_all_drained, calls, node, pod, reported, usual};

const DESCRIBE: &str = "ec2:DescribeInstances";
const LIST: &str = "kubernetes:list nodes";

fn operations(outcome: &Outcome) -> Vec<&str> {
    outcome.world.calls.keys().map(String::as_str).collect()
}

fn reason(outcome: &Outcome) -> &str {
    outcome.reports[0]["reason"].as_str().unwrap_or_default()
}

#[test]
fn a_stale_notice_of_an_instance_that_lives_on_is_ignored() {
    let outcome = usual("stale-notice");
    assert_eq!(outcome.reports[0]["outcome"], "ignored");
    assert!(reason(&outcome).starts_with("stale: "), "{}", reason(&outcome));
    assert!(reason(&outcome).ends_with("lives on"), "{}", reason(&outcome));
    assert_eq!(operations(&outcome), [DESCRIBE]);
}

#[test]
fn a_notice_that_comes_after_the_end_is_missed() {
    let outcome = usual("missed-notice");
    let report = &outcome.reports[0];
    assert_eq!((&report["outcome"], &report["cluster"]), (&"missed".into(), &"production".into()));
    assert!(reason(&outcome).ends_with("is terminated already"), "{}", reason(&outcome));
    assert_eq!((operations(&outcome), calls(&outcome, DESCRIBE)), (vec![DESCRIBE], 1));
}

/// EC2 gets one request, then each cluster one, each within its time limit.
#[test]
fn a_late_notice_that_cannot_be_located_is_ignored() {
    let mut spec = find("missed-notice").unwrap().world(&Options::default());
    spec.faults.push(Fault::always(Api::Ec2, FaultKind::Throttled));
    let outcome = run("missed-while-throttled", spec);
    assert_eq!(outcome.world.violations, []);
    assert_eq!(outcome.reports[0]["outcome"], "ignored");
    assert_eq!((calls(&outcome, DESCRIBE), calls(&outcome, LIST)), (1, 1));
}

#[test]
fn a_node_of_karpenter_is_observed_and_nothing_is_written() {
    let outcome = usual("karpenter-node");
    let report = &outcome.reports[0];
    assert_eq!((&report["outcome"], &report["cluster"]), (&"observed".into(), &"production".into()));
    assert_eq!(report["node"], node(&outcome).node.as_str());
    assert!(reason(&outcome).starts_with("Karpenter owns the node"), "{}", reason(&outcome));
    assert_eq!(operations(&outcome), [DESCRIBE]);
}

#[test]
fn the_labels_of_a_listed_node_name_its_owner_too() {
    let mut spec = find("karpenter-node").unwrap().world(&Options::default());
    spec.faults.push(Fault::always(Api::Ec2, FaultKind::Throttled));
    let outcome = run("karpenter-while-throttled", spec);
    assert_eq!(outcome.world.violations, []);
    assert_eq!(outcome.reports[0]["outcome"], "observed");
    assert_eq!(calls(&outcome, LIST), 1);
}

#[test]
fn a_forged_notice_of_an_on_demand_instance_is_ignored() {
    let outcome = usual("forged-on-demand");
    assert_eq!(outcome.reports[0]["outcome"], "ignored");
    assert!(reason(&outcome).contains("is an on-demand instance"), "{}", reason(&outcome));
    assert_eq!(operations(&outcome), [DESCRIBE]);
}

/// Forged notices whose payloads `change`, while EC2 is throttled.
fn forged_while_throttled(name: &str, scenario: &str, change: impl Fn(&mut Value)) -> Outcome {
    let mut spec = find(scenario).unwrap().world(&Options::default());
    spec.faults.push(Fault::always(Api::Ec2, FaultKind::Throttled));
    spec.deliveries.iter_mut().for_each(|delivery| change(&mut delivery.payload));
    let outcome = run(name, spec);
    assert_eq!(outcome.world.violations, []);
    outcome
}

#[test]
fn no_word_of_an_event_makes_an_on_demand_instance_spot() {
    let mut spec = find("forged-on-demand").unwrap().world(&Options::default());
    for delivery in &mut spec.deliveries {
        delivery.payload["detail"]["synthetic"] = json!(true);
    }
    let outcome = run("forged-word", spec);
    assert_eq!(outcome.world.violations, []);
    assert_eq!(outcome.reports[0]["outcome"], "ignored");
    assert_eq!(operations(&outcome), [DESCRIBE]);
}

#[test]
fn without_ec2_the_label_says_that_a_node_is_on_demand() {
    let outcome = forged_while_throttled("on-demand-while-throttled", "forged-on-demand", |_| ());
    assert_eq!(outcome.reports[0]["outcome"], "ignored");
    assert!(reason(&outcome).contains("by the labels of its node"), "{}", reason(&outcome));
}

#[test]
fn without_ec2_the_node_says_that_the_region_is_another() {
    let elsewhere = |payload: &mut Value| payload["region"] = json!("us-east-1");
    let outcome = forged_while_throttled("region-while-throttled", "baseline", elsewhere);
    assert_eq!(outcome.reports[0]["outcome"], "ignored");
    assert!(reason(&outcome).contains("the event is of us-east-1"), "{}", reason(&outcome));
    let true_notice = forged_while_throttled("true-while-throttled", "baseline", |_| ());
    assert_eq!(true_notice.reports[0]["outcome"], "drained");
}

#[test]
fn an_instance_that_shuts_down_is_drained_at_once() {
    let outcome = usual("shutting-down");
    let blocked = pod(&outcome, "ledger");
    let terminating = blocked.terminating_ms.unwrap();
    assert!(terminating < 2_500, "overridden at {terminating} ms");
    assert_eq!(reported(&outcome, blocked)["outcome"], "deleted");
    assert_eq!((calls(&outcome, DELETE), outcome.world.pods.killed), (1, 0));
    assert!(reason(&outcome).ends_with("is shutting-down already"), "{}", reason(&outcome));
    let answered = outcome.deliveries[0].answered_ms.unwrap();
    assert!(answered < 20_000, "{answered}");
}

#[test]
fn the_replacement_is_requested_while_only_auto_scaling_answers() {
    let outcome = usual("only-auto-scaling-answers");
    let launched = node(&outcome).replacement.as_ref().unwrap().launched_ms;
    assert!(launched < 1_000, "{launched}");
    assert_eq!((calls(&outcome, DETACH), calls(&outcome, EVICT)), (1, 0));
    assert_eq!(outcome.reports[0]["replacement"]["outcome"], "confirmed");
}

#[test]
fn thousands_of_foreign_notices_cost_seconds_and_few_calls() {
    let outcome = usual("foreign-fleet");
    assert_all_drained(&outcome);
    let (ours, foreign): (Vec<&Value>, Vec<&Value>) =
        outcome.reports.iter().partition(|report| report["cluster"].is_string());
    assert_eq!((ours.len(), foreign.len()), (1, 2_000));
    assert_eq!(ours[0]["outcome"], "drained");
    assert!(foreign.iter().all(|report| report["outcome"] == "ignored"));
    let longest = foreign.iter().map(|report| report["duration_ms"].as_u64().unwrap()).max().unwrap();
    let mut total = BTreeMap::<&str, u64>::new();
    for (call, count) in foreign.iter().flat_map(|report| report["calls"].as_object().unwrap()) {
        *total.entry(call).or_default() += count.as_u64().unwrap();
    }
    println!("2,000 foreign notices: {total:?}, the longest takes {longest} ms");
    assert!(longest <= 10_500, "{longest}");
    assert!(total[DESCRIBE] <= 2_000 * 4 && total[LIST] <= 2_000 * 2, "{total:?}");
    assert_eq!(total.len(), 2, "{total:?}");
}

/// Ten notices of one batch share one list.
#[test]
fn the_notices_of_a_batch_share_one_node_list() {
    let outcome = run("batch", batch(10, |_| {}));
    assert_eq!(outcome.world.violations, []);
    assert_eq!(outcome.reports.len(), 10);
    assert!(outcome.reports.iter().all(|report| report["outcome"] == "drained"), "{:?}", outcome.reports);
    assert_eq!(calls(&outcome, LIST), 1);
}

/// A batch of notices for nodes of one cluster, while EC2 throttles.
fn batch(notices: usize, change: impl FnOnce(&mut WorldSpec)) -> WorldSpec {
    let mut spec = WorldSpec::baseline(1, notices, 0);
    let bodies: Vec<Value> = (0..notices).map(|index| spec.interrupt(index, Action::Terminate, 0)).collect();
    let record = |(number, body): (usize, &Value)| json!({ "messageId": format!("m-{number}"), "eventSource": "aws:sqs", "body": body.to_string() });
    spec.deliveries.clear();
    let records: Vec<Value> = bodies.iter().enumerate().map(record).collect();
    spec.deliver(0, json!({ "Records": records }));
    spec.faults.push(Fault::always(Api::Ec2, FaultKind::Throttled));
    change(&mut spec);
    spec
}

#[test]
fn a_node_that_is_named_after_its_instance_needs_no_list() {
    let mut spec = WorldSpec::baseline(1, 2, 5);
    let instance = spec.cluster().nodes[0].instance.clone();
    let old = std::mem::replace(&mut spec.cluster().nodes[0].name, instance.clone());
    for name in spec.cluster().workloads.iter_mut().flat_map(|workload| &mut workload.nodes) {
        if *name == old {
            name.clone_from(&instance);
        }
    }
    spec.interrupt(0, Action::Terminate, 0);
    let outcome = run("named-after-instance", spec);
    assert_eq!(outcome.world.violations, []);
    assert_all_drained(&outcome);
    assert_eq!((calls(&outcome, LIST), calls(&outcome, "kubernetes:get nodes")), (0, 1));
}

#[test]
fn a_node_that_never_joins_is_looked_for_in_two_lists() {
    let mut spec = WorldSpec::baseline(1, 2, 0);
    spec.cluster().nodes[0].joined = false;
    spec.cluster().workloads.clear();
    spec.interrupt(0, Action::Terminate, 0);
    let outcome = run("never-joins", spec);
    assert_eq!(outcome.world.violations, []);
    assert_eq!(calls(&outcome, LIST), 2);
    assert_eq!(outcome.reports[0]["replacement"]["outcome"], "confirmed");
}
