//! The command over a provider in memory.

use std::path::PathBuf;

use cast_spot_provisioner::{resource::Kind, spec::Request};

use super::*;
use crate::{
    memory::{Memory, SECRET, request, user},
    refusal::CHANGES,
    session::run_in_test,
    terminal::recorded,
};

/// The command: its end, what it printed and what it said.
fn onboard(
    request: Request,
    order: Order,
    provider: &Guarded<Memory>,
    answers: &str,
) -> (Result<u8, Refusal>, String, String) {
    let (mut screen, out, err) = recorded::screen(answers);
    let asked = Asked::read(request, Vec::new()).unwrap();
    let end = run_in_test(carry_out(asked, order, provider, &mut screen));
    (end, out.text(), err.text())
}

fn yes() -> Order {
    Order { yes: true, ..Order::default() }
}

#[test]
fn it_shows_asks_makes_and_says_what_came_of_it() {
    let provider = Memory::new().guarded();
    let (end, out, err) = onboard(request(), Order::default(), &provider, "yes\n");
    assert_eq!(end, Ok(0), "{out}{err}");
    assert!(err.contains("Make it so? (yes/no)") && err.contains("    + role cast-eks-prod\n"), "{err}");
    for words in [
        "✓ cluster prod is onboarded; ",
        "Role ARN           arn:aws:iam::111111111111:role/cast-eks-prod\n",
        "External id        x-1\n",
        "Next:\n  cast-spot status --cluster prod --region eu-west-1\n",
    ] {
        assert!(out.contains(words), "{words}\n{out}");
    }
    let (end, out, err) = onboard(Request { package: None, ..request() }, Order::default(), &provider, "");
    assert_eq!((end, err.as_str()), (Ok(0), ""));
    assert!(out.contains("is onboarded; nothing was to be done"), "{out}");
}

#[test]
fn without_a_yes_nothing_is_written() {
    for (answers, code, error) in
        [("no\n", NOT_GOOD, "not confirmed"), ("\n", NOT_GOOD, "not confirmed"), ("", 2, "nobody is there")]
    {
        let provider = Memory::new().guarded();
        let (end, _, _) = onboard(request(), Order::default(), &provider, answers);
        let refusal = end.unwrap_err();
        assert_eq!(refusal.code, code, "{answers:?}");
        assert!(refusal.complaints[0].error.contains(error), "{refusal:?}");
        let (end, _, _) = onboard(request(), Order { dry_run: true, ..Order::default() }, &provider, "");
        assert_eq!(end, Ok(CHANGES), "all is still to be made");
    }
}

#[test]
fn a_key_is_shown_once_or_kept_in_its_file() {
    let provider = Memory::new().guarded();
    let (end, out, err) = onboard(user(), yes(), &provider, "");
    assert_eq!(end, Ok(0), "{err}");
    assert!(out.contains(SECRET) && out.contains("AKIAEXAMPLE") && !err.contains(SECRET), "{out}");
    let (_, out, _) = onboard(user(), yes(), &provider, "");
    assert!(!out.contains(SECRET), "{out}");

    let path = std::env::temp_dir().join(format!("cast-spot-onboard-{}", std::process::id()));
    for json in [false, true] {
        let file = Some(CredentialsFile::create(&path).unwrap());
        let provider = Memory::new().guarded();
        let (end, out, err) = onboard(user(), Order { json, file, ..yes() }, &provider, "");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(end, Ok(0));
        assert!(text.contains(SECRET) && !(out + &err).contains(SECRET));
    }
    let file = Some(CredentialsFile::create(&path).unwrap());
    let _ = onboard(request(), Order { file, ..yes() }, &Memory::new().guarded(), "");
    assert!(!PathBuf::from(&path).exists(), "no key, no file");
}

#[test]
fn json_is_one_document_with_the_key_in_a_field_of_its_own() {
    let (end, out, err) = onboard(user(), Order { json: true, ..yes() }, &Memory::new().guarded(), "");
    assert_eq!(end, Ok(0), "{err}");
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(document["schema"], "cast-spot.onboarding/1");
    assert_eq!(document["complete"], true);
    assert_eq!(document["access_key"]["secret"], SECRET);
    assert_eq!(out.matches(SECRET).count(), 1);
    assert!(err.contains("Cluster prod in eu-west-1"), "{err}");
}

#[test]
fn a_refused_call_is_named_with_the_policy_that_allows_it_and_what_was_not_reached() {
    let mut memory = Memory::new();
    memory.refused = vec![Kind::Function];
    let (end, out, err) = onboard(request(), yes(), &memory.guarded(), "");
    assert_eq!(end, Ok(REFUSED), "{out}");
    assert!(err.contains("✗ FAILED function cast-spot: not allowed: iam:CreateRole"), "{err}");
    for words in [
        "✗ not complete: ",
        "error: function cast-spot: not allowed: iam:CreateRole",
        "hint: `cast-spot policy admin` prints the policy that allows it",
        "not reached: ",
        "`cast-spot onboard` again goes on from here",
    ] {
        assert!(out.contains(words), "{words}\n{out}");
    }
    assert!(!out.contains("is onboarded"), "{out}");
}

#[test]
fn something_foreign_in_the_way_stops_it_before_the_question() {
    let provider = Memory::new();
    let role = cast_spot_provisioner::resource::Resource::Role(cast_spot_provisioner::resource::Role {
        name: "cast-eks-prod".to_owned(),
        description: String::new(),
        trust: serde_json::json!({}),
        tags: [].into(),
    });
    run_in_test(provider.create(&role)).unwrap();
    let provider = provider.guarded();
    let (end, out, err) = onboard(request(), yes(), &provider, "");
    assert_eq!((end, err.as_str()), (Ok(CONFLICT), ""));
    assert!(out.contains("    ! CONFLICT role               cast-eks-prod"), "{out}");
    let (end, _, _) = onboard(Request { adopt: true, ..request() }, yes(), &provider, "");
    assert_eq!(end, Ok(0));
}

#[test]
fn a_user_whose_key_stays_is_told_where_its_secret_went() {
    let provider = Memory::new().guarded();
    for (round, words) in [(0, "shown now and never again"), (1, "its secret is shown only when it is made")]
    {
        let (end, out, _) = onboard(user(), yes(), &provider, "");
        assert_eq!(end, Ok(0));
        assert!(out.contains(words), "{round}: {out}");
    }
}
