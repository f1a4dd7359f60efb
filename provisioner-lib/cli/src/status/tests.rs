//! The command over a provider in memory.

use cast_spot_provisioner::{
    apply::Stop,
    onboard,
    resource::{Function, Resource},
    spec::Request,
    verify::{Check, Checked, Verdict},
};

use super::*;
use crate::{
    memory::{Memory, connect, request, spec},
    session::run_in_test,
    terminal::recorded,
};

fn open() -> Request {
    Request { principal: None, external_id: None, package: None, ..request() }
}

fn status(provider: &Guarded<Memory>, as_json: bool) -> (Result<u8, Refusal>, String) {
    let (mut screen, out, _) = recorded::screen("");
    let asked = Asked::read(open(), Vec::new()).unwrap();
    let end = run_in_test(look(asked, "prod", as_json, provider, &mut screen));
    (end, out.text())
}

fn onboarded() -> Memory {
    let memory = Memory::new();
    run_in_test(async {
        let planned = onboard::plan(&spec(), &memory).await.unwrap();
        onboard::onboard(&spec(), planned, &memory, &Stop::new(), &mut |_| {}).await.unwrap();
    });
    memory
}

#[test]
fn a_good_cluster_needs_no_options() {
    let (end, out) = status(&onboarded().guarded(), false);
    assert_eq!(end, Ok(0), "{out}");
    for words in [
        "\nResources\n  ok    all 36 are as they should be\n",
        "\nRights of CastLambdaRoleForSpot in AWS\n  ok    10 calls that it makes are allowed\n  ok    1 calls in another cluster are denied\n",
        "\nRights of cast-eks-prod in AWS\n",
        "\nRights of the function in prod, as it says itself\n  ok    may get nodes\n",
        "  ok    may not get secrets\n",
        "  ok    cast-spot passes its self-test\n",
        "resources are as they should be, all ",
    ] {
        assert!(out.contains(words), "{words}\n{out}");
    }
}

#[test]
fn drift_and_failed_checks_are_shown_with_what_was_answered() {
    let mut memory = onboarded();
    memory.works = false;
    memory.change(|resource| {
        if let Resource::Function(Function { memory_mb, .. }) = resource {
            *memory_mb = 128;
        }
    });
    let (end, out) = status(&memory.guarded(), false);
    assert_eq!(end, Ok(NOT_GOOD));
    for words in [
        "memory_mb: 128 -> 512",
        "\nRights of CastLambdaRoleForSpot in AWS\n  FAIL  11 calls that could not be tried\n        what was answered\n",
        "  FAIL  may not delete nodes\n        as above\n",
        "✗ 1 of ",
        "checks failed",
    ] {
        assert!(out.contains(words), "{words}\n{out}");
    }
    assert_eq!(out.matches("what was answered").count(), 1, "said once\n{out}");
}

#[test]
fn a_right_that_is_lacking_stands_beside_the_count_of_the_others() {
    let check = |action: &str, passed, expected| Checked {
        check: Check::Allowed {
            principal_arn: "arn:aws:iam::111111111111:role/cast-eks-prod".to_owned(),
            action: action.to_owned(),
            resource: "arn:aws:ec2:eu-west-1:111111111111:instance/*".to_owned(),
            context: [("aws:ResourceTag/kubernetes.io/cluster/prod".to_owned(), "owned".to_owned())].into(),
            expected,
        },
        verdict: Verdict { passed, detail: "allowed by no policy".to_owned() },
        warning: false,
    };
    let checks = [
        check("ec2:StartInstances", true, true),
        check("ec2:StopInstances", false, true),
        check("ec2:RebootInstances", false, true),
        check("ec2:StartInstances", true, false),
    ];
    let text = anstream::adapter::strip_str(&checks::render(&checks)).to_string();
    assert_eq!(
        text,
        "\nRights of cast-eks-prod in AWS\n  ok    1 calls that it makes are allowed\n  ok    1 calls in another cluster are denied\n  \
         FAIL  may ec2:StopInstances on instance/* of cluster prod\n  FAIL  may ec2:RebootInstances on instance/* of cluster prod\n        \
         allowed by no policy\n"
    );
}

#[test]
fn concurrency_that_is_not_reserved_warns_and_fails_nothing() {
    let mut memory = onboarded();
    memory.reserves = false;
    let provider = memory.guarded();
    let (end, out) = status(&provider, false);
    assert_eq!(end, Ok(0), "{out}");
    assert!(
        out.contains("  warn  cast-spot has concurrency of its own\n        what was answered\n"),
        "{out}"
    );
    assert!(out.contains("checks passed, 1 with a warning\n"), "{out}");
    let document: serde_json::Value = serde_json::from_str(&status(&provider, true).1).unwrap();
    let last = document["checks"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["check"], &last["warning"]), (&json!("reserved"), &json!(true)));
    assert_eq!((&document["good"], &last["passed"]), (&json!(true), &json!(true)));
}

#[test]
fn json_has_drift_and_checks() {
    let (end, out) = status(&onboarded().guarded(), true);
    assert_eq!(end, Ok(0));
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&document["schema"], &document["good"]), (&json!("cast-spot.status/1"), &json!(true)));
    assert!(document["checks"].as_array().unwrap().iter().all(|check| check["passed"] == true), "{out}");
}

#[test]
fn a_cluster_that_is_not_onboarded_is_not_taken_for_one_with_drift() {
    let (end, out) = status(&Memory::new().guarded(), false);
    let refusal = end.unwrap_err();
    assert_eq!((refusal.code, out.as_str()), (NOT_GOOD, ""));
    assert!(refusal.complaints[0].error.contains("is not onboarded"), "{refusal:?}");
}

#[test]
fn the_agent_is_shown_where_there_is_one() {
    let memory = onboarded();
    connect(&memory);
    let provider = memory.guarded();
    let (end, out) = status(&provider, false);
    assert_eq!(end, Ok(0));
    for words in [
        "\nThe agent, read-only\n  ok    all 11 objects are as they should be\n",
        "  ok    castai-agent in namespace castai-agent is available\n",
        "✓ the agent is as it should be, and runs\n",
    ] {
        assert!(out.contains(words), "{words}\n{out}");
    }
    let (_, out) = status(&provider, true);
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (&document["agent"]["good"], &document["agent"]["summary"]["keep"]),
        (&true.into(), &11.into())
    );
}

#[test]
fn a_cluster_that_is_connected_and_not_onboarded_shows_its_agent_and_what_is_wrong_with_it() {
    let mut memory = Memory::new();
    connect(&memory);
    memory.works = false;
    let provider = memory.guarded();
    let (end, out) = status(&provider, false);
    assert_eq!(end, Ok(NOT_GOOD));
    assert!(out.contains("  FAIL  castai-agent in namespace castai-agent is available\n"), "{out}");
    assert!(out.contains("✗ the agent does not run\n"), "{out}");
    let (_, out) = status(&provider, true);
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&document["onboarded"], &document["agent"]["good"]), (&false.into(), &false.into()));
}
