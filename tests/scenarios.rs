//! Every scenario of `cast-spot rehearse`: the production handler over the embedded world, with exact
//! virtual times. The round trip is 20 ms unless a test says otherwise; a call takes effect after half of it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

use cast_spot_rehearsal::{
    Outcome,
    outcome::{Fate, NodeTimeline, PodTrack},
    scenario::{ALL, Options, PdbPolicy, ReplacementPolicy, find},
};
use serde_json::Value;

#[path = "scenarios/api_servers.rs"]
mod api_servers;
mod events;
#[path = "scenarios/evictions.rs"]
mod evictions;
mod foreign;
mod groups;
#[path = "scenarios/late_pods.rs"]
mod late_pods;

const EVICT: &str = "kubernetes:create pods/eviction";
const DELETE: &str = "kubernetes:delete pods";
const DETACH: &str = "autoscaling:DetachInstances";
/// Scenarios that take seconds.
const LARGE: [&str; 2] = ["storm", "foreign-fleet"];
/// The last moment of a pod with 30 s of grace, with the default margin of 5 s.
const LAST_MOMENT_MS: u64 = 85_000;
/// The time over which deletes at the last moment are spread.
const SPREAD_MS: u64 = 2_000;

/// Runs a scenario, and asserts that no law breaks.
fn rehearse(name: &str, options: &Options) -> Outcome {
    let outcome = find(name).unwrap().rehearse(options);
    assert_eq!(outcome.world.violations, [], "{name}");
    outcome
}

fn usual(name: &str) -> Outcome {
    rehearse(name, &Options::default())
}

/// The only interrupted node.
fn node(outcome: &Outcome) -> &NodeTimeline {
    let [node] = outcome.timelines.as_slice() else { panic!("{} nodes", outcome.timelines.len()) };
    node
}

/// The pod of a workload on the interrupted node.
fn pod<'a>(outcome: &'a Outcome, workload: &str) -> &'a PodTrack {
    let name = format!("{workload}-");
    node(outcome).pods.iter().find(|pod| pod.name.starts_with(&name)).unwrap()
}

/// The entry of a pod in the first report.
fn reported<'a>(outcome: &'a Outcome, pod: &PodTrack) -> &'a Value {
    let pods = outcome.reports[0]["pods"].as_array().unwrap();
    pods.iter().find(|entry| entry["uid"] == pod.uid.as_str()).unwrap()
}

/// Number of calls of an operation.
fn calls(outcome: &Outcome, operation: &str) -> u64 {
    outcome.world.calls.get(operation).copied().unwrap_or(0)
}

/// Times at which calls of an operation took effect.
fn effects(outcome: &Outcome, operation: &str) -> Vec<u64> {
    let lines = outcome.trace.iter().filter(|line| line.contains(&format!(" {operation} ")));
    lines.map(|line| line.split_whitespace().next().unwrap().parse().unwrap()).collect()
}

fn assert_all_drained(outcome: &Outcome) {
    let pods = outcome.world.pods;
    assert_eq!(pods.drained, pods.total, "{pods:?}");
}

#[test]
fn every_scenario_is_as_graceful_as_its_verdict_says() {
    for scenario in ALL.iter().filter(|scenario| !LARGE.contains(&scenario.name)) {
        let outcome = usual(scenario.name);
        let pods = outcome.world.pods;
        let graceful = pods.killed + pods.left == 0 && !outcome.lacks_replacement();
        assert_eq!(scenario.graceful.unwrap_or(graceful), graceful, "{}: {pods:?}", scenario.name);
    }
}

#[test]
fn equal_seeds_give_equal_traces_byte_for_byte() {
    for scenario in ALL.iter().filter(|scenario| !LARGE.contains(&scenario.name)) {
        let options = Options { pods_per_node: 10, seed: 7, ..Options::default() };
        let (first, second) = (scenario.rehearse(&options), scenario.rehearse(&options));
        assert!(!first.trace.is_empty());
        assert_eq!(first.trace, second.trace, "{}", scenario.name);
    }
}

#[test]
fn json_has_the_shape_that_scripts_rely_on() {
    let json =
        serde_json::to_string(&rehearse("baseline", &Options { pods_per_node: 0, ..Options::default() }))
            .unwrap();
    let keys = [
        "{\"scenario\":\"baseline\",\"seed\":1,\"reports\":[{",
        ",\"world\":{\"pods\":{\"total\":0,\"drained\":0,\"deleted\":0,\"left\":0,\"killed\":0},\"replacements\":1,\"calls\":{",
        "},\"violations\":[]},\"errors\":[],\"virtual_ms\":",
        ",\"real_ms\":",
    ];
    let mut rest = json.as_str();
    for key in keys {
        rest = rest.split_once(key).unwrap_or_else(|| panic!("{key} is not in order in {json}")).1;
    }
}

