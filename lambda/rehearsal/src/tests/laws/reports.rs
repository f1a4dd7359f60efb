//! Laws about reports, each broken on purpose.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_report_too_few_or_a_pod_left_out() {
    let bench = Bench::new(&world()).await;
    bench.world.enter(|state| state.emit(Fact::Function(0, FunctionFact::Answered(Vec::new()))));
    assert_eq!(bench.laws(), [Law::OneReport]);
    let shown = bench.shop().await;
    let report = json!({ "event": { "instance_id": "i-0a000000000000000" }, "pods": [{ "uid": shown[0].metadata.uid, "outcome": "left" }] });
    bench.answer(report);
    let others = bench.world.enter(|state| state.clusters[0].nodes[&bench.node].pods.len()) - 1;
    assert_eq!(bench.laws(), vec![Law::OneReport; others]);
}

impl Bench {
    /// The laws that a report of this content breaks, answered now.
    fn reported(&self, more: Value) -> Vec<Law> {
        let mut report = more;
        report["event"] = json!({ "instance_id": OLD });
        self.answer(report);
        self.laws()
    }
}

#[tokio::test(start_paused = true)]
async fn a_report_that_is_not_true() {
    let bench = Bench::new(&world()).await;
    let web = bench.find("web").await;
    let says = |outcome: &str| json!({ "pods": [{ "uid": web.metadata.uid, "outcome": outcome }] });
    for outcome in ["evicted", "deleted", "gone"] {
        assert_eq!(bench.reported(says(outcome)), [Law::OneReport], "{outcome}, and it stands there");
    }
    assert_eq!(bench.reported(says("left")), []);
    assert_eq!(
        bench.reported(json!({ "pods": [{ "uid": "u-1", "outcome": "left" }] })),
        [Law::OneReport],
        "no such pod"
    );
    assert_eq!(bench.reported(json!({ "reason": "internal error: index out of bounds" })), [Law::OneReport]);

    let cordoned = json!({ "cordon": { "outcome": "done" } });
    assert_eq!(bench.reported(cordoned.clone()), [Law::OneReport]);
    bench.set_unschedulable(&bench.node, true).await;
    assert_eq!(bench.reported(cordoned), []);

    let replaced = json!({ "replacement": { "outcome": "requested" } });
    assert_eq!(bench.reported(replaced.clone()), [Law::OneReport]);
    bench.detach().await;
    assert_eq!(bench.reported(replaced), []);

    bench.evict(&web).await.unwrap();
    bench.at(60_000).await;
    assert_eq!(bench.reported(says("evicted")), []);
    bench.call(WorldApi::Kubernetes, "create events", CallFact::Sent(None));
    assert_eq!(bench.reported(says("left")), [Law::OneReport], "it is long gone");
}

#[tokio::test(start_paused = true)]
async fn an_override_that_is_not_reported() {
    let mut spec = world();
    spec.cluster().pdbs = vec![PdbSpec::over("web", Budget::MaxUnavailable(0))];
    let bench = Bench::new(&spec).await;
    bench.at(85_000).await;
    let web = bench.find("web").await;
    bench.delete(&web, 30).await;
    bench.at(116_000).await;
    for (outcome, laws) in
        [("evicted", vec![Law::LastMoment]), ("gone", vec![Law::LastMoment]), ("deleted", vec![])]
    {
        let pods = json!({ "pods": [{ "uid": web.metadata.uid, "outcome": outcome }] });
        assert_eq!(bench.reported(pods), laws, "{outcome}");
    }
}
