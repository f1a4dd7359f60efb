//! Assertions of every scenario of this suite, and the repair of the wires after it.

use std::time::Duration;

use anyhow::Result;
use cast_spot_real::{audit::Entry, clock, lab::Lab, notice::Notice, stack::Stack};
use jiff::{SignedDuration, Timestamp, Unit};
use serde_json::Value;
use tokio::{
    runtime::Handle,
    task::block_in_place,
    time::{sleep, timeout},
};

/// Repairs all wires when it is dropped, however a scenario ends.
pub(crate) struct Mended<'s>(pub(crate) &'s Stack);

impl Drop for Mended<'_> {
    fn drop(&mut self) {
        let wires = &self.0.wires;
        let heal = async {
            for wire in [&wires.kubernetes, &wires.ec2, &wires.auto_scaling, &wires.eks] {
                let _ = timeout(Duration::from_secs(5), wire.heal()).await;
            }
        };
        block_in_place(|| Handle::current().block_on(heal));
    }
}

/// The deadline: events have their time in whole seconds.
fn deadline(notice: &Notice) -> Timestamp {
    notice.time.round(Unit::Second).unwrap() + SignedDuration::from_mins(2)
}

/// [`Lab::invoke`], asserting that it ends before the deadline, by the clock and by its report.
pub(crate) async fn invoke(lab: &Lab<'_>, notice: &Notice) -> Result<Value> {
    let left = deadline(notice).duration_since(clock::now());
    let report = lab.invoke(notice).await?;
    assert!(clock::now() < deadline(notice), "ended after the deadline: {report}");
    let took = SignedDuration::from_millis(report["duration_ms"].as_i64().unwrap());
    assert!(took < left, "{took:?} of {left:?}: {report}");
    Ok(report)
}

/// Waits until after the deadline, and asserts that no call of the function arrives then.
pub(crate) async fn nothing_is_written_after_the_deadline(lab: &Lab<'_>, notice: &Notice) -> Result<()> {
    let end = deadline(notice);
    let rest = end.duration_since(clock::now());
    sleep(Duration::try_from(rest).unwrap_or_default() + Duration::from_secs(1)).await;
    let late: Vec<Entry> = writes(lab)?.into_iter().filter(|call| call.received > end).collect();
    assert!(late.is_empty(), "{late:?}");
    Ok(())
}

fn writes(lab: &Lab<'_>) -> Result<Vec<Entry>> {
    let mut calls = lab.calls()?;
    calls.retain(|call| !matches!(call.verb.as_str(), "get" | "list" | "watch"));
    Ok(calls)
}

/// The evictions that the API server accepted.
pub(crate) fn evictions(lab: &Lab<'_>) -> Result<Vec<Entry>> {
    let mut calls = lab.calls()?;
    calls.retain(|call| call.subresource.as_deref() == Some("eviction") && call.code == 201);
    Ok(calls)
}

/// Whether Auto Scaling has detached the victim and launched another.
pub(crate) async fn is_replaced(lab: &Lab<'_>) -> Result<bool> {
    let group = lab.group().await?;
    Ok(group.len() == lab.machines.len() && !group.contains_key(&lab.victim().instance))
}

/// Whether the node is cordoned and empty.
pub(crate) async fn is_drained(lab: &Lab<'_>) -> Result<bool> {
    let spec = lab.node(lab.victim()).await?.spec;
    let cordoned = spec.and_then(|spec| spec.unschedulable) == Some(true);
    Ok(cordoned && lab.pods_on(lab.victim()).await?.is_empty())
}
