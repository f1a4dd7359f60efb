//! The command over an account in memory.

use cast_spot_provisioner::{
    names::LAMBDA_ROLE,
    resource::{Function, Id, Kind, Resource, Role},
};
use insta::assert_snapshot;

use super::*;
use crate::{
    error::{EXIT_CHANGES, EXIT_CONFLICT, EXIT_INCOMPLETE},
    tests::{Ran, account::FakeAccount, run},
};

fn args(yes: bool, dry_run: bool) -> Args {
    Args { output: OutputOptions { yes, dry_run, json: false }, ..Args::default() }
}

fn offboard(args: &Args, provider: &AccountChecked<FakeAccount>, answers: &str) -> Ran {
    run(answers, async |screen| carry_out("prod", args, provider, screen).await)
}

#[test]
fn the_name_of_the_cluster_is_the_confirmation() {
    let provider = FakeAccount::onboarded().unchecked();
    for answers in ["yes\n", "Prod\n", "\n"] {
        let ran = offboard(&args(false, false), &provider, answers);
        assert_eq!(ran.code, EXIT_INCOMPLETE, "{answers:?}: {ran}");
    }
    assert_eq!(offboard(&args(false, true), &provider, "").code, EXIT_CHANGES, "nothing was removed");
    assert_snapshot!("offboarded", offboard(&args(false, false), &provider, "prod\n"));
    assert_snapshot!("already_offboarded", offboard(&args(true, false), &provider, ""));
}

#[test]
fn json_is_one_document() {
    let provider = FakeAccount::onboarded().unchecked();
    let args = Args { output: OutputOptions { yes: true, dry_run: false, json: true }, ..Args::default() };
    assert_snapshot!("json", offboard(&args, &provider, "").outline());
}

#[test]
fn what_is_not_ours_ends_no_run_with_a_tick() {
    let account = FakeAccount::onboarded();
    account.change(|resource| {
        if let Resource::Role(Role { name, tags, .. }) = resource
            && name.starts_with("cast-prod-eks-")
        {
            tags.clear();
        }
    });
    let provider = account.unchecked();
    let ran = offboard(&args(true, false), &provider, "");
    assert_eq!(ran.code, EXIT_INCOMPLETE, "{ran}");
    assert!(!ran.out.contains("nothing that cast-spot made is left") && !ran.out.contains('✓'), "{ran}");
    assert!(ran.out.contains("listed above, is left"), "{ran}");
    for dry_run in [false, true] {
        let again = offboard(&args(true, dry_run), &provider, "");
        assert_eq!(again.code, EXIT_INCOMPLETE, "{again}");
        assert!(!again.out.contains('✓'), "{again}");
    }
}

#[test]
fn a_conflict_is_shown_in_both_forms() {
    let account = FakeAccount::onboarded();
    account.change(|resource| {
        if let Resource::Function(Function { tags, .. }) = resource {
            tags.clear();
        }
    });
    // Another cluster needs the function.
    let entry = |cluster| Id::new(Kind::InlinePolicy, format!("{LAMBDA_ROLE}/cast-spot.eu-west-1.{cluster}"));
    let found = account.objects.lock().unwrap()[&entry("prod")].clone();
    account.objects.lock().unwrap().insert(entry("other"), found);
    let provider = account.unchecked();
    assert_snapshot!("conflict", offboard(&args(true, false), &provider, ""));
    let json = Args { output: OutputOptions { yes: true, dry_run: false, json: true }, ..Args::default() };
    let ran = offboard(&json, &provider, "");
    assert_eq!((ran.code, ran.err.as_str()), (EXIT_CONFLICT, ""));
    let document: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        (&document["schema"], &document["summary"]["conflict"]),
        (&"cast-spot.plan/1".into(), &1.into())
    );
}

#[test]
fn a_failure_is_reported_and_the_rest_is_removed() {
    let mut account = FakeAccount::onboarded();
    account.refused = vec![Kind::LogGroup];
    assert_snapshot!("denied", offboard(&args(true, false), &account.unchecked(), ""));
}

#[test]
fn node_role_in_use_blocks_offboarding_without_the_option() {
    let mut account = FakeAccount::onboarded();
    account.instances = vec!["i-2".to_owned(), "i-1".to_owned()];
    let provider = account.unchecked();
    for dry_run in [true, false] {
        assert_snapshot!("node_role_in_use", offboard(&args(true, dry_run), &provider, ""));
    }
    let accepted = Args { nodes_lose_access: true, ..args(true, false) };
    assert_eq!(offboard(&accepted, &provider, "").code, 0);
}

#[test]
fn logs_are_kept_on_request() {
    let provider = FakeAccount::onboarded().unchecked();
    let keeping = Args { keep_logs: true, ..args(true, false) };
    assert_snapshot!("logs_kept", offboard(&keeping, &provider, ""));
    assert_snapshot!("kept_logs_are_still_managed", offboard(&args(true, true), &provider, ""));
}

#[test]
fn without_a_terminal_yes_is_required() {
    let provider = FakeAccount::onboarded().unchecked();
    assert_snapshot!("without_a_terminal", offboard(&args(false, false), &provider, ""));
}
