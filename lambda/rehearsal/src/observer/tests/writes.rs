//! Laws about writes to nodes and groups, and about calls that are left open.

use super::*;

fn patch(instance: &str, uncordons: bool) -> CallFact {
    CallFact::WroteNode { instance: instance.to_owned(), node: NODE.to_owned(), uncordons }
}

#[test]
fn only_the_announced_instance_is_written_to() {
    for (instance, broken) in [(ID, vec![]), ("i-9", vec![Law::RightNode])] {
        let patch = patch(instance, false);
        let written = |facts: &mut Facts| facts.call(100, (Api::Kubernetes, "patch nodes"), None, patch);
        assert_eq!(broken_by(written), broken, "{instance}");
    }
}

#[test]
fn an_instance_of_others_is_left_to_them() {
    for (is_owned, is_on_demand) in [(true, false), (false, true)] {
        let of_others = |facts: &mut Facts| {
            facts.instance(
                0,
                InstanceFact::Made(InstanceAbout { is_owned, is_on_demand, ..InstanceAbout::default() }),
            );
            facts.call(100, (Api::Kubernetes, "patch nodes"), None, patch(ID, false));
        };
        assert_eq!(broken_by(of_others), [Law::RightNode]);
    }
}

#[test]
fn an_instance_gets_one_replacement() {
    assert_eq!(broken_by(|facts| facts.replaces(100, "i-2")), []);
    let twice = |facts: &mut Facts| {
        facts.replaces(100, "i-2");
        facts.replaces(200, "i-3");
    };
    assert_eq!(broken_by(twice), [Law::OneReplacement]);
}

#[test]
fn no_call_is_open_after_the_deadline() {
    for (name, at_ms, broken) in [
        ("list pods", 119_000, vec![]),
        ("list pods", 120_001, vec![Law::InTime]),
        ("create events", 120_001, vec![]),
    ] {
        let closed = |facts: &mut Facts| facts.call(at_ms, (Api::Kubernetes, name), None, CallFact::Closed);
        let early = |facts: &mut Facts| {
            facts.lists(100, &[]);
            closed(facts);
        };
        assert_eq!(broken_by(early), broken, "{name} at {at_ms} ms");
    }
}

#[test]
fn a_cordon_is_not_undone() {
    let written = |facts: &mut Facts| {
        facts.call(100, (Api::Kubernetes, "patch nodes"), None, patch(ID, true));
    };
    assert_eq!(broken_by(written), [Law::Resumption]);
}

#[test]
fn an_instance_is_not_ended_under_its_pods() {
    for (at_ms, pods, broken) in
        [(60_000, vec![0], vec![Law::NoEarlierEnd]), (60_000, vec![], vec![]), (115_000, vec![0], vec![])]
    {
        let ended = |facts: &mut Facts| {
            facts.instance(at_ms, InstanceFact::EndedForFunction { env: 0, pods });
        };
        assert_eq!(broken_by(ended), broken, "{at_ms} ms");
    }
}
