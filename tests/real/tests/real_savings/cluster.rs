//! Proposed nodes and their pods on the real control plane.

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context, Result};
use cast_spot_real::clock::eventually;
use cast_spot_savings::{demand::Demand, fit, offers::Offer, snapshot::Snapshot};
use futures_util::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::{
    apps::v1::DaemonSet,
    core::v1::{Node, PersistentVolume, PersistentVolumeClaim, Pod},
    storage::v1::CSINode,
};
use kube::{
    Api,
    api::{DeleteParams, ListParams, PostParams},
};
use serde_json::{Value, from_value, json};
use tokio::time::sleep;

use crate::shapes::Shape;

const PATIENCE: Duration = Duration::from_mins(2);
/// Calls at the same time.
const AT_ONCE: usize = 8;

pub(crate) struct Cluster {
    nodes: Api<Node>,
    csi_nodes: Api<CSINode>,
    pods: Api<Pod>,
    daemons: Api<DaemonSet>,
    all_pods: Api<Pod>,
    volumes: Api<PersistentVolume>,
    claims: Api<PersistentVolumeClaim>,
}

impl Cluster {
    pub(crate) fn new(client: kube::Client) -> Self {
        Self {
            nodes: Api::all(client.clone()),
            csi_nodes: Api::all(client.clone()),
            pods: Api::default_namespaced(client.clone()),
            daemons: Api::namespaced(client.clone(), "kube-system"),
            all_pods: Api::all(client.clone()),
            volumes: Api::all(client.clone()),
            claims: Api::default_namespaced(client),
        }
    }

    /// Creates what exists before the nodes: DaemonSets, bound volumes.
    pub(crate) async fn prepare(&self, shape: &Shape) -> Result<()> {
        let create = PostParams::default();
        for daemon in &shape.snapshot.daemon_sets {
            self.daemons.create(&create, daemon).await?;
        }
        for volume in &shape.snapshot.persistent_volumes {
            self.volumes.create(&create, volume).await?;
        }
        for claim in &shape.snapshot.persistent_volume_claims {
            self.claims.create(&create, claim).await?;
        }
        eventually("claims bound", PATIENCE, async || {
            let claims = self.claims.list(&ListParams::default()).await?;
            let bound = |claim: &PersistentVolumeClaim| {
                claim.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Bound")
            };
            Ok(claims.iter().all(bound).then_some(()))
        })
        .await
    }

    /// Creates nodes as offered, with the pods of their DaemonSets.
    pub(crate) async fn add_nodes(&self, offers: &[(usize, &Offer)], shape: &Shape) -> Result<()> {
        stream::iter(offers.iter().map(|(index, offer)| self.add_node(*index, offer)))
            .buffer_unordered(AT_ONCE)
            .try_collect::<()>()
            .await?;
        for (index, offer) in offers {
            let daemons: Vec<_> = Demand::read(&shape.snapshot).daemons;
            let expected = fit::daemons_on(&daemons, offer).len();
            self.wait_for_node(&format!("node-{index}"), expected).await?;
        }
        Ok(())
    }

    async fn wait_for_node(&self, name: &str, daemons: usize) -> Result<()> {
        let on_it = ListParams::default().fields(&format!("spec.nodeName={name}"));
        eventually("a node with its DaemonSets", PATIENCE, async || {
            let node = self.nodes.get(name).await?;
            let taints = node.spec.and_then(|spec| spec.taints).unwrap_or_default();
            let ready = !taints.iter().any(|taint| taint.key.starts_with("node.kubernetes.io/"));
            let pods = self.all_pods.list(&on_it).await?.items.len();
            Ok((ready && pods >= daemons).then_some(()))
        })
        .await
    }

