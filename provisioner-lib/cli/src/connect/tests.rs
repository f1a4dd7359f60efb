//! The command over an account in memory.

use cast_spot_provisioner::{
    connect::Token,
    names::LABEL_MANAGED_BY,
    resource::{Manifest, Resource},
};
use insta::assert_snapshot;
use serde_json::{Value, json};

use super::*;
use crate::tests::{Ran, account::FakeAccount, run};

const TOKEN: &str = "t0ken-of-the-agent";
const ENCODED: &str = "dDBrZW4tb2YtdGhlLWFnZW50";

fn request() -> Request {
    Request {
        cluster: Some("prod".to_owned()),
        region: Some("eu-west-1".to_owned()),
        account: Some("111111111111".to_owned()),
        token: Token::read(TOKEN).ok(),
        ..Request::default()
    }
}

const ASK: OutputOptions = OutputOptions { yes: false, dry_run: false, json: false };
const YES: OutputOptions = OutputOptions { yes: true, ..ASK };
const DRY_RUN: OutputOptions = OutputOptions { dry_run: true, ..ASK };
const JSON: OutputOptions = OutputOptions { json: true, ..YES };

/// The command. The token is in no output.
fn connect(request: &Request, options: OutputOptions, account: &FakeAccount, answers: &str) -> Ran {
    let ran = run(answers, async |screen| {
        let agent = connect::observe("prod", account).await?;
        let spec = request.complete(Some(&agent))?;
        carry_out(&spec, &agent, options, account, screen).await
    });
    let text = ran.to_string();
    assert!(!text.contains(TOKEN) && !text.contains(ENCODED), "{text}");
    ran
}

fn connected() -> FakeAccount {
    let account = FakeAccount::new();
    assert_eq!(connect(&request(), YES, &account, "").code, 0);
    account
}

fn edit(account: &FakeAccount, kind: &str, change: impl Fn(&mut Value)) {
    account.change(|resource| {
        if let Resource::Manifest(manifest) = resource
            && manifest.kind() == kind
        {
            let mut value = manifest.value().clone();
            change(&mut value);
            *manifest = Manifest::new(value);
        }
    });
}

/// Another program changes the choices wherever they are kept.
fn tamper(account: &FakeAccount, kinds: &[&str], change: impl Fn(&mut Value)) {
    for kind in kinds {
        edit(account, kind, |object| {
            let kept = &mut object["metadata"]["annotations"]["cast-spot/connect"];
            if let Some(text) = kept.as_str() {
                let mut choices = serde_json::from_str(text).unwrap();
                change(&mut choices);
                *kept = choices.to_string().into();
            }
        });
    }
}

#[test]
fn a_plan_is_shown_confirmed_and_applied() {
    let account = FakeAccount::new();
    assert_snapshot!("dry_run", connect(&request(), DRY_RUN, &account, ""));
    assert_snapshot!("not_confirmed", connect(&request(), ASK, &account, "no\n"));
    assert!(account.objects.lock().unwrap().is_empty());
    assert_snapshot!("connected", connect(&request(), ASK, &account, "yes\n"));
    // Neither the token nor any other choice is given again.
    assert_snapshot!("already_connected", connect(&Request::default(), ASK, &account, ""));
}

#[test]
fn a_new_choice_keeps_the_other_choices() {
    let account = FakeAccount::new();
    let first = Request { labels: vec!["team=platform".to_owned()], ..request() };
    assert_eq!(connect(&first, YES, &account, "").code, 0);
    let image = Request { image: Some("mirror.example.com/agent:1".to_owned()), ..Request::default() };
    assert_snapshot!("another_image", connect(&image, DRY_RUN, &account, ""));
}

#[test]
fn a_changed_token_is_not_shown() {
    let account = connected();
    let other = Request { token: Token::read("an0ther").ok(), ..Request::default() };
    assert_snapshot!("another_token", connect(&other, DRY_RUN, &account, ""));
    let json = connect(&other, OutputOptions { json: true, ..DRY_RUN }, &account, "");
    assert!(json.out.contains("data.API_KEY") && json.out.contains("(another secret)"), "{json}");
    assert!(!json.out.contains("an0ther") && !json.out.contains("YW4wdGhlcg"), "{json}");
}

#[test]
fn kept_choices_are_validated_like_given_ones() {
    let account = connected();
    tamper(&account, &["Namespace", "Secret"], |choices| {
        choices["api_url"] = "http://evil.example".into();
        choices["image"] = "an image".into();
        choices["labels"] = json!({ "pod-security.kubernetes.io/enforce": "privileged" });
        choices["annotations"] = json!({ "cast-spot/connect": "{}", "fine": "1" });
    });
    let before = account.objects.lock().unwrap().clone();
    assert_snapshot!("kept_faults", connect(&Request::default(), YES, &account, ""));
    assert_eq!(*account.objects.lock().unwrap(), before);
    let given = Request {
        image: Some("mirror.example.com/agent:1".to_owned()),
        api_url: Some("https://api.cast.ai".to_owned()),
        labels: vec![String::new()],
        annotations: vec![String::new()],
        ..request()
    };
    assert_eq!(connect(&given, YES, &account, "").code, 0);
}

#[test]
fn a_kept_choice_that_another_program_changed_is_drift() {
    let account = connected();
    tamper(&account, &["Namespace"], |choices| {
        choices["image"] = "evil.example/agent:1".into();
        choices["api_url"] = "https://evil.example".into();
    });
    assert_snapshot!("tampered", connect(&Request::default(), DRY_RUN, &account, ""));
    assert_eq!(connect(&Request::default(), YES, &account, "").code, 0);
    assert_eq!(connect(&Request::default(), DRY_RUN, &account, "").code, 0);
}

