//! Groups with replacement rules of their own, and what the handler reports of them.

use cast_spot_rehearsal::{
    Action, Api, Budget, ExitTime, Fault, FaultKind, HookSpec, Outcome, PdbSpec, PodState, WorkloadSpec,
    WorldSpec,
    outcome::Fate,
    run,
    scenario::{Options, find},
};

use super::{DETACH, assert_all_drained, calls, node, pod, reported, usual};

const GROUPS: &str = "autoscaling:DescribeAutoScalingGroups";
const ACTIVITIES: &str = "autoscaling:DescribeScalingActivities";
/// The whole time of a notice.
const NOTICE_MS: u64 = 120_000;

#[test]
fn a_group_that_replaces_by_itself_is_only_watched() {
    for scenario in ["asg-capacity-rebalance", "managed-node-group"] {
        let outcome = usual(scenario);
        assert_all_drained(&outcome);
        let replacement = &outcome.reports[0]["replacement"];
        assert_eq!(
            (&replacement["method"], &replacement["outcome"]),
            (&"verify".into(), &"confirmed".into())
        );
        assert!(replacement["instance_id"].as_str().unwrap().starts_with("i-"), "{scenario}");
        assert_eq!(calls(&outcome, DETACH), 0, "{scenario}");
        assert_eq!(outcome.world.replacements, 1, "{scenario}");
    }
}

#[test]
fn a_termination_hook_is_named_and_the_node_lives_on() {
    for scenario in ["hook-consumer", "hook-short-heartbeat", "termination-hook"] {
        let outcome = usual(scenario);
        assert_all_drained(&outcome);
        assert_eq!(node(&outcome).reclaimed_ms, Some(NOTICE_MS), "{scenario}");
        let replacement = &outcome.reports[0]["replacement"];
        assert_eq!(
            (&replacement["method"], &replacement["outcome"]),
            (&"detach".into(), &"confirmed".into()),
            "{scenario}"
        );
        assert_eq!(
            replacement["reason"],
            "lifecycle hook drain was not run: a detached instance leaves its group without it"
        );
        assert!(outcome.reports[0]["deadline_in_force"].is_null(), "{scenario}");
        assert_eq!(calls(&outcome, "autoscaling:TerminateInstanceInAutoScalingGroup"), 0, "{scenario}");
    }
}

#[test]
fn a_detach_is_confirmed_by_one_look() {
    let outcome = usual("baseline");
    let replacement = &outcome.reports[0]["replacement"];
    assert_eq!(replacement["outcome"], "confirmed");
    assert_eq!(replacement["requested_after_ms"], 60);
    let after_ms = replacement["after_ms"].as_u64().unwrap();
    assert!((5_060..6_400).contains(&after_ms), "{after_ms}");
    assert_eq!(replacement["instance_id"], node(&outcome).replacement.as_ref().unwrap().instance.as_str());
    assert_eq!((calls(&outcome, GROUPS), calls(&outcome, ACTIVITIES)), (2, 0));
}

#[test]
fn a_group_without_capacity_is_reported_in_its_words() {
    let outcome = usual("no-capacity");
    assert_all_drained(&outcome);
    let report = &outcome.reports[0];
    assert_eq!(report["outcome"], "drained_without_replacement");
    assert_eq!(report["replacement"]["outcome"], "no_capacity");
    let reason = report["replacement"]["reason"].as_str().unwrap();
    assert!(reason.starts_with("Could not launch Spot Instances. UnfulfillableCapacity"), "{reason}");
    // It is read until the function leaves: another pool may have room later.
    assert_eq!((calls(&outcome, GROUPS), calls(&outcome, ACTIVITIES)), (8, 1));
}

#[test]
fn a_group_that_cannot_launch_receives_no_request() {
    let outcome = usual("launch-suspended");
    assert_all_drained(&outcome);
    let report = &outcome.reports[0];
    assert_eq!(report["outcome"], "drained_without_replacement");
    let replacement = &report["replacement"];
    assert_eq!(
        (&replacement["outcome"], &replacement["reason"]),
        (&"refused".into(), &"Launch is suspended".into())
    );
    assert_eq!((calls(&outcome, DETACH), outcome.world.replacements), (0, 0));
}

#[test]
fn a_group_short_of_one_is_reported_once() {
    for rebalances in [false, true] {
        let mut spec = WorldSpec::baseline(3, 40, 2);
        spec.group().capacity_rebalance = rebalances;
        spec.group().spare_capacity = Some(19);
        for index in 0..20 {
            spec.interrupt(index, Action::Terminate, 0);
        }
        let outcome = judged("short-of-one", spec);
        let found = |outcome_: &str| {
            outcome.reports.iter().filter(|report| report["replacement"]["outcome"] == outcome_).count()
        };
        assert_eq!((found("confirmed"), found("no_capacity")), (19, 1), "rebalances: {rebalances}");
    }
}

