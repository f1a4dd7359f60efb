//! The self-test: the function's report on its own access, over the embedded world, in virtual time. Its event names an
//! instance that does not exist, so it can run on any day in any cluster.

#![expect(clippy::unwrap_used, reason = "a test that fails says so")]

use cast_spot_handler::event::{Decoded, Signal, decode};
use cast_spot_infra::events::SELF_TEST;
use cast_spot_rehearsal::{Api, Fault, FaultKind, Outcome, WorldSpec, run};
use serde_json::{Value, json};

/// The event of a self-test, as EventBridge builds it from a schedule, at `time`.
fn self_test(time: &str) -> Value {
    let filled = [
        ("<id>", "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa"),
        ("<time>", time),
        ("<account>", "111122223333"),
        ("<region>", "eu-west-1"),
    ];
    let text = filled.iter().fold(SELF_TEST.to_owned(), |text, (name, value)| text.replace(name, value));
    serde_json::from_str(&text).unwrap()
}

/// Runs the self-test in a world of three nodes.
fn tested(changed: impl FnOnce(&mut WorldSpec)) -> (Outcome, Value) {
    let mut spec = WorldSpec::baseline(7, 3, 5);
    let payload = self_test(&spec.start.to_string());
    spec.deliver(0, payload);
    changed(&mut spec);
    let outcome = run("self-test", spec);
    assert_eq!(outcome.world.violations, []);
    let written = ["patch", "create pods", "create events", "delete", "Detach", "Terminate", "Launch"];
    let calls = outcome.world.calls.keys();
    let written: Vec<_> = calls.filter(|call| written.iter().any(|write| call.contains(write))).collect();
    assert!(written.is_empty(), "{written:?}");
    let report = outcome.reports[0].clone();
    (outcome, report)
}

/// The failed checks of a report: cluster, check, reason.
fn failed(report: &Value) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let checks = report["checks"].as_array().unwrap().iter();
    let failed = checks.filter(|check| check["passed"] == false);
    failed.map(|check| (text(&check["cluster"]), text(&check["check"]), text(&check["reason"]))).collect()
}

#[test]
fn the_event_of_the_schedule_is_a_self_test() {
    let now = "2026-11-22T09:00:02Z".parse().unwrap();
    let Ok(Decoded::Signal(Signal::Ends(notice))) = decode(&self_test("2026-11-22T09:00:00Z"), now) else {
        panic!()
    };
    assert!(notice.is_self_test());
}

#[test]
fn a_function_with_its_rights_passes_in_every_cluster() {
    let (outcome, report) = tested(|_| {});
    assert_eq!((&report["outcome"], &report["reason"]), (&json!("passed"), &Value::Null), "{report}");
    assert_eq!(report["event"]["kind"], "self_test", "it is not counted with the notices");
    assert_eq!(report["dry_run"], true);
    let checks = report["checks"].as_array().unwrap();
    assert_eq!(checks.len(), 3 + 1 + 9 + 7, "{report}");
    assert!(checks.contains(&json!({
        "cluster": "production", "check": "create pods/eviction", "expected": "allowed", "passed": true, "reason": null,
    })));
    assert_eq!(report["calls"]["kubernetes:create selfsubjectaccessreviews"], 16);
    assert!(outcome.deliveries[0].answered_ms.unwrap() < 1_000);
}

#[test]
fn a_right_that_is_lacking_is_named() {
    let (_, report) = tested(|spec| {
        spec.faults.push(Fault::always(Api::Kubernetes, FaultKind::Forbidden).on("patch nodes"));
    });
    assert_eq!(report["outcome"], "failed");
    assert_eq!(failed(&report), [("production".into(), "patch nodes".into(), "denied".into())]);
    assert_eq!(report["reason"], "cluster production: patch nodes: denied");
}

#[test]
fn a_failed_self_test_is_not_redelivered_by_a_queue() {
    let (outcome, _) = tested(|spec| {
        let body = spec.deliveries[0].payload.to_string();
        let record = json!({ "messageId": "m-1", "eventSource": "aws:sqs", "body": body });
        spec.deliveries[0].payload = json!({ "Records": [record] });
        spec.faults.push(Fault::always(Api::Kubernetes, FaultKind::Forbidden).on("patch nodes"));
    });
    assert_eq!(outcome.reports[0]["outcome"], "failed");
    assert_eq!(outcome.deliveries[0].answer.as_ref().unwrap()["batchItemFailures"], json!([]));
}

