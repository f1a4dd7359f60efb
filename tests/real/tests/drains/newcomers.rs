//! Pods that are bound to the node after the cordon: they tolerate it, or were already scheduled.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use cast_spot_real::{
    clock::eventually,
    lab::{Lab, PATIENCE},
    notice::Notice,
    stack::Stack,
    workload::{Owner, Workload},
};
use serde_json::json;

use crate::deliveries::is_cordoned;

pub(crate) async fn pods_that_tolerate_everything_are_not_evicted_repeatedly(stack: &Stack) -> Result<()> {
    let mut lab = Lab::open(stack, "tolerates-everything").await?;
    lab.configure(&[("CAST_SPOT_STAY", "6")]).await?;
    let operator = Workload::deployment("operator", 2).grace(5).tolerates_everything();
    let node = lab.victim().node.clone();
    lab.run(&operator.prefers(&node)).await?;
    lab.scale(2).await?;

    let report = lab.invoke(&Notice::of(lab.victim()).seconds_ago(100)).await?;

    let mut evicted: BTreeMap<_, usize> = BTreeMap::new();
    for call in lab.calls()?.into_iter().filter(|call| call.is_eviction() && call.code == 201) {
        *evicted.entry(call.name.context("an eviction names its pod")?).or_default() += 1;
    }
    // The first two, and those on the node shortly before the instance ends.
    assert!((2..=4).contains(&evicted.len()), "{evicted:?}");
    assert!(evicted.values().all(|times| *times == 1), "{evicted:?}");
    let stayed = report["pods"].as_array().into_iter().flatten().filter(|pod| pod["outcome"] == "left");
    for pod in stayed {
        assert!(pod["reason"].as_str().is_some_and(|reason| reason.contains("tolerates")), "{report}");
    }
    Ok(())
}

pub(crate) async fn a_pod_that_is_bound_after_the_cordon_is_evicted(stack: &Stack) -> Result<()> {
    let mut lab = Lab::open(stack, "late-pod").await?;
    lab.configure(&[("CAST_SPOT_STAY", "8")]).await?;
    lab.run(&Workload::deployment("web", 1)).await?;
    let late = async {
        eventually("the node is cordoned and empty", PATIENCE, async || {
            let empty = lab.pods_on(lab.victim()).await?.is_empty();
            Ok((is_cordoned(&lab).await? && empty).then_some(()))
        })
        .await?;
        lab.run(&Workload::of(Owner::Bound, "late", 1)).await
    };

    let notice = Notice::of(lab.victim()).seconds_ago(60);
    let (report, ()) = tokio::try_join!(lab.invoke(&notice), late)?;

    assert_eq!(report["outcome"], "drained", "{report}");
    assert_eq!(report["summary"], json!({ "evicted": 2 }), "{report}");
    assert!(lab.pods_on(lab.victim()).await?.is_empty());
    Ok(())
}
