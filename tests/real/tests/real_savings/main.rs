//! The nodes that `cast-spot savings` proposes, as KWOK nodes on the real control plane: the real scheduler places
//! every pod.

#![expect(clippy::unwrap_used, reason = "a test that fails says so")]

mod cluster;
mod compared;
#[path = "../../../../provisioner-lib/savings/tests/fleet/mod.rs"]
mod fleet;
mod shapes;

use std::{env, fs, process};

use anyhow::{Context, Result, ensure};
use cast_spot_real::{control_plane::ControlPlane, tools::Tools};
use cast_spot_savings::{
    demand::Demand,
    pack::{Packing, pack},
};

use crate::{
    cluster::Cluster,
    shapes::{Shape, shapes},
};

pub(crate) async fn with_cluster(name: &str, play: impl AsyncFnOnce(&Cluster) -> Result<()>) -> Result<()> {
    let folder = env::temp_dir().join(format!("cast-spot-savings-{name}-{}", process::id()));
    let mut control_plane = ControlPlane::start(&Tools::from_environment()?, &folder, None).await?;
    play(&Cluster::new(control_plane.client()?)).await?;
    control_plane.stop();
    fs::remove_dir_all(&folder)?;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "figures of a run")]
fn packed(shape: &Shape) -> Result<(Demand, Packing)> {
    let demand = Demand::read(&shape.snapshot);
    let packing = pack(&demand, &shape.offers);
    let unplaced: Vec<_> =
        packing.unplaced.iter().map(|left| (&demand.pods[left.pod].name, left.reason.to_string())).collect();
    ensure!(unplaced.is_empty(), "{}: {unplaced:?}", shape.name);
    println!("{}: {} pods, {} nodes", shape.name, demand.pods.len(), packing.nodes.len());
    Ok((demand, packing))
}

#[tokio::test]
#[ignore = "needs the programs that `cargo xtask` sets up"]
async fn the_scheduler_places_every_pod_that_comes_in_its_wave() -> Result<()> {
    with_cluster("waves", async |cluster| {
        for shape in shapes() {
            let (demand, packing) = packed(&shape)?;
            cluster.prepare(&shape).await?;
            cluster.add_today(&shape.snapshot, None).await?;
            for (index, node) in packing.nodes.iter().enumerate() {
                cluster.add_nodes(&[(index, &shape.offers[node.offer])], &shape).await?;
                cluster.add_pods(&shape, &demand, &node.wave).await?;
            }
            let pending = cluster.pending().await?;
            ensure!(pending.is_empty(), "{}: {pending:?}", shape.name);
            cluster.clear().await.context(shape.name)?;
        }
        Ok(())
    })
    .await
}

/// Shows that the test can fail.
#[tokio::test]
#[ignore = "needs the programs that `cargo xtask` sets up"]
async fn with_a_node_less_or_a_smaller_one_some_pod_stays_pending() -> Result<()> {
    with_cluster("counter", async |cluster| {
        let shape = shapes().into_iter().next().context("a shape")?;
        let (demand, packing) = packed(&shape)?;
        let all: Vec<usize> = (0..demand.pods.len()).collect();
        let fullest = packing.nodes.iter().map(|node| node.pods.len()).max();
        let missing = packing.nodes.iter().position(|node| Some(node.pods.len()) == fullest);
        let missing = missing.context("no nodes")?;
        for half_of_it_stays in [false, true] {
            cluster.prepare(&shape).await?;
            let mut offers: Vec<_> =
                packing.nodes.iter().map(|node| shape.offers[node.offer].clone()).collect();
            if half_of_it_stays {
                offers[missing].allocatable.cpu /= 2;
                offers[missing].allocatable.memory /= 2;
            } else {
                offers.remove(missing);
            }
            let nodes: Vec<_> = offers.iter().enumerate().collect();
            cluster.add_nodes(&nodes, &shape).await?;
            cluster.add_pods(&shape, &demand, &all).await?;
            let pending = cluster.pending().await?;
            println!("half of it stays: {half_of_it_stays}: {} pods pending", pending.len());
            ensure!(!pending.is_empty(), "all pods have a node, half of it stays: {half_of_it_stays}");
            cluster.clear().await?;
        }
        Ok(())
    })
    .await
}
