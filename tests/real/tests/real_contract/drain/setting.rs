//! One node with pods of every kind that one drain can meet, in the lab and as a world.

use anyhow::Result;
use cast_spot_real::{
    clock::{self, eventually},
    job,
    lab::{Lab, PATIENCE},
    workload::{Owner, Workload},
};
use cast_spot_rehearsal::{
    Action, Budget, DeliverySpec, ExitTime, Notice, PdbSpec, PodState, WorkloadKind, WorkloadSpec, WorldSpec,
};
use jiff::{SignedDuration, Unit};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, api::DeleteParams};
use serde_json::json;

/// Namespace, group and function.
pub(crate) const NAMESPACE: &str = "same-drain";
/// Seconds since the notice: 20 are left, the last moment of the blocked pods comes after 12.
pub(crate) const AGE: i64 = 100;
const LEAD_MS: u64 = 20_000;

/// A kind of pod: its name, owner, number of pods, grace in seconds, and what is special about it.
struct Kind(&'static str, Owner, u32, u32, Special);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Special {
    Nothing,
    /// Terminates before the notice.
    Leaving,
    /// Has run to its end.
    Finished,
    /// Never Ready.
    Broken,
    /// system-cluster-critical.
    Critical,
}

const KINDS: [Kind; 11] = [
    Kind("free", Owner::Deployment, 2, 10, Special::Nothing),
    // One at a time: the second is evicted when the first is Ready elsewhere.
    Kind("guarded", Owner::Deployment, 2, 5, Special::Nothing),
    Kind("kept", Owner::Deployment, 1, 3, Special::Nothing),
    Kind("twice", Owner::Deployment, 1, 3, Special::Nothing),
    Kind("broken", Owner::Deployment, 1, 5, Special::Broken),
    Kind("ordered", Owner::StatefulSet, 1, 5, Special::Nothing),
    Kind("agent", Owner::DaemonSet, 1, 30, Special::Nothing),
    Kind("static", Owner::Kubelet, 1, 30, Special::Nothing),
    Kind("long", Owner::Bare, 1, 600, Special::Nothing),
    Kind("leaving", Owner::Bare, 1, 30, Special::Leaving),
    Kind("dns", Owner::Deployment, 1, 30, Special::Critical),
];
const FINISHED: Kind = Kind("finished", Owner::Bare, 1, 30, Special::Finished);

/// Name of the budget, its workload, its maxUnavailable, and whether pods that are not Ready may be evicted
/// nevertheless.
const BUDGETS: [(&str, &str, u32, bool); 5] = [
    ("guarded", "guarded", 1, false),
    ("kept", "kept", 0, false),
    ("first", "twice", 1, false),
    ("second", "twice", 1, false),
    ("broken", "broken", 0, true),
];

/// Creates the pods in the lab, and a second machine for recreated ones.
pub(crate) async fn real(lab: &mut Lab<'_>) -> Result<()> {
    for Kind(name, owner, pods, grace, special) in KINDS {
        let workload = Workload::of(owner, name, pods).grace(grace);
        lab.run(&match special {
            Special::Leaving => workload.exits_after("9s"),
            Special::Broken => workload.never_ready(),
            Special::Critical => workload.priority("system-cluster-critical"),
            _ if name == "guarded" => workload.ready_after("1s"),
            _ => workload,
        })
        .await?;
    }
    job::run_to_its_end(lab, FINISHED.0).await?;
    for (name, workload, max, unready_may_go) in BUDGETS {
        let policy = if unready_may_go { "AlwaysAllow" } else { "IfHealthyBudget" };
        let limit = json!({ "maxUnavailable": max, "unhealthyPodEvictionPolicy": policy });
        lab.budget(name, workload, &limit).await?;
    }
    lab.scale(2).await?;
    let pods: Api<Pod> = lab.api();
    pods.delete("leaving-0", &DeleteParams::default()).await?;
    eventually("one pod is on its way out", PATIENCE, async || {
        let pod = pods.get("leaving-0").await?;
        Ok(pod.metadata.deletion_timestamp.is_some().then_some(()))
    })
    .await
}

/// The same as a world, with a notice of the same age.
pub(crate) fn world() -> WorldSpec {
    let mut spec = WorldSpec::baseline(1, 2, 0);
    spec.start = clock::now();
    spec.pace.latency_ms = 4;
    let (node, instance) =
        (spec.clusters[0].nodes[0].name.clone(), spec.clusters[0].nodes[0].instance.clone());
    let cluster = spec.cluster();
    cluster.workloads = KINDS.iter().chain([&FINISHED]).map(|kind| workload(kind, &node)).collect();
    cluster.pdbs = BUDGETS
        .iter()
        .map(|(name, app, max, unready_may_go)| PdbSpec {
            namespace: NAMESPACE.to_owned(),
            name: (*name).to_owned(),
            always_allow_unhealthy: *unready_may_go,
            ..PdbSpec::over(app, Budget::MaxUnavailable(*max))
        })
        .collect();
    let action = Action::Terminate;
    let mut payload = spec.payload(&instance, action, 0);
    let time = spec.start - SignedDuration::from_secs(AGE);
    payload["time"] = time.round(Unit::Second).unwrap_or(time).to_string().into();
    spec.notices.push(Notice { instance, action, at_ms: 0, lead_ms: LEAD_MS });
    spec.deliveries.push(DeliverySpec { at_ms: 0, payload, crash_after_ms: None });
    spec
}

fn workload(Kind(name, owner, pods, grace, special): &Kind, node: &str) -> WorkloadSpec {
    let kind = match owner {
        _ if *special == Special::Finished => WorkloadKind::Job,
        Owner::Deployment => WorkloadKind::Deployment,
        Owner::StatefulSet => WorkloadKind::StatefulSet,
        Owner::DaemonSet => WorkloadKind::DaemonSet,
        Owner::Bare | Owner::Bound => WorkloadKind::Bare,
        Owner::Kubelet => WorkloadKind::Mirror,
    };
    WorkloadSpec {
        namespace: NAMESPACE.to_owned(),
        kind,
        grace_s: *grace,
        exit: ExitTime::Ms(if *special == Special::Leaving { 9_000 } else { 300 }),
        ready_ms: 1_000,
        priority_class: (*special == Special::Critical).then(|| "system-cluster-critical".to_owned()),
        state: match special {
            Special::Leaving => PodState::Terminating,
            Special::Finished => PodState::Succeeded,
            Special::Broken => PodState::UnreadyUntil(u64::MAX),
            Special::Nothing | Special::Critical => PodState::Ready,
        },
        ..WorkloadSpec::deployment(name, vec![node.to_owned(); *pods as usize])
    }
}
