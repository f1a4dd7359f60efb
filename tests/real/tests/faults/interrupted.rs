//! An API server that restarts during a drain.

use std::time::Duration;

use anyhow::Result;
use cast_spot_real::{
    clock::eventually,
    lab::{Lab, PATIENCE},
    notice::Notice,
    proxy::Fault,
    stack::Stack,
    workload::Workload,
};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use tokio::time::sleep;

use crate::in_time::{Mended, evictions, invoke, is_drained};

pub(crate) async fn a_drain_goes_on_when_broken_connections_heal(stack: &Stack) -> Result<()> {
    drain_interrupted("reset", stack, async || {
        stack.wires.kubernetes.fault(Fault::Reset).await?;
        sleep(Duration::from_secs(3)).await;
        stack.wires.kubernetes.heal().await
    })
    .await
}

pub(crate) async fn a_drain_goes_on_after_a_restart_of_the_api_server(stack: &Stack) -> Result<()> {
    drain_interrupted("restart", stack, async || {
        stack.control_plane.restart_api_server(Duration::from_secs(2)).await
    })
    .await
}

/// Two pods terminate when the interruption comes, and their end has to be observed. The eviction of a third, which its
/// budget refuses until the interruption is over, is requested throughout. The critical one is evicted when all of them
/// have ended.
async fn drain_interrupted(
    name: &str,
    stack: &Stack,
    interruption: impl AsyncFnOnce() -> Result<()>,
) -> Result<()> {
    let lab = Lab::open(stack, name).await?;
    lab.run(&Workload::deployment("web", 2).exits_after("5s")).await?;
    lab.run(&Workload::deployment("kept", 1)).await?;
    lab.budget("kept", "kept", &json!({ "maxUnavailable": 0 })).await?;
    lab.run(&Workload::deployment("last", 1).priority("system-cluster-critical")).await?;
    let _mended = Mended(stack);
    let notice = Notice::of(lab.victim()).seconds_ago(50);
    let interrupted = async {
        eventually("the first pods are on their way", PATIENCE, async || {
            Ok((evictions(&lab)?.len() == 2).then_some(()))
        })
        .await?;
        interruption().await?;
        let budgets = lab.api::<PodDisruptionBudget>();
        let free = Patch::Merge(json!({ "spec": { "maxUnavailable": 1 } }));
        eventually("the budget is freed", PATIENCE, async || {
            Ok(Some(budgets.patch("kept", &PatchParams::default(), &free).await?))
        })
        .await?;
        Ok(())
    };

    let (report, ()) = tokio::try_join!(invoke(&lab, &notice), interrupted)?;

    assert_eq!(report["outcome"], "drained", "{report}");
    assert_eq!(report["summary"], json!({ "evicted": 4 }), "{report}");
    let evictions = evictions(&lab)?;
    assert_eq!(evictions.len(), 4, "each pod once");
    // The end of the others was observed: the last wave did not wait for its own time, half a minute later.
    let times: Vec<_> = evictions.iter().map(|call| call.received).collect();
    let after = times[3].duration_since(times[2]);
    assert!(evictions[3].name.as_ref().is_some_and(|name| name.starts_with("last")), "{evictions:?}");
    assert!(after.as_secs() < 12, "{after:?} after the others");
    assert!(is_drained(&lab).await?);
    Ok(())
}
