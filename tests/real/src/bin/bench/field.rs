//! Full nodes to drain: each with its own Deployment, so that it carries exactly the pods of the case, and four
//! DaemonSets. Replacements stay pending: their node is cordoned, and they fit no other.

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context, Result, ensure};
use cast_spot_real::{
    clock::{self, eventually},
    cloud::LAB,
    lab::Lab,
    workload::{Owner, Workload},
};
use futures_util::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{Namespace, Node, Pod},
    policy::v1::PodDisruptionBudget,
};
use kube::{
    Api,
    api::{DeleteParams, ListParams, WatchEvent, WatchParams},
};
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::case::Case;

const PATIENCE: Duration = Duration::from_mins(5);
const DAEMON_SETS: usize = 4;

/// Fills the new nodes of the case.
pub(crate) async fn fill(lab: &mut Lab<'_>, case: &Case) -> Result<()> {
    lab.scale(case.nodes).await?;
    ensure!(lab.machines.len() == case.nodes, "{} machines", lab.machines.len());
    for index in 0..DAEMON_SETS {
        lab.run(&Workload::of(Owner::DaemonSet, &format!("agent-{index}"), 1)).await?;
    }
    for (index, machine) in lab.machines.iter().enumerate() {
        let labels = json!({ "bench": "load", "on": index.to_string() });
        lab.create::<Deployment>(json!({
            "metadata": { "name": format!("load-{index}") },
            "spec": {
                "replicas": case.pods,
                "selector": { "matchLabels": labels },
                "template": {
                    "metadata": {
                        "labels": labels,
                        "annotations": {
                            "pod-delete.stage.kwok.x-k8s.io/delay": "0s",
                        },
                    },
                    "spec": {
                        "terminationGracePeriodSeconds": 30,
                        "nodeSelector": { "kubernetes.io/hostname": machine.node },
                        "containers": [{ "name": "main", "image": "registry.k8s.io/pause:3.10" }],
                    },
                },
            },
        }))
        .await?;
    }
    let deployments = lab.api::<Deployment>();
    eventually("all pods are Ready", PATIENCE, async || {
        // Polls rarely, to load the API server little.
        sleep(Duration::from_secs(1)).await;
        let ready = deployments.list(&ListParams::default()).await?.into_iter();
        let ready = ready.filter_map(|deployment| deployment.status?.ready_replicas).sum::<i32>();
        Ok((usize::try_from(ready)? == case.nodes * case.pods).then_some(()))
    })
    .await?;
    if case.budget { cover(lab, case.nodes * case.pods).await } else { Ok(()) }
}

/// Creates one PodDisruptionBudget over all pods, which allows all evictions.
async fn cover(lab: &Lab<'_>, pods: usize) -> Result<()> {
    lab.create::<PodDisruptionBudget>(json!({
        "metadata": { "name": "all" },
        "spec": { "maxUnavailable": pods, "selector": { "matchLabels": { "bench": "load" } } },
    }))
    .await?;
    eventually("the budget allows all", PATIENCE, async || {
        let status = lab.api::<PodDisruptionBudget>().get("all").await?.status;
        let allowed = status.map(|status| status.disruptions_allowed).unwrap_or_default();
        Ok((usize::try_from(allowed)? == pods).then_some(()))
    })
    .await
}

/// A pod of the case.
#[derive(Debug, Clone)]
pub(crate) struct Placed {
    pub(crate) name: String,
    pub(crate) uid: String,
}

/// The pods of the case, until they end.
pub(crate) struct Load {
    pods: Api<Pod>,
    names: BTreeSet<String>,
    version: String,
    placed: Vec<Placed>,
}

impl Load {
    /// The pods before the notices.
    pub(crate) async fn of(lab: &Lab<'_>, case: &Case) -> Result<Self> {
        let pods = lab.api::<Pod>();
        let list = pods.list(&ListParams::default().labels("bench=load")).await?;
        let version = list.metadata.resource_version.clone().context("a list has a version")?;
        let placed: Vec<_> = list
            .into_iter()
            .filter_map(|pod| Some(Placed { name: pod.metadata.name?, uid: pod.metadata.uid? }))
            .collect();
        let names: BTreeSet<_> = placed.iter().map(|pod| pod.name.clone()).collect();
        ensure!(names.len() == case.nodes * case.pods, "{} pods", names.len());
        Ok(Self { pods, names, version, placed })
    }

    /// The pods with their nodes.
    pub(crate) fn placed(&self) -> Vec<Placed> {
        self.placed.clone()
    }

    /// Waits for the end of the last pod, and returns its time.
    pub(crate) async fn gone(mut self) -> Result<Timestamp> {
        let end = timeout(PATIENCE, self.watch()).await;
        ensure!(self.names.is_empty(), "{} pods stayed: {end:?}", self.names.len());
        end?
    }

    /// Watches the pods end. A watch that the API server ends, because this machine reads too slowly, is started again.
    async fn watch(&mut self) -> Result<Timestamp> {
        let parameters = WatchParams::default().labels("bench=load").timeout(290);
        while !self.names.is_empty() {
            let mut events = self.pods.watch(&parameters, &self.version).await?.boxed();
            while let Some(event) = events.try_next().await? {
                if let WatchEvent::Deleted(pod) = event {
                    self.names.remove(&pod.metadata.name.unwrap_or_default());
                }
                if self.names.is_empty() {
                    return Ok(clock::now());
                }
            }
            let list = self.pods.list(&ListParams::default().labels("bench=load")).await?;
            self.version = list.metadata.resource_version.clone().context("a list has a version")?;
            let standing: BTreeSet<_> = list.into_iter().filter_map(|pod| pod.metadata.name).collect();
            self.names.retain(|name| standing.contains(name));
        }
        Ok(clock::now())
    }
}

/// Deletes everything, so that the next round starts on an idle machine.
pub(crate) async fn clear(lab: &Lab<'_>) -> Result<()> {
    let namespaces: Api<Namespace> = Api::all(lab.stack.kube.clone());
    namespaces.delete(&lab.name, &DeleteParams::default()).await?;
    eventually("the namespace is deleted", PATIENCE, async || {
        sleep(Duration::from_secs(1)).await;
        Ok(namespaces.get_opt(&lab.name).await?.is_none().then_some(()))
    })
    .await?;
    let nodes: Api<Node> = Api::all(lab.stack.kube.clone());
    let label = ListParams::default().labels(&format!("{LAB}={}", lab.name));
    nodes.delete_collection(&DeleteParams::default(), &label).await?;
    Ok(())
}
