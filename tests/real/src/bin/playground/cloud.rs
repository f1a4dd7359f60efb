//! AWS after a notice, while the playground is up: launched instances join the cluster, an interrupted instance is
//! terminated after two minutes, and the Node of a terminated instance is deleted.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

use anyhow::Result;
use cast_spot_real::{account::Account, cloud};
use k8s_openapi::api::core::v1::Node;
use kube::{Api, api::ListParams};
use tokio::time::{Instant, sleep};

use crate::{address::Address, demo};

/// Time from the notice to the termination by EC2.
const NOTICE: Duration = Duration::from_mins(2);
const PAUSE: Duration = Duration::from_secs(1);
/// The reason taint of a cordoned node, the only sign of the notice here.
const INTERRUPTION: &str = "cast-spot/interruption";

/// Runs until it is cancelled. Failures are retried: people may break something here.
#[expect(clippy::print_stderr, reason = "its log")]
pub(crate) async fn run(folder: &Path) -> Result<()> {
    let address = Address::read(folder)?;
    let (account, kube) = (address.account().await, address.kube().await?);
    let mut noticed = BTreeMap::new();
    loop {
        if let Err(error) = step(&account, &kube, &mut noticed).await {
            eprintln!("{error:?}");
        }
        sleep(PAUSE).await;
    }
}

async fn step(account: &Account, kube: &kube::Client, noticed: &mut BTreeMap<String, Instant>) -> Result<()> {
    cloud::join(account, kube, demo::NAME).await?;
    let nodes = Api::<Node>::all(kube.clone()).list(&ListParams::default()).await?.items;
    let doomed: BTreeSet<_> = nodes.iter().filter(|node| is_doomed(node)).filter_map(instance).collect();
    noticed.retain(|instance, _| doomed.contains(instance));
    for instance in doomed {
        let since = noticed.entry(instance.clone()).or_insert_with(Instant::now);
        if since.elapsed() >= NOTICE {
            account.ec2.terminate_instances().instance_ids(&instance).send().await?;
        }
    }
    cloud::forget_terminated(account, kube).await?;
    Ok(())
}

/// Whether the instance will be terminated; a stopped or hibernated one comes back.
fn is_doomed(node: &Node) -> bool {
    let taints = node.spec.iter().flat_map(|spec| spec.taints.iter().flatten());
    taints.into_iter().any(|taint| taint.key == INTERRUPTION && taint.value.as_deref() == Some("terminate"))
}

fn instance(node: &Node) -> Option<String> {
    let provider_id = node.spec.as_ref()?.provider_id.as_ref()?;
    provider_id.rsplit('/').next().map(str::to_owned)
}