/// The goal with a round trip of 50 ms: cordon answered by 100 ms, first eviction and replacement call sent by 100
/// ms, all 110 evictions of a full node answered by 200 ms; no additional round trip for a cold start.
#[test]
fn a_full_node_is_cordoned_and_evicted_in_four_round_trips() {
    for cold in [false, true] {
        let options = Options { latency_ms: 50, pods_per_node: 110, cold, ..Options::default() };
        let outcome = rehearse("baseline", &options);
        assert_all_drained(&outcome);
        assert_eq!(outcome.reports[0]["cordon"]["after_ms"], 100);
        assert_eq!(node(&outcome).cordoned_ms, Some(75));
        let evictions = effects(&outcome, EVICT);
        assert_eq!(evictions.len(), 110);
        assert_eq!(evictions.iter().min(), Some(&125), "sent at 100 ms");
        assert_eq!(evictions.iter().max(), Some(&175), "answered at 200 ms");
        assert_eq!(effects(&outcome, DETACH), [125], "sent at 100 ms, answered at 150 ms");
    }
}

#[test]
fn baseline_asks_once_for_every_pod_and_for_one_replacement() {
    let outcome = usual("baseline");
    assert_all_drained(&outcome);
    assert_eq!(outcome.world.pods.total, 20);
    let node = node(&outcome);
    assert_eq!(node.cordoned_ms, Some(30));
    assert!(node.pods.iter().filter(|pod| pod.fate == Fate::Drained).all(|pod| pod.asked_ms == Some(50)));
    assert!(node.pods.iter().filter(|pod| pod.fate == Fate::Stays).all(|pod| pod.asked_ms.is_none()));
    let replacement = node.replacement.as_ref().unwrap();
    assert_eq!((replacement.launched_ms, replacement.ready_ms), (50, Some(45_050)));
    assert_eq!((calls(&outcome, EVICT), calls(&outcome, DELETE), calls(&outcome, DETACH)), (20, 0, 1));
    assert_eq!(outcome.reports[0]["outcome"], "drained");
}

#[test]
fn several_nodes_at_once_take_turns_as_their_budgets_allow() {
    let outcome = rehearse("baseline", &Options { nodes: Some(5), ..Options::default() });
    assert_all_drained(&outcome);
    assert_eq!((outcome.reports.len(), outcome.world.replacements), (5, 5));
    assert!(outcome.timelines.iter().all(|node| node.cordoned_ms == Some(30)));
    assert!(calls(&outcome, EVICT) > 100, "some evictions are refused and asked again");
}

#[test]
fn each_replacement_policy_is_obeyed() {
    for (policy, method, outcome_, detached) in [
        (ReplacementPolicy::Auto, "detach", "confirmed", 1),
        (ReplacementPolicy::Verify, "verify", "failed", 0),
        (ReplacementPolicy::None, "none", "not_needed", 0),
    ] {
        let outcome = rehearse("baseline", &Options { replacement: policy, ..Options::default() });
        assert_all_drained(&outcome);
        let replacement = &outcome.reports[0]["replacement"];
        assert_eq!((&replacement["method"], &replacement["outcome"]), (&method.into(), &outcome_.into()));
        assert_eq!(calls(&outcome, DETACH), detached, "{method}");
        assert_eq!(outcome.world.replacements, 1, "{method}: the group replaces by itself without a request");
    }
}

#[test]
fn a_blocked_pod_is_deleted_at_the_last_moment_and_not_before() {
    for (scenario, workload, reason) in [
        ("pdb-blocked", "ledger", "PodDisruptionBudget ledger-pdb allows no disruption"),
        ("single-replica", "admin", "PodDisruptionBudget admin-pdb allows no disruption"),
        ("two-pdbs", "ledger", "more than one PodDisruptionBudget covers it: ledger-pdb, team-default"),
    ] {
        let outcome = usual(scenario);
        let blocked = pod(&outcome, workload);
        assert_eq!((blocked.fate, blocked.asked_ms), (Fate::Deleted, Some(50)), "{scenario}");
        let deleted_ms = blocked.terminating_ms.unwrap() - 10;
        assert!(
            (LAST_MOMENT_MS..LAST_MOMENT_MS + SPREAD_MS).contains(&deleted_ms),
            "{scenario}: {deleted_ms}"
        );
        let reported = reported(&outcome, blocked);
        assert_eq!(
            (&reported["outcome"], &reported["reason"]),
            (&"deleted".into(), &reason.into()),
            "{scenario}"
        );
        assert_eq!(calls(&outcome, DELETE), 1, "{scenario}");
    }
}

