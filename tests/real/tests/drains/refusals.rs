//! Refusals in a working cluster: a late authenticator, admission policies for nodes, a webhook for evictions. The pods
//! get their grace nevertheless.

use std::time::Duration;

use anyhow::{Context, Result};
use cast_spot_real::{
    audit::Entry,
    function::Function,
    lab::Lab,
    notice::Notice,
    stack::{self, CLUSTER, SESSIONS, Stack},
    workload::{Owner, Workload},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    deliveries::is_cordoned,
    policy::allow_only,
    webhook::{WORDS, Webhook},
};

/// Grace of the pods whose eviction is denied, in seconds.
const GRACE: u32 = 3;

pub(crate) async fn a_token_refused_at_first_does_not_end_the_drain(stack: &Stack) -> Result<()> {
    let mut lab = Lab::open(stack, "unauthorized-at-first").await?;
    lab.run(&Workload::deployment("web", 2)).await?;
    let policy = stack::handler_policy();
    let role = stack.account.function_role(&lab.name, &policy).await?;
    let environment = stack.environment(&[]);
    stack.admit(&lab.name).await?;
    lab.function = Function::create(&stack.account, &stack.tools, &lab.name, &role, &environment).await?;
    let notice = Notice::of(lab.victim()).seconds_ago(60);
    // Without its access entry the role is unknown to the authenticator.
    let let_in = async {
        sleep(Duration::from_secs(4)).await;
        stack.account.access_entry(CLUSTER, &role, SESSIONS).await
    };

    let (report, ()) = tokio::try_join!(lab.invoke(&notice), let_in)?;

    assert_eq!(report["outcome"], "drained", "{report}");
    assert_eq!(report["summary"], json!({ "evicted": 2 }), "{report}");
    assert_eq!(report["cordon"]["outcome"], "done", "{report}");
    assert!(report["cordon"]["after_ms"].as_u64() > Some(3_000), "{report}");
    let refused = refusals(&lab)?;
    assert!(refused.iter().any(|call| call.verb == "patch"), "{refused:?}");
    assert!(is_cordoned(&lab).await?);
    Ok(())
}

pub(crate) async fn a_refused_annotation_leaves_the_cordon_alone(stack: &Stack) -> Result<()> {
    let lab = Lab::open(stack, "annotation-refused").await?;
    lab.run(&Workload::deployment("web", 3)).await?;
    // Like a policy with an allow list of keys on nodes.
    let known = "(object.metadata.?annotations.orValue({}).all(key, !key.startsWith('cast-spot/'))) && \
                 !('node.kubernetes.io/exclude-from-external-load-balancers' in object.metadata.labels)";
    let refused = json!({ "metadata": { "annotations": { "cast-spot/claim.notice": "x" } } });
    allow_only(&lab, known, "Invalid", "unknown keys on a node", &refused).await?;

    let report = lab.notify(&Notice::of(lab.victim()).seconds_ago(60)).await?;

    assert_eq!(report["outcome"], "drained", "{report}");
    assert_eq!(report["summary"], json!({ "evicted": 3 }), "{report}");
    assert_eq!(report["cordon"]["outcome"], "done", "{report}");
    let reason = report["cordon"]["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("unknown keys on a node"), "{report}");
    let node = lab.node(lab.victim()).await?;
    assert_eq!(node.spec.and_then(|spec| spec.unschedulable), Some(true));
    assert!(!node.metadata.annotations.unwrap_or_default().contains_key("cast-spot/claim.notice"));
    assert!(lab.pods_on(lab.victim()).await?.is_empty());
    Ok(())
}

pub(crate) async fn a_node_that_cannot_be_cordoned_is_emptied(stack: &Stack) -> Result<()> {
    let lab = Lab::open(stack, "cordon-refused").await?;
    // No controller recreates these on the node, which is not cordoned.
    lab.run(&Workload::of(Owner::Bare, "bare", 3)).await?;
    let refused = json!({ "spec": { "unschedulable": true } });
    allow_only(&lab, "false", "Forbidden", "nodes are not yours", &refused).await?;

    let report = lab.notify(&Notice::of(lab.victim()).seconds_ago(60)).await?;

    assert_eq!(report["summary"], json!({ "evicted": 3 }), "{report}");
    assert_eq!(report["cordon"]["outcome"], "failed", "{report}");
    let reason = report["cordon"]["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("nodes are not yours"), "{report}");
    assert!(report["reason"].as_str().is_some_and(|reason| reason.contains("not cordoned")), "{report}");
    assert!(!is_cordoned(&lab).await?);
    assert!(lab.pods_on(lab.victim()).await?.is_empty());
    Ok(())
}

pub(crate) async fn a_webhook_that_denies_evictions_is_passed_at_the_last_moment(
    stack: &Stack,
) -> Result<()> {
    denied_by_webhook(stack, "webhook-403", 403).await
}

pub(crate) async fn a_webhook_that_denies_with_a_500_is_passed_as_well(stack: &Stack) -> Result<()> {
    denied_by_webhook(stack, "webhook-500", 500).await
}

async fn denied_by_webhook(stack: &Stack, name: &str, code: u16) -> Result<()> {
    let lab = Lab::open(stack, name).await?;
    lab.run(&Workload::deployment("db", 2).grace(GRACE)).await?;
    let webhook = Webhook::deny_evictions(&lab, code).await?;

    let report = lab.notify(&Notice::of(lab.victim()).seconds_ago(100)).await?;

    assert_eq!(report["summary"], json!({ "deleted": 2 }), "{report}");
    for pod in report["pods"].as_array().into_iter().flatten() {
        assert!(pod["reason"].as_str().is_some_and(|reason| reason.contains(WORDS)), "{pod}");
    }
    let calls = lab.calls()?;
    let evictions: Vec<_> = calls.iter().filter(|call| call.is_eviction()).collect();
    assert!(evictions.len() >= 2 && evictions.iter().all(|call| call.code == code), "{evictions:?}");
    assert!(webhook.denied() >= evictions.len());
    let deletions: Vec<_> = calls.iter().filter(|call| call.is_pod_deletion()).collect();
    assert_eq!(deletions.iter().map(|call| call.code).collect::<Vec<_>>(), [200, 200], "{deletions:?}");
    let deadline: Timestamp =
        report["event"]["deadline"].as_str().context("the event's deadline")?.parse()?;
    let settled = deadline - SignedDuration::from_secs(5);
    let last_moment = settled - SignedDuration::from_secs(GRACE.into());
    for deletion in deletions {
        assert!((last_moment..settled).contains(&deletion.received), "{last_moment} {deletion:?}");
        let grace = deletion.delete_options().map(|options| &options["gracePeriodSeconds"]);
        assert!(grace.and_then(Value::as_u64).is_some_and(|s| (1..=GRACE.into()).contains(&s)), "{grace:?}");
    }
    Ok(())
}

/// The calls about the victim that the API server has answered 401.
fn refusals(lab: &Lab<'_>) -> Result<Vec<Entry>> {
    let mut refused = lab.stack.control_plane.audit().entries()?;
    refused.retain(|call| call.code == 401 && call.uri.contains(&lab.victim().node));
    Ok(refused)
}
