//! Laws about evictions and deletes.

use super::*;

#[test]
fn only_pods_of_an_announced_instance_are_asked() {
    assert_eq!(broken_by(|facts| facts.removes(100, eviction(0))), []);
    let elsewhere = Removal { instance: None, ..eviction(0) };
    assert_eq!(broken_by(|facts| facts.removes(100, elsewhere)), [Law::RightNode]);
}

#[test]
fn a_dry_run_and_an_unregistered_cluster_take_no_write() {
    let dry = |facts: &mut Facts| {
        facts.rules.dry_run = true;
        facts.removes(100, eviction(0));
    };
    assert_eq!(broken_by(dry), [Law::RightNode]);
    let unregistered = |facts: &mut Facts| {
        facts.list[0].1 = Fact::Cluster { name: "production".to_owned(), registered: false };
        facts.removes(100, eviction(0));
    };
    assert_eq!(broken_by(unregistered), [Law::RightNode]);
}

#[test]
fn a_delete_waits_for_the_last_moment() {
    for (at_ms, may_override, broken) in [
        (84_999, true, vec![Law::LastMoment]),
        (85_000, true, vec![]),
        (85_000, false, vec![Law::LastMoment]),
    ] {
        let blocked = |facts: &mut Facts| {
            facts.rules.may_override = may_override;
            facts.removes(at_ms, Removal { grace_s: Some(30), ..delete(0) });
        };
        assert_eq!(broken_by(blocked), broken, "{at_ms} ms");
    }
}

#[test]
fn a_deadline_that_a_read_shows_moves_the_last_moment() {
    let moved = |facts: &mut Facts| {
        facts.instance(0, InstanceFact::EndShown(60_000));
        facts.removes(25_000, Removal { grace_s: Some(30), ..delete(0) });
    };
    assert_eq!(broken_by(moved), []);
}

#[test]
fn nothing_is_asked_after_the_deadline() {
    for (at_ms, broken) in [(119_000, vec![]), (120_001, vec![Law::InTime])] {
        let asked = |facts: &mut Facts| facts.removes(at_ms, Removal { grace_s: Some(1), ..eviction(0) });
        assert_eq!(broken_by(asked), broken, "{at_ms} ms");
    }
}

#[test]
fn a_pod_that_is_known_to_end_is_not_asked_again() {
    for (listed_ms, broken) in [(500, vec![]), (1_500, vec![Law::Resumption])] {
        let by_other = |facts: &mut Facts| {
            facts.lists(listed_ms, &[0]);
            facts.pod(1_000, 0, PodFact::Terminates(termination(1_000, EndedBy::Eviction(7))));
            facts.removes(2_000, eviction(0));
        };
        assert_eq!(broken_by(by_other), broken, "listed at {listed_ms} ms");
    }
}

#[test]
fn a_removal_names_the_uid_and_a_fair_grace() {
    let asked = |removal: Removal| broken_by(|facts| facts.removes(100, removal));
    assert_eq!(asked(Removal { uid: None, ..eviction(0) }), [Law::UidAndGrace]);
    for (grace_s, broken) in [
        (0, vec![Law::UidAndGrace]),
        (27, vec![Law::UidAndGrace]),
        (30, vec![]),
        (600, vec![Law::UidAndGrace]),
    ] {
        assert_eq!(asked(Removal { grace_s: Some(grace_s), ..eviction(0) }), broken, "{grace_s} s");
    }
}

#[test]
fn critical_pods_wait_and_pods_of_the_node_stay() {
    let critical_first = |facts: &mut Facts| {
        facts.lists(50, &[0, 1]);
        facts.removes(100, eviction(1));
    };
    assert_eq!(broken_by(critical_first), [Law::Order]);
    let critical_last = |facts: &mut Facts| {
        facts.lists(50, &[0, 1]);
        facts.pod(5_000, 0, PodFact::Ended { is_killed: false, is_shown_late: false });
        facts.removes(5_100, eviction(1));
    };
    assert_eq!(broken_by(critical_last), []);
    let finished = |facts: &mut Facts| {
        facts.pod(0, 0, PodFact::Finished);
        facts.removes(100, eviction(0));
    };
    assert_eq!(broken_by(finished), [Law::Order]);
}

#[test]
fn retry_after_is_honoured() {
    for (again_ms, broken) in [(9_000, vec![Law::RetryAfter]), (10_100, vec![])] {
        let throttled = |facts: &mut Facts| {
            facts.removes(100, Removal { answer: Answer::Throttled(10_000), ..eviction(0) });
            facts.removes(again_ms, eviction(0));
        };
        assert_eq!(broken_by(throttled), broken, "again at {again_ms} ms");
    }
}

#[test]
fn a_pod_is_not_asked_without_end() {
    for (times, broken) in [(60, vec![]), (61, vec![Law::NoCircles])] {
        let refused = |facts: &mut Facts| {
            for number in 0..times {
                facts.removes(number * 1_000, Removal { answer: Answer::Refused, ..eviction(0) });
            }
        };
        assert_eq!(broken_by(refused), broken, "{times} times");
    }
}

#[test]
fn a_pod_that_came_back_is_asked_at_the_last_moment() {
    for (again_ms, broken) in [(20_000, vec![Law::NoCircles]), (85_000, vec![])] {
        let tolerant = |facts: &mut Facts| {
            let mut add = |at_ms, id| {
                let about = PodAbout {
                    workload: 9,
                    label: format!("shop/operator-{id}"),
                    grace_s: 30,
                    tolerates: true,
                    ..PodAbout::default()
                };
                facts.pod(at_ms, id, PodFact::Made(about));
                let bound = PodFact::Bound { node: NODE.to_owned(), instance: ID.to_owned() };
                facts.pod(at_ms, id, bound);
            };
            add(0, 2);
            add(10_000, 3);
            facts.removes(100, eviction(2));
            facts.list.sort_by_key(|(at_ms, _)| *at_ms);
            facts.removes(again_ms, eviction(3));
        };
        assert_eq!(broken_by(tolerant), broken, "again at {again_ms} ms");
    }
}

#[test]
fn an_eviction_at_work_is_not_given_up() {
    for (at_ms, broken) in [(100, vec![Law::NoCircles]), (80_000, vec![])] {
        let spent = Removal { is_spent: true, answer: Answer::Refused, ..eviction(0) };
        assert_eq!(broken_by(|facts| facts.removes(at_ms, spent)), broken, "{at_ms} ms");
    }
}
