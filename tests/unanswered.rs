//! Calls that are never answered: what the handler does meanwhile, and what it reports. Over the embedded world, in
//! virtual time.

use cast_spot_rehearsal::{Action, Api, Fault, FaultKind, Outcome, WorldSpec, run};

const NOTICE_MS: u64 = 120_000;

/// Interrupts one of three nodes with five pods each, under `fault`.
fn struck(name: &str, fault: Fault) -> Outcome {
    let mut spec = WorldSpec::baseline(7, 3, 5);
    spec.interrupt(0, Action::Terminate, 0);
    spec.faults.push(fault);
    let outcome = run(name, spec);
    assert_eq!(outcome.world.violations, [], "{name}");
    outcome
}

#[test]
fn a_report_precedes_the_deadline_while_the_api_server_hangs() {
    for from_ms in [0, 30, 45] {
        let hangs = Fault::always(Api::Kubernetes, FaultKind::Hang(u64::MAX)).between(from_ms, u64::MAX);
        let outcome = struck("api-server-hangs", hangs);
        let answered = outcome.deliveries[0].answered_ms;
        assert!(answered.is_some_and(|ms| ms < NOTICE_MS - 1_000), "hung from {from_ms} ms: {answered:?}");
    }
}

#[test]
fn a_report_precedes_the_deadline_while_aws_hangs() {
    for api in [Api::Ec2, Api::AutoScaling] {
        let outcome = struck("aws-hangs", Fault::always(api, FaultKind::Hang(u64::MAX)));
        let answered = outcome.deliveries[0].answered_ms;
        assert!(answered.is_some_and(|ms| ms < NOTICE_MS - 1_000), "{api:?}: {answered:?}");
    }
}

#[test]
fn a_detach_with_a_lost_answer_counts_as_ours() {
    let lost = Fault::always(Api::AutoScaling, FaultKind::AnswerLost).on("DetachInstances").times(1);
    let outcome = struck("detach-lost", lost);
    let replacement = &outcome.reports[0]["replacement"];
    assert_eq!(replacement["outcome"], "confirmed", "{replacement}");
    assert_eq!(outcome.reports[0]["calls"]["autoscaling:DetachInstances"], 2);
    assert_eq!(outcome.world.replacements, 1);
}
