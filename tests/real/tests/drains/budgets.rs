//! PodDisruptionBudgets with the real disruption controller: obeyed until the last moment, then overridden.

use anyhow::{Context, Result};
use cast_spot_real::{
    audit::Entry,
    lab::Lab,
    notice::Notice,
    stack::Stack,
    workload::{Owner, Workload},
};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Event;
use kube::api::ListParams;
use serde_json::{Value, json};

/// The default of CAST_SPOT_MARGIN_SECONDS.
const MARGIN: SignedDuration = SignedDuration::from_secs(5);
/// Grace of the pods here, in seconds: shorter than the 30 s that count at most for the last moment.
const GRACE: u32 = 3;

pub(crate) async fn a_budget_is_obeyed_until_replicas_are_ready_elsewhere(stack: &Stack) -> Result<()> {
    let mut lab = Lab::open(stack, "budget-frees").await?;
    lab.run(&Workload::deployment("web", 3).ready_after("2s")).await?;
    lab.budget("web", "web", &json!({ "minAvailable": 2 })).await?;
    lab.scale(2).await?;

    let report = lab.notify(&Notice::of(lab.victim()).seconds_ago(60)).await?;

    assert_eq!(report["summary"], json!({ "evicted": 3 }), "{report}");
    assert!(lab.pods_on(lab.victim()).await?.is_empty());
    let calls = lab.calls()?;
    assert_eq!(calls.iter().filter(|call| call.is_pod_deletion()).count(), 0, "{calls:?}");
    let codes: Vec<_> = calls.iter().filter(|call| call.is_eviction()).map(|call| call.code).collect();
    assert_eq!(codes.iter().filter(|code| **code == 201).count(), 3, "{codes:?}");
    assert_eq!(codes.iter().filter(|code| **code == 429).count(), codes.len() - 3, "{codes:?}");
    // One disruption is allowed at the start, each further one only when a replica is Ready.
    let accepted: Vec<_> = calls
        .iter()
        .filter(|call| call.is_eviction() && call.code == 201)
        .map(|call| call.completed)
        .collect();
    for pair in accepted.windows(2) {
        assert!(pair[1].duration_since(pair[0]) >= SignedDuration::from_millis(1_800), "{accepted:?}");
    }
    Ok(())
}

pub(crate) async fn a_budget_that_never_frees_is_overridden_at_the_last_moment(stack: &Stack) -> Result<()> {
    let lab = blocked(stack, "budget-overridden").await?;
    let pods = lab.pods_on(lab.victim()).await?;

    let report = lab.notify(&Notice::of(lab.victim()).seconds_ago(100)).await?;

    assert_eq!(report["summary"], json!({ "deleted": 1 }), "{report}");
    assert!(says(&report, "PodDisruptionBudget db allows no disruption"), "{report}");
    assert_overridden(&lab, &report, 429)?;
    let uid = pods.values().next().and_then(|pod| pod.metadata.uid.clone());
    let standing = lab.pods_on(lab.victim()).await?;
    assert!(standing.values().all(|pod| pod.metadata.uid != uid), "{standing:?}");
    let events = lab.api::<Event>().list(&ListParams::default().fields("reason=SpotOverride")).await?.items;
    let about: Vec<_> = events.iter().map(|event| event.involved_object.uid.clone()).collect();
    assert_eq!(about, [uid], "{events:?}");
    Ok(())
}

pub(crate) async fn a_budget_is_never_overridden_with_policy_leave(stack: &Stack) -> Result<()> {
    let mut lab = blocked(stack, "budget-leave").await?;
    lab.configure(&[("CAST_SPOT_PDB_POLICY", "leave")]).await?;

    let report = lab.invoke(&Notice::of(lab.victim()).seconds_ago(108)).await?;

    assert_eq!(report["outcome"], "incomplete", "{report}");
    assert_eq!(report["summary"], json!({ "left": 1 }), "{report}");
    assert!(says(&report, "PodDisruptionBudget db allows no disruption"), "{report}");
    assert_untouched(&lab).await?;
    let calls = lab.calls()?;
    let asked: Vec<_> = calls.iter().filter(|call| call.is_eviction()).collect();
    assert!(!asked.is_empty() && asked.iter().all(|call| call.code == 429), "{asked:?}");
    // The budget may still allow it: evictions are requested until the end.
    let last = asked.iter().map(|call| call.received).max().context("an eviction")?;
    assert!(last >= deadline(&report)? - MARGIN - SignedDuration::from_secs(2), "{asked:?}");
    Ok(())
}

