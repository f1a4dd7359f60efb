//! Laws about an invocation as a whole, each broken on purpose.

use super::*;

#[tokio::test(start_paused = true)]
async fn laws_3_and_9_what_was_never_done() {
    let mut spec = world();
    spec.cluster().pdbs = vec![PdbSpec::over("web", Budget::MaxUnavailable(0))];
    let bench = Bench::new(&spec).await;
    bench.shop().await;
    bench.detach().await;
    bench.set_unschedulable(&bench.node, true).await;
    bench.evict(&bench.find("web").await).await.unwrap_err();
    bench.world.enter(|state| {
        state.saw_end(0);
        state.saw_answer(0, &[json!({ "event": { "instance_id": OLD } })]);
        state.judge_legs();
    });
    let mut broken = bench.violations();
    broken.retain(|violation| violation.law != 1);
    let app = |law: u8, app: &str| broken.iter().any(|v| v.law == law && v.what.contains(app));
    assert!(app(3, "shop/web-") && app(9, "shop/dns-") && app(9, "kube-system/coredns-"), "{broken:?}");
    assert_eq!(broken.len(), 3, "web was asked, and the agents stay: {broken:?}");
}

#[tokio::test(start_paused = true)]
async fn law_11_an_instance_that_the_function_ends_early() {
    let hook = |timeout_ms, consumer_ms| HookSpec { name: "drain".to_owned(), timeout_ms, consumer_ms };
    for (hook, broken) in [
        (hook(30_000, None), vec![11]),
        (hook(3_600_000, Some(2_000)), vec![11]),
        (hook(3_600_000, None), Vec::<u8>::new()),
    ] {
        let mut spec = world();
        spec.group().hooks = vec![hook];
        let bench = Bench::new(&spec).await;
        let client = AutoScaling::new(&bench.sdk);
        let call = client.terminate_instance_in_auto_scaling_group().instance_id(OLD);
        call.should_decrement_desired_capacity(false).send().await.unwrap();
        bench.at(130_000).await;
        assert_eq!(bench.laws(), broken);
    }
}

#[tokio::test(start_paused = true)]
async fn law_12_a_refused_cordon_that_ends_the_drain() {
    let bench = Bench::new(&world()).await;
    bench.shop().await;
    bench.detach().await;
    bench.world.enter(|state| {
        state.observer.struck(0, WorldApi::Kubernetes, 0);
        state.saw_end(0);
        state.saw_answer(0, &[json!({ "event": { "instance_id": OLD } })]);
        state.judge_legs();
    });
    let broken: Vec<_> = bench.violations().into_iter().filter(|v| v.law == 12).collect();
    assert!(broken.iter().any(|v| v.what.contains("shop/web-")), "{broken:?}");
}

#[tokio::test(start_paused = true)]
async fn law_13_a_pod_that_is_asked_without_end() {
    let mut spec = world();
    spec.cluster().pdbs = vec![PdbSpec::over("web", Budget::MaxUnavailable(0))];
    let bench = Bench::new(&spec).await;
    let pod = bench.find("web").await;
    for _ in 0..70 {
        bench.evict(&pod).await.unwrap_err();
    }
    assert_eq!(bench.laws().first(), Some(&13));
}