#[test]
fn an_unreachable_cluster_is_reported_once_and_hides_no_other() {
    let (_, report) = tested(|spec| spec.env("CAST_SPOT_CLUSTERS", "absent,production"));
    let failed = failed(&report);
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!((failed[0].0.as_str(), failed[0].1.as_str()), ("absent", "connect"));
    let checks = report["checks"].as_array().unwrap();
    let of_production = checks.iter().filter(|check| check["cluster"] == "production");
    assert_eq!(of_production.count(), 17);
}

#[test]
fn an_endpoint_that_was_ignored_fails_beside_its_cluster() {
    let (outcome, report) = tested(|spec| {
        spec.settings.cold = true;
        spec.env("CAST_SPOT_ENDPOINTS", r#"{"production": {"server": "http://a", "ca": "YQ=="}}"#);
    });
    let reason = "CAST_SPOT_ENDPOINTS: `server` is `http://a`, no https URL";
    assert_eq!(failed(&report), [("production".into(), "configured endpoint".into(), reason.into())]);
    let asked = outcome.world.calls.keys().any(|call| call.contains("DescribeCluster"));
    assert!(asked, "EKS is asked for it: {:?}", outcome.world.calls);
    // `cast-spot status` shows it.
    let payload = report.to_string();
    let read = cast_spot_provisioner::verify::self_test::read(None, payload.as_bytes());
    let notice = cast_spot_provisioner::verify::Check::Notice {
        function: "cast-spot".into(),
        cluster: "production".into(),
    };
    let verdict = cast_spot_provisioner::verify::self_test::verdict(&notice, &read);
    assert!(!verdict.passed && verdict.detail.contains(reason), "{verdict:?}");
}

#[test]
fn an_api_server_without_reviews_fails_the_self_test() {
    let (_, report) = tested(|spec| {
        let refused = Fault::always(Api::Kubernetes, FaultKind::Forbidden);
        spec.faults.push(refused.on("create selfsubjectaccessreviews"));
    });
    assert_eq!(failed(&report).len(), 1);
    assert_eq!(failed(&report)[0].1, "connect");
}

#[test]
fn the_self_test_answers_within_seconds_whatever_hangs() {
    for api in [Api::Kubernetes, Api::Eks, Api::Ec2, Api::AutoScaling] {
        let (outcome, report) = tested(|spec| {
            spec.settings.cold = true;
            spec.settings.endpoints = false;
            spec.faults.push(Fault::always(api, FaultKind::Hang(u64::MAX)));
        });
        assert_eq!(report["outcome"], "failed", "{api:?}");
        let answered = outcome.deliveries[0].answered_ms.unwrap();
        assert!(answered < 25_000, "{api:?}: {answered} ms");
        let of_aws = failed(&report).iter().filter(|(cluster, ..)| cluster.is_empty()).count();
        let expected = match api {
            Api::Ec2 => 1,
            Api::AutoScaling => 2,
            Api::Kubernetes | Api::Eks => 0,
        };
        assert_eq!(of_aws, expected, "{api:?}: {report}");
    }
}

#[test]
fn the_metrics_of_a_self_test_are_its_own() {
    let report = |failing: bool| {
        use cast_spot_handler::{
            Report,
            report::{EventSummary, checks::CheckReport},
        };
        let event = EventSummary {
            id: "1".into(),
            kind: "self_test".into(),
            instance_id: None,
            action: None,
            time: None,
            deadline: None,
        };
        let check =
            |why: Option<&str>| CheckReport::answered(None, "ec2:DescribeInstances", why.map(str::to_owned));
        Report::of_self_test(event, vec![check(None), check(failing.then_some("no"))])
    };
    for (failing, count) in [(false, 0), (true, 1)] {
        let line = cast_spot_handler::report::metrics::line(&report(failing), jiff::Timestamp::UNIX_EPOCH);
        assert_eq!((&line["SelfTestFailed"], &line["SelfTestChecks"]), (&json!(count), &json!(2)));
        let names: Vec<_> =
            line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap().iter().collect();
        assert_eq!(names.len(), 2, "no figure of a notice: {line}");
        assert_eq!(line["_aws"]["CloudWatchMetrics"][0]["Dimensions"], json!([[]]));
    }
}
