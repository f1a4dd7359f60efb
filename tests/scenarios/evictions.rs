//! Evictions that are denied, never answered, or in conflict, and pods that terminate already.

use cast_spot_rehearsal::{
    Action, Api, Budget, ExitTime, Fault, FaultKind, Outcome, Seats,
    outcome::{Fate, PodTrack},
    run,
    scenario::{Options, PdbPolicy, find},
};

use super::{
    DELETE, EVICT, LAST_MOMENT_MS, SPREAD_MS, assert_all_drained, calls, node, pod, rehearse, reported, usual,
};

/// Runs a scenario with an additional fault before its own.
fn with(scenario: &str, fault: Fault) -> Outcome {
    let mut spec = find(scenario).unwrap().world(&Options::default());
    spec.faults.insert(0, fault);
    let outcome = run(scenario, spec);
    assert_eq!(outcome.world.violations, []);
    outcome
}

fn on_evictions(kind: FaultKind) -> Fault {
    Fault::always(Api::Kubernetes, kind).on("create pods/eviction")
}

fn to_go(outcome: &Outcome) -> Vec<&PodTrack> {
    node(outcome).pods.iter().filter(|pod| pod.fate != Fate::Stays).collect()
}

/// Asserts that every pod was deleted with its grace at its last moment, and that the report names the obstacle.
fn assert_all_deleted_at_the_last_moment(outcome: &Outcome, reason: &str) {
    let pods = to_go(outcome);
    assert!(!pods.is_empty());
    for pod in pods {
        let deleted_ms = pod.terminating_ms.unwrap() - 10;
        let reported = reported(outcome, pod);
        assert_eq!(pod.fate, Fate::Deleted, "{}: {reason}", pod.name);
        assert!((LAST_MOMENT_MS..LAST_MOMENT_MS + SPREAD_MS).contains(&deleted_ms), "{deleted_ms}");
        assert_eq!(reported["outcome"], "deleted", "{reported}");
        assert!(reported["reason"].as_str().unwrap().contains(reason), "{reported}");
    }
}

#[test]
fn a_denied_eviction_ends_in_a_delete_at_the_last_moment() {
    let words = "admission webhook \"deny.example.com\" denied the request";
    assert_all_deleted_at_the_last_moment(&usual("webhook-denies-evictions"), words);
    for code in [400, 403] {
        let outcome = with("webhook-denies-evictions", on_evictions(FaultKind::Denied(code)));
        assert_all_deleted_at_the_last_moment(&outcome, words);
    }
}

#[test]
fn no_obstacle_of_an_eviction_outlasts_the_last_moment() {
    for (kind, reason) in [
        (FaultKind::Throttled, "the API server throttled its eviction"),
        (FaultKind::Unavailable, "503"),
        (FaultKind::Forbidden, "is forbidden: User"),
        (FaultKind::Refused, "connection refused"),
        (FaultKind::Hang(u64::MAX), "no answer within"),
    ] {
        assert_all_deleted_at_the_last_moment(&with("baseline", on_evictions(kind)), reason);
    }
}

#[test]
fn a_denied_eviction_is_left_where_the_policy_says_so() {
    let options = Options { pdb_at_deadline: PdbPolicy::Leave, ..Options::default() };
    let outcome = rehearse("webhook-denies-evictions", &options);
    assert_eq!(calls(&outcome, DELETE), 0);
    assert!(to_go(&outcome).iter().all(|pod| (pod.fate, pod.ended_ms) == (Fate::Killed, Some(120_000))));
    assert_eq!(outcome.reports[0]["outcome"], "incomplete");
}

#[test]
fn a_delete_that_is_refused_too_fails_with_both_reasons() {
    let deletes = Fault::always(Api::Kubernetes, FaultKind::Forbidden).on("delete pods");
    let outcome = with("webhook-denies-evictions", deletes);
    for pod in to_go(&outcome) {
        let reported = reported(&outcome, pod);
        assert_eq!((&reported["outcome"], pod.fate), (&"failed".into(), Fate::Killed));
        let reason = reported["reason"].as_str().unwrap();
        assert!(reason.contains("denied the request") && reason.contains("; delete forbidden: "), "{reason}");
    }
}

#[test]
fn a_pod_is_asked_on_where_no_delete_is_allowed() {
    let mut spec = find("pdb-blocked").unwrap().world(&Options::default());
    spec.faults.push(Fault::always(Api::Kubernetes, FaultKind::Forbidden).on("delete pods"));
    let room = (LAST_MOMENT_MS + 8_000, Budget::MaxUnavailable(1));
    spec.cluster().pdbs.iter_mut().for_each(|pdb| pdb.change = Some(room));
    let outcome = run("no-delete", spec);
    assert_eq!(outcome.world.violations, []);
    assert_all_drained(&outcome);
    assert_eq!(outcome.reports[0]["outcome"], "drained");
}

