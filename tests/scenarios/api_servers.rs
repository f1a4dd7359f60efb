//! API servers that do not know the caller, or refuse changes of the node.

use cast_spot_rehearsal::{
    Api, Fault, FaultKind, run,
    scenario::{Options, find},
};

use super::{EVICT, assert_all_drained, calls, effects, node, usual};

#[test]
fn a_caller_that_is_unknown_at_first_drains_in_time() {
    let outcome = usual("unauthorized-at-first");
    assert_all_drained(&outcome);
    let cordoned = node(&outcome).cordoned_ms.unwrap();
    assert!((60_000..74_000).contains(&cordoned), "one probe in ten seconds: {cordoned}");
    let refused = outcome.trace.iter().filter(|line| line.ends_with(" -> 401")).count();
    assert!((8..=14).contains(&refused), "{refused} calls were answered 401");
    assert_eq!(outcome.reports[0]["outcome"], "drained");
}

#[test]
fn a_caller_that_stays_unknown_learns_for_how_long() {
    let mut spec = find("baseline").unwrap().world(&Options::default());
    spec.faults.push(Fault::always(Api::Kubernetes, FaultKind::Unauthorized));
    let outcome = run("unauthorized", spec);
    assert_eq!(outcome.world.violations, []);
    let report = &outcome.reports[0];
    let reason = report["reason"].as_str().unwrap();
    assert_eq!(report["outcome"], "failed");
    assert!(
        reason.contains("unauthenticated: ")
            && reason.contains("access entry")
            && reason.contains("attempts in 11"),
        "{reason}"
    );
}

#[test]
fn pods_are_evicted_where_the_cordon_is_refused_for_good() {
    for code in [400, 403, 422, 500] {
        let mut spec = find("cordon-refused").unwrap().world(&Options::default());
        spec.faults[0].kind = FaultKind::Denied(code);
        let outcome = run("cordon-refused", spec);
        assert_eq!(outcome.world.violations, [], "{code}");
        // The scheduler puts every pod back: it is evicted once more at the last moment, and comes back to die.
        let pods = outcome.world.pods;
        assert_eq!((pods.drained, pods.killed), (40, 20), "{code}");
        assert_eq!(node(&outcome).cordoned_ms, None);
        // One round trip for the refusal, one for the smaller patch and the read that proves the node.
        assert_eq!(effects(&outcome, EVICT).iter().min(), Some(&70), "{code}");
        let report = &outcome.reports[0];
        assert_eq!(
            (&report["outcome"], &report["cordon"]["outcome"]),
            (&"incomplete".into(), &"failed".into())
        );
        let reason = report["reason"].as_str().unwrap();
        assert!(reason.starts_with("the node was not cordoned: ") && reason.contains("denied "), "{reason}");
    }
}

#[test]
fn a_policy_on_labels_and_annotations_leaves_the_cordon() {
    for code in [400, 403, 422, 500] {
        let mut spec = find("cordon-refused").unwrap().world(&Options::default());
        spec.faults[0].kind = FaultKind::DeniedMetadata(code);
        let outcome = run("cordon-refused", spec);
        assert_eq!(outcome.world.violations, [], "{code}");
        assert_all_drained(&outcome);
        // A refusal is answered by the smaller patch, an error of the server by the same patch first.
        let latest_ms = if code == 500 { 500 } else { 70 };
        let cordoned_ms = node(&outcome).cordoned_ms.unwrap();
        assert!((70..=latest_ms).contains(&cordoned_ms), "{code}: {cordoned_ms}");
        assert_eq!(outcome.reports[0]["outcome"], "drained", "{code}");
    }
}

/// The tags of the instance or of its group name a registered cluster: only the node's name is unknown.
#[test]
fn a_refused_node_list_is_asked_again_until_it_is_allowed() {
    let list = Fault::always(Api::Kubernetes, FaultKind::Forbidden).on("list nodes").between(0, 30_000);
    let throttled = Fault::always(Api::Ec2, FaultKind::Throttled);
    for (scenario, faults) in [("wrong-node-name", vec![list.clone()]), ("baseline", vec![list, throttled])] {
        let mut spec = find(scenario).unwrap().world(&Options::default());
        spec.faults.extend(faults);
        let outcome = run(scenario, spec);
        assert_eq!(outcome.world.violations, [], "{scenario}");
        assert_all_drained(&outcome);
        let cordoned_ms = node(&outcome).cordoned_ms.unwrap();
        assert!((30_000..37_000).contains(&cordoned_ms), "{scenario}: {cordoned_ms}");
        assert_eq!(outcome.reports[0]["outcome"], "drained", "{scenario}");
        assert!(calls(&outcome, "kubernetes:list nodes") < 20, "{scenario}");
    }
}

/// Only the list can tell the cluster of the instance: it is requested a second time, and not a third.
#[test]
fn a_refused_list_of_any_cluster_gets_a_second_look() {
    let spec = |until_ms| {
        let mut spec = find("baseline").unwrap().world(&Options::default());
        spec.cluster().nodes.iter_mut().for_each(|node| node.group = None);
        let list = Fault::always(Api::Kubernetes, FaultKind::Forbidden).on("list nodes").between(0, until_ms);
        spec.faults.extend([list, Fault::always(Api::Ec2, FaultKind::Throttled)]);
        spec
    };
    let outcome = run("refused-at-first", spec(8_000));
    assert_eq!(outcome.world.violations, []);
    assert_all_drained(&outcome);
    let cordoned_ms = node(&outcome).cordoned_ms.unwrap();
    assert!((10_000..11_000).contains(&cordoned_ms), "{cordoned_ms}");
    let outcome = run("refused", spec(u64::MAX));
    assert_eq!(outcome.world.violations, []);
    // Lambda delivers the notice once more.
    assert!(outcome.reports.iter().all(|report| report["outcome"] == "failed"));
    assert_eq!((outcome.reports.len(), calls(&outcome, "kubernetes:list nodes")), (2, 4));
}
