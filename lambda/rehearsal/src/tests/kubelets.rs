//! Pods: how they end, who replaces them, what a watch shows.

use futures_util::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::{
    api::core::v1::{Event, Pod},
    apimachinery::pkg::apis::meta::v1::DeleteOptions,
};
use kube::{
    Api,
    api::{DeleteParams, ListParams, PostParams, WatchEvent, WatchParams},
};
use serde_json::json;

use super::{Bench, api_result, client, small, token, uid_of};
use crate::{
    Action, Api as WorldApi, ExitTime, Fault, FaultKind, WorkloadKind, WorkloadSpec, WorldSpec, wire::Wire,
};

fn one_pod(kind: WorkloadKind, exit: ExitTime) -> WorldSpec {
    let mut spec = small();
    let node = spec.clusters[0].nodes[0].name.clone();
    let workload = WorkloadSpec { kind, exit, ..WorkloadSpec::deployment("web", vec![node]) };
    spec.cluster().workloads.push(workload);
    spec
}

#[tokio::test(start_paused = true)]
async fn a_watch_shows_a_pods_end_half_a_round_trip_after_it() {
    let bench = Bench::new(&one_pod(WorkloadKind::Bare, ExitTime::Ms(5_000))).await;
    let on_node = format!("spec.nodeName={}", bench.node);
    let pods: Api<Pod> = Api::all(bench.kube.clone());
    let list = pods.list(&ListParams::default().fields(&on_node)).await.unwrap();
    assert_eq!(bench.now_ms(), 20);
    let version = list.metadata.resource_version.unwrap();
    let pod = list.items.iter().find(|pod| pod.metadata.namespace.as_deref() == Some("shop")).unwrap();
    // The eviction arrives before the watch begins: the watch starts from the list's version all the same.
    bench.evict(pod).await.unwrap();
    let stream = pods.watch(&WatchParams::default().fields(&on_node), &version).await.unwrap();
    let mut stream = stream.boxed();
    let Some(WatchEvent::Modified(shown)) = stream.try_next().await.unwrap() else { panic!() };
    assert_eq!(shown.metadata.uid, pod.metadata.uid);
    assert_eq!(shown.metadata.deletion_grace_period_seconds, Some(30));
    let Some(WatchEvent::Deleted(gone)) = stream.try_next().await.unwrap() else { panic!() };
    assert_eq!(gone.metadata.uid, pod.metadata.uid);
    assert_eq!(bench.now_ms(), 30 + 5_000 + 10);
}

