//! The wires to EC2, Auto Scaling and EKS are silent or cut.

use anyhow::Result;
use cast_spot_real::{lab::Lab, notice::Notice, proxy::Fault, stack::Stack, workload::Workload};

use crate::in_time::{
    Mended, evictions, invoke, is_drained, is_replaced, nothing_is_written_after_the_deadline,
};

pub(crate) async fn a_hung_auto_scaling_does_not_hold_up_the_drain(stack: &Stack) -> Result<()> {
    let lab = Lab::open(stack, "hung-auto-scaling").await?;
    lab.run(&Workload::deployment("web", 5)).await?;
    let _mended = Mended(stack);
    stack.wires.auto_scaling.fault(Fault::Hang).await?;
    let notice = Notice::of(lab.victim()).seconds_ago(100);

    let report = invoke(&lab, &notice).await?;

    assert_eq!(report["outcome"], "drained_without_replacement", "{report}");
    assert_eq!(report["replacement"]["outcome"], "failed", "{report}");
    assert!(is_drained(&lab).await?);
    let calls = lab.calls()?;
    let cordon = calls.iter().find(|call| call.verb == "patch" && call.code == 200).unwrap().received;
    let evictions = evictions(&lab)?;
    assert_eq!(evictions.len(), 5, "{evictions:?}");
    for eviction in evictions {
        let after = eviction.received.duration_since(cordon);
        assert!(after.as_millis() < 3000, "evicted {after:?} after the cordon");
    }
    // The replacement was retried for longer than the drain took.
    for pod in report["pods"].as_array().unwrap() {
        let ended = pod["after_ms"].as_u64().unwrap();
        assert!(ended + 3000 < report["duration_ms"].as_u64().unwrap(), "{report}");
    }
    nothing_is_written_after_the_deadline(&lab, &notice).await
}

pub(crate) async fn a_hung_ec2_is_replaced_by_the_clusters_node_list(stack: &Stack) -> Result<()> {
    let lab = Lab::open(stack, "hung-ec2").await?;
    lab.run(&Workload::deployment("web", 3)).await?;
    let _mended = Mended(stack);
    stack.wires.ec2.fault(Fault::Hang).await?;

    let report = invoke(&lab, &Notice::of(lab.victim()).seconds_ago(80)).await?;

    assert_eq!(report["outcome"], "drained", "{report}");
    assert!(report["cordon"]["after_ms"].as_u64().unwrap() < 4000, "EC2 is not waited for: {report}");
    assert_eq!(report["replacement"]["outcome"], "confirmed", "{report}");
    assert!(report["calls"]["kubernetes:list nodes"].as_u64() >= Some(1), "{report}");
    assert!(is_drained(&lab).await?);
    assert!(is_replaced(&lab).await?);
    Ok(())
}

pub(crate) async fn eks_is_not_needed_by_a_warm_function(stack: &Stack) -> Result<()> {
    let mut lab = Lab::open(stack, "warm").await?;
    lab.scale(2).await?;
    lab.configure(&[]).await?;
    let first = invoke(&lab, &Notice::of(lab.victim()).seconds_ago(80)).await?;
    assert_eq!(first["outcome"], "drained", "{first}");
    lab.machines.remove(0);
    lab.run(&Workload::deployment("web", 3)).await?;
    let _mended = Mended(stack);
    stack.wires.eks.fault(Fault::Down).await?;

    let report = invoke(&lab, &Notice::of(lab.victim()).seconds_ago(80)).await?;

    assert_eq!(report["outcome"], "drained", "{report}");
    assert_eq!(evictions(&lab)?.len(), 3);
    assert!(is_drained(&lab).await?);
    Ok(())
}

pub(crate) async fn without_eks_a_cold_function_still_asks_for_a_replacement(stack: &Stack) -> Result<()> {
    let mut lab = Lab::open(stack, "cold").await?;
    lab.run(&Workload::deployment("web", 2)).await?;
    lab.configure(&[]).await?;
    let _mended = Mended(stack);
    stack.wires.eks.fault(Fault::Down).await?;
    let notice = Notice::of(lab.victim()).seconds_ago(100);

    let report = invoke(&lab, &notice).await?;

    assert_eq!(report["outcome"], "failed", "{report}");
    assert_eq!(report["cordon"]["outcome"], "failed", "{report}");
    assert_eq!(report["replacement"]["outcome"], "confirmed", "{report}");
    assert!(is_replaced(&lab).await?);
    assert!(lab.calls()?.is_empty(), "nothing can reach a cluster without an address");
    nothing_is_written_after_the_deadline(&lab, &notice).await
}
