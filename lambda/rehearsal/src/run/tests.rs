//! What a run is: its figures, its ends, its environments.

use std::{
    collections::BTreeSet,
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
};

use cast_spot_handler::{Entry, Handler, config::LogFormat, logging};
use tracing::{Level, subscriber::set_default};

use super::*;
use crate::{
    Action, Api, Budget, Fault, FaultKind, Law, PdbSpec, facts::FunctionFact, function::Environment,
    notices::notices_in,
};

/// Effects of an operation in the trace.
fn times(outcome: &Outcome, operation: &str) -> Vec<u64> {
    let lines = outcome.trace.iter().filter(|line| line.contains(operation) && line.contains(" -> "));
    lines.map(|line| line.split_whitespace().next().unwrap().parse().unwrap()).collect()
}

#[test]
fn a_full_node_is_evicted_in_three_round_trips() {
    let mut spec = WorldSpec::baseline(7, 3, 110);
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
async fn a_panic_of_the_handler_is_an_answer_without_report() {
    let spec = WorldSpec::baseline(7, 3, 5);
    let clock = Clock::new(spec.start);
    let world = World::new(State::new(&spec, clock));
    let config = configure(&world);
    let function = Function::new(world.clone(), config.clone().unwrap(), false);
    let panicked = tokio::spawn(async { panic!("on purpose") }).await.unwrap_err();
    assert!(function.panicked(&panicked).answer.unwrap_err().contains("panicked"));
    let violations = close(&world, rules(&spec, &config), ("panic", spec.seed), Vec::new()).world.violations;
    assert_eq!(violations.iter().map(|violation| violation.law).collect::<Vec<_>>(), [Law::OneReport]);
}

#[test]
fn a_crashed_invocation_is_tried_again_a_minute_later() {
    let mut spec = WorldSpec::baseline(7, 3, 5);
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
fn a_failure_that_a_retry_can_mend_is_tried_again() {
    let mut spec = WorldSpec::baseline(7, 3, 5);
    spec.interrupt(0, Action::Terminate, 0);
    for api in [Api::Ec2, Api::Kubernetes, Api::AutoScaling] {
        spec.faults.push(Fault::always(api, FaultKind::Forbidden).between(0, 30_000));
    }
    let outcome = run("retried", spec);
    assert_eq!(outcome.world.violations, []);
    let [failed, drained] = outcome.deliveries.as_slice() else { panic!("{:?}", outcome.deliveries) };
    assert!(failed.failed.as_ref().unwrap().starts_with("not located: "), "{failed:?}");
    assert_eq!((drained.failed.as_ref(), drained.at_ms), (None, failed.answered_ms.unwrap() + 60_000));
    assert_eq!((outcome.reports.len(), outcome.errors.len()), (2, 1), "the report of the failure is logged");
    assert_eq!(outcome.world.pods.drained, 5);
}

#[test]
fn an_outage_of_eks_delays_only_a_function_without_endpoints() {
    for (endpoints, until_ms, earliest_ms, latest_ms) in
        [(true, u64::MAX, 30, 30), (false, 8_000, 8_000, 15_000)]
    {
        let mut spec = WorldSpec::baseline(7, 3, 5);
        spec.interrupt(0, Action::Terminate, 0);
        (spec.settings.cold, spec.settings.endpoints) = (true, endpoints);
        spec.faults.push(Fault::always(Api::Eks, FaultKind::Unavailable).between(0, until_ms));
        let outcome = run("eks", spec);
        assert_eq!(outcome.world.violations, []);
        let cordoned_ms = outcome.timelines[0].cordoned_ms.unwrap();
        assert!((earliest_ms..=latest_ms).contains(&cordoned_ms), "{endpoints}: {cordoned_ms}");
        assert_eq!(outcome.world.pods.drained, 5);
    }
}

#[test]
fn a_cluster_that_fails_alone_delays_no_other() {
    let mut spec = WorldSpec::baseline(7, 3, 5);
    spec.interrupt(0, Action::Terminate, 0);
    spec.settings.cold = true;
    spec.clusters.push(crate::ClusterSpec {
        name: "other".to_owned(),
        registered: true,
        ..Default::default()
    });
    for api in [Api::Eks, Api::Kubernetes] {
        spec.faults.push(Fault::always(api, FaultKind::Hang(u64::MAX)).in_cluster("other"));
    }
    let outcome = run("other", spec);
    assert_eq!(outcome.world.violations, []);
    assert_eq!(outcome.timelines[0].cordoned_ms, Some(30));
    assert_eq!(outcome.world.pods.drained, 5);
}

/// What a function has logged.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn every_log_line_of_a_batch_names_its_own_notice() {
    let mut spec = WorldSpec::baseline(7, 4, 5);
    let events = [0, 1].map(|index| spec.interrupt(index, Action::Terminate, 0));
    spec.deliveries.clear();
    let records = events.iter().enumerate().map(|(number, event)| {
        json!({ "messageId": number.to_string(), "eventSource": "aws:sqs", "body": event.to_string() })
    });
    spec.deliver(0, json!({ "Records": records.collect::<Vec<_>>() }));
    spec.faults.push(Fault::always(Api::Kubernetes, FaultKind::Refused).on("watch pods"));
    let lines = Lines::default();
    let out = lines.clone();
    let logged = set_default(logging::subscriber(LogFormat::Json, Level::INFO, move || out.clone()));
    let outcome = run("logged", spec);
    drop(logged);
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let spans: Vec<Value> =
        text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["span"].take()).collect();
    let own: Vec<Value> = (events.iter().zip(&outcome.timelines))
        .map(|(event, node)| {
            let instance = &event["detail"]["instance-id"];
            json!({ "event": event["id"], "instance": instance, "cluster": "production", "node": node.node,
                    "name": "notice" })
        })
        .collect();
    let of_whom: Vec<usize> =
        spans.iter().map(|span| own.iter().position(|own| own == span).expect(&text)).collect();
    assert_eq!(of_whom.iter().collect::<BTreeSet<_>>().len(), 2, "{text}");
    assert!(!of_whom.is_sorted(), "the notices take turns: {of_whom:?}");
}

#[test]
fn a_wrong_configuration_is_named_and_nothing_is_called() {
    let mut spec = WorldSpec::baseline(7, 3, 5);
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
        let mut spec = WorldSpec::baseline(7, 3, 5);
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
    let clock = Clock::new(spec.start);
    let world = World::new(State::new(&spec, clock));
    let config = configure(&world);
    tokio::spawn(world.clone().turn());
    let function = Function::new(world.clone(), config.clone().unwrap(), false);
    let Environment { number, adapters, .. } = function.start();
    adapters.warm_up().await;
    let handler = Handler::new(adapters, config.clone().unwrap());
    let limit = Duration::from_millis(spec.settings.time_limit_ms);
    let notices = spec.deliveries.iter().flat_map(|delivery| notices_in(&delivery.payload, clock)).collect();
    let invoked = FunctionFact::Invoked { notices, limit_ms: spec.settings.time_limit_ms };
    world.enter(|state| state.emit(Fact::Function(number, invoked)));
    for delivery in &spec.deliveries {
        sleep_until(clock.instant(delivery.at_ms)).await;
        let entry = Entry { now: clock.wall(), time_left: limit, cold: false };
        handler.handle(delivery.payload.clone(), entry).await.unwrap();
    }
    close(&world, rules(&spec, &config), ("one environment", spec.seed), Vec::new())
}
