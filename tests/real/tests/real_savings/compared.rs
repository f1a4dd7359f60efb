//! The whole comparison: a snapshot with its verdicts, node groups and nodes that stay, and its proposal on the real
//! control plane.

use anyhow::{Context, Result, ensure};
use cast_spot_savings::{
    catalog::Market,
    choices::Choices,
    compare::{Comparison, Placed, compare},
    demand::Demand,
    fit,
    offers::Offer,
    prices::PriceList,
    snapshot::Snapshot,
};
use k8s_openapi::api::core::v1::{Node, Pod};
use serde_json::{Value, from_value, json};

use crate::{
    fleet::{self, ZONES, pod, replicas},
    shapes::Shape,
    with_cluster,
};

const NOW: &str = "2026-11-27T12:00:00Z";
/// The biggest new node; one pod of today's big node is bigger.
const MAX_VCPUS: u32 = 16;
const BIG: &str = "today-big";

pub(crate) fn today(name: &str, offer: &Offer, zone: &str, pool: &str) -> Value {
    let taints = match pool {
        "batch" => json!([{ "key": "dedicated", "value": "batch", "effect": "NoSchedule" }]),
        _ => json!([]),
    };
    let has = json!({
        "cpu": format!("{}m", offer.allocatable.cpu), "memory": offer.allocatable.memory.to_string(),
        "ephemeral-storage": offer.allocatable.ephemeral_storage.to_string(), "pods": offer.max_pods.to_string(),
    });
    json!({
        "metadata": { "name": name, "labels": {
            "kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux", "kubernetes.io/hostname": name,
            "node.kubernetes.io/instance-type": offer.instance_type, "topology.kubernetes.io/zone": zone,
            "eks.amazonaws.com/capacityType": "ON_DEMAND", "pool": pool,
        }},
        "spec": { "providerID": format!("aws:///{zone}/i-{name}"), "taints": taints },
        "status": { "allocatable": has, "capacity": has },
    })
}

/// `count` pods of one controller, on these nodes in turns.
fn workload(template: &Value, count: usize, kind: &str, nodes: &[&str]) -> Vec<Value> {
    let name = template["metadata"]["name"].clone();
    let mut pods = replicas(template, count);
    for (pod, node) in pods.iter_mut().zip(nodes.iter().cycle()) {
        pod["metadata"]["ownerReferences"] =
            json!([{ "apiVersion": "apps/v1", "kind": kind, "name": name, "uid": "1", "controller": true }]);
        pod["spec"]["nodeName"] = (*node).into();
    }
    pods
}

fn snapshot() -> Snapshot {
    let offers = fleet::on_demand(190, 1, None);
    let offer = |name: &str| offers.iter().find(|offer| offer.instance_type == name).unwrap();
    let (usual, big) = (offer("m5.4xlarge"), offer("m5.24xlarge"));
    let general = ["today-0", "today-1", "today-2", "today-3", "today-4", "today-5"];
    let mut nodes: Vec<Value> =
        (0..6).map(|index| today(general[index], usual, ZONES[index % 3], "general")).collect();
    nodes.extend((0..2).map(|index| today(&format!("today-b{index}"), usual, ZONES[index], "batch")));
    nodes.push(today(BIG, big, ZONES[0], "general"));

    let everywhere: Vec<&str> = general.into_iter().chain([BIG]).collect();
    let mut pods = workload(&pod("huge", 40_000, 100_000), 1, "StatefulSet", &[BIG]);
    pods.extend(workload(&pod("web", 700, 1_500), 21, "ReplicaSet", &everywhere));
    pods.extend(workload(&pod("cache", 500, 6_000), 6, "StatefulSet", &general));
    pods.extend(workload(&pod("single", 1_500, 2_000), 1, "ReplicaSet", &general));
    let mut even = pod("even", 900, 1_800);
    even["spec"]["topologySpreadConstraints"] = json!([{
        "topologyKey": "topology.kubernetes.io/zone", "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": { "matchLabels": { "app": "even" } },
    }]);
    pods.extend(workload(&even, 9, "ReplicaSet", &general));
    let mut batch = pod("batch", 2_500, 9_000);
    batch["spec"]["nodeSelector"] = json!({ "pool": "batch" });
    batch["spec"]["tolerations"] = json!([{ "key": "dedicated", "value": "batch", "effect": "NoSchedule" }]);
    pods.extend(workload(&batch, 8, "ReplicaSet", &["today-b0", "today-b1"]));
    Snapshot { nodes: from_value(nodes.into()).unwrap(), ..fleet::snapshot(pods) }
}

