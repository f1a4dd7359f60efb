//! The command over an account in memory.

use cast_spot_provisioner::resource::Kind;

use super::*;
use crate::{
    error::{EXIT_CHANGES, EXIT_INCOMPLETE, EXIT_REFUSED, EXIT_USAGE},
    terminal::{Diagnostic, capture},
    tests::account::{FakeAccount, run_in_test},
};

fn args(yes: bool, dry_run: bool) -> Args {
    Args { output: OutputOptions { yes, dry_run, json: false }, ..Args::default() }
}

fn offboard(
    args: &Args,
    provider: &AccountChecked<FakeAccount>,
    answers: &str,
) -> (Result<u8, CliError>, String, String) {
    let (mut screen, out, err) = capture::screen(answers);
    let end = run_in_test(carry_out("prod", args, provider, &mut screen));
    (end, out.text(), err.text())
}

#[test]
fn the_name_of_the_cluster_is_the_confirmation() {
    let provider = FakeAccount::onboarded().unchecked();
    for answers in ["yes\n", "Prod\n", "\n"] {
        let (end, _, err) = offboard(&args(false, false), &provider, answers);
        assert_eq!(end.unwrap_err().code, EXIT_INCOMPLETE, "{answers:?}: {err}");
    }
    let (end, out, _) = offboard(&args(false, true), &provider, "");
    assert_eq!(end, Ok(EXIT_CHANGES), "nothing was removed");
    assert!(out.contains("    - remove   role               cast-eks-prod\n"), "{out}");
    let (end, out, err) = offboard(&args(false, false), &provider, "prod\n");
    assert_eq!(end, Ok(0), "{out}{err}");
    assert!(out.contains("✓ cluster prod is offboarded; nothing of it is left\n"), "{out}");
    let (end, out, _) = offboard(&args(true, false), &provider, "");
    assert_eq!(end, Ok(0));
    assert!(out.contains("✓ nothing of cast-spot is here for it"), "{out}");
}

#[test]
fn a_failure_is_reported_and_the_rest_is_removed() {
    let mut account = FakeAccount::onboarded();
    account.refused = vec![Kind::LogGroup];
    let (end, out, err) = offboard(&args(true, false), &account.unchecked(), "");
    assert_eq!(end, Ok(EXIT_REFUSED), "{out}");
    assert!(err.contains("    - role cast-eks-prod\n"), "{err}");
    assert!(out.contains("error: log group /aws/lambda/cast-spot: not allowed"), "{out}");
    assert!(out.contains("run `cast-spot offboard` again to continue"), "{out}");
}

#[test]
fn node_role_in_use_blocks_offboarding_without_the_option() {
    let mut account = FakeAccount::onboarded();
    account.instances = vec!["i-2".to_owned(), "i-1".to_owned()];
    let provider = account.unchecked();
    for dry_run in [true, false] {
        let error = offboard(&args(true, dry_run), &provider, "").0.unwrap_err();
        assert_eq!(error.code, 2);
        let Diagnostic { error, hint } = &error.diagnostics[0];
        assert!(error.contains("2 instances run with it: i-1, i-2."), "{error}");
        assert!(hint.contains("--nodes-lose-access"), "{hint}");
    }
    let (end, out, _) = offboard(&Args { nodes_lose_access: true, ..args(true, false) }, &provider, "");
    assert_eq!(end, Ok(0), "{out}");
}

#[test]
fn logs_are_kept_on_request() {
    let provider = FakeAccount::onboarded().unchecked();
    let (end, out, _) = offboard(&Args { keep_logs: true, ..args(true, false) }, &provider, "");
    assert_eq!(end, Ok(0), "{out}");
    assert!(out.contains("nothing but logs of it is left"), "{out}");
    assert!(!out.contains("remove   log group") && !out.contains("remove   queue"), "{out}");
    let (_, out, _) = offboard(&args(true, true), &provider, "");
    assert!(out.contains("remove   log group"), "they are still managed: {out}");
}

#[test]
fn without_a_terminal_yes_is_required() {
    let (end, _, _) = offboard(&args(false, false), &FakeAccount::onboarded().unchecked(), "");
    assert_eq!(end.unwrap_err().code, EXIT_USAGE);
}
