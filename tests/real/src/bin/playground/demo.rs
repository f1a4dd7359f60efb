//! The demo of the playground: a shop that is slow enough to watch.

use anyhow::Result;
use cast_spot_real::{
    lab::Lab,
    stack::Stack,
    workload::{Owner, Workload},
};
use futures_util::future::try_join_all;
use serde_json::json;

/// The namespace, and the Auto Scaling group.
pub(crate) const NAME: &str = "shop";
const MACHINES: usize = 3;

/// Starts the demo; returns when every pod runs.
pub(crate) async fn open(stack: &Stack) -> Result<()> {
    let mut lab = Lab::open(stack, NAME).await?;
    lab.scale(MACHINES).await?;
    // One pod at a time: the second of a node has to wait for the first to be Ready elsewhere.
    let web = Workload::deployment("web", 6).ready_after("6s").exits_after("3s");
    let api = Workload::deployment("api", 4).ready_after("3s").exits_after("2s");
    let mailer = Workload::deployment("mailer", 2).grace(60).ready_after("2s").exits_after("20s");
    let db = Workload::of(Owner::StatefulSet, "db", 2).ready_after("4s").exits_after("5s");
    let metrics = Workload::of(Owner::DaemonSet, "metrics", 1);
    try_join_all([&web, &api, &mailer, &db, &metrics].map(|workload| lab.run(workload))).await?;
    lab.budget("web", "web", &json!({ "maxUnavailable": 1 })).await
}