#[test]
fn one_failed_look_does_not_end_the_watch() {
    let mut spec = WorldSpec::baseline(7, 3, 5);
    spec.group().capacity_rebalance = true;
    spec.interrupt(0, Action::Terminate, 0);
    let fault = Fault::always(Api::AutoScaling, FaultKind::Forbidden).on("DescribeAutoScalingGroups");
    spec.faults.push(fault.between(1_000, 3_000));
    let outcome = judged("failed-look", spec);
    assert_eq!(outcome.reports[0]["replacement"]["outcome"], "confirmed", "{}", outcome.reports[0]);
}

#[test]
fn a_group_that_ends_it_early_sets_the_deadline() {
    let outcome = usual("group-ends-early");
    assert_all_drained_or_deleted(&outcome);
    // The group acts 3 s after the notice; its hook lasts 60 s.
    assert_eq!(node(&outcome).reclaimed_ms, Some(64_000));
    let report = &outcome.reports[0];
    let blocked = pod(&outcome, "ledger");
    assert_eq!(blocked.fate, Fate::Deleted);
    assert_eq!(reported(&outcome, blocked)["outcome"], "deleted");
    let terminating_ms = blocked.terminating_ms.unwrap();
    assert!((28_000..34_000).contains(&terminating_ms), "{terminating_ms}");
    let in_force = &report["deadline_in_force"];
    assert_eq!(in_force["reason"], "the group terminates it, and lifecycle hook drain holds it for 60 s");
}

#[test]
fn a_hook_from_before_the_notice_ends_sooner() {
    let mut spec = find("group-ends-early").unwrap().world(&Options::default());
    spec.group().hooks[0].timeout_ms = 100_000;
    spec.cluster().nodes[0].recommended_ms = Some(0);
    spec.notices.clear();
    spec.deliveries.clear();
    spec.interrupt(0, Action::Terminate, 50_000);
    let outcome = judged("held-before", spec);
    assert_eq!(node(&outcome).reclaimed_ms, Some(101_000));
    assert_all_drained_or_deleted(&outcome);
    let blocked = pod(&outcome, "ledger");
    let terminating_ms = blocked.terminating_ms.unwrap();
    assert!((64_000..70_000).contains(&terminating_ms), "{terminating_ms}");
}

#[test]
fn a_termination_is_dated_to_the_millisecond() {
    let mut spec = find("group-ends-early").unwrap().world(&Options::default());
    spec.group().hooks[0].timeout_ms = 100_000;
    let cluster = spec.cluster();
    cluster.nodes[0].recommended_ms = Some(900);
    let ledger = cluster.workloads.iter_mut().find(|workload| workload.name == "ledger").unwrap();
    ledger.nodes = vec![ledger.nodes[0].clone(); 8];
    spec.notices.clear();
    spec.deliveries.clear();
    spec.interrupt(0, Action::Terminate, 50_000);
    // A delete in the second before the last moment breaks a law.
    let outcome = judged("began-within-a-second", spec);
    assert_eq!(node(&outcome).reclaimed_ms, Some(101_900));
}

#[test]
fn a_grace_is_cut_to_the_deadline_in_force_once() {
    let outcome = judged("cut-once", held_with_a_lingering_pod("delete"));
    // The group's hook ends 33 s after the notice, as the look at 5 s shows.
    assert_eq!(asks_for_the_lingering_pod(&outcome), [(50, "create pods/eviction"), (5_090, "delete pods")]);
}

#[test]
fn a_second_cut_waits_as_long_as_the_server_wants() {
    let outcome = judged("cut-later", held_with_a_lingering_pod("leave"));
    let asks = asks_for_the_lingering_pod(&outcome);
    assert_eq!(asks.len(), 3, "{asks:?}");
    assert!(asks.windows(2).all(|pair| pair[1].0 >= pair[0].0 + 10_000), "{asks:?}");
}

#[test]
fn a_pod_that_another_delivery_evicted_is_not_deleted() {
    let mut spec = held_with_a_lingering_pod("delete");
    let lingering = spec.cluster().workload("lingering");
    (lingering.grace_s, lingering.state) = (110, PodState::Ready);
    spec.cluster().pdbs.push(PdbSpec::over("lingering", Budget::MaxUnavailable(1)));
    // The first eviction is answered after ten seconds, when the pod's last moment has passed.
    let fault = Fault::always(Api::Kubernetes, FaultKind::ConflictFor(10_000)).on("create pods/eviction");
    spec.faults = vec![fault.times(1)];
    let again = spec.payload(&spec.clusters[0].nodes[0].instance, Action::Terminate, 0);
    spec.deliver(1_000, again);
    let outcome = judged("evicted-meanwhile", spec);
    assert!(outcome.trace.iter().all(|line| !line.contains("delete pods")), "{:#?}", outcome.trace);
}