#[test]
fn a_blocked_pod_is_left_to_die_where_the_policy_says_so() {
    let options = Options { pdb_at_deadline: PdbPolicy::Leave, ..Options::default() };
    let outcome = rehearse("pdb-blocked", &options);
    let blocked = pod(&outcome, "ledger");
    assert_eq!((blocked.fate, blocked.ended_ms), (Fate::Killed, Some(120_000)));
    assert_eq!((outcome.world.pods.killed, calls(&outcome, DELETE)), (1, 0));
    assert_eq!(reported(&outcome, blocked)["outcome"], "left");
    assert_eq!(outcome.reports[0]["outcome"], "incomplete");
}

#[test]
fn a_budget_that_frees_late_is_not_overridden() {
    let outcome = usual("pdb-frees-late");
    assert_all_drained(&outcome);
    let freed = pod(&outcome, "ledger");
    let waited = freed.terminating_ms.unwrap() - 60_000;
    assert!(waited < 8_000, "asked again {waited} ms after the budget gave way");
    assert_eq!(calls(&outcome, DELETE), 0);
    assert_eq!(reported(&outcome, freed)["outcome"], "evicted");
}

#[test]
fn a_long_grace_is_cut_to_the_time_left() {
    let outcome = usual("long-grace");
    assert_all_drained(&outcome);
    let encoder = pod(&outcome, "encoder");
    assert_eq!((encoder.asked_ms, encoder.ended_ms), (Some(50), Some(90_050)));
    // 120 s of notice, 5 s of margin, 40 ms of work, in whole seconds.
    assert!(
        outcome.trace.iter().any(|line| line.ends_with(&format!("{} SIGTERM, grace 114 s", encoder.name)))
    );
}

#[test]
fn a_pod_that_ignores_sigterm_is_killed_when_its_grace_is_over() {
    let outcome = usual("slow-exit");
    let legacy = pod(&outcome, "legacy");
    assert_eq!((legacy.fate, legacy.ended_ms), (Fate::Killed, Some(30_050)));
    assert_eq!((outcome.world.pods.killed, outcome.world.pods.drained), (1, 20));
}

#[test]
fn a_notice_that_comes_three_times_is_handled_once() {
    let (once, thrice) = (usual("baseline"), usual("duplicate-delivery"));
    assert_all_drained(&thrice);
    assert_eq!((thrice.reports.len(), thrice.world.replacements), (3, 1));
    assert_eq!(calls(&thrice, DETACH), calls(&once, DETACH));
    assert_eq!(calls(&thrice, EVICT), calls(&once, EVICT));
    assert!(thrice.reports.iter().all(|report| report["outcome"] == "drained"));
    assert_eq!(thrice.reports[1]["cordon"]["outcome"], "already");
}

#[test]
fn a_crash_after_the_cordon_is_resumed_by_the_next_delivery() {
    let outcome = usual("redelivery-after-crash");
    assert_all_drained(&outcome);
    let [crashed, resumed] = outcome.deliveries.as_slice() else { panic!() };
    assert_eq!((crashed.answered_ms, resumed.at_ms), (None, 60_035));
    assert_eq!(outcome.errors.len(), 1);
    assert_eq!((outcome.errors[0].at_ms, outcome.errors[0].error.as_str()), (0, "crashed"));
    assert_eq!(node(&outcome).cordoned_ms, Some(30));
    // Three calls up to the evictions, each with 20 ms; the last one takes effect after half of it.
    assert_eq!(effects(&outcome, EVICT).iter().min(), Some(&60_085));
    assert_eq!((outcome.reports.len(), outcome.world.replacements), (1, 1));
    assert_eq!(outcome.reports[0]["cordon"]["outcome"], "already");
}

#[test]
fn nothing_is_written_for_an_unregistered_cluster() {
    let outcome = usual("unregistered-cluster");
    assert_eq!(outcome.reports[0]["outcome"], "ignored");
    let operations: Vec<&String> = outcome.world.calls.keys().collect();
    assert_eq!(operations, ["ec2:DescribeInstances"]);
    assert_eq!(outcome.world.pods.killed, 20);
}

#[test]
fn the_replacement_is_requested_without_an_api_server() {
    for scenario in ["api-server-down", "api-server-hangs"] {
        let outcome = usual(scenario);
        assert_eq!(node(&outcome).replacement.as_ref().unwrap().launched_ms, 50, "{scenario}");
        assert_eq!(outcome.reports[0]["replacement"]["outcome"], "confirmed", "{scenario}");
    }
}

