//! The command over an account in memory.

use cast_spot_provisioner::{
    connect::Token,
    names::LABEL_MANAGED_BY,
    resource::{Manifest, Resource},
};

use super::*;
use crate::{
    error::{EXIT_CHANGES, EXIT_CONFLICT, EXIT_INCOMPLETE, EXIT_USAGE},
    terminal::capture,
    tests::account::{FakeAccount, run_in_test},
};

const TOKEN: &str = "t0ken-of-the-agent";
const ENCODED: &str = "dDBrZW4tb2YtdGhlLWFnZW50";

pub(crate) fn request() -> Request {
    Request {
        cluster: Some("prod".to_owned()),
        region: Some("eu-west-1".to_owned()),
        account: Some("111111111111".to_owned()),
        token: Token::read(TOKEN).ok(),
        ..Request::default()
    }
}

const ASK: OutputOptions = OutputOptions { yes: false, dry_run: false, json: false };
const YES_TO_ALL: OutputOptions = OutputOptions { yes: true, ..ASK };
const DRY_RUN: OutputOptions = OutputOptions { dry_run: true, ..ASK };

fn connect(
    request: &Request,
    options: OutputOptions,
    account: &FakeAccount,
    answers: &str,
) -> (Result<u8, CliError>, String, String) {
    let (mut screen, out, err) = capture::screen(answers);
    let end = run_in_test(async {
        let agent = connect::observe("prod", account).await?;
        let spec = request.complete(Some(&agent))?;
        carry_out(&spec, &agent, options, account, &mut screen).await
    });
    let (out, err) = (out.text(), err.text());
    assert!(!format!("{out}{err}{end:?}").contains(TOKEN), "{out}{err}");
    assert!(!format!("{out}{err}{end:?}").contains(ENCODED), "{out}{err}");
    (end, out, err)
}

fn edit(account: &FakeAccount, kind: &str, change: impl Fn(&mut serde_json::Value)) {
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
    let (end, out, _) = connect(&request(), DRY_RUN, &account, "");
    assert_eq!(end, Ok(EXIT_CHANGES));
    for words in [
        "Cluster prod in eu-west-1, account 111111111111\n",
        "\nKubernetes: the agent, read-only\n",
        "    + create   Namespace          castai-agent\n",
        "    + create   Deployment         castai-agent/castai-agent-cpvpa\n",
        "Plan: 11 to create\n",
    ] {
        assert!(out.contains(words), "{words}\n{out}");
    }
    let (end, _, _) = connect(&request(), ASK, &account, "no\n");
    assert_eq!(end.unwrap_err().code, EXIT_INCOMPLETE);
    assert!(account.objects.lock().unwrap().is_empty());

    let (end, out, err) = connect(&request(), ASK, &account, "yes\n");
    assert_eq!(end, Ok(0), "{out}{err}");
    assert!(out.contains("✓ cluster prod is connected, read-only; 11 steps were done\n"), "{out}");
    // Neither the token nor any other choice is given again.
    let (end, out, _) = connect(&Request::default(), ASK, &account, "");
    assert_eq!(end, Ok(0));
    assert!(out.contains("Nothing to do: all 11 resources are as they should be"), "{out}");
}

#[test]
fn a_new_choice_keeps_the_other_choices() {
    let account = FakeAccount::new();
    let first = Request { labels: vec!["team=platform".to_owned()], ..request() };
    assert_eq!(connect(&first, YES_TO_ALL, &account, "").0, Ok(0));
    let image = Request { image: Some("mirror.example.com/agent:1".to_owned()), ..Request::default() };
    let (end, out, _) = connect(&image, DRY_RUN, &account, "");
    assert_eq!(end, Ok(EXIT_CHANGES));
    let change =
        "spec.template.spec.containers[agent].image: us-docker.pkg.dev/castai-hub/library/agent:… -> mirror";
    assert!(out.contains(change) && out.contains("Plan: 2 to change, 9 to keep\n"), "{out}");
}

