//! The command over an account in memory.

use std::path::PathBuf;

use cast_spot_provisioner::{
    resource::{Kind, Resource, Role},
    spec::Request,
};

use super::*;
use crate::{
    error::{EXIT_CHANGES, EXIT_CONFLICT, EXIT_INCOMPLETE},
    terminal::capture,
    tests::account::{FakeAccount, SECRET, request, run_in_test, user},
};

/// The command: its end, standard output and standard error.
fn onboard_to_file(
    request: Request,
    options: OutputOptions,
    file: Option<CredentialsFile>,
    provider: &AccountChecked<FakeAccount>,
    answers: &str,
) -> (Result<u8, CliError>, String, String) {
    let (mut screen, out, err) = capture::screen(answers);
    let request = PartialRequest::read(request, Vec::new()).unwrap();
    let end = run_in_test(carry_out(request, options, (file, None), provider, &mut screen));
    (end, out.text(), err.text())
}

fn onboard(
    request: Request,
    options: OutputOptions,
    provider: &AccountChecked<FakeAccount>,
    answers: &str,
) -> (Result<u8, CliError>, String, String) {
    onboard_to_file(request, options, None, provider, answers)
}

fn yes() -> OutputOptions {
    OutputOptions { yes: true, ..OutputOptions::default() }
}

#[test]
fn a_plan_is_shown_confirmed_applied_and_reported() {
    let provider = FakeAccount::new().unchecked();
    let (end, out, err) = onboard(request(), OutputOptions::default(), &provider, "yes\n");
    assert_eq!(end, Ok(0), "{out}{err}");
    assert!(err.contains("Apply this plan? [y/N]") && err.contains("    + role cast-eks-prod\n"), "{err}");
    for words in [
        "✓ cluster prod is onboarded; ",
        "Role ARN           arn:aws:iam::111111111111:role/cast-eks-prod\n",
        "External id        x-1\n",
        "Next:\n  cast-spot status --cluster prod --region eu-west-1\n",
    ] {
        assert!(out.contains(words), "{words}\n{out}");
    }
    let (end, out, err) =
        onboard(Request { package: None, ..request() }, OutputOptions::default(), &provider, "");
    assert_eq!((end, err.as_str()), (Ok(0), ""));
    assert!(out.contains("✓ cluster prod is already onboarded\n"), "{out}");
}

#[test]
fn without_confirmation_nothing_is_written() {
    for (answers, code, error) in [
        ("no\n", EXIT_INCOMPLETE, "not confirmed"),
        ("\n", EXIT_INCOMPLETE, "not confirmed"),
        ("", 2, "cannot ask for confirmation"),
    ] {
        let provider = FakeAccount::new().unchecked();
        let (end, _, _) = onboard(request(), OutputOptions::default(), &provider, answers);
        let refused = end.unwrap_err();
        assert_eq!(refused.code, code, "{answers:?}");
        assert!(refused.diagnostics[0].error.contains(error), "{refused:?}");
        let (end, _, _) =
            onboard(request(), OutputOptions { dry_run: true, ..OutputOptions::default() }, &provider, "");
        assert_eq!(end, Ok(EXIT_CHANGES), "nothing was created");
    }
}

#[test]
fn a_key_is_shown_once_or_written_to_its_file() {
    let provider = FakeAccount::new().unchecked();
    let (end, out, err) = onboard(user(), yes(), &provider, "");
    assert_eq!(end, Ok(0), "{err}");
    assert!(out.contains(SECRET) && out.contains("AKIAEXAMPLE") && !err.contains(SECRET), "{out}");
    let (_, out, _) = onboard(user(), yes(), &provider, "");
    assert!(!out.contains(SECRET), "{out}");

    let path = std::env::temp_dir().join(format!("cast-spot-onboard-{}", std::process::id()));
    for json in [false, true] {
        let file = Some(CredentialsFile::create(&path).unwrap());
        let provider = FakeAccount::new().unchecked();
        let (end, out, err) = onboard_to_file(user(), OutputOptions { json, ..yes() }, file, &provider, "");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(end, Ok(0));
        assert!(text.contains(SECRET) && !(out + &err).contains(SECRET));
    }
    let file = Some(CredentialsFile::create(&path).unwrap());
    let _ = onboard_to_file(request(), yes(), file, &FakeAccount::new().unchecked(), "");
    assert!(!PathBuf::from(&path).exists(), "no key, no file");
}

#[test]
fn json_is_one_document_with_a_field_for_the_key() {
    let (end, out, err) =
        onboard(user(), OutputOptions { json: true, ..yes() }, &FakeAccount::new().unchecked(), "");
    assert_eq!(end, Ok(0), "{err}");
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(document["schema"], "cast-spot.onboarding/1");
    assert_eq!(document["complete"], true);
    assert_eq!(document["access_key"]["secret"], SECRET);
    assert_eq!(out.matches(SECRET).count(), 1);
    assert!(err.contains("Cluster prod in eu-west-1"), "{err}");
}

#[test]
fn a_denied_call_is_reported_with_the_policy_it_needs() {
    let mut account = FakeAccount::new();
    account.refused = vec![Kind::Function];
    let (end, out, err) = onboard(request(), yes(), &account.unchecked(), "");
    assert_eq!(end, Ok(EXIT_REFUSED), "{out}");
    assert!(err.contains("✗ FAILED function cast-spot: not allowed: iam:CreateRole"), "{err}");
    for words in [
        "✗ not complete: ",
        "error: function cast-spot: not allowed: iam:CreateRole",
        "hint: `cast-spot policy admin` prints the policy that allows it",
        "not attempted: ",
        "run `cast-spot onboard` again to continue",
    ] {
        assert!(out.contains(words), "{words}\n{out}");
    }
    assert!(!out.contains("is onboarded"), "{out}");
}

#[test]
fn a_conflict_ends_the_command_before_the_question() {
    let provider = FakeAccount::new();
    let role = Resource::Role(Role {
        name: "cast-eks-prod".to_owned(),
        description: String::new(),
        trust: serde_json::json!({}),
        tags: [].into(),
    });
    run_in_test(provider.create(&role)).unwrap();
    let provider = provider.unchecked();
    let (end, out, err) = onboard(request(), yes(), &provider, "");
    assert_eq!((end, err.as_str()), (Ok(EXIT_CONFLICT), ""));
    assert!(out.contains("    ! CONFLICT role               cast-eks-prod"), "{out}");
    let (end, _, _) = onboard(Request { adopt: true, ..request() }, yes(), &provider, "");
    assert_eq!(end, Ok(0));
}

#[test]
fn an_unchanged_key_is_explained() {
    let provider = FakeAccount::new().unchecked();
    for (round, words) in [(0, "shown now and never again"), (1, "its secret is shown only when it is made")]
    {
        let (end, out, _) = onboard(user(), yes(), &provider, "");
        assert_eq!(end, Ok(0));
        assert!(out.contains(words), "{round}: {out}");
    }
}
