//! The command over a provider in memory.

use cast_spot_provisioner::{onboard, resource::Kind};

use super::*;
use crate::{
    memory::{Memory, spec},
    refusal::{CHANGES, REFUSED},
    session::run_in_test,
    terminal::recorded,
};

fn args(yes: bool, dry_run: bool) -> Args {
    Args {
        target: TargetArgs::default(),
        keep_logs: false,
        nodes_lose_access: false,
        yes,
        dry_run,
        json: false,
    }
}

fn offboard(args: &Args, provider: &Guarded<Memory>, answers: &str) -> (Result<u8, Refusal>, String, String) {
    let (mut screen, out, err) = recorded::screen(answers);
    let removal = Removal {
        nodes_lose_access: args.nodes_lose_access,
        keep_logs: args.keep_logs,
        ..Removal::of("prod")
    };
    let end = run_in_test(carry_out(&removal, args, provider, &mut screen));
    (end, out.text(), err.text())
}

fn onboarded() -> Memory {
    let memory = Memory::new();
    run_in_test(async {
        let planned = onboard::plan(&spec(), &memory).await.unwrap();
        onboard::onboard(&spec(), planned, &memory, &Stop::new(), &mut |_| {}).await.unwrap();
    });
    memory
}

#[test]
fn the_cluster_s_name_is_the_confirmation() {
    let provider = onboarded().guarded();
    for answers in ["yes\n", "Prod\n", "\n"] {
        let (end, _, err) = offboard(&args(false, false), &provider, answers);
        assert_eq!(end.unwrap_err().code, NOT_GOOD, "{answers:?}: {err}");
    }
    let (end, out, _) = offboard(&args(false, true), &provider, "");
    assert_eq!(end, Ok(CHANGES), "nothing has gone yet");
    assert!(out.contains("    - remove   role               cast-eks-prod\n"), "{out}");
    let (end, out, err) = offboard(&args(false, false), &provider, "prod\n");
    assert_eq!(end, Ok(0), "{out}{err}");
    assert!(out.contains("✓ cluster prod is offboarded; nothing of it is left\n"), "{out}");
    let (end, out, _) = offboard(&args(true, false), &provider, "");
    assert_eq!(end, Ok(0));
    assert!(out.contains("✓ nothing of cast-spot is here for it"), "{out}");
}

#[test]
fn it_goes_on_after_a_failure_and_says_what_is_left_and_why() {
    let mut memory = onboarded();
    memory.refused = vec![Kind::LogGroup];
    let (end, out, err) = offboard(&args(true, false), &memory.guarded(), "");
    assert_eq!(end, Ok(REFUSED), "{out}");
    assert!(err.contains("    - role cast-eks-prod\n"), "{err}");
    assert!(out.contains("error: log group /aws/lambda/cast-spot: not allowed"), "{out}");
    assert!(out.contains("`cast-spot offboard` again goes on from here"), "{out}");
}

#[test]
fn nodes_that_run_with_the_role_are_not_cut_off_unless_that_is_said() {
    let mut memory = onboarded();
    memory.instances = vec!["i-2".to_owned(), "i-1".to_owned()];
    let provider = memory.guarded();
    for dry_run in [true, false] {
        let refusal = offboard(&args(true, dry_run), &provider, "").0.unwrap_err();
        assert_eq!(refusal.code, 2);
        let Complaint { error, hint } = &refusal.complaints[0];
        assert!(error.contains("2 instances run with it: i-1, i-2."), "{error}");
        assert!(hint.contains("--nodes-lose-access"), "{hint}");
    }
    let (end, out, _) = offboard(&Args { nodes_lose_access: true, ..args(true, false) }, &provider, "");
    assert_eq!(end, Ok(0), "{out}");
}

#[test]
fn logs_can_stay() {
    let provider = onboarded().guarded();
    let (end, out, _) = offboard(&Args { keep_logs: true, ..args(true, false) }, &provider, "");
    assert_eq!(end, Ok(0), "{out}");
    assert!(out.contains("nothing but logs of it is left"), "{out}");
    assert!(!out.contains("remove   log group") && !out.contains("remove   queue"), "{out}");
    let (_, out, _) = offboard(&args(true, true), &provider, "");
    assert!(out.contains("remove   log group"), "they are still known as ours: {out}");
}

#[test]
fn nobody_there_and_no_yes_is_refused() {
    let (end, _, _) = offboard(&args(false, false), &onboarded().guarded(), "");
    assert_eq!(end.unwrap_err().code, 2);
}
