//! Real payloads in place of the scenarios' own events.

use std::fs;

use cast_spot_rehearsal::{
    Outcome,
    scenario::{EventFile, Options},
};

use jiff::Timestamp;

use super::{DETACH, assert_all_drained, calls, node, rehearse};

#[test]
fn a_real_event_replaces_that_of_the_scenario() {
    for (file, action, replaced) in [("spot-terminate", "terminate", 1), ("spot-stop", "stop", 0)] {
        let outcome = rehearse_event(file);
        assert_eq!(outcome.reports[0]["event"]["instance_id"], "i-1234567890abcdef0");
        assert_eq!(outcome.reports[0]["event"]["time"], "2026-11-22T09:00:00Z");
        assert_eq!(outcome.reports[0]["event"]["action"], action);
        assert_all_drained(&outcome);
        assert_eq!(calls(&outcome, DETACH), replaced, "{file}");
    }
    assert_eq!(rehearse_event("spot-hibernate").world.pods.left, 20);
    assert_eq!(rehearse_event("rebalance").reports[0]["outcome"], "ignored");
}

#[test]
fn a_dry_run_notice_is_planned_and_reported_without_a_write() {
    let outcome = rehearse_event("spot-dry-run");
    let report = &outcome.reports[0];
    assert_eq!(report["dry_run"], true);
    assert_eq!(report["node"], node(&outcome).node.as_str());
    assert_eq!(report["cordon"]["reason"], "dry run");
    assert!(report["pods"].as_array().unwrap().len() > 20, "{report}");
    let writes = ["patch", "create", "delete", "Detach", "Terminate"];
    let written: Vec<_> =
        outcome.world.calls.keys().filter(|call| writes.iter().any(|write| call.contains(write))).collect();
    assert!(written.is_empty(), "{written:?}");
}

#[test]
fn one_bad_message_of_a_batch_fails_alone() {
    let outcome = rehearse_event("sqs-batch");
    assert_all_drained(&outcome);
    assert_eq!((outcome.timelines.len(), outcome.reports.len()), (2, 2));
    let answer = outcome.deliveries[0].answer.as_ref().unwrap();
    let failed = answer["batchItemFailures"].as_array().unwrap();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0]["itemIdentifier"], "2e1424d4-f796-459a-8184-9c92662be6da");
    let [error] = outcome.errors.as_slice() else { panic!("{:?}", outcome.errors) };
    assert!(error.error.contains("2e1424d4-f796-459a-8184-9c92662be6da"), "{error:?}");
}

fn rehearse_event(file: &str) -> Outcome {
    let path = cast_spot_tests::payload(&format!("{file}.json"));
    let event = EventFile::parse(&fs::read_to_string(path).unwrap(), now()).unwrap();
    rehearse("baseline", &Options { event: Some(event), ..Options::default() })
}

/// The clock of the tests: half a minute after the events of the files.
fn now() -> Timestamp {
    "2026-11-22T09:00:30Z".parse().unwrap()
}

#[test]
fn an_event_in_wrappers_is_drained_as_the_bare_one() {
    for file in ["sns-in-sqs", "pipe-of-sqs", "pipe-of-events", "step-functions", "failure-destination"] {
        let outcome = rehearse_event(file);
        assert_all_drained(&outcome);
        assert_eq!(outcome.reports.len(), 1, "{file}");
        assert_eq!(outcome.reports[0]["event"]["instance_id"], "i-1234567890abcdef0", "{file}");
        assert_eq!((outcome.errors.len(), calls(&outcome, DETACH)), (0, 1), "{file}");
    }
    let text = fs::read_to_string(cast_spot_tests::payload("http-request.json")).unwrap();
    let refused = EventFile::parse(&text, now()).unwrap_err().to_string();
    assert!(refused.starts_with("requestContext: an HTTP request"), "{refused}");
}

#[test]
fn an_unknown_action_is_drained_as_a_stop_and_reported() {
    let text = fs::read_to_string(cast_spot_tests::payload("spot-stop.json")).unwrap();
    let event = EventFile::parse(&text.replace("\"stop\"", "\"retire\""), now()).unwrap();
    let outcome = rehearse("baseline", &Options { event: Some(event), ..Options::default() });
    assert_all_drained(&outcome);
    assert_eq!(outcome.reports[0]["event"]["action"], "stop");
    assert_eq!(outcome.reports[0]["reason"], "instance-action `retire` is unknown: treated as a stop");
    assert_eq!(calls(&outcome, DETACH), 0);
}
