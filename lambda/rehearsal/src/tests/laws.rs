//! The observer catches a caller that breaks the laws.

use std::sync::Arc;

use aws_sdk_autoscaling::Client as AutoScaling;
use aws_sdk_ec2::Client as Ec2;
use k8s_openapi::{
    api::core::v1::{Node, Pod},
    apimachinery::pkg::apis::meta::v1::DeleteOptions,
};
use kube::{
    Api,
    api::{DeleteParams, ListParams, Patch, PatchParams, Preconditions},
};
use serde_json::{Value, json};

use super::{Bench, RULES, client, small, token, uid_of};
use crate::{
    Action, Api as WorldApi, Budget, ClusterSpec, ExitTime, Fault, FaultKind, HookSpec, Law, PdbSpec,
    PodState, WorkloadKind, WorkloadSpec, WorldSpec,
    facts::{Call, CallFact, EndedBy, Fact, FunctionFact, Operation},
    observer::Rules,
    outcome::Violation,
    wire::Wire,
    world::baseline::GROUP,
};

mod reports;
mod whole;

const OLD: &str = "i-0a000000000000000";

/// `web` and `dns` (system-critical) on node 0, `away` on node 1.
fn world() -> WorldSpec {
    let mut spec = small();
    let names: Vec<String> = spec.clusters[0].nodes.iter().map(|node| node.name.clone()).collect();
    let dns = WorkloadSpec {
        priority_class: Some("system-cluster-critical".to_owned()),
        ..WorkloadSpec::deployment("dns", vec![names[0].clone()])
    };
    spec.cluster().workloads.extend([
        WorkloadSpec::deployment("web", vec![names[0].clone()]),
        dns,
        WorkloadSpec::deployment("away", vec![names[1].clone()]),
    ]);
    spec
}

impl Bench {
    async fn find(&self, app: &str) -> Pod {
        let pods = Api::<Pod>::all(self.kube.clone()).list(&ListParams::default()).await.unwrap();
        let mut pods = pods.items;
        pods.retain(|pod| pod.metadata.labels.as_ref().is_some_and(|labels| labels["app"] == app));
        let here =
            |pod: &Pod| pod.spec.as_ref().is_some_and(|spec| spec.node_name.as_ref() == Some(&self.node));
        pods.iter().find(|pod| here(pod)).unwrap_or(&pods[0]).clone()
    }

    async fn delete(&self, pod: &Pod, grace_s: u32) {
        let namespace = pod.metadata.namespace.as_deref().unwrap();
        let uid = Preconditions { uid: pod.metadata.uid.clone(), resource_version: None };
        let params = DeleteParams::default().grace_period(grace_s).preconditions(uid);
        self.pods(namespace).delete(pod.metadata.name.as_deref().unwrap(), &params).await.ok();
    }

    async fn evict_in(&self, pod: &Pod, grace_s: i64) {
        let options = DeleteOptions {
            grace_period_seconds: Some(grace_s),
            preconditions: Some(uid_of(pod)),
            ..DeleteOptions::default()
        };
        self.evict_with(pod, options).await.ok();
    }

    pub(super) async fn detach(&self) {
        let call = AutoScaling::new(&self.sdk).detach_instances().auto_scaling_group_name(GROUP);
        call.instance_ids(OLD).should_decrement_desired_capacity(false).send().await.unwrap();
    }

    async fn set_unschedulable(&self, node: &str, to: bool) {
        let patch = json!([{ "op": "add", "path": "/spec/unschedulable", "value": to }]);
        let patch = Patch::<()>::Json(serde_json::from_value(patch).unwrap());
        Api::<Node>::all(self.kube.clone()).patch(node, &PatchParams::default(), &patch).await.unwrap();
    }

    fn answer(&self, report: Value) {
        self.world.enter(|state| state.emit(Fact::Function(0, FunctionFact::Answered(vec![report]))));
    }

    /// The function answers with the barest of reports, and the run is over.
    fn close(&self, instance: &str) {
        self.world.enter(|state| state.end_environment(0));
        self.answer(json!({ "event": { "instance_id": instance } }));
        self.world.enter(|state| state.emit(Fact::Closed));
    }

