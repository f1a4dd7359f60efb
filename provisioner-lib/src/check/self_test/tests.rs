use serde_json::json;

use super::*;

fn report(checks: &Value) -> Value {
    json!({ "outcome": "passed", "event": { "kind": "self_test" }, "checks": checks })
}

fn check(cluster: Option<&str>, name: &str, why: Option<&str>) -> Value {
    json!({ "cluster": cluster, "check": name, "expected": "allowed", "passed": why.is_none(), "reason": why })
}

/// What the function says of all rights in a cluster.
fn all(cluster: &str, why: impl Fn(&str) -> Option<&'static str>) -> Vec<Value> {
    let names = rights(cluster).iter().map(right).collect::<Vec<_>>();
    let names = [CONNECT.to_owned()].into_iter().chain(names);
    names.map(|name| check(Some(cluster), &name, why(&name))).collect()
}

fn answer(checks: Vec<Value>) -> Result<Vec<Reported>, String> {
    read(None, report(&checks.into()).to_string().as_bytes())
}

fn notice() -> Check {
    Check::Notice { function: "cast-spot".to_owned(), cluster: "prod".to_owned() }
}

#[test]
fn only_checks_of_this_cluster_that_are_all_well_are_good() {
    let of_aws = || vec![check(None, "ec2:DescribeInstances", None)];
    let good = answer([of_aws(), all("prod", |_| None)].concat());
    assert!(verdict(&notice(), &good).passed);
    assert!(rights("prod").iter().all(|check| verdict(check, &good).passed));

    let of_others = answer([of_aws(), all("stage", |_| None)].concat());
    let said = verdict(&notice(), &of_others);
    assert!(!said.passed && said.detail.contains("does not serve prod"), "{said:?}");
    assert!(rights("prod").iter().all(|check| !verdict(check, &of_others).passed));

    let broken =
        answer([vec![check(None, "ec2:DescribeInstances", Some("no"))], all("prod", |_| None)].concat());
    assert_eq!(verdict(&notice(), &broken).detail, "ec2:DescribeInstances: no");
    assert!(rights("prod").iter().all(|check| verdict(check, &broken).passed));
}

#[test]
fn a_right_that_is_lacking_fails_alone_and_is_named() {
    let answer = answer(all("prod", |name| (name == "patch nodes").then_some("denied")));
    assert_eq!(
        verdict(&notice(), &answer),
        Verdict { passed: false, detail: "cluster prod: patch nodes: denied".to_owned() }
    );
    let failed: Vec<_> = rights("prod")
        .into_iter()
        .filter(|check| !verdict(check, &answer).passed)
        .map(|check| right(&check))
        .collect();
    assert_eq!(failed, ["patch nodes"]);
}

#[test]
fn without_a_way_into_the_cluster_every_right_fails_for_that() {
    let answer = answer(vec![check(Some("prod"), CONNECT, Some("timed out"))]);
    assert!(rights("prod").iter().all(|check| verdict(check, &answer).detail == "timed out"));
    assert_eq!(verdict(&notice(), &answer).detail, "cluster prod: connect: timed out");
}

#[test]
fn an_answer_without_checks_says_why_there_are_none() {
    let older = json!({ "outcome": "ignored", "event": { "kind": "spot_interruption" }, "dry_run": true });
    let stale =
        json!({ "outcome": "ignored", "event": { "kind": "self_test" }, "reason": "stale: long ago" });
    for (case, error, payload, expected) in [
        ("an older function", None, older, "is older"),
        ("a clock that goes wrong", None, stale, "ignored: stale: long ago"),
        ("something else", None, json!("hello"), "not a report: \"hello\""),
        (
            "a crash",
            Some("Unhandled"),
            json!({ "errorMessage": "boom" }),
            "the function failed (Unhandled): ",
        ),
    ] {
        let answer = read(error, payload.to_string().as_bytes());
        let said = verdict(&notice(), &answer);
        assert!(!said.passed && said.detail.contains(expected), "{case}: {said:?}");
    }
}

#[test]
fn the_event_is_json_and_says_the_region_and_its_time() {
    let event: Value =
        serde_json::from_str(&event("1", "2026-11-22T09:00:00Z", "eu-west-1", "123456789012")).unwrap();
    assert_eq!((&event["time"], &event["region"]), (&json!("2026-11-22T09:00:00Z"), &json!("eu-west-1")));
    assert_eq!(event["detail"]["dry-run"], true);
}