#[test]
fn a_changed_token_is_not_shown() {
    let account = FakeAccount::new();
    assert_eq!(connect(&request(), YES_TO_ALL, &account, "").0, Ok(0));
    let other = Request { token: Token::read("an0ther").ok(), ..Request::default() };
    for json in [false, true] {
        let (end, out, _) = connect(&other, OutputOptions { json, ..DRY_RUN }, &account, "");
        assert_eq!(end, Ok(EXIT_CHANGES));
        assert!(out.contains("data.API_KEY") && out.contains("(another secret)"), "{out}");
        assert!(!out.contains("an0ther") && !out.contains("YW4wdGhlcg"), "{out}");
    }
}

#[test]
fn drift_is_shown_and_repaired() {
    let account = FakeAccount::new();
    assert_eq!(connect(&request(), YES_TO_ALL, &account, "").0, Ok(0));
    edit(&account, "ClusterRole", |role| role["rules"][0]["verbs"] = serde_json::json!(["*"]));
    let (_, out, _) = connect(&Request::default(), DRY_RUN, &account, "");
    assert!(out.contains("    ~ change   ClusterRole        castai-agent\n            rules:\n"), "{out}");
    let (end, _, _) = connect(&Request::default(), YES_TO_ALL, &account, "");
    assert_eq!(end, Ok(0));
    assert_eq!(connect(&Request::default(), DRY_RUN, &account, "").0, Ok(0));
}

#[test]
fn a_foreign_object_is_a_conflict_until_it_is_adopted() {
    let account = FakeAccount::new();
    assert_eq!(connect(&request(), YES_TO_ALL, &account, "").0, Ok(0));
    edit(&account, "Secret", |secret| secret["metadata"]["labels"][LABEL_MANAGED_BY] = "castai".into());
    let (end, out, _) = connect(&request(), YES_TO_ALL, &account, "");
    assert_eq!(end, Ok(EXIT_CONFLICT), "{out}");
    assert!(out.contains("it lacks the label app.kubernetes.io/managed-by=cast-spot"), "{out}");
    let adopt = Request { adopt: true, ..request() };
    assert_eq!(connect(&adopt, YES_TO_ALL, &account, "").0, Ok(0));
}

#[test]
fn the_token_of_a_foreign_secret_is_not_used() {
    let account = FakeAccount::new();
    assert_eq!(connect(&request(), YES_TO_ALL, &account, "").0, Ok(0));
    edit(&account, "Secret", |secret| secret["metadata"]["labels"] = serde_json::json!({}));
    let (end, _, _) = connect(&Request::default(), YES_TO_ALL, &account, "");
    let error = end.unwrap_err();
    assert_eq!(error.code, EXIT_USAGE);
    assert_eq!(error.diagnostics[0].error, "token: missing: the console knows the agent by it");
}

#[test]
fn without_a_terminal_yes_is_required_also_for_json() {
    let account = FakeAccount::new();
    let (end, _, _) = connect(&request(), ASK, &account, "");
    assert_eq!(end.unwrap_err().code, EXIT_USAGE);
    let (end, out, _) = connect(&request(), OutputOptions { json: true, ..YES_TO_ALL }, &account, "");
    assert_eq!(end, Ok(0));
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&report["schema"], &report["written"]), (&json::CONNECTION.into(), &11.into()));
    assert_eq!((&report["cluster"], &report["complete"]), (&"prod".into(), &true.into()));
}

#[test]
fn a_namespace_that_is_being_deleted_is_a_fault() {
    let account = FakeAccount::new();
    assert_eq!(connect(&request(), YES_TO_ALL, &account, "").0, Ok(0));
    edit(&account, "Namespace", |object| {
        object["metadata"]["deletionTimestamp"] = "2026-11-27T07:00:00Z".into();
    });
    let error = connect(&request(), YES_TO_ALL, &account, "").0.unwrap_err();
    assert_eq!(error.diagnostics[0].error, "namespace castai-agent: is being deleted");
}