/// With the DaemonSets' pods on its nodes, last: without any, it is not the whole cluster.
fn whole(snapshot: &Snapshot) -> Snapshot {
    let mut whole = snapshot.clone();
    for node in &snapshot.nodes {
        let name = node.metadata.name.as_deref().unwrap();
        for daemon in &snapshot.daemon_sets {
            let owner = daemon.metadata.name.as_deref().unwrap();
            let pod = json!({
                "metadata": { "namespace": "kube-system", "name": format!("{owner}-{name}"), "ownerReferences":
                    [{ "apiVersion": "apps/v1", "kind": "DaemonSet", "name": owner, "uid": "1", "controller": true }] },
                "spec": daemon.spec.as_ref().unwrap().template.spec,
            });
            let mut pod: Pod = from_value(pod).unwrap();
            pod.spec.as_mut().unwrap().node_name = Some(name.to_owned());
            whole.pods.push(pod);
        }
    }
    whole
}

/// Asserts that the comparison covers every case of this test.
fn check(snapshot: &Snapshot, found: &Comparison) -> Result<()> {
    let has = |market, pool: &str| {
        let mut new = found.nodes.iter().filter_map(|node| node.offer.as_ref());
        new.any(|offer| offer.market == market && offer.labels["pool"] == pool)
    };
    for (market, pool) in [(Market::Spot, "general"), (Market::Spot, "batch")] {
        ensure!(has(market, pool), "no {market:?} node of the pool {pool}");
    }
    let kept: Vec<&Placed> = found.nodes.iter().filter(|node| node.offer.is_none()).collect();
    ensure!(kept.len() == 1 && kept[0].machine.name == BIG, "{kept:?} stay");
    ensure!(!kept[0].wave.is_empty(), "no pod moves to the node that stays");
    let unplaced: Vec<&str> = found.report.unplaced.iter().map(|pod| pod.pod.as_str()).collect();
    ensure!(unplaced == ["huge-0", "huge-0"], "{unplaced:?} have no place");
    let mut all: Vec<usize> = found.nodes.iter().flat_map(|node| &node.pods).copied().collect();
    all.sort_unstable();
    ensure!(all == (0..snapshot.pods.len()).collect::<Vec<_>>(), "pods are lost, or twice: {all:?}");
    ensure!(found.report.spot.configuration.hourly < found.report.today.hourly, "it saves nothing");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the programs that `cargo xtask` sets up"]
async fn the_scheduler_places_the_proposal_beside_the_kept_nodes() -> Result<()> {
    let snapshot = snapshot();
    let prices = PriceList { catalog: fleet::catalog(190), ..PriceList::default() };
    let choices = Choices { max_vcpus: Some(MAX_VCPUS), ..Choices::default() };
    let found = compare(&whole(&snapshot), Some(&prices), &choices, NOW.parse()?);
    check(&snapshot, &found)?;
    let mut demand = Demand::read(&snapshot);
    let new: Vec<(&Offer, &Placed)> =
        found.nodes.iter().filter_map(|node| Some((node.offer.as_ref()?, node))).collect();
    for (offer, node) in &new {
        for pod in demand.pods.iter_mut().filter(|pod| node.pods.contains(&pod.source)) {
            pod.pin_to(offer.market);
        }
    }
    let stays: Node = snapshot
        .nodes
        .iter()
        .find(|node| node.metadata.name.as_deref() == Some(BIG))
        .cloned()
        .context("the node that stays")?;
    let kept: Vec<&Placed> = found.nodes.iter().filter(|node| node.offer.is_none()).collect();
    for pod in demand.pods.iter_mut().filter(|pod| kept.iter().any(|node| node.wave.contains(&pod.source))) {
        pod.pin_to(Market::OnDemand);
    }
    let is_bound = |pod: &&Pod| pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()) == Some(BIG);
    let bound: Vec<Pod> = snapshot.pods.iter().filter(is_bound).cloned().collect();
    let offers: Vec<Offer> = new.iter().map(|(offer, _)| (*offer).clone()).collect();
    let shape = Shape { name: "through the comparison", snapshot, offers };
    with_cluster("compared", async |cluster| {
        cluster.prepare(&shape).await?;
        // Its DaemonSets are those of any node without a taint.
        let daemons = fit::daemons_on(&demand.daemons, &shape.offers[0]).len();
        cluster.add_today(&shape.snapshot, Some(BIG)).await?;
        cluster.add_kept(&stays, daemons, &bound).await?;
        let wave = |node: &Placed| {
            let places = demand.pods.iter().enumerate();
            let places = places.filter(|(_, pod)| node.wave.contains(&pod.source));
            places.map(|(place, _)| place).collect::<Vec<_>>()
        };
        for node in &kept {
            cluster.add_pods(&shape, &demand, &wave(node)).await?;
        }
        for (index, (offer, node)) in new.iter().enumerate() {
            cluster.add_nodes(&[(index, *offer)], &shape).await?;
            cluster.add_pods(&shape, &demand, &wave(node)).await?;
        }
        let pending = cluster.pending().await?;
        ensure!(pending.is_empty(), "{pending:?}");
        Ok(())
    })
    .await
}
