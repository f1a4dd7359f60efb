//! Calls whose answer never comes: what the handler does meanwhile, and what it says of them. Over the embedded
//! world, in virtual time.

use cast_spot_rehearsal::{Action, Api, Fault, FaultKind, Outcome, WorldSpec, run};

const NOTICE_MS: u64 = 120_000;

/// One of three nodes with five pods each is interrupted, and `fault` strikes.
fn struck(name: &str, fault: Fault) -> Outcome {
    struck_where(name, fault, |_| {})
}

/// The same in a world that is `changed`.
fn struck_where(name: &str, fault: Fault, changed: impl FnOnce(&mut WorldSpec)) -> Outcome {
    let mut spec = WorldSpec::usual(7, 3, 5);
    changed(&mut spec);
    spec.interrupt(0, Action::Terminate, 0);
    spec.faults.push(fault);
    let outcome = run(name, spec);
    assert_eq!(outcome.world.violations, [], "{name}");
    outcome
}

#[test]
fn the_report_comes_before_the_deadline_while_the_api_server_hangs() {
    for from_ms in [0, 30, 45] {
        let hangs = Fault::always(Api::Kubernetes, FaultKind::Hang(u64::MAX)).between(from_ms, u64::MAX);
        let outcome = struck("api-server-hangs", hangs);
        let answered = outcome.deliveries[0].answered_ms;
        assert!(answered.is_some_and(|ms| ms < NOTICE_MS - 1_000), "hung from {from_ms} ms: {answered:?}");
    }
}

#[test]
fn the_report_comes_before_the_deadline_while_aws_hangs() {
    for api in [Api::Ec2, Api::AutoScaling] {
        let outcome = struck("aws-hangs", Fault::always(api, FaultKind::Hang(u64::MAX)));
        let answered = outcome.deliveries[0].answered_ms;
        assert!(answered.is_some_and(|ms| ms < NOTICE_MS - 1_000), "{api:?}: {answered:?}");
    }
}

#[test]
fn a_detach_whose_answer_was_lost_was_asked_for_by_us() {
    let lost = Fault::always(Api::AutoScaling, FaultKind::AnswerLost).on("DetachInstances").times(1);
    let outcome = struck("detach-lost", lost);
    let replacement = &outcome.reports[0]["replacement"];
    assert_eq!(replacement["outcome"], "requested", "{replacement}");
    assert_eq!(outcome.reports[0]["calls"]["autoscaling:DetachInstances"], 2);
    assert_eq!(outcome.world.replacements, 1);
}

#[test]
fn a_termination_whose_answer_was_lost_was_asked_for_by_us() {
    let lost = Fault::always(Api::AutoScaling, FaultKind::AnswerLost);
    let lost = lost.on("TerminateInstanceInAutoScalingGroup").times(1);
    let hooked = |spec: &mut WorldSpec| spec.group().termination_hook = Some("hold".to_owned());
    let outcome = struck_where("terminate-lost", lost, hooked);
    let replacement = &outcome.reports[0]["replacement"];
    assert_eq!((&replacement["outcome"], &replacement["method"]), (&"requested".into(), &"terminate".into()));
    assert_eq!(outcome.world.replacements, 1);
}

#[test]
fn a_launch_is_whole_where_only_the_answer_to_the_detach_was_lost() {
    let lost = Fault::always(Api::AutoScaling, FaultKind::AnswerLost).on("DetachInstances").times(1);
    let launching = |spec: &mut WorldSpec| spec.env("CAST_SPOT_REPLACEMENT", "launch");
    let outcome = struck_where("launch-detach-lost", lost, launching);
    let replacement = &outcome.reports[0]["replacement"];
    assert_eq!(replacement["outcome"], "confirmed", "{replacement}");
    assert!(replacement["reason"].is_null(), "the group has not one more: {replacement}");
    assert_eq!(outcome.world.replacements, 1);
}