#[test]
fn pods_killed_without_an_api_server_are_reported_with_a_reason() {
    let outcome = usual("api-server-down");
    assert_eq!((outcome.world.pods.killed, node(&outcome).cordoned_ms), (20, None));
    let report = &outcome.reports[0];
    assert_eq!((&report["outcome"], &report["cordon"]["outcome"]), (&"failed".into(), &"failed".into()));
    assert!(report["reason"].as_str().unwrap().contains("refused"), "{}", report["reason"]);
}

#[test]
fn the_drain_begins_as_soon_as_a_hanging_api_server_answers() {
    let outcome = usual("api-server-hangs");
    assert_all_drained(&outcome);
    let cordoned = node(&outcome).cordoned_ms.unwrap();
    assert!((30_000..36_000).contains(&cordoned), "{cordoned}");
}

#[test]
fn a_node_is_found_in_its_own_cluster_while_ec2_throttles() {
    let outcome = usual("ec2-throttled");
    assert_all_drained(&outcome);
    let cordoned = node(&outcome).cordoned_ms.unwrap();
    assert!(cordoned < 1_000, "{cordoned}");
    assert_eq!(outcome.world.replacements, 1);
    assert!(calls(&outcome, "kubernetes:list nodes") >= 1);
}

#[test]
fn the_node_is_drained_while_auto_scaling_fails() {
    let outcome = usual("autoscaling-fails");
    assert_all_drained(&outcome);
    assert_eq!(outcome.reports[0]["outcome"], "drained_without_replacement");
    assert_eq!(outcome.reports[0]["replacement"]["outcome"], "failed");
    assert!(outcome.reports[0]["replacement"]["reason"].is_string());
    assert!(effects(&outcome, EVICT).iter().all(|&ms| ms == 50), "no eviction waited for Auto Scaling");
}

#[test]
fn a_stopped_node_is_drained_and_its_return_awaited() {
    let outcome = usual("stop");
    assert_all_drained(&outcome);
    assert_eq!(calls(&outcome, DETACH), 0);
}

#[test]
fn a_stopped_or_hibernated_instance_is_not_replaced() {
    for scenario in ["stop", "hibernate"] {
        let outcome = usual(scenario);
        assert_eq!(outcome.reports[0]["replacement"]["outcome"], "not_needed", "{scenario}");
        assert!(node(&outcome).replacement.is_none(), "{scenario}");
        assert_eq!(outcome.world.replacements, 0, "{scenario}");
        assert!(find(scenario).unwrap().verdict.contains("no replacement asked for"), "{scenario}");
    }
}

#[test]
fn a_hibernating_node_is_cordoned_and_nothing_on_it_evicted() {
    let outcome = usual("hibernate");
    assert_eq!((outcome.world.pods.left, outcome.world.pods.total), (20, 20));
    assert_eq!((calls(&outcome, EVICT), calls(&outcome, DELETE), calls(&outcome, DETACH)), (0, 0, 0));
    assert_eq!(node(&outcome).cordoned_ms, Some(30));
}

#[test]
fn pods_of_a_terminating_namespace_are_left_to_its_controller() {
    let outcome = usual("namespace-terminating");
    assert_all_drained(&outcome);
    assert_eq!(pod(&outcome, "branch-42").terminating_ms, Some(20_000));
    assert_eq!(calls(&outcome, DELETE), 0);
}

#[test]
fn a_wrong_node_name_never_touches_the_other_node() {
    let outcome = usual("wrong-node-name");
    assert_all_drained(&outcome);
    assert_eq!(node(&outcome).cordoned_ms, Some(110));
    let cordoned: Vec<&String> = outcome.trace.iter().filter(|line| line.ends_with(" cordoned")).collect();
    assert_eq!(cordoned.len(), 1, "{cordoned:?}");
    assert!(cordoned[0].contains(&node(&outcome).node));
}

#[test]
fn a_storm_beyond_ec2_rate_limits_cordons_nodes_within_seconds() {
    let options = Options { nodes: Some(120), pods_per_node: 5, ..Options::default() };
    let outcome = rehearse("storm", &options);
    assert_all_drained(&outcome);
    assert_eq!((outcome.timelines.len(), outcome.world.replacements), (120, 120));
    let slowest = outcome.timelines.iter().map(|node| node.cordoned_ms.unwrap()).max();
    assert!(slowest < Some(10_000), "{slowest:?}");
}