    /// A call of the function that never reached the wire.
    fn call(&self, api: WorldApi, name: &str, fact: CallFact) {
        let operation =
            Operation { api, cluster: None, name: name.to_owned(), target: String::new(), writes: true };
        self.world.enter(|state| {
            let now_ms = state.now_ms;
            let operation = Arc::new(operation);
            let call =
                Call { env: 0, id: 1_000, operation, sent_ms: now_ms, arrived_ms: now_ms, hung_up: false };
            state.emit_call(&call, fact);
        });
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_to_what_no_notice_named() {
    let spec = world();
    let bench = Bench::new(&spec).await;
    bench.evict(&bench.find("away").await).await.unwrap();
    assert_eq!(bench.laws(), [Law::RightNode]);
    bench.set_unschedulable(&spec.clusters[0].nodes[1].name, true).await;
    assert_eq!(bench.laws(), [Law::RightNode]);
    let detach = AutoScaling::new(&bench.sdk).detach_instances().auto_scaling_group_name(GROUP);
    let detach =
        detach.instance_ids(&spec.clusters[0].nodes[1].instance).should_decrement_desired_capacity(false);
    detach.send().await.unwrap();
    assert_eq!(bench.laws(), [Law::RightNode]);
    bench.set_unschedulable(&bench.node, true).await;
    assert_eq!(bench.laws(), [], "its own node");

    let mut strange = world();
    strange.cluster().registered = false;
    let bench = Bench::new(&strange).await;
    bench.set_unschedulable(&bench.node, true).await;
    bench.evict(&bench.find("web").await).await.unwrap();
    assert_eq!(bench.laws(), [Law::RightNode, Law::RightNode]);

    let bench = Bench::with_rules(&world(), Rules { dry_run: true, ..RULES }).await;
    bench.set_unschedulable(&bench.node, true).await;
    assert_eq!(bench.laws(), [Law::RightNode]);
}

#[tokio::test(start_paused = true)]
async fn a_budget_overridden_too_early_or_for_nothing() {
    let blocked = || {
        let mut spec = world();
        spec.cluster().pdbs = vec![PdbSpec::over("web", Budget::MaxUnavailable(0))];
        spec
    };
    let bench = Bench::new(&blocked()).await;
    bench.at(84_000).await;
    bench.delete(&bench.find("web").await, 30).await;
    assert_eq!(bench.laws(), [Law::LastMoment]);

    let bench = Bench::new(&blocked()).await;
    bench.at(85_000).await;
    bench.delete(&bench.find("web").await, 30).await;
    assert_eq!(bench.laws(), [], "the last moment: 120 - 5 - 30 s");

    let bench = Bench::with_rules(&blocked(), Rules { may_override: false, ..RULES }).await;
    bench.at(100_000).await;
    bench.delete(&bench.find("web").await, 14).await;
    assert_eq!(bench.laws(), [Law::LastMoment]);

    let mut spec = blocked();
    spec.deliveries.clear();
    spec.interrupt(0, Action::Hibernate, 0);
    let bench = Bench::new(&spec).await;
    bench.at(100_000).await;
    bench.delete(&bench.find("web").await, 10).await;
    assert_eq!(bench.laws(), [Law::LastMoment]);
}

#[tokio::test(start_paused = true)]
async fn two_replacements_for_one_instance() {
    let bench = Bench::new(&world()).await;
    bench.detach().await;
    let client = AutoScaling::new(&bench.sdk);
    let call = client.terminate_instance_in_auto_scaling_group().instance_id(OLD);
    call.should_decrement_desired_capacity(false).send().await.unwrap();
    assert_eq!(bench.laws(), [Law::OneReplacement]);
}

#[tokio::test(start_paused = true)]
async fn a_leg_that_waits_for_the_other() {
    let bench = Bench::new(&world()).await;
    bench.at(6_000).await;
    bench.evict(&bench.find("web").await).await.unwrap();
    bench.close(OLD);
    assert_eq!(
        bench.laws(),
        [Law::IndependentLegs, Law::IndependentLegs, Law::EveryPod, Law::Order, Law::Order],
        "no call to Auto Scaling, no eviction in time; no late pod asked; no cordon, pods not listed"
    );

    let bench = Bench::new(&world()).await;
    bench.call(WorldApi::AutoScaling, "DetachInstances", CallFact::Starved);
    bench.close(OLD);
    assert_eq!(
        bench.laws(),
        [Law::IndependentLegs, Law::IndependentLegs, Law::IndependentLegs],
        "Auto Scaling failed, and nothing was drained either"
    );
}

#[tokio::test(start_paused = true)]
async fn a_write_after_the_deadline_and_a_call_left_open() {
    let bench = Bench::new(&world()).await;
    bench.at(119_995).await;
    let pod = bench.find("web").await;
    assert_eq!(bench.laws(), [Law::InTime], "answered after the deadline");
    bench
        .evict_with(
            &pod,
            DeleteOptions {
                grace_period_seconds: Some(1),
                preconditions: Some(uid_of(&pod)),
                ..Default::default()
            },
        )
        .await
        .unwrap();
    assert_eq!(bench.laws(), [Law::InTime, Law::InTime]);
}

#[tokio::test(start_paused = true)]
async fn work_done_twice_or_undone() {
    let bench = Bench::new(&world()).await;
    let pod = bench.shop().await.remove(0);
    bench.world.enter(|state| state.terminate(0, None, EndedBy::Cluster));
    bench.evict(&pod).await.ok();
    bench.set_unschedulable(&bench.node, true).await;
    bench.set_unschedulable(&bench.node, false).await;
    assert_eq!(bench.laws(), [Law::Resumption]);

    // Another function's eviction, before this one looked.
    let bench = Bench::new(&world()).await;
    let web = bench.find("web").await;
    let name = web.metadata.name.clone().unwrap();
    let id = bench.world.enter(|state| state.find_pod(0, "shop", &name).unwrap());
    bench.world.enter(|state| state.terminate(id, None, EndedBy::Eviction(7)));
    bench.at(500).await;
    bench.shop().await;
    bench.evict(&web).await.unwrap();
    assert_eq!(bench.laws(), [Law::Resumption]);

    // Its own eviction, once more.
    let mut spec = world();
    spec.cluster().workloads.iter_mut().for_each(|workload| workload.exit = crate::ExitTime::Never);
    let bench = Bench::new(&spec).await;
    let web = bench.find("web").await;
    bench.evict(&web).await.unwrap();
    bench.at(4_000).await;
    bench.evict(&web).await.unwrap();
    assert_eq!(bench.laws(), [Law::Resumption]);
}

#[tokio::test(start_paused = true)]
async fn no_uid_no_grace_too_much_grace() {
    let bench = Bench::new(&world()).await;
    let pod = bench.find("web").await;
    bench.evict_with(&pod, DeleteOptions::default()).await.unwrap();
    assert_eq!(bench.laws(), [Law::UidAndGrace], "no UID");

    for grace_s in [0, 600] {
        let bench = Bench::new(&world()).await;
        let pod = bench.find("web").await;
        bench.evict_in(&pod, grace_s).await;
        assert_eq!(bench.laws(), [Law::UidAndGrace], "grace {grace_s}");
    }

    let bench = Bench::new(&world()).await;
    bench.at(100_000).await;
    bench.evict(&bench.find("web").await).await.unwrap();
    assert_eq!(bench.laws(), [Law::UidAndGrace], "its own 30 s, and 20 s left");

    for (grace_s, laws) in [(27, vec![Law::UidAndGrace]), (28, vec![])] {
        let bench = Bench::new(&world()).await;
        bench.evict_in(&bench.find("web").await, grace_s).await;
        assert_eq!(bench.laws(), laws, "{grace_s} s of its own 30 s, and 115 s left");
    }
}

#[tokio::test(start_paused = true)]
async fn the_wrong_pods_or_the_wrong_order() {
    let bench = Bench::new(&world()).await;
    bench.shop().await;
    bench.evict(&bench.find("dns").await).await.unwrap();
    assert_eq!(bench.laws(), [Law::Order], "critical, and the ordinary one is still there");
    bench.evict(&bench.find("aws-node").await).await.unwrap();
    assert_eq!(bench.laws(), [Law::Order], "a DaemonSet's");

    let bench = Bench::new(&world()).await;
    bench.shop().await;
    bench.evict(&bench.find("web").await).await.unwrap();
    bench.at(10_000).await;
    bench.evict(&bench.find("dns").await).await.unwrap();
    assert_eq!(bench.laws(), [], "the ordinary one is gone");

    let mut spec = world();
    spec.cluster().workload("web").kind = WorkloadKind::Mirror;
    let bench = Bench::new(&spec).await;
    bench.evict(&bench.find("web").await).await.unwrap();
    assert_eq!(bench.laws(), [Law::Order]);
}

#[tokio::test(start_paused = true)]
async fn a_delete_before_the_last_moment() {
    let mut spec = world();
    spec.faults =
        vec![Fault::always(WorldApi::Kubernetes, FaultKind::Throttled).on("create pods/eviction").times(1)];
    let bench = Bench::new(&spec).await;
    let pod = bench.find("web").await;
    assert_eq!(bench.evict(&pod).await.unwrap_err().code, 429);
    bench.delete(&pod, 30).await;
    assert_eq!(bench.laws(), [Law::LastMoment]);
}

#[tokio::test(start_paused = true)]
async fn a_terminating_pods_grace_is_cut_once() {
    let mut spec = world();
    let web = spec.cluster().workload("web");
    (web.grace_s, web.exit, web.state) = (3_600, ExitTime::Never, PodState::Terminating);
    // A fault in the eviction of another pod is no excuse.
    let throttled = Fault::always(WorldApi::Kubernetes, FaultKind::Throttled).on("create pods/eviction");
    spec.faults.push(throttled.times(1));
    let bench = Bench::new(&spec).await;
    bench.at(1_000).await;
    let web = bench.shop().await.remove(0);
    bench.evict(&bench.find("dns").await).await.unwrap_err();
    bench.detach().await;
    bench.set_unschedulable(&bench.node, true).await;
    bench.close(OLD);
    let uncut =
        |violation: &Violation| violation.law == Law::UidAndGrace && violation.what.contains("shop/web-");
    assert_eq!(bench.violations().iter().filter(|v| uncut(v)).count(), 1, "never cut");

    spec.faults.clear();

    let bench = Bench::new(&spec).await;
    bench.at(1_000).await;
    let web_of = |pods: Vec<Pod>| pods.into_iter().find(|pod| pod.metadata.name == web.metadata.name);
    let shown = web_of(bench.shop().await).unwrap();
    bench.evict_in(&shown, 112).await;
    assert_eq!(bench.laws(), []);
    let metadata = web_of(bench.shop().await).unwrap().metadata;
    let ends = metadata.deletion_timestamp.unwrap().0.duration_since(spec.start).as_secs();
    assert_eq!((ends, metadata.deletion_grace_period_seconds), (112, Some(112)), "from the first delete on");
    bench.at(114_000).await;
    assert_eq!(web_of(bench.shop().await), None);
}
