//! The command over a provider in memory.

use cast_spot_provisioner::{
    connect::Token,
    names::LABEL_MANAGED_BY,
    resource::{Manifest, Resource},
};

use super::*;
use crate::{memory::Memory, refusal::CHANGES, session::run_in_test, terminal::recorded};

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

fn args(yes: bool, dry_run: bool) -> Args {
    Args { yes, dry_run, ..Args::default() }
}

fn connect(
    request: &Request,
    args: &Args,
    form: Form,
    memory: &Memory,
    answers: &str,
) -> (Result<u8, Refusal>, String, String) {
    let (mut screen, out, err) = recorded::screen(answers);
    let end = run_in_test(async {
        let seen = connect::look("prod", memory).await?;
        let spec = complete(request, Some(&seen))?;
        carry_out(&spec, &seen, args, form, memory, &mut screen).await
    });
    let (out, err) = (out.text(), err.text());
    assert!(!format!("{out}{err}{end:?}").contains(TOKEN), "{out}{err}");
    assert!(!format!("{out}{err}{end:?}").contains(ENCODED), "{out}{err}");
    (end, out, err)
}

fn edit(memory: &Memory, kind: &str, change: impl Fn(&mut serde_json::Value)) {
    memory.change(|resource| {
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
fn it_is_shown_asked_for_made_and_then_there_is_nothing_to_do() {
    let memory = Memory::new();
    let (end, out, _) = connect(&request(), &args(false, true), Form::Table, &memory, "");
    assert_eq!(end, Ok(CHANGES));
    for words in [
        "Cluster prod in eu-west-1, account 111111111111\n",
        "\nKubernetes: the agent, read-only\n",
        "    + create   Namespace          castai-agent\n",
        "    + create   Deployment         castai-agent/castai-agent-cpvpa\n",
        "Plan: 11 to create\n",
    ] {
        assert!(out.contains(words), "{words}\n{out}");
    }
    let (end, _, _) = connect(&request(), &args(false, false), Form::Table, &memory, "no\n");
    assert_eq!(end.unwrap_err().code, crate::refusal::NOT_GOOD);
    assert!(memory.objects.lock().unwrap().is_empty());

    let (end, out, err) = connect(&request(), &args(false, false), Form::Table, &memory, "yes\n");
    assert_eq!(end, Ok(0), "{out}{err}");
    assert!(out.contains("✓ cluster prod is connected, read-only; 11 steps were done\n"), "{out}");
    // Neither the token nor any other choice is said again.
    let (end, out, _) = connect(&Request::default(), &args(false, false), Form::Table, &memory, "");
    assert_eq!(end, Ok(0));
    assert!(out.contains("Nothing to do: all 11 resources are as they should be"), "{out}");
}

#[test]
fn a_new_choice_changes_what_it_is_about_and_the_others_stay() {
    let memory = Memory::new();
    let first = Request { labels: vec!["team=platform".to_owned()], ..request() };
    assert_eq!(connect(&first, &args(true, false), Form::Table, &memory, "").0, Ok(0));
    let image = Request { image: Some("mirror.example.com/agent:1".to_owned()), ..Request::default() };
    let (end, out, _) = connect(&image, &args(false, true), Form::Table, &memory, "");
    assert_eq!(end, Ok(CHANGES));
    let change =
        "spec.template.spec.containers[agent].image: us-docker.pkg.dev/castai-hub/library/agent:… -> mirror";
    assert!(out.contains(change) && out.contains("Plan: 2 to change, 9 to keep\n"), "{out}");
}

#[test]
fn another_token_is_a_change_that_shows_neither() {
    let memory = Memory::new();
    assert_eq!(connect(&request(), &args(true, false), Form::Table, &memory, "").0, Ok(0));
    let other = Request { token: Token::read("an0ther").ok(), ..Request::default() };
    for form in [Form::Table, Form::Json] {
        let (end, out, _) = connect(&other, &args(false, true), form, &memory, "");
        assert_eq!(end, Ok(CHANGES));
        assert!(out.contains("data.API_KEY") && out.contains("(another secret)"), "{out}");
        assert!(!out.contains("an0ther") && !out.contains("YW4wdGhlcg"), "{out}");
    }
}

#[test]
fn drift_is_shown_and_mended() {
    let memory = Memory::new();
    assert_eq!(connect(&request(), &args(true, false), Form::Table, &memory, "").0, Ok(0));
    edit(&memory, "ClusterRole", |role| role["rules"][0]["verbs"] = serde_json::json!(["*"]));
    let (_, out, _) = connect(&Request::default(), &args(false, true), Form::Table, &memory, "");
    assert!(out.contains("    ~ change   ClusterRole        castai-agent\n            rules:\n"), "{out}");
    let (end, _, _) = connect(&Request::default(), &args(true, false), Form::Table, &memory, "");
    assert_eq!(end, Ok(0));
    assert_eq!(connect(&Request::default(), &args(false, true), Form::Table, &memory, "").0, Ok(0));
}

#[test]
fn what_somebody_else_has_made_is_a_conflict_until_it_is_adopted() {
    let memory = Memory::new();
    assert_eq!(connect(&request(), &args(true, false), Form::Table, &memory, "").0, Ok(0));
    edit(&memory, "Secret", |secret| secret["metadata"]["labels"][LABEL_MANAGED_BY] = "castai".into());
    let (end, out, _) = connect(&request(), &args(true, false), Form::Table, &memory, "");
    assert_eq!(end, Ok(CONFLICT), "{out}");
    assert!(out.contains("it lacks the label app.kubernetes.io/managed-by=cast-spot"), "{out}");
    let adopt = Request { adopt: true, ..request() };
    assert_eq!(connect(&adopt, &args(true, false), Form::Table, &memory, "").0, Ok(0));
}

#[test]
fn a_foreign_secret_does_not_give_its_token() {
    let memory = Memory::new();
    assert_eq!(connect(&request(), &args(true, false), Form::Table, &memory, "").0, Ok(0));
    edit(&memory, "Secret", |secret| secret["metadata"]["labels"] = serde_json::json!({}));
    let (end, _, _) = connect(&Request::default(), &args(true, false), Form::Table, &memory, "");
    let refusal = end.unwrap_err();
    assert_eq!(refusal.code, crate::WRONG_CALL);
    assert_eq!(refusal.complaints[0].error, "token: missing: the console knows the agent by it");
}

#[test]
fn nobody_there_and_no_yes_is_refused_and_json_has_every_step() {
    let memory = Memory::new();
    let (end, _, _) = connect(&request(), &args(false, false), Form::Table, &memory, "");
    assert_eq!(end.unwrap_err().code, crate::WRONG_CALL);
    let (end, out, _) = connect(&request(), &args(true, false), Form::Json, &memory, "");
    assert_eq!(end, Ok(0));
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&report["schema"], &report["written"]), (&json::CONNECTION.into(), &11.into()));
    assert_eq!((&report["cluster"], &report["complete"]), (&"prod".into(), &true.into()));
}

#[test]
fn a_namespace_that_is_being_deleted_is_waited_for() {
    let memory = Memory::new();
    assert_eq!(connect(&request(), &args(true, false), Form::Table, &memory, "").0, Ok(0));
    edit(&memory, "Namespace", |object| {
        object["metadata"]["deletionTimestamp"] = "2026-11-27T07:00:00Z".into();
    });
    let refusal = connect(&request(), &args(true, false), Form::Table, &memory, "").0.unwrap_err();
    assert_eq!(refusal.complaints[0].error, "namespace castai-agent: is being deleted");
}
