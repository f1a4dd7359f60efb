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
