//! Pods that are bound to an interrupted node after its cordon.

use cast_spot_rehearsal::{
    Action, Api, Fault, FaultKind, Outcome, WorldSpec,
    outcome::Fate,
    run,
    scenario::{Options, find},
};

use super::{EVICT, LAST_MOMENT_MS, assert_all_drained, calls, effects, node, pod, reported, usual};

const PATCH: &str = "kubernetes:patch nodes";

#[test]
fn a_pod_that_tolerates_everything_is_evicted_once() {
    let outcome = usual("tolerates-everything");
    let name = "operator-";
    let on_node: Vec<_> = node(&outcome).pods.iter().filter(|pod| pod.name.starts_with(name)).collect();
    // The first is evicted at once, the one that came back at the last moment, and the third dies with the node.
    let mut asked: Vec<_> = on_node.iter().map(|pod| pod.asked_ms).collect();
    asked.sort_unstable();
    assert_eq!(asked, [None, Some(50), Some(LAST_MOMENT_MS + 10)]);
    let back = on_node.iter().find(|pod| pod.asked_ms.is_none()).unwrap();
    let reported = reported(&outcome, back);
    assert_eq!(
        (&reported["outcome"], &reported["reason"]),
        (&"left".into(), &"tolerates the cordon and came back".into())
    );
    assert_eq!(outcome.reports[0]["outcome"], "drained");
}

#[test]
fn a_pod_that_is_bound_a_minute_late_is_evicted_at_once() {
    let outcome = usual("late-pod");
    assert_all_drained(&outcome);
    let late = pod(&outcome, "database");
    assert_eq!((late.fate, late.asked_ms), (Fate::Drained, Some(60_040)));
}

#[test]
fn a_shorter_stay_misses_late_pods() {
    for (stay, expected) in [("0", Fate::Killed), ("20", Fate::Killed), ("70", Fate::Drained)] {
        let mut spec = find("late-pod").unwrap().world(&Options::default());
        spec.env("CAST_SPOT_STAY", stay);
        let outcome = run("late-pod", spec);
        assert_eq!(outcome.world.violations, [], "{stay}");
        assert_eq!(pod(&outcome, "database").fate, expected, "{stay}");
    }
}

#[test]
fn a_late_pod_does_not_wait_for_a_node_that_is_not_read() {
    for (kind, asked_ms) in [(FaultKind::Unavailable, 60_040), (FaultKind::Hang(u64::MAX), 62_020)] {
        let mut spec = find("late-pod").unwrap().world(&Options::default());
        let reads = Fault::always(Api::Kubernetes, kind).on("get nodes");
        spec.faults.push(reads.between(50_000, u64::MAX));
        let outcome = run("unread", spec);
        assert_eq!(outcome.world.violations, []);
        assert_eq!(pod(&outcome, "database").asked_ms, Some(asked_ms));
    }
}

#[test]
fn a_node_that_took_over_the_name_is_left_alone() {
    let outcome = taken_over(Vec::new());
    assert_eq!(outcome.reports[0]["outcome"], "drained");
    assert_eq!(calls(&outcome, EVICT), 5);
}

#[test]
fn a_first_list_that_comes_late_proves_nothing() {
    let lists = Fault::always(Api::Kubernetes, FaultKind::Unavailable).on("list pods");
    let outcome = taken_over(vec![lists.between(0, 50_000)]);
    assert_eq!(calls(&outcome, EVICT), 0, "{}", outcome.reports[0]);
    assert_eq!(outcome.reports[0]["pods"].as_array().map(Vec::len), Some(0));
}

/// The instance ends after 20 s. Another one gets its address, and all pods that waited for a node.
fn taken_over(faults: Vec<Fault>) -> Outcome {
    let mut spec = WorldSpec::baseline(7, 3, 5);
    spec.env("CAST_SPOT_REPLACEMENT", "none");
    spec.group().reuses_addresses = true;
    spec.cluster().nodes.iter_mut().skip(1).for_each(|node| node.unschedulable = true);
    (spec.pace.health_check_ms, spec.pace.boot_ms) = (10_000, 15_000);
    spec.interrupt(0, Action::Terminate, 0);
    spec.notices[0].lead_ms = 20_000;
    spec.faults = faults;
    let ready = format!("kubernetes node {} ready", spec.clusters[0].nodes[0].name);
    let outcome = run("taken-over", spec);
    assert!(outcome.trace.iter().any(|line| line.contains(&ready)), "{:#?}", outcome.trace);
    assert_eq!(outcome.world.violations, []);
    outcome
}

/// R1: 1 call, R2: 5, R3: detach, watch and Event. After it one patch, one look at the group, one more look at the
/// node and the last Event.
#[test]
fn a_drained_node_costs_13_calls_and_one_for_each_pod() {
    let outcome = usual("baseline");
    let calls: u64 = outcome.world.calls.values().sum();
    assert_eq!(calls, 13 + 20, "{:?}", outcome.world.calls);
    let answered_ms = outcome.deliveries[0].answered_ms.unwrap();
    assert!((LAST_MOMENT_MS..LAST_MOMENT_MS + 100).contains(&answered_ms), "{answered_ms}");
}

#[test]
fn load_balancers_keep_a_node_while_a_protected_pod_serves() {
    let outcome = usual("baseline");
    assert_eq!(effects(&outcome, PATCH), [30, 70], "taint and label are one patch");
    let outcome = usual("single-replica");
    assert_eq!(
        effects(&outcome, PATCH),
        [30, 70, LAST_MOMENT_MS + 10],
        "the label waits for the last moment"
    );
    assert!(calls(&outcome, EVICT) > 20);
    let mut spec = find("single-replica").unwrap().world(&Options::default());
    let theirs = ("node.kubernetes.io/exclude-from-external-load-balancers".to_owned(), "theirs".to_owned());
    spec.cluster().nodes.iter_mut().for_each(|node| node.labels.extend([theirs.clone()]));
    assert_eq!(effects(&run("labelled", spec), PATCH), [30, 70], "a label of others is kept");
}