#[test]
fn kept_choices_that_cannot_be_read_are_a_fault() {
    let account = connected();
    for kind in ["Namespace", "Secret"] {
        edit(&account, kind, |object| object["metadata"]["annotations"]["cast-spot/connect"] = "{".into());
    }
    assert_snapshot!("unreadable", connect(&request(), YES, &account, ""));
}

#[test]
fn the_stored_token_goes_to_no_other_address() {
    let account = connected();
    let other = Request { api_url: Some("https://other.example.com".to_owned()), ..Request::default() };
    assert_snapshot!("another_address", connect(&other, YES, &account, ""));
    let with_token = Request { token: Token::read(TOKEN).ok(), ..other };
    assert_eq!(connect(&with_token, YES, &account, "").code, 0);
    assert_eq!(connect(&Request::default(), DRY_RUN, &account, "").code, 0);
}

/// As the agent was connected before the sizing had an account, and the Secret kept the choices.
fn connected_by_an_earlier_release() -> FakeAccount {
    let account = connected();
    tamper(&account, &["Namespace"], |choices| {
        choices["autoscaler_image"] = "registry.k8s.io/cpa/cpvpa:v0.8.4".into();
    });
    edit(&account, "Secret", |secret| secret["metadata"]["annotations"] = json!({}));
    edit(&account, "Role", |role| {
        let sizing = json!({
            "apiGroups": ["apps"], "resources": ["deployments"], "resourceNames": ["castai-agent"], "verbs": ["patch"],
        });
        role["rules"].as_array_mut().unwrap().push(sizing);
    });
    edit(&account, "Deployment", |deployment| {
        let pod = &mut deployment["spec"]["template"]["spec"];
        pod["serviceAccountName"] = "castai-agent".into();
        let container = &mut pod["containers"][0];
        if container["name"] == "autoscaler" {
            container["image"] = "registry.k8s.io/cpa/cpvpa:v0.8.4".into();
        } else {
            let port = json!({ "name": "PPROF_PORT", "value": "6060" });
            container["env"].as_array_mut().unwrap().push(port);
        }
    });
    let is_new = |name: &str| {
        let of_sizing = name.ends_with("castai-agent-cpvpa") && !name.starts_with("Deployment");
        let of_namespace = name.starts_with("LimitRange") || name.starts_with("NetworkPolicy");
        of_sizing || of_namespace || name == "ResourceQuota/castai-agent/castai-agent"
    };
    account.objects.lock().unwrap().retain(|id, _| !is_new(&id.name));
    account
}

#[test]
fn an_agent_of_an_earlier_release_is_moved() {
    let account = connected_by_an_earlier_release();
    assert_snapshot!("earlier_release", connect(&Request::default(), DRY_RUN, &account, ""));
    assert_eq!(connect(&Request::default(), YES, &account, "").code, 0);
    assert_eq!(connect(&Request::default(), DRY_RUN, &account, "").code, 0);
}

#[test]
fn an_earlier_release_kept_no_address_but_the_deployments() {
    let account = connected_by_an_earlier_release();
    tamper(&account, &["Namespace"], |choices| choices["api_url"] = "https://evil.example".into());
    assert_snapshot!("earlier_release_tampered", connect(&Request::default(), YES, &account, ""));
    account.objects.lock().unwrap().retain(|id, _| !id.name.starts_with("Deployment"));
    assert_snapshot!("earlier_release_without_address", connect(&Request::default(), YES, &account, ""));
}

#[test]
fn drift_is_shown_and_repaired() {
    let account = connected();
    edit(&account, "ClusterRole", |role| role["rules"][0]["verbs"] = json!(["*"]));
    assert_snapshot!("drift", connect(&Request::default(), DRY_RUN, &account, ""));
    assert_eq!(connect(&Request::default(), YES, &account, "").code, 0);
    assert_eq!(connect(&Request::default(), DRY_RUN, &account, "").code, 0);
}

#[test]
fn a_foreign_object_is_a_conflict_until_it_is_adopted() {
    let account = connected();
    edit(&account, "Secret", |secret| secret["metadata"]["labels"][LABEL_MANAGED_BY] = "castai".into());
    assert_snapshot!("conflict", connect(&request(), YES, &account, ""));
    assert_eq!(connect(&Request { adopt: true, ..request() }, YES, &account, "").code, 0);
}

#[test]
fn the_token_of_a_foreign_secret_is_not_used() {
    let account = connected();
    edit(&account, "Secret", |secret| secret["metadata"]["labels"] = json!({}));
    assert_snapshot!("foreign_token", connect(&Request::default(), YES, &account, ""));
}

#[test]
fn without_a_terminal_yes_is_required_also_for_json() {
    let account = FakeAccount::new();
    assert_snapshot!("without_a_terminal", connect(&request(), ASK, &account, ""));
    assert_snapshot!("json", connect(&request(), JSON, &account, "").outline());
}

#[test]
fn a_namespace_that_is_being_deleted_is_a_fault() {
    let account = connected();
    edit(&account, "Namespace", |object| {
        object["metadata"]["deletionTimestamp"] = "2026-11-27T07:00:00Z".into();
    });
    assert_snapshot!("namespace_is_being_deleted", connect(&request(), YES, &account, ""));
}
