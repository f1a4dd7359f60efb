//! What a run is: its figures, its ends, its environments.

use super::*;
use crate::{Action, Budget, PdbSpec};

/// Effects of an operation in the trace.
fn times(outcome: &Outcome, operation: &str) -> Vec<u64> {
    let lines = outcome.trace.iter().filter(|line| line.contains(operation) && line.contains(" -> "));
    lines.map(|line| line.split_whitespace().next().unwrap().parse().unwrap()).collect()
}

#[test]
fn a_full_node_is_evicted_in_three_round_trips() {
    let mut spec = WorldSpec::usual(7, 3, 110);
    spec.pace.latency_ms = 50;
    spec.interrupt(0, Action::Terminate, 0);
    let outcome = run("baseline", spec);
    assert_eq!(outcome.world.violations, []);
    assert_eq!(outcome.timelines[0].cordoned_ms, Some(75), "answered at 100 ms");
    assert_eq!(times(&outcome, "DetachInstances"), [125]);
    let evictions = times(&outcome, "create pods/eviction");
    assert_eq!(evictions.len(), 110);
    assert!(evictions.iter().all(|at_ms| *at_ms <= 175), "all answered by 200 ms: {evictions:?}");
    assert_eq!(outcome.world.pods.drained, 110);
    assert_eq!(outcome.world.replacements, 1);
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_handler_breaks_law_1() {
    let spec = WorldSpec::usual(7, 3, 5);
    let (clock, config) = (Clock::new(spec.start), configure(&spec));
    let world = World::new(State::new(&spec, clock, Observer::new(rules(&config))));
    let function = Function { world: world.clone(), config: config.unwrap(), cold: false };
    let panicked = tokio::spawn(async { panic!("on purpose") }).await.unwrap_err();
    assert!(function.panicked(&panicked).answer.unwrap_err().contains("panicked"));
    let violations = world.enter(|state| state.observer.take_violations());
    assert_eq!(violations.iter().map(|violation| violation.law).collect::<Vec<_>>(), [1]);
}

#[test]
fn a_crashed_invocation_is_tried_again_a_minute_later() {
    let mut spec = WorldSpec::usual(7, 3, 5);
    spec.interrupt(0, Action::Terminate, 0);
    spec.deliveries[0].crash_after_ms = Some(25);
    let outcome = run("crash", spec);
    assert_eq!(outcome.world.violations, []);
    assert_eq!(outcome.deliveries.len(), 2);
    assert_eq!(outcome.deliveries[0].answer, Err("crashed".to_owned()));
    assert_eq!(outcome.deliveries[1].at_ms, 60_025);
    assert_eq!(outcome.reports.len(), 1);
    assert_eq!(outcome.world.pods.drained, 5);
}

#[test]
fn a_wrong_configuration_is_told_and_nothing_is_called() {
    let mut spec = WorldSpec::usual(7, 3, 5);
    spec.interrupt(0, Action::Terminate, 0);
    spec.env("CAST_SPOT_PDB_POLICY", "perhaps");
    let outcome = run("wrong", spec);
    assert!(outcome.deliveries[0].answer.as_ref().unwrap_err().contains("CAST_SPOT_PDB_POLICY"));
    assert!(outcome.world.calls.is_empty());
    assert_eq!(outcome.world.pods.killed, 5);
}

/// A function lives for hours between two notices, a token for minutes. The second notice lasts as long as a notice
/// can: a pod is blocked until its last moment.
#[test]
fn a_warm_function_never_sends_a_token_that_has_expired() {
    for half_minutes in 5..=40 {
        let second_ms = half_minutes * 30_000;
        let mut spec = WorldSpec::usual(7, 3, 5);
        spec.interrupt(0, Action::Terminate, 0);
        spec.interrupt(1, Action::Terminate, second_ms);
        let node = spec.clusters[0].nodes[1].name.clone();
        let app = spec.clusters[0].deployments_on(&node).remove(0);
        spec.cluster().pdbs = vec![PdbSpec::over(&app, Budget::MaxUnavailable(0))];
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let outcome = runtime.unwrap().block_on(in_one_environment(spec));
        assert_eq!(outcome.world.violations, [], "after {second_ms} ms");
        let refused: Vec<_> = outcome.trace.iter().filter(|line| line.contains("token refused")).collect();
        assert!(refused.is_empty(), "after {second_ms} ms: {refused:?}");
        let cordoned: Vec<_> = outcome.timelines.iter().map(|node| node.cordoned_ms).collect();
        assert_eq!(cordoned, [Some(30), Some(second_ms + 30)]);
        let deletes = times(&outcome, "delete pods");
        assert!(deletes.iter().any(|at_ms| *at_ms > second_ms + 85_000), "{deletes:?}");
    }
}

/// All deliveries, one after the other, in one environment.
async fn in_one_environment(spec: WorldSpec) -> Outcome {
    let (clock, config) = (Clock::new(spec.start), configure(&spec));
    let world = World::new(State::new(&spec, clock, Observer::new(rules(&config))));
    tokio::spawn(world.clone().turn());
    let function = Function { world: world.clone(), config: config.unwrap(), cold: false };
    let Environment { number, adapters, .. } = function.start();
    adapters.warm_up().await;
    let handler = Handler::new(adapters, function.config.clone());
    let limit = Duration::from_millis(spec.settings.time_limit_ms);
    let told: Vec<_> = spec.deliveries.iter().flat_map(|delivery| told(&delivery.payload, clock)).collect();
    world.enter(|state| state.saw_entry(number, told, limit));
    for delivery in &spec.deliveries {
        sleep_until(clock.instant(delivery.at_ms)).await;
        let entry = Entry { now: clock.wall(), time_left: limit };
        handler.handle(delivery.payload.clone(), entry).await.unwrap();
    }
    world.enter(|state| state.account("one environment", spec.seed, Vec::new()))
}
