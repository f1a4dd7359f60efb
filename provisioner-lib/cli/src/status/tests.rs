//! The command over an account in memory.

use cast_spot_provisioner::{
    resource::{Function, Resource},
    spec::Request,
    verify::{Check, Checked, Verdict},
};

use super::*;
use crate::{
    terminal::capture,
    tests::account::{FakeAccount, connect, request, run_in_test},
};

fn open() -> Request {
    Request { principal: None, external_id: None, package: None, ..request() }
}

fn status(provider: &AccountChecked<FakeAccount>, as_json: bool) -> (Result<u8, CliError>, String) {
    let (mut screen, out, _) = capture::screen("");
    let request = PartialRequest::read(open(), Vec::new()).unwrap();
    let end = run_in_test(show(request, "prod", as_json, provider, &mut screen));
    (end, out.text())
}

#[test]
fn a_good_cluster_needs_no_options() {
    let (end, out) = status(&FakeAccount::onboarded().unchecked(), false);
    assert_eq!(end, Ok(0), "{out}");
    for words in [
        "\nResources\n  ok    all 36 are as they should be\n",
        "\nPermissions of CastLambdaRoleForSpot in AWS\n  ok    10 calls that it makes are allowed\n  ok    1 calls in another cluster are denied\n",
        "\nPermissions of cast-eks-prod in AWS\n",
        "\nKubernetes permissions of the function in prod (self-reported)\n  ok    may get nodes\n",
        "  ok    may not get secrets\n",
        "  ok    cast-spot passes its self-test\n",
        "resources are as they should be, all ",
    ] {
        assert!(out.contains(words), "{words}\n{out}");
    }
}

#[test]
fn drift_and_failed_checks_are_shown_with_the_answer() {
    let mut account = FakeAccount::onboarded();
    account.works = false;
    account.change(|resource| {
        if let Resource::Function(Function { memory_mb, .. }) = resource {
            *memory_mb = 128;
        }
    });
    let (end, out) = status(&account.unchecked(), false);
    assert_eq!(end, Ok(EXIT_INCOMPLETE));
    for words in [
        "memory_mb: 128 -> 512",
        "\nPermissions of CastLambdaRoleForSpot in AWS\n  FAIL  11 calls that could not be checked\n        the answer\n",
        "  FAIL  may not delete nodes\n        as above\n",
        "✗ 1 of ",
        "checks failed",
    ] {
        assert!(out.contains(words), "{words}\n{out}");
    }
    assert_eq!(out.matches("the answer").count(), 1, "shown once\n{out}");
}

#[test]
fn a_missing_permission_is_shown_beside_the_count() {
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
        "\nPermissions of cast-eks-prod in AWS\n  ok    1 calls that it makes are allowed\n  ok    1 calls in another cluster are denied\n  \
         FAIL  may ec2:StopInstances on instance/* of cluster prod\n  FAIL  may ec2:RebootInstances on instance/* of cluster prod\n        \
         allowed by no policy\n"
    );
}

#[test]
fn missing_concurrency_is_only_a_warning() {
    let mut account = FakeAccount::onboarded();
    account.reserves = false;
    let provider = account.unchecked();
    let (end, out) = status(&provider, false);
    assert_eq!(end, Ok(0), "{out}");
    assert!(out.contains("  warn  cast-spot has concurrency of its own\n        the answer\n"), "{out}");
    assert!(out.contains("checks passed, 1 with a warning\n"), "{out}");
    let document: serde_json::Value = serde_json::from_str(&status(&provider, true).1).unwrap();
    let last = document["checks"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["check"], &last["warning"]), (&json!("reserved"), &json!(true)));
    assert_eq!((&document["good"], &last["passed"]), (&json!(true), &json!(true)));
}

#[test]
fn json_has_drift_and_checks() {
    let (end, out) = status(&FakeAccount::onboarded().unchecked(), true);
    assert_eq!(end, Ok(0));
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&document["schema"], &document["good"]), (&json!("cast-spot.status/1"), &json!(true)));
    assert!(document["checks"].as_array().unwrap().iter().all(|check| check["passed"] == true), "{out}");
}

#[test]
fn a_cluster_that_is_not_onboarded_has_no_drift() {
    let (end, out) = status(&FakeAccount::new().unchecked(), false);
    let error = end.unwrap_err();
    assert_eq!((error.code, out.as_str()), (EXIT_INCOMPLETE, ""));
    assert!(error.diagnostics[0].error.contains("is not onboarded"), "{error:?}");
}

#[test]
fn the_agent_of_a_connected_cluster_is_shown() {
    let account = FakeAccount::onboarded();
    connect(&account);
    let provider = account.unchecked();
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
fn a_connected_cluster_shows_agent_status() {
    let mut account = FakeAccount::new();
    connect(&account);
    account.works = false;
    let provider = account.unchecked();
    let (end, out) = status(&provider, false);
    assert_eq!(end, Ok(EXIT_INCOMPLETE));
    assert!(out.contains("  FAIL  castai-agent in namespace castai-agent is available\n"), "{out}");
    assert!(out.contains("✗ the agent does not run\n"), "{out}");
    let (_, out) = status(&provider, true);
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&document["onboarded"], &document["agent"]["good"]), (&false.into(), &false.into()));
}
