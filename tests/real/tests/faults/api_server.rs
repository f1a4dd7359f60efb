//! The wire to the API server is slow, narrow or silent.

use std::time::Duration;

use anyhow::Result;
use cast_spot_real::{lab::Lab, notice::Notice, proxy::Fault, stack::Stack, workload::Workload};
use serde_json::json;

use crate::in_time::{
    Mended, evictions, invoke, is_drained, is_replaced, nothing_is_written_after_the_deadline,
};

pub(crate) async fn a_slow_api_server_is_drained_over_one_connection(stack: &Stack) -> Result<()> {
    let mut lab = Lab::open(stack, "slow").await?;
    lab.run(&Workload::deployment("web", 20)).await?;
    // A function of its own has no connection yet.
    lab.configure(&[]).await?;
    let _mended = Mended(stack);
    stack.wires.kubernetes.fault(Fault::Latency(Duration::from_millis(300))).await?;
    let before = stack.wires.kubernetes.connections()?;

    let report = invoke(&lab, &Notice::of(lab.victim()).seconds_ago(80)).await?;

    let opened = stack.wires.kubernetes.connections()?.difference(&before).count();
    assert_eq!(report["outcome"], "drained", "{report}");
    assert!(is_drained(&lab).await?);
    assert_eq!(opened, 1, "20 evictions, a list, a watch and the cordon share one connection");
    let evictions = evictions(&lab)?;
    assert_eq!(evictions.len(), 20, "{evictions:?}");
    let received = || evictions.iter().map(|call| call.received);
    let span = received().max().unwrap().duration_since(received().min().unwrap());
    assert!(span.as_millis() < 2000, "one after the other they take six seconds, not {span:?}");
    Ok(())
}

pub(crate) async fn a_narrow_wire_to_the_api_server_lets_the_drain_through(stack: &Stack) -> Result<()> {
    let lab = Lab::open(stack, "narrow").await?;
    lab.run(&Workload::deployment("web", 10)).await?;
    let _mended = Mended(stack);
    stack.wires.kubernetes.fault(Fault::Bandwidth(20)).await?;

    let report = invoke(&lab, &Notice::of(lab.victim()).seconds_ago(60)).await?;

    assert_eq!(report["outcome"], "drained", "{report}");
    assert!(is_drained(&lab).await?);
    assert_eq!(evictions(&lab)?.len(), 10);
    Ok(())
}

pub(crate) async fn a_hung_api_server_delays_neither_replacement_nor_report(stack: &Stack) -> Result<()> {
    let mut lab = Lab::open(stack, "hung-api-server").await?;
    lab.run(&Workload::deployment("web", 2)).await?;
    lab.configure(&[]).await?;
    let _mended = Mended(stack);
    stack.wires.kubernetes.fault(Fault::Hang).await?;
    let notice = Notice::of(lab.victim()).seconds_ago(100);

    let report = invoke(&lab, &notice).await?;

    assert_eq!(report["outcome"], "failed", "{report}");
    assert_eq!(report["cordon"]["outcome"], "failed", "{report}");
    // Of the attempts, some wait for an answer and some for the connection that another one has given up.
    let reason = report["reason"].as_str().unwrap();
    assert!(
        ["no answer within", "request was canceled"].iter().any(|words| reason.contains(words)),
        "{report}"
    );
    assert_eq!(report["replacement"]["outcome"], "confirmed", "{report}");
    assert!(report["replacement"]["requested_after_ms"].as_u64().unwrap() < 5000, "{report}");
    assert!(is_replaced(&lab).await?);
    assert_eq!(report["pods"], json!([]), "{report}");
    nothing_is_written_after_the_deadline(&lab, &notice).await
}
