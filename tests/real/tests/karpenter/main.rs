//! What `cast-spot savings --output nodepool` prints, on a real API server with Karpenter's own definitions, and on
//! Karpenter itself: it launches what is proposed.

#![expect(clippy::unwrap_used, reason = "a test that fails says so")]

mod cluster;
mod proposal;

use std::{collections::BTreeMap, env, fs, path::Path, process};

use anyhow::{Result, ensure};
use cast_spot_real::{
    control_plane::ControlPlane,
    karpenter::{Karpenter, Mode, Programs, apply, on_kwok},
    tools::Tools,
};
use cast_spot_savings::catalog::Market;
use serde_json::Value;

use crate::{cluster::Cluster, proposal::Proposal};

/// Price of a KWOK node, for an hour in dollars.
const PRICE: &str = "eks-node-viewer/instance-price";

async fn with_control_plane(
    name: &str,
    play: impl AsyncFnOnce(&ControlPlane, &Programs, &Path) -> Result<()>,
) -> Result<()> {
    let folder = env::temp_dir().join(format!("cast-spot-karpenter-{name}-{}", process::id()));
    let programs = Programs::from_environment()?;
    let mut control_plane = ControlPlane::start(&Tools::from_environment()?, &folder, None).await?;
    programs.add_crds(&control_plane.client()?).await?;
    play(&control_plane, &programs, &folder).await?;
    control_plane.stop();
    fs::remove_dir_all(&folder)?;
    Ok(())
}

#[tokio::test]
#[ignore = "needs the programs that `cargo xtask` sets up"]
async fn the_api_server_accepts_what_is_printed() -> Result<()> {
    with_control_plane("schema", async |control_plane, _, _| {
        let client = control_plane.client()?;
        let proposal = Proposal::of_the_shop();
        let cluster = Cluster::new(&client);
        cluster.add_namespaces(&proposal.snapshot).await?;
        cluster.add_workloads(&proposal.snapshot).await?;
        let objects = proposal.objects();
        for mode in [Mode::DryRun, Mode::Real] {
            for object in &objects {
                apply(&client, object, mode).await?;
            }
        }
        Cluster::run_patches(&proposal, control_plane)?;
        // Shows that the test can fail.
        let mut misspelt = objects.iter().find(|object| object["kind"] == "NodePool").unwrap().clone();
        misspelt["spec"]["template"]["spec"]["taint"] = Value::Array(Vec::new());
        ensure!(apply(&client, &misspelt, Mode::DryRun).await.is_err(), "an unknown field is accepted");
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs the programs that `cargo xtask` sets up"]
async fn karpenter_launches_what_is_proposed() -> Result<()> {
    with_control_plane("launches", async |control_plane, programs, folder| {
        let client = control_plane.client()?;
        let proposal = Proposal::of_the_shop();
        let cluster = Cluster::new(&client);
        cluster.add_namespaces(&proposal.snapshot).await?;
        cluster.add_volumes(&proposal.snapshot).await?;
        cluster.add_daemon_sets(&proposal).await?;
        let _karpenter =
            Karpenter::start(programs, control_plane, folder, &proposal.instance_types()).await?;
        // Budgets are for pods with owners, which these are not.
        let pools: Vec<Value> = on_kwok(&proposal.objects());
        for object in pools.iter().filter(|object| object["kind"] != "PodDisruptionBudget") {
            apply(&client, object, Mode::Real).await?;
        }
        let pods = proposal.pods();
        cluster.add_pods(&pods).await?;
        let nodes = cluster.nodes_once_all_are_bound().await?;
        check(&proposal, &pods, &pools, &cluster, &nodes).await
    })
    .await
}

/// Asserts that each node is one that its NodePool allows, and that no pod of an On-Demand workload is on Spot.
#[expect(clippy::print_stdout, reason = "figures of a run")]
async fn check(
    proposal: &Proposal,
    pods: &[(Value, Market)],
    pools: &[Value],
    cluster: &Cluster,
    nodes: &BTreeMap<String, BTreeMap<String, String>>,
) -> Result<()> {
    let mut launched: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (name, labels) in nodes {
        let of = |key: &str| labels.get(key).map(String::as_str).unwrap_or_default();
        let pool = pools.iter().find(|pool| pool["metadata"]["name"] == of("karpenter.sh/nodepool")).unwrap();
        for requirement in pool["spec"]["template"]["spec"]["requirements"].as_array().unwrap() {
            let value = of(requirement["key"].as_str().unwrap());
            let allowed = requirement["values"].as_array().unwrap();
            ensure!(allowed.iter().any(|found| found == value), "{name}: {requirement}, but {labels:?}");
        }
        *launched
            .entry((of("karpenter.sh/nodepool"), of("node.kubernetes.io/instance-type")))
            .or_default() += 1;
    }
    let price = |labels: &BTreeMap<String, String>| labels[PRICE].parse::<f64>().unwrap();
    let hourly: f64 = nodes.values().map(price).sum();
    let mut on_spot = [0; 2];
    let placed = cluster.placed().await?;
    for (pod, market) in pods {
        let node = &placed[&cluster::name(pod)];
        let is_spot = nodes[node]["karpenter.sh/capacity-type"] == "spot";
        on_spot[usize::from(*market == Market::Spot)] += usize::from(is_spot);
    }
    let tolerant = pods.iter().filter(|(_, market)| *market == Market::Spot).count();
    println!("{} pods on {} nodes: {launched:?}", pods.len(), nodes.len());
    let (proposed, proposed_hourly) = proposal.nodes();
    println!("{} of {tolerant} pods that tolerate Spot are on Spot", on_spot[1]);
    println!("${hourly:.3} an hour; proposed: ${proposed_hourly:.3}, {proposed:?}");
    ensure!(on_spot[0] == 0, "{} pods of On-Demand workloads are on Spot", on_spot[0]);
    ensure!(on_spot[1] * 4 >= tolerant * 3, "only {} of {tolerant} pods came to Spot", on_spot[1]);
    Ok(())
}
