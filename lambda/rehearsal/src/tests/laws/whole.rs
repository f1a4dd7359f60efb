//! Laws about an invocation as a whole, each broken on purpose.

use std::time::Duration;

use tokio::time::timeout;

use super::*;

#[tokio::test(start_paused = true)]
async fn what_was_never_done() {
    let mut spec = world();
    spec.cluster().pdbs = vec![PdbSpec::over("web", Budget::MaxUnavailable(0))];
    let bench = Bench::new(&spec).await;
    bench.shop().await;
    bench.detach().await;
    bench.set_unschedulable(&bench.node, true).await;
    bench.evict(&bench.find("web").await).await.unwrap_err();
    bench.close(OLD);
    let mut broken = bench.violations();
    broken.retain(|violation| violation.law != Law::OneReport);
    let app = |law: Law, app: &str| broken.iter().any(|v| v.law == law && v.what.contains(app));
    assert!(
        app(Law::LastMoment, "shop/web-")
            && app(Law::Order, "shop/dns-")
            && app(Law::Order, "kube-system/coredns-"),
        "{broken:?}"
    );
    assert_eq!(broken.len(), 3, "web was asked, and the agents stay: {broken:?}");
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_the_function_ends_early() {
    let hook = |timeout_ms, consumer_ms| HookSpec { name: "drain".to_owned(), timeout_ms, consumer_ms };
    for (hook, broken) in [
        (hook(30_000, None), vec![Law::NoEarlierEnd]),
        (hook(3_600_000, Some(2_000)), vec![Law::NoEarlierEnd]),
        (hook(3_600_000, None), Vec::<Law>::new()),
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
async fn a_refused_cordon_that_ends_the_drain() {
    let bench = Bench::new(&world()).await;
    bench.shop().await;
    bench.detach().await;
    bench.call(WorldApi::Kubernetes, "patch nodes", CallFact::Starved);
    bench.close(OLD);
    let broken: Vec<_> = bench.violations().into_iter().filter(|v| v.law == Law::EveryPod).collect();
    assert!(broken.iter().any(|v| v.what.contains("shop/web-")), "{broken:?}");
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_is_asked_without_end() {
    let mut spec = world();
    spec.cluster().pdbs = vec![PdbSpec::over("web", Budget::MaxUnavailable(0))];
    let bench = Bench::new(&spec).await;
    let pod = bench.find("web").await;
    for _ in 0..70 {
        bench.evict(&pod).await.unwrap_err();
    }
    assert_eq!(bench.laws().first(), Some(&Law::NoCircles));
}

#[tokio::test(start_paused = true)]
async fn an_eviction_that_is_given_up_too_soon() {
    for (patience_s, broken) in [(5, vec![Law::NoCircles]), (9, Vec::new())] {
        let mut spec = world();
        spec.cluster().pdbs = vec![PdbSpec::over("web", Budget::MaxUnavailable(1))];
        let conflict = Fault::always(WorldApi::Kubernetes, FaultKind::ConflictFor(8_000));
        spec.faults = vec![conflict.on("create pods/eviction")];
        let bench = Bench::new(&spec).await;
        let pod = bench.find("web").await;
        timeout(Duration::from_secs(patience_s), bench.evict(&pod)).await.ok();
        bench.at(12_000).await;
        assert_eq!(bench.laws(), broken, "{patience_s}");
    }
}

/// What a played handler does for an instance that belongs to no cluster.
#[derive(Clone, Copy, Default)]
struct Search {
    describes: usize,
    lists: usize,
    group_reads: usize,
    /// Lists of a cluster that is not registered.
    lists_elsewhere: usize,
    ends_ms: u64,
}

impl Search {
    /// What the observer says of it.
    async fn judged(self) -> Vec<String> {
        let unknown = "i-0f000000000000000";
        let mut spec = WorldSpec::baseline(1, 2, 0);
        let payload = spec.payload(unknown, Action::Terminate, 0);
        spec.deliver(0, payload);
        let elsewhere =
            ClusterSpec { name: "elsewhere".to_owned(), registered: false, ..ClusterSpec::default() };
        spec.clusters.push(elsewhere);
        let bench = Bench::new(&spec).await;
        for _ in 0..self.describes {
            Ec2::new(&bench.sdk).describe_instances().send().await.unwrap();
        }
        for _ in 0..self.lists {
            Api::<Node>::all(bench.kube.clone()).list(&ListParams::default()).await.unwrap();
        }
        for _ in 0..self.group_reads {
            AutoScaling::new(&bench.sdk).describe_auto_scaling_groups().send().await.unwrap();
        }
        let wire = Wire { world: bench.world.clone(), env: 0 };
        for _ in 0..self.lists_elsewhere {
            let kube = client(wire.clone(), 1, &token("20270115T080000Z"));
            Api::<Node>::all(kube).list(&ListParams::default()).await.ok();
        }
        bench.at(self.ends_ms).await;
        bench.close(OLD);
        let broken = bench.violations().into_iter().filter(|violation| violation.law == Law::ForeignNotice);
        broken.map(|violation| violation.what).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_foreign_notice_that_costs_too_much() {
    let dearest = Search { describes: 4, lists: 2, group_reads: 2, lists_elsewhere: 0, ends_ms: 15_000 };
    assert_eq!(dearest.judged().await, Vec::<String>::new());
    for (search, what) in [
        (Search { describes: 5, ..Search::default() }, "5 calls to ec2"),
        (Search { lists: 3, ..Search::default() }, "3 calls to kubernetes of production"),
        (Search { lists_elsewhere: 1, ..Search::default() }, "1 calls to kubernetes of elsewhere"),
        (Search { group_reads: 3, ..Search::default() }, "3 calls to autoscaling"),
        (Search { ends_ms: 16_000, ..dearest }, "16000 ms"),
    ] {
        let judged = search.judged().await;
        assert!(judged.len() == 1 && judged[0].contains(what), "{what}: {judged:?}");
    }
}