    /// Creates today's nodes that pods run on, cordoned, with these pods bound to them. A node named `open` is not
    /// among them.
    pub(crate) async fn add_today(&self, snapshot: &Snapshot, open: Option<&str>) -> Result<()> {
        let create = PostParams::default();
        let place = |pod: &Pod| pod.spec.as_ref().and_then(|spec| spec.node_name.clone());
        let used: BTreeSet<String> = snapshot.pods.iter().filter_map(place).collect();
        let name = |node: &Node| node.metadata.name.clone().unwrap_or_default();
        let is_today = |node: &&Node| used.contains(&name(node)) && Some(name(node).as_str()) != open;
        let nodes: Vec<&Node> = snapshot.nodes.iter().filter(is_today).collect();
        for node in &nodes {
            let mut node = (*node).clone();
            node.spec.get_or_insert_default().unschedulable = Some(true);
            self.nodes.create(&create, &node).await?;
        }
        let is_on_them = |pod: &&Pod| nodes.iter().any(|node| place(pod) == Some(name(node)));
        let bind = |pod: &Pod| {
            let pod = without_owner(pod);
            async move { self.pods.create(&PostParams::default(), &pod).await.map(|_| ()) }
        };
        let pods = snapshot.pods.iter().filter(is_on_them);
        stream::iter(pods.map(bind)).buffered(AT_ONCE).try_collect::<()>().await?;
        Ok(())
    }

    /// Creates a node of the snapshot, with `daemons` pods of DaemonSets, and its other pods bound to it.
    pub(crate) async fn add_kept(&self, node: &Node, daemons: usize, pods: &[Pod]) -> Result<()> {
        let create = PostParams::default();
        self.nodes.create(&create, node).await?;
        self.wait_for_node(node.metadata.name.as_deref().context("a name")?, daemons).await?;
        for pod in pods {
            self.pods.create(&create, &without_owner(pod)).await?;
        }
        Ok(())
    }

    async fn add_node(&self, index: usize, offer: &Offer) -> Result<()> {
        let name = format!("node-{index}");
        let mut labels = offer.labels.clone();
        labels.insert("kubernetes.io/hostname".to_owned(), name.clone());
        let mut has = json!({
            "cpu": format!("{}m", offer.allocatable.cpu),
            "memory": offer.allocatable.memory.to_string(),
            "ephemeral-storage": offer.allocatable.ephemeral_storage.to_string(),
            "pods": offer.max_pods.to_string(),
        });
        for (resource, amount) in &offer.allocatable.extended {
            has[resource] = amount.to_string().into();
        }
        let node = json!({
            "metadata": { "name": name, "labels": labels },
            "spec": { "providerID": format!("aws:///{}/i-{index}", offer.zone), "taints": offer.taints },
            "status": { "allocatable": has, "capacity": has },
        });
        self.nodes.create(&PostParams::default(), &from_value(node)?).await?;
        let driver = json!({
            "name": "ebs.csi.aws.com", "nodeID": format!("i-{index}"),
            "topologyKeys": ["topology.ebs.csi.aws.com/zone"],
            "allocatable": { "count": offer.max_volumes },
        });
        let csi_node = json!({ "metadata": { "name": name }, "spec": { "drivers": [driver] } });
        self.csi_nodes.create(&PostParams::default(), &from_value(csi_node)?).await?;
        Ok(())
    }