/// Evictions and deletes of the pod that terminated already.
fn asks_for_the_lingering_pod(outcome: &Outcome) -> Vec<(u64, &str)> {
    let first = outcome.trace.iter().find(|line| line.contains("SIGTERM, grace 3600 s")).unwrap();
    let name = first.split_whitespace().nth(3).unwrap();
    let asks = outcome.trace.iter().filter_map(|line| {
        let (at_ms, call) = line.trim().split_once(" f0 kubernetes:")?;
        let (operation, _) = call.split_once(&format!(" {name} ->"))?;
        Some((at_ms.parse().unwrap(), operation))
    });
    asks.collect()
}

/// A pod with a long grace terminates, no eviction is served, and the group ends the instance before its time.
fn held_with_a_lingering_pod(policy: &str) -> WorldSpec {
    let mut spec = WorldSpec::baseline(7, 3, 5);
    spec.env("CAST_SPOT_PDB_POLICY", policy);
    let node_name = spec.cluster().nodes[0].name.clone();
    spec.cluster().workloads.push(WorkloadSpec {
        grace_s: 3_600,
        exit: ExitTime::Never,
        state: PodState::Terminating,
        ..WorkloadSpec::deployment("lingering", vec![node_name])
    });
    spec.group().capacity_rebalance = true;
    spec.group().hooks = vec![HookSpec { name: "drain".to_owned(), timeout_ms: 30_000, consumer_ms: None }];
    let fault = Fault::always(Api::Kubernetes, FaultKind::UnavailableFor(10)).on("create pods/eviction");
    spec.faults.push(fault);
    spec.interrupt(0, Action::Terminate, 0);
    spec
}

#[test]
fn a_hook_that_lasts_leaves_the_notices_deadline() {
    let mut spec = WorldSpec::baseline(7, 3, 5);
    spec.group().managed_node_group = Some("workers".to_owned());
    spec.interrupt(0, Action::Terminate, 0);
    let outcome = judged("managed", spec);
    assert!(outcome.reports[0]["deadline_in_force"].is_null(), "{}", outcome.reports[0]);
    assert_eq!(node(&outcome).reclaimed_ms, Some(NOTICE_MS));
}

#[test]
fn an_instance_that_left_its_group_keeps_the_deadline() {
    let mut spec = WorldSpec::baseline(7, 3, 5);
    let group = spec.group();
    (group.capacity_rebalance, group.spare_capacity) = (true, Some(0));
    spec.interrupt(0, Action::Terminate, 0);
    let outcome = judged("left", spec);
    // The group ends it after 33 s, and lists it for 15 s more.
    assert_eq!(node(&outcome).reclaimed_ms, Some(33_000));
    let in_force = &outcome.reports[0]["deadline_in_force"];
    assert_eq!(in_force["reason"], "the group terminates it, and no lifecycle hook holds it");
    assert!(outcome.reports[0]["duration_ms"].as_u64().unwrap() < 80_000, "{}", outcome.reports[0]);
}

#[test]
fn a_group_without_a_hook_sets_the_deadline() {
    let mut spec = WorldSpec::baseline(7, 3, 5);
    let node_name = spec.cluster().nodes[0].name.clone();
    let ledger =
        WorkloadSpec { exit: ExitTime::Ms(5_000), ..WorkloadSpec::deployment("ledger", vec![node_name]) };
    spec.cluster().workloads.push(ledger);
    spec.cluster().pdbs.push(PdbSpec::over("ledger", Budget::MaxUnavailable(0)));
    spec.group().capacity_rebalance = true;
    spec.interrupt(0, Action::Terminate, 0);
    let outcome = judged("no-hook", spec);
    // The group acts 3 s after the notice, and ends the instance 30 s later.
    assert_eq!(node(&outcome).reclaimed_ms, Some(33_000));
    let blocked = pod(&outcome, "ledger");
    assert_eq!((blocked.fate, blocked.terminating_ms), (Fate::Deleted, Some(5_090)));
    let in_force = &outcome.reports[0]["deadline_in_force"];
    assert_eq!(in_force["reason"], "the group terminates it, and no lifecycle hook holds it");
}

#[test]
fn an_instance_on_standby_needs_no_replacement() {
    let mut spec = WorldSpec::baseline(7, 3, 5);
    spec.cluster().nodes[0].standby = true;
    spec.interrupt(0, Action::Terminate, 0);
    let outcome = judged("standby", spec);
    let report = &outcome.reports[0];
    assert_eq!(
        (&report["outcome"], &report["replacement"]["outcome"]),
        (&"drained".into(), &"not_needed".into())
    );
    assert_eq!((calls(&outcome, DETACH), outcome.world.replacements), (0, 0));
}

/// Runs a world, and asserts that no law breaks.
fn judged(name: &str, spec: WorldSpec) -> Outcome {
    let outcome = run(name, spec);
    assert_eq!(outcome.world.violations, [], "{name}");
    outcome
}

fn assert_all_drained_or_deleted(outcome: &Outcome) {
    let pods = outcome.world.pods;
    assert_eq!(pods.drained + pods.deleted, pods.total, "{pods:?}");
}
