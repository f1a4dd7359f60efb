//! From the event bus to the report in CloudWatch Logs.

use anyhow::{Result, bail};
use cast_spot_handler::plan::claim::{self, Claim, Mark};
use cast_spot_real::{
    clock::eventually,
    cloud,
    lab::{Lab, PATIENCE, phase},
    notice::Notice,
    stack::Stack,
    workload::Workload,
};
use jiff::SignedDuration;
use serde_json::json;

pub(crate) async fn a_notice_on_the_bus_drains_the_node_and_brings_a_replacement(
    stack: &Stack,
) -> Result<()> {
    let mut lab = Lab::open(stack, "whole-path").await?;
    lab.run(&Workload::deployment("web", 3)).await?;
    lab.budget("web", "web", &json!({ "minAvailable": 2 })).await?;
    lab.scale(2).await?;
    let before = lab.pods_on(lab.victim()).await?;
    assert_eq!(before.len(), 3);

    let notice = Notice::of(lab.victim());
    let report = lab.notify(&notice).await?;

    assert_eq!(report["outcome"], "drained", "{report}");
    assert_eq!(report["summary"], json!({ "evicted": 3 }), "{report}");
    assert_eq!(report["replacement"]["outcome"], "confirmed", "{report}");

    let node = lab.node(lab.victim()).await?;
    assert_eq!(node.spec.as_ref().and_then(|spec| spec.unschedulable), Some(true));
    let read = serde_json::from_value(json!(node))?;
    let claims = claim::claims(&read);
    let [(claim::NOTICE, Some(Claim { kind, event, since, until, undo, .. }))] = &claims[..] else {
        bail!("{claims:?}");
    };
    assert_eq!((kind.as_str(), json!(event)), ("spot_interruption", report["event"]["id"].clone()));
    // Events have their time in whole seconds.
    let age = notice.time.duration_since(*since);
    assert!(age.abs() <= SignedDuration::from_secs(1), "{since} for {}", notice.time);
    assert_eq!(until.duration_since(*since), SignedDuration::from_mins(2));
    assert_eq!(undo[..], [Mark::Cordon, Mark::Taint, Mark::Label]);

    assert!(lab.pods_on(lab.victim()).await?.is_empty());
    eventually("three pods run elsewhere", PATIENCE, async || {
        let pods = lab.pods_of("web").await?;
        Ok((pods.iter().filter(|pod| phase(pod) == "Running").count() == 3).then_some(()))
    })
    .await?;

    // Auto Scaling has detached the instance and launched another, which joins.
    let group = lab.group().await?;
    assert_eq!(group.len(), 2, "{group:?}");
    assert!(!group.contains_key(&lab.victim().instance), "{group:?}");
    let machines = cloud::join(&stack.account, &stack.kube, &lab.name).await?;
    assert!(machines.iter().any(|machine| !lab.machines.contains(machine)), "{machines:?}");

    let evictions: Vec<_> =
        lab.calls()?.into_iter().filter(|call| call.subresource.as_deref() == Some("eviction")).collect();
    assert!(evictions.iter().filter(|call| call.code == 201).count() == 3, "{evictions:?}");
    Ok(())
}