pub(crate) async fn two_budgets_over_one_pod_are_a_fault_of_configuration(stack: &Stack) -> Result<()> {
    let lab = Lab::open(stack, "two-budgets").await?;
    lab.run(&Workload::deployment("db", 1).grace(GRACE)).await?;
    // Each of them alone would allow the eviction.
    lab.budget("one", "db", &json!({ "minAvailable": 0 })).await?;
    lab.budget("two", "db", &json!({ "maxUnavailable": 1 })).await?;

    let report = lab.notify(&Notice::of(lab.victim()).seconds_ago(100)).await?;

    assert_eq!(report["summary"], json!({ "deleted": 1 }), "{report}");
    assert!(says(&report, "more than one PodDisruptionBudget covers it: one, two"), "{report}");
    assert_overridden(&lab, &report, 500)
}

pub(crate) async fn a_stopping_instance_overrides_budgets_and_stays_in_its_group(
    stack: &Stack,
) -> Result<()> {
    let lab = blocked(stack, "budget-stop").await?;

    let report = lab.notify(&Notice::of(lab.victim()).action("stop").seconds_ago(100)).await?;

    assert_eq!(report["summary"], json!({ "deleted": 1 }), "{report}");
    assert_eq!(report["replacement"]["outcome"], "not_needed", "{report}");
    assert_overridden(&lab, &report, 429)?;
    assert_eq!(lab.group().await?.get(&lab.victim().instance).map(String::as_str), Some("InService"));
    Ok(())
}

pub(crate) async fn a_hibernating_instance_keeps_its_pods(stack: &Stack) -> Result<()> {
    let lab = blocked(stack, "budget-hibernate").await?;
    lab.run(&Workload::of(Owner::Bare, "free", 1)).await?;

    let report = lab.notify(&Notice::of(lab.victim()).action("hibernate").seconds_ago(110)).await?;

    assert_eq!(report["summary"], json!({ "left": 2 }), "{report}");
    assert_untouched(&lab).await?;
    let calls = lab.calls()?;
    assert!(calls.iter().all(|call| !call.is_eviction()), "{calls:?}");
    let spec = lab.node(lab.victim()).await?.spec.context("the node has a spec")?;
    assert_eq!(spec.unschedulable, Some(true));
    assert!(spec.taints.iter().flatten().any(|taint| taint.key == "cast-spot/interruption"), "{spec:?}");
    assert_eq!(lab.group().await?.get(&lab.victim().instance).map(String::as_str), Some("InService"));
    Ok(())
}

/// One pod whose budget allows no disruption, and no other node.
async fn blocked<'s>(stack: &'s Stack, name: &str) -> Result<Lab<'s>> {
    let lab = Lab::open(stack, name).await?;
    lab.run(&Workload::deployment("db", 1).grace(GRACE)).await?;
    lab.budget("db", "db", &json!({ "maxUnavailable": 0 })).await?;
    Ok(lab)
}

/// Asserts that the pod was deleted, by UID, at its last moment, after evictions that were all answered with `refusal`.
fn assert_overridden(lab: &Lab<'_>, report: &Value, refusal: u16) -> Result<()> {
    let calls = lab.calls()?;
    let evictions: Vec<_> = calls.iter().filter(|call| call.is_eviction()).collect();
    assert!(!evictions.is_empty() && evictions.iter().all(|call| call.code == refusal), "{evictions:?}");
    let deletions: Vec<_> = calls.iter().filter(|call| call.is_pod_deletion()).collect();
    assert_eq!(deletions.iter().map(|call| call.code).collect::<Vec<_>>(), [200], "{deletions:?}");
    let deletion = deletions[0];
    assert!(evictions.iter().all(|call| call.received < deletion.received), "{calls:?}");
    let options = deletion.delete_options().context("a delete has options")?;
    assert_eq!(options["preconditions"]["uid"], report["pods"][0]["uid"], "{options}");

    let settled = deadline(report)? - MARGIN;
    let last_moment = settled - SignedDuration::from_secs(GRACE.into());
    assert_is_between(deletion, last_moment, settled);
    // The remaining grace, in whole seconds.
    assert!(
        options["gracePeriodSeconds"].as_u64().is_some_and(|s| (1..=GRACE.into()).contains(&s)),
        "{options}"
    );
    Ok(())
}

fn assert_is_between(call: &Entry, from: Timestamp, to: Timestamp) {
    assert!(from <= call.received && call.received < to, "not from {from} to {to}: {call:?}");
}

/// Asserts that every pod is still on the node, and that no delete was requested.
async fn assert_untouched(lab: &Lab<'_>) -> Result<()> {
    let pods = lab.pods_on(lab.victim()).await?;
    assert!(!pods.is_empty());
    assert!(pods.values().all(|pod| pod.metadata.deletion_timestamp.is_none()), "{pods:?}");
    let calls = lab.calls()?;
    assert!(!calls.iter().any(Entry::is_pod_deletion), "{calls:?}");
    Ok(())
}

fn says(report: &Value, reason: &str) -> bool {
    report["pods"].as_array().into_iter().flatten().all(|pod| pod["reason"] == reason)
}

fn deadline(report: &Value) -> Result<Timestamp> {
    Ok(report["event"]["deadline"].as_str().context("the event's deadline")?.parse()?)
}
