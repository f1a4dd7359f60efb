//! Laws about reports, and about what was not done in time.

use super::*;

#[test]
fn what_a_good_handler_does_breaks_no_law() {
    let good = |facts: &mut Facts| {
        facts.handle();
        facts.end(80_000);
    };
    assert_eq!(broken_by(good), []);
}

#[test]
fn each_notice_gets_one_report_that_names_all_pods() {
    let pod = |id| json!({ "uid": pod_uid(id), "outcome": "left" });
    for (pods, broken) in [(vec![pod(0), pod(1)], vec![]), (vec![pod(0)], vec![Law::OneReport])] {
        let answered = |facts: &mut Facts| {
            facts.lists(50, &[0, 1]);
            facts.answer(1_000, json!({ "pods": pods }));
        };
        assert_eq!(broken_by(answered), broken);
    }
    let unreported = Fact::Function(0, FunctionFact::Answered(Vec::new()));
    assert_eq!(broken_by(|facts| facts.at(1_000, unreported)), [Law::OneReport]);
    let timed_out = Fact::Function(0, FunctionFact::TimedOut);
    assert_eq!(broken_by(|facts| facts.at(1_000, timed_out)), [Law::OneReport]);
    let panicked = Fact::Panicked("on purpose".to_owned());
    assert_eq!(broken_by(|facts| facts.at(1_000, panicked)), [Law::OneReport]);
}

#[test]
fn a_report_is_true() {
    for (report, broken) in [
        (json!({ "pods": [{ "uid": pod_uid(0), "outcome": "evicted" }] }), vec![Law::OneReport]),
        (json!({ "pods": [{ "uid": "u-1", "outcome": "left" }] }), vec![Law::OneReport]),
        (json!({ "cordon": { "outcome": "done" } }), vec![Law::OneReport]),
        (json!({ "replacement": { "outcome": "requested" } }), vec![Law::OneReport]),
        (json!({ "replacement": { "outcome": "no_capacity" } }), vec![Law::OneReport]),
        (json!({ "replacement": { "outcome": "refused" } }), vec![Law::OneReport]),
        (json!({ "reason": "internal error: index out of bounds" }), vec![Law::OneReport]),
        (json!({ "cordon": { "outcome": "failed" } }), vec![]),
    ] {
        assert_eq!(broken_by(|facts| facts.answer(1_000, report.clone())), broken, "{report}");
    }
    let lacking = |facts: &mut Facts| {
        facts.at(0, Fact::Group("spot".to_owned(), GroupFact::LacksCapacity));
        facts.answer(1_000, json!({ "replacement": { "outcome": "no_capacity" } }));
    };
    assert_eq!(broken_by(lacking), []);
}

#[test]
fn an_override_is_reported() {
    for (outcome, broken) in [("evicted", vec![Law::LastMoment]), ("deleted", vec![])] {
        let overridden = |facts: &mut Facts| {
            facts.removes(85_000, Removal { grace_s: Some(30), ..delete(0) });
            facts.pod(85_000, 0, PodFact::Terminates(termination(85_000, EndedBy::Delete(0))));
            facts.pod(90_000, 0, PodFact::Ended { is_killed: false, is_shown_late: false });
            facts.pod(90_000, 0, PodFact::Removed);
            facts.answer(91_000, json!({ "pods": [{ "uid": pod_uid(0), "outcome": outcome }] }));
        };
        assert_eq!(broken_by(overridden), broken, "{outcome}");
    }
}

#[test]
fn the_last_moment_is_used() {
    for (deletes, broken) in [(false, vec![Law::LastMoment]), (true, vec![])] {
        let blocked = |facts: &mut Facts| {
            facts.handle();
            facts.removes(71_000, Removal { answer: Answer::Refused, ..eviction(0) });
            if deletes {
                facts.removes(85_000, Removal { grace_s: Some(30), ..delete(0) });
                facts.pod(85_000, 0, PodFact::Terminates(termination(85_000, EndedBy::Delete(0))));
            }
            facts.end(116_000);
        };
        assert_eq!(broken_by(blocked), broken);
    }
}