    /// Moves pods of the shape: deletes those that run on today's nodes, creates all with the constraints of the
    /// proposal, and waits until the scheduler has decided on each.
    pub(crate) async fn add_pods(&self, shape: &Shape, demand: &Demand, pods: &[usize]) -> Result<()> {
        let now = DeleteParams::default().grace_period(0);
        for index in pods {
            let pod = &shape.snapshot.pods[demand.pods[*index].source];
            if pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some()) {
                self.pods.delete(pod.metadata.name.as_deref().context("a name")?, &now).await?;
            }
        }
        let create = |index: &usize| {
            let wanted = &demand.pods[*index];
            let mut pod = without_owner(&shape.snapshot.pods[wanted.source]);
            // Where it runs in the snapshot.
            if pod.spec.get_or_insert_default().node_name.take().is_some() {
                pod.metadata.name.get_or_insert_default().push_str("-moved");
            }
            let spec = pod.spec.get_or_insert_default();
            spec.node_selector.get_or_insert_default().extend(wanted.pins.clone());
            async move { self.pods.create(&PostParams::default(), &pod).await.map(|_| ()) }
        };
        stream::iter(pods.iter().map(create)).buffered(AT_ONCE).try_collect::<()>().await?;
        eventually("an answer for each pod", PATIENCE, async || {
            let pods = self.pods.list(&ListParams::default()).await?;
            Ok(pods.iter().all(|pod| is_bound(pod) || refusal(pod).is_some()).then_some(()))
        })
        .await
    }

    /// Pods without a node, with the scheduler's reason, after it had time to retry.
    pub(crate) async fn pending(&self) -> Result<Vec<(String, String)>> {
        let mut left = Vec::new();
        for _ in 0..20 {
            let pods = self.pods.list(&ListParams::default()).await?;
            let unbound = pods.iter().filter(|pod| !is_bound(pod));
            left = unbound
                .map(|pod| {
                    let name = pod.metadata.name.clone().unwrap_or_default();
                    (name, refusal(pod).unwrap_or_default())
                })
                .collect();
            if left.is_empty() {
                break;
            }
            sleep(Duration::from_millis(500)).await;
        }
        Ok(left)
    }

    /// Deletes everything.
    pub(crate) async fn clear(&self) -> Result<()> {
        let all = ListParams::default();
        let now = DeleteParams::default().grace_period(0);
        self.daemons.delete_collection(&DeleteParams::background(), &all).await?;
        self.pods.delete_collection(&now, &all).await?;
        self.claims.delete_collection(&now, &all).await?;
        self.volumes.delete_collection(&now, &all).await?;
        self.csi_nodes.delete_collection(&now, &all).await?;
        eventually("an empty cluster", PATIENCE, async || {
            let system = self.all_pods.list(&all).await?;
            for pod in &system {
                let namespace = pod.metadata.namespace.clone().unwrap_or_default();
                let client = self.all_pods.clone().into_client();
                let pods = Api::<Pod>::namespaced(client, &namespace);
                // It may be deleted already.
                let _ = pods.delete(pod.metadata.name.as_deref().context("a name")?, &now).await;
            }
            let claims = self.claims.list(&all).await?.items.is_empty();
            let volumes = self.volumes.list(&all).await?.items.is_empty();
            Ok((system.items.is_empty() && claims && volumes).then_some(()))
        })
        .await?;
        self.nodes.delete_collection(&now, &all).await?;
        Ok(())
    }
}

/// Removes owner references: the owners do not exist, and the garbage collector would delete the object.
fn without_owner(pod: &Pod) -> Pod {
    let mut pod = pod.clone();
    pod.metadata.owner_references = None;
    pod
}

fn is_bound(pod: &Pod) -> bool {
    pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some())
}

fn refusal(pod: &Pod) -> Option<String> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let refused = conditions.iter().find(|found| found.type_ == "PodScheduled" && found.status == "False")?;
    Some(refused.message.clone().unwrap_or_default())
}

/// For shapes: what a claim and its volume look like.
pub(crate) fn volume(name: &str, zone: &str) -> (Value, Value) {
    let size = json!({ "storage": "1Gi" });
    let volume = json!({
        "metadata": { "name": name },
        "spec": {
            "accessModes": ["ReadWriteOnce"], "capacity": size, "storageClassName": "",
            "persistentVolumeReclaimPolicy": "Retain",
            "claimRef": { "namespace": "default", "name": name },
            "csi": { "driver": "ebs.csi.aws.com", "volumeHandle": format!("vol-{name}") },
            "nodeAffinity": { "required": { "nodeSelectorTerms": [{ "matchExpressions": [
                { "key": "topology.ebs.csi.aws.com/zone", "operator": "In", "values": [zone] },
            ]}]}},
        },
    });
    let claim = json!({
        "metadata": { "namespace": "default", "name": name },
        "spec": {
            "accessModes": ["ReadWriteOnce"], "resources": { "requests": size }, "storageClassName": "",
            "volumeName": name,
        },
    });
    (volume, claim)
}