#[test]
fn a_refused_delete_shortens_no_wait_for_the_eviction() {
    let mut spec = find("baseline").unwrap().world(&Options::default());
    spec.faults.push(Fault::always(Api::Kubernetes, FaultKind::Forbidden).on("delete pods"));
    spec.faults.push(on_evictions(FaultKind::UnavailableFor(10)));
    let outcome = run("no-delete-and-busy", spec);
    assert_eq!(outcome.world.violations, []);
    assert_eq!(outcome.reports[0]["outcome"], "incomplete");
}

#[test]
fn a_pod_that_another_delivery_deleted_is_not_deleted_again() {
    let mut spec = find("pdb-blocked").unwrap().world(&Options::default());
    spec.cluster().workload("ledger").exit = ExitTime::Never;
    let fault = Fault::always(Api::Kubernetes, FaultKind::UnavailableFor(10)).on("delete pods");
    spec.faults.push(fault.times(1));
    let again = spec.payload(&spec.notices[0].instance.clone(), Action::Terminate, 0);
    spec.deliver(1_000, again);
    let outcome = run("deleted-meanwhile", spec);
    assert_eq!(outcome.world.violations, []);
    let deletes = outcome.trace.iter().filter(|line| line.contains("delete pods"));
    assert_eq!(deletes.count(), 2, "{:#?}", outcome.trace);
}

#[test]
fn the_last_moments_deletes_of_a_storm_are_spread() {
    let options = Options { nodes: Some(20), ..Options::default() };
    let outcome = rehearse("pdb-blocked", &options);
    let mut deleted_ms = super::effects(&outcome, DELETE);
    assert_eq!(deleted_ms.len(), 20);
    assert!(deleted_ms.iter().all(|at| (LAST_MOMENT_MS + 10..LAST_MOMENT_MS + SPREAD_MS + 10).contains(at)));
    deleted_ms.dedup();
    assert!(deleted_ms.len() > 15, "{deleted_ms:?}");
}

#[test]
fn a_grace_that_ends_after_the_instance_is_cut_once() {
    let outcome = usual("terminating-long-grace");
    for (workload, terminating_ms, ended_ms) in [("worker", 0, 114_050), ("ledger", 20_000, 114_020)] {
        let cut = pod(&outcome, workload);
        assert_eq!((cut.asked_ms, cut.terminating_ms), (Some(50), Some(terminating_ms)), "{workload}");
        assert_eq!((cut.fate, cut.ended_ms), (Fate::Killed, Some(ended_ms)), "{workload}");
        let reported = reported(&outcome, cut);
        let reason = "terminated already; its grace was cut to the time left";
        assert_eq!(
            (&reported["outcome"], &reported["reason"]),
            (&"evicted".into(), &reason.into()),
            "{workload}"
        );
    }
    let worker = format!(" {EVICT} shop/{} ", pod(&outcome, "worker").name);
    assert_eq!(outcome.trace.iter().filter(|line| line.contains(&worker)).count(), 1);
    assert_eq!(calls(&outcome, DELETE), 0);
}

#[test]
fn an_eviction_with_the_remaining_time_is_not_a_cut_grace() {
    let mut spec = find("baseline").unwrap().world(&Options::default());
    spec.cluster().workloads.iter_mut().for_each(|workload| workload.grace_s = 600);
    let outcome = run("long-grace", spec);
    assert_eq!(outcome.world.violations, []);
    for pod in to_go(&outcome) {
        let reported = reported(&outcome, pod);
        assert_eq!(
            (&reported["outcome"], reported["reason"].is_null()),
            (&"evicted".into(), true),
            "{reported}"
        );
    }
}

#[test]
fn a_conflict_on_a_budget_is_waited_for_and_spends_nothing() {
    let outcome = usual("budget-conflicts");
    assert_all_drained(&outcome);
    let ledger: Vec<_> = to_go(&outcome).into_iter().filter(|pod| pod.workload == "ledger").collect();
    assert_eq!(ledger.len(), 6);
    for pod in ledger {
        assert_eq!((pod.asked_ms, pod.terminating_ms), (Some(50), Some(8_050)));
    }
    assert!(!outcome.trace.iter().any(|line| line.contains("counted as disrupted")));
    assert_eq!(calls(&outcome, EVICT), to_go(&outcome).len() as u64, "one for each pod");
}

#[test]
fn a_busy_api_server_is_asked_again_until_all_pods_go() {
    let mut spec = find("baseline").unwrap().world(&Options::default());
    spec.cluster().seats = Some(Seats { concurrent: 2, queue: 4, service_ms: 50 });
    let outcome = run("baseline", spec);
    assert_eq!(outcome.world.violations, []);
    assert_all_drained(&outcome);
    assert!(calls(&outcome, EVICT) > to_go(&outcome).len() as u64, "some were answered 429");
}