#[test]
fn the_legs_begin_at_once() {
    let replaced_late = |facts: &mut Facts| {
        facts.cordons(50);
        facts.lists(50, &[0, 1]);
        facts.removes(100, eviction(0));
        facts.removes(70_000, eviction(1));
        facts.replaces(70_000, "i-2");
        facts.end(80_000);
    };
    assert_eq!(broken_by(replaced_late), [Law::IndependentLegs]);
    let drained_late = |facts: &mut Facts| {
        facts.replaces(50, "i-2");
        facts.cordons(50);
        facts.lists(50, &[0, 1]);
        facts.removes(6_000, eviction(0));
        facts.removes(70_000, eviction(1));
        facts.end(80_000);
    };
    assert_eq!(broken_by(drained_late), [Law::IndependentLegs]);
}

#[test]
fn a_failure_of_auto_scaling_does_not_stop_the_drain() {
    for (drains, broken) in [(true, 0), (false, 3)] {
        let failed = |facts: &mut Facts| {
            let unavailable = Some(FaultKind::Unavailable);
            facts.call(20, (Api::AutoScaling, "DetachInstances"), unavailable, CallFact::Closed);
            facts.cordons(50);
            facts.lists(50, &[0, 1]);
            if drains {
                facts.removes(100, eviction(0));
                facts.removes(70_000, eviction(1));
            }
            facts.end(80_000);
        };
        // The drain leg has not begun, and neither pod was asked.
        assert_eq!(broken_by(failed), vec![Law::IndependentLegs; broken], "{drains}");
    }
}

#[test]
fn the_grace_of_a_terminating_pod_is_cut() {
    for (grace_s, broken) in [(30, vec![]), (3_600, vec![Law::UidAndGrace])] {
        let terminating = |facts: &mut Facts| {
            let termination = Termination {
                grace_s,
                kill_ms: u64::from(grace_s) * 1_000,
                ..termination(0, EndedBy::Cluster)
            };
            facts.pod(0, 0, PodFact::Terminates(termination));
            facts.replaces(50, "i-2");
            facts.cordons(50);
            facts.lists(50, &[0, 1]);
            facts.removes(70_000, eviction(1));
            facts.end(80_000);
        };
        assert_eq!(broken_by(terminating), broken, "{grace_s} s");
    }
}

#[test]
fn the_node_is_cordoned_and_every_pod_asked() {
    let idle = |facts: &mut Facts| {
        facts.replaces(50, "i-2");
        facts.lists(50, &[0, 1]);
        facts.removes(100, eviction(0));
        facts.end(80_000);
    };
    assert_eq!(broken_by(idle), [Law::Order, Law::Order], "not cordoned, and pod 1 was not asked");
}

#[test]
fn every_pod_is_asked_whatever_else_fails() {
    for (asks, broken) in [(true, vec![]), (false, vec![Law::EveryPod; 2])] {
        let refused = |facts: &mut Facts| {
            facts.replaces(50, "i-2");
            let denied = Some(FaultKind::Denied(403));
            facts.call(60, (Api::Kubernetes, "patch nodes"), denied, CallFact::Closed);
            facts.lists(70, &[0, 1]);
            facts.removes(100, eviction(0));
            if asks {
                facts.removes(70_000, eviction(1));
            }
            facts.end(80_000);
        };
        assert_eq!(broken_by(refused), broken);
    }
}

#[test]
fn a_foreign_notice_costs_few_calls_and_seconds() {
    for (calls, ends_ms, broken) in
        [(4, 15_000, vec![]), (5, 15_000, vec![Law::ForeignNotice]), (4, 15_201, vec![Law::ForeignNotice])]
    {
        let foreign = |facts: &mut Facts| {
            facts.list[0].1 = Fact::Cluster { name: "staging".to_owned(), registered: false };
            for number in 0..calls {
                let describe = (Api::Ec2, "DescribeInstances");
                facts.call(number * 1_000, describe, None, CallFact::Closed);
            }
            facts.end(ends_ms);
        };
        assert_eq!(broken_by(foreign), broken, "{calls} calls, {ends_ms} ms");
    }
}