#[tokio::test(start_paused = true)]
async fn a_watch_shows_pods_that_are_bound_later() {
    let mut spec = small();
    let names: Vec<String> = spec.clusters[0].nodes.iter().map(|node| node.name.clone()).collect();
    spec.cluster().workloads.push(WorkloadSpec::deployment("web", vec![names[1].clone()]));
    let bench = Bench::new(&spec).await;
    let pods: Api<Pod> = Api::all(bench.kube.clone());
    let elsewhere =
        pods.list(&ListParams::default().fields(&format!("spec.nodeName={}", names[1]))).await.unwrap();
    let web = elsewhere.items.iter().find(|pod| pod.metadata.namespace.as_deref() == Some("shop")).unwrap();
    let params = WatchParams::default().fields(&format!("spec.nodeName={}", names[0]));
    let mut stream =
        pods.watch(&params, &elsewhere.metadata.resource_version.unwrap()).await.unwrap().boxed();
    bench.evict(web).await.unwrap();
    // First fit: the first node has room.
    let Some(WatchEvent::Added(new)) = stream.try_next().await.unwrap() else { panic!() };
    assert!(new.metadata.name.unwrap().starts_with("web-"));
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_version_and_a_broken_connection_end_a_watch() {
    let mut spec = one_pod(WorkloadKind::Deployment, ExitTime::Ms(1));
    spec.faults = vec![
        Fault::always(WorldApi::Kubernetes, FaultKind::Expired).on("watch pods").times(1),
        Fault::always(WorldApi::Kubernetes, FaultKind::Refused).between(1_000, 2_000),
    ];
    let bench = Bench::new(&spec).await;
    let pods: Api<Pod> = Api::all(bench.kube.clone());
    let params = WatchParams::default().fields(&format!("spec.nodeName={}", bench.node));
    let mut stream = pods.watch(&params, "1").await.unwrap().boxed();
    let Some(WatchEvent::Error(status)) = stream.try_next().await.unwrap() else { panic!() };
    assert_eq!((status.code, status.reason.as_str()), (410, "Expired"));
    let mut stream = pods.watch(&params, "5000").await.unwrap().boxed();
    assert!(stream.try_next().await.is_err(), "cut when the outage begins");
    assert_eq!(bench.now_ms(), 1_000);
    assert!(pods.list(&ListParams::default()).await.is_err(), "and no connection opens meanwhile");
    bench.at(2_000).await;
    pods.list(&ListParams::default()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_process_ends_by_itself_or_is_killed_when_its_grace_is_over() {
    for (exit, grace_s, ends_ms, killed) in [
        (ExitTime::Ms(4_000), None, 4_000, false),
        (ExitTime::Never, None, 30_000, true),
        (ExitTime::Ms(4_000), Some(2), 2_000, true),
        (ExitTime::Ms(40_000), Some(60), 40_000, false),
    ] {
        let bench = Bench::new(&one_pod(WorkloadKind::Bare, exit)).await;
        let pod = bench.shop().await.remove(0);
        let options = DeleteOptions {
            grace_period_seconds: grace_s,
            preconditions: Some(uid_of(&pod)),
            ..DeleteOptions::default()
        };
        bench.evict_with(&pod, options).await.unwrap();
        bench.at(30 + ends_ms - 11).await;
        assert_eq!(bench.shop().await.len(), 1, "{exit:?}");
        bench.at(30 + ends_ms + 30).await;
        assert_eq!(bench.shop().await.len(), 0, "{exit:?}");
        let end = bench.world.enter(|state| state.pods.iter().find_map(|pod| pod.end)).unwrap();
        assert_eq!((end.at_ms, end.killed), (30 + ends_ms, killed), "{exit:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_delete_shortens_the_grace_and_never_lengthens_it() {
    let bench = Bench::new(&one_pod(WorkloadKind::Bare, ExitTime::Never)).await;
    let pod = bench.shop().await.remove(0);
    bench.evict(&pod).await.unwrap();
    let name = pod.metadata.name.as_deref().unwrap();
    bench.pods("shop").delete(name, &DeleteParams::default().grace_period(600)).await.unwrap();
    bench.pods("shop").delete(name, &DeleteParams::default().grace_period(5)).await.unwrap();
    bench.at(6_000).await;
    let end = bench.world.enter(|state| state.pods.iter().find_map(|pod| pod.end)).unwrap();
    assert_eq!((end.at_ms, end.killed), (70 + 5_000, true));
}

#[tokio::test(start_paused = true)]
async fn owners_replace_their_pods_each_in_its_way() {
    for (kind, at_once, once_gone) in [
        (WorkloadKind::Deployment, 2, 1),
        (WorkloadKind::StatefulSet, 1, 1),
        (WorkloadKind::Job, 1, 1),
        (WorkloadKind::Bare, 1, 0),
    ] {
        let bench = Bench::new(&one_pod(kind, ExitTime::Ms(2_000))).await;
        let pod = bench.shop().await.remove(0);
        let all = || async { bench.pods("shop").list(&ListParams::default()).await.unwrap().items };
        bench.evict(&pod).await.unwrap();
        assert_eq!(all().await.len(), at_once, "{kind:?}");
        bench.at(3_000).await;
        let now = all().await;
        assert_eq!(now.len(), once_gone, "{kind:?}");
        if kind == WorkloadKind::StatefulSet {
            assert_eq!(now[0].metadata.name, pod.metadata.name);
            assert_ne!(now[0].metadata.uid, pod.metadata.uid);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_hibernated_node_moves_nothing_any_more() {
    let mut spec = one_pod(WorkloadKind::Bare, ExitTime::Ms(5_000));
    spec.notices[0].action = Action::Hibernate;
    let bench = Bench::new(&spec).await;
    let pod = bench.shop().await.remove(0);
    bench.evict(&pod).await.unwrap();
    bench.at(200_000).await;
    assert_eq!(bench.shop().await.len(), 1, "half evicted: frozen before it could end");
}

#[tokio::test(start_paused = true)]
async fn a_token_must_be_signed_for_the_cluster_and_fresh() {
    let bench = Bench::new(&small()).await;
    let wire = Wire { world: bench.world.clone(), env: 0 };
    for (token, fits) in [
        (token("20270115T074600Z"), true),
        (token("20270115T074400Z"), false),
        (token("20270115T080000Z").replace("k8s-aws-v1.", ""), false),
        ("k8s-aws-v1.aHR0cHM6Ly9leGFtcGxlLmNvbS8_YQ".to_owned(), false),
    ] {
        let nodes: Api<k8s_openapi::api::core::v1::Node> = Api::all(client(wire.clone(), 0, &token));
        let answer = api_result(nodes.list(&ListParams::default()).await);
        assert_eq!(answer.map_err(|status| status.code).err(), (!fits).then_some(401));
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_must_stand_in_the_namespace_of_what_it_is_about() {
    let bench = Bench::new(&small()).await;
    let event = |namespace: &str| -> Event {
        serde_json::from_value(json!({
            "metadata": { "generateName": "cast-spot-" },
            "involvedObject": { "kind": "Pod", "name": "web", "namespace": namespace },
        }))
        .unwrap()
    };
    let events: Api<Event> = Api::namespaced(bench.kube.clone(), "shop");
    assert!(events.create(&PostParams::default(), &event("shop")).await.is_ok());
    let refused = api_result(events.create(&PostParams::default(), &event("other")).await).unwrap_err();
    assert_eq!(refused.code, 422);
    let on_node = api_result(events.create(&PostParams::default(), &event("")).await).unwrap_err();
    assert_eq!(on_node.code, 422, "Events about nodes stand in `default`");
}
