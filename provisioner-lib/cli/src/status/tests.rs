//! The command over an account in memory.

use cast_spot_provisioner::{
    resource::{Function, Kind, Manifest, Resource},
    spec::Request,
    verify::{Check, Checked, Verdict},
};
use insta::assert_snapshot;

use super::*;
use crate::EXIT_USAGE;
use crate::tests::{
    HOSTILE, Ran,
    account::{FakeAccount, connect, request},
    run,
};

fn open() -> Request {
    Request { principal: None, external_id: None, package: None, ..request() }
}

fn status(provider: &AccountChecked<FakeAccount>, as_json: bool) -> Ran {
    let request = PartialRequest::read(open(), Vec::new()).unwrap();
    run("", async |screen| show(request, "prod", as_json, provider, screen).await)
}

#[test]
fn a_good_cluster_needs_no_options() {
    assert_snapshot!("good", status(&FakeAccount::onboarded().unchecked(), false));
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
    assert_snapshot!("drift", status(&account.unchecked(), false));
}

#[test]
fn the_documented_privilege_of_another_cluster_is_named() {
    let provider = FakeAccount::beside_documented().unchecked();
    assert_snapshot!("documented_elsewhere", status(&provider, false));
    let document: serde_json::Value = serde_json::from_str(&status(&provider, true).out).unwrap();
    assert_eq!(document["documented_privilege_of_others"], json!(["us-east-1/far"]));
}

#[test]
fn an_answer_of_the_function_cannot_control_the_terminal() {
    let mut account = FakeAccount::onboarded();
    (account.works, account.answer) = (false, HOSTILE.to_owned());
    let provider = account.unchecked();
    status(&provider, false).assert_harmless();
    let json = status(&provider, true);
    assert!(!json.out.contains(['\u{1b}', '\u{202e}', '\u{9b}']), "{json}");
    let document: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(document["checks"][0]["detail"], HOSTILE, "programs get what was answered");
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
    assert_snapshot!("missing_permission", anstream::adapter::strip_str(&checks::render(&checks)));
}

#[test]
fn missing_concurrency_is_only_a_warning() {
    let mut account = FakeAccount::onboarded();
    account.reserves = false;
    let provider = account.unchecked();
    assert_snapshot!("warning", status(&provider, false));
    let document: serde_json::Value = serde_json::from_str(&status(&provider, true).out).unwrap();
    let last = document["checks"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["check"], &last["warning"]), (&json!("reserved"), &json!(true)));
    assert_eq!((&document["good"], &last["passed"]), (&json!(true), &json!(true)));
}

#[test]
fn json_has_drift_and_checks() {
    let ran = status(&FakeAccount::onboarded().unchecked(), true);
    assert_snapshot!("json", ran.outline());
    let document: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert!(document["checks"].as_array().unwrap().iter().all(|check| check["passed"] == true), "{ran}");
}

#[test]
fn a_cluster_that_is_not_onboarded_has_no_drift() {
    assert_snapshot!("not_onboarded", status(&FakeAccount::new().unchecked(), false));
}

#[test]
fn the_agent_of_a_connected_cluster_is_shown() {
    let account = FakeAccount::onboarded();
    connect(&account);
    let provider = account.unchecked();
    assert_snapshot!("good_with_agent", status(&provider, false));
    assert_snapshot!("json_with_agent", status(&provider, true).outline());
}

#[test]
fn status_fails_where_the_agent_could_not_be_read() {
    let mut account = FakeAccount::onboarded();
    account.hides_agent = true;
    let provider = account.unchecked();
    let ran = status(&provider, false);
    let warning = "warning: the agent is unknown: not allowed: get namespaces: no\n";
    assert!(ran.code == EXIT_INCOMPLETE && ran.out.ends_with(warning), "{ran}");
    let document: serde_json::Value = serde_json::from_str(&status(&provider, true).out).unwrap();
    assert_eq!(document["warnings"][0], "the agent is unknown: not allowed: get namespaces: no");
}

#[test]
fn a_connected_cluster_shows_agent_status() {
    let mut account = FakeAccount::new();
    connect(&account);
    account.works = false;
    let provider = account.unchecked();
    assert_snapshot!("agent_alone", status(&provider, false));
    assert_snapshot!("json_of_agent_alone", status(&provider, true).outline());
}

#[test]
fn choices_that_connect_does_not_take_are_no_measure() {
    for account in [FakeAccount::onboarded(), FakeAccount::new()] {
        connect(&account);
        account.change(|resource| {
            if let Resource::Manifest(manifest) = resource {
                let mut value = manifest.value().clone();
                let kept = &mut value["metadata"]["annotations"]["cast-spot/connect"];
                if let Some(text) = kept.as_str() {
                    let text = text.replace("https://api.cast.ai", "http://evil.example");
                    *kept = text.into();
                    *manifest = Manifest::new(value);
                }
            }
        });
        let is_onboarded = account.objects.lock().unwrap().keys().any(|id| id.kind == Kind::Function);
        let provider = account.unchecked();
        let ran = status(&provider, false);
        assert_eq!(ran.code, if is_onboarded { EXIT_INCOMPLETE } else { EXIT_USAGE }, "{ran}");
        let words =
            ["api-url", "http://evil.example", "the annotation cast-spot/connect of secret castai-agent"];
        assert!(words.iter().all(|word| ran.to_string().contains(word)), "{ran}");
        if is_onboarded {
            let json = status(&provider, true);
            assert!(json.out.contains("\"faults\": [") && json.out.contains("\"good\": false"), "{json}");
        }
    }
}
