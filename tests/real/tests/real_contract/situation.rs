//! One cluster twice: in the lab and as the spec of a world.

use std::time::Duration;

use anyhow::Result;
use cast_spot_real::{
    clock::{self, eventually},
    lab::{Lab, PATIENCE, phase},
    workload::{Owner, Workload},
};
use cast_spot_rehearsal::{
    Action, Budget, ExitTime, Fault, PdbSpec, PodState, TerminatingNamespace, WorkloadKind, WorkloadSpec,
    WorldSpec,
};
use k8s_openapi::api::{
    core::v1::{Namespace, Node, Pod, ServiceAccount},
    policy::v1::PodDisruptionBudget,
};
use kube::{
    Api,
    api::{DeleteParams, PostParams},
};
use serde_json::json;

use crate::refusals::Refuser;

/// The namespace of everything.
pub(crate) const NAMESPACE: &str = "contract";
/// A terminating namespace that waits for its one pod.
pub(crate) const ENDING: &str = "contract-closing";
/// Both namespaces.
pub(crate) const NAMESPACES: [&str; 2] = [NAMESPACE, ENDING];

/// Nodes without pods, so that lists have several pages.
const SPARES: usize = 3;

/// Pods that take longer to end than the test.
const GRACE: u32 = 600;

const WORKLOADS: [(&str, Owner, WorkloadKind); 6] = [
    ("free", Owner::Deployment, WorkloadKind::Deployment),
    ("kept", Owner::Deployment, WorkloadKind::Deployment),
    ("twice", Owner::Deployment, WorkloadKind::Deployment),
    ("unready", Owner::Deployment, WorkloadKind::Deployment),
    ("agent", Owner::DaemonSet, WorkloadKind::DaemonSet),
    ("alone", Owner::Bare, WorkloadKind::Bare),
];

/// Name of the budget, its workload, its maxUnavailable.
const BUDGETS: [(&str, &str, u32); 4] =
    [("kept", "kept", 0), ("first", "twice", 1), ("second", "twice", 1), ("unready", "unready", 0)];

/// The cluster in the lab.
pub(crate) async fn real(lab: &Lab<'_>) -> Result<()> {
    let nodes: Api<Node> = Api::all(lab.stack.kube.clone());
    for index in 0..SPARES {
        let object = json!({ "metadata": { "name": format!("{NAMESPACE}-{index}") } });
        nodes.create(&PostParams::default(), &serde_json::from_value(object)?).await?;
    }
    for (name, owner, _) in WORKLOADS {
        let workload = Workload::of(owner, name, 1).grace(GRACE).exits_after("1h");
        lab.run(&if name == "unready" { workload.never_ready() } else { workload }).await?;
    }
    for (name, workload, max) in BUDGETS {
        lab.budget(name, workload, &json!({ "maxUnavailable": max })).await?;
    }
    lab.create::<PodDisruptionBudget>(json!({
        "metadata": { "name": "agent" },
        "spec": { "maxUnavailable": 1, "selector": { "matchLabels": { "app": "agent" } } },
    }))
    .await?;
    eventually("the budget over the DaemonSet has failed", PATIENCE, async || {
        let budget = lab.api::<PodDisruptionBudget>().get("agent").await?;
        let conditions = budget.status.and_then(|status| status.conditions).unwrap_or_default();
        Ok(conditions.iter().any(|condition| condition.reason == "SyncFailed").then_some(()))
    })
    .await?;
    ending(lab).await
}

async fn ending(lab: &Lab<'_>) -> Result<()> {
    let client = &lab.stack.kube;
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let object = serde_json::from_value(json!({ "metadata": { "name": ENDING } }))?;
    namespaces.create(&PostParams::default(), &object).await?;
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), ENDING);
    eventually("the service account", PATIENCE, async || Ok(accounts.get_opt("default").await?)).await?;
    let pods: Api<Pod> = Api::namespaced(client.clone(), ENDING);
    let pod = serde_json::from_value(json!({
        "metadata": {
            "name": "ending-0",
            "labels": { "app": "ending" },
            "annotations": { "pod-delete.stage.kwok.x-k8s.io/delay": "1h" },
        },
        "spec": {
            "nodeName": lab.victim().node,
            "terminationGracePeriodSeconds": GRACE,
            "containers": [{ "name": "main", "image": "registry.k8s.io/pause:3.10" }],
        },
    }))?;
    pods.create(&PostParams::default(), &pod).await?;
    eventually("the pod runs", PATIENCE, async || {
        Ok(pods.get_opt("ending-0").await?.filter(|pod| phase(pod) == "Running"))
    })
    .await?;
    namespaces.delete(ENDING, &DeleteParams::default()).await?;
    eventually("the pod terminates", PATIENCE, async || {
        Ok(pods.get_opt("ending-0").await?.filter(|pod| pod.metadata.deletion_timestamp.is_some()))
    })
    .await?;
    Ok(())
}

/// [`world`] with an API server that refuses every call.
pub(crate) fn world_with(refuser: Refuser) -> WorldSpec {
    let mut spec = world();
    spec.faults.push(Fault::always(cast_spot_rehearsal::Api::Kubernetes, refuser.fault()));
    spec
}

/// The cluster as a world.
pub(crate) fn world() -> WorldSpec {
    let mut spec = WorldSpec::baseline(1, 1 + SPARES, 0);
    spec.start = clock::now();
    spec.pace.latency_ms = 2;
    spec.settings.time_limit_ms = Duration::from_mins(10).as_millis() as u64;
    spec.interrupt(0, Action::Terminate, 0);
    let node = spec.clusters[0].nodes[0].name.clone();
    let cluster = spec.cluster();
    let of = |name: &str, kind| WorkloadSpec {
        namespace: NAMESPACE.to_owned(),
        kind,
        grace_s: GRACE,
        exit: ExitTime::Never,
        ..WorkloadSpec::deployment(name, vec![node.clone()])
    };
    cluster.workloads = WORKLOADS.iter().map(|(name, _, kind)| of(name, *kind)).collect();
    cluster.workload("unready").state = PodState::UnreadyUntil(u64::MAX);
    cluster.workloads.push(WorkloadSpec {
        namespace: ENDING.to_owned(),
        state: PodState::Terminating,
        ..of("ending", WorkloadKind::Bare)
    });
    let over = |name: &str, app: &str, max| PdbSpec {
        namespace: NAMESPACE.to_owned(),
        name: name.to_owned(),
        ..PdbSpec::over(app, Budget::MaxUnavailable(max))
    };
    cluster.pdbs = BUDGETS.iter().map(|(name, app, max)| over(name, app, *max)).collect();
    cluster.pdbs.push(over("agent", "agent", 1));
    cluster.terminating = vec![TerminatingNamespace { name: ENDING.to_owned(), pods_deleted_ms: None }];
    spec
}
