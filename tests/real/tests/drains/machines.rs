//! Unexpected machines: deleted, replaced, oddly named, many at once, in groups with replacement rules of their own.

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context, Result};
use aws_sdk_ec2::types::{HostnameType, LaunchTemplatePrivateDnsNameOptionsRequest};
use cast_spot_real::{
    audit,
    clock::eventually,
    cloud,
    lab::{Lab, PATIENCE, phase},
    notice::Notice,
    stack::Stack,
    workload::Workload,
};
use futures_util::future::try_join_all;
use k8s_openapi::api::core::v1::Node;
use kube::{
    Api,
    api::{DeleteParams, PostParams},
};
use serde_json::{Value, json};

pub(crate) async fn a_deleted_node_costs_only_its_replacement(stack: &Stack) -> Result<()> {
    let lab = Lab::open(stack, "node-gone").await?;
    lab.run(&Workload::deployment("web", 2)).await?;
    nodes(stack).delete(&lab.victim().node, &DeleteParams::default()).await?;

    let report = lab.notify(&Notice::of(lab.victim()).seconds_ago(100)).await?;

    assert_eq!(report["cordon"]["outcome"], "skipped", "{report}");
    assert_eq!(report["replacement"]["outcome"], "confirmed", "{report}");
    let calls = lab.calls()?;
    assert!(calls.iter().any(|call| call.verb == "patch" && call.code == 404), "{calls:?}");
    assert!(writes(&lab)?.is_empty(), "{calls:?}");
    assert_replaced(&lab).await
}

pub(crate) async fn a_node_of_another_instance_under_the_same_name_is_left_alone(
    stack: &Stack,
) -> Result<()> {
    let lab = Lab::open(stack, "node-recreated").await?;
    lab.run(&Workload::deployment("web", 2)).await?;
    let mut node = lab.node(lab.victim()).await?;
    nodes(stack).delete(&lab.victim().node, &DeleteParams::default()).await?;
    (node.metadata.uid, node.metadata.resource_version) = (None, None);
    let spec = node.spec.as_mut().context("a Node has a spec")?;
    spec.provider_id = Some(format!("aws:///{}/i-0fedcba9876543210", lab.victim().zone));
    nodes(stack).create(&PostParams::default(), &node).await?;

    let report = lab.notify(&Notice::of(lab.victim()).seconds_ago(100)).await?;

    assert_eq!(report["cordon"]["outcome"], "skipped", "{report}");
    assert_eq!(report["replacement"]["outcome"], "confirmed", "{report}");
    let calls = lab.calls()?;
    assert!(calls.iter().any(|call| call.verb == "patch" && call.code == 422), "{calls:?}");
    assert!(writes(&lab)?.is_empty(), "{calls:?}");
    let spec = lab.node(lab.victim()).await?.spec.unwrap_or_default();
    assert_ne!(spec.unschedulable, Some(true));
    assert!(
        !spec.taints.iter().flatten().any(|taint| taint.key.starts_with("cast-spot")),
        "{:?}",
        spec.taints
    );
    let pods = lab.pods_on(lab.victim()).await?;
    assert_eq!(pods.len(), 2);
    assert!(pods.values().all(|pod| pod.metadata.deletion_timestamp.is_none()), "{pods:?}");
    assert_replaced(&lab).await
}

pub(crate) async fn a_node_named_after_its_instance_is_found(stack: &Stack) -> Result<()> {
    let mut lab = Lab::open(stack, "resource-name").await?;
    let by_resource =
        LaunchTemplatePrivateDnsNameOptionsRequest::builder().hostname_type(HostnameType::ResourceName);
    let data = cloud::launch_data().private_dns_name_options(by_resource.build()).build();
    let ec2 = &stack.account.ec2;
    let version = ec2.create_launch_template_version().launch_template_name(&lab.name);
    version.launch_template_data(data).send().await?;
    // moto launches the default version, whatever version the group names.
    ec2.modify_launch_template().launch_template_name(&lab.name).default_version("2").send().await?;
    lab.scale(2).await?;
    lab.machines.sort_by_key(|machine| !machine.node.starts_with("i-"));
    let (victim, other) = (&lab.machines[0], &lab.machines[1]);
    assert_eq!(victim.node.split('.').next(), Some(victim.instance.as_str()));
    nodes(stack).cordon(&other.node).await?;
    lab.run(&Workload::deployment("web", 2)).await?;
    nodes(stack).uncordon(&other.node).await?;

    let report = lab.notify(&Notice::of(victim).seconds_ago(60)).await?;

    assert_eq!(report["outcome"], "drained", "{report}");
    assert_eq!(report["node"], victim.node.as_str(), "{report}");
    assert!(is_cordoned(&lab.node(victim).await?));
    assert!(lab.pods_on(victim).await?.is_empty());
    assert!(!is_cordoned(&lab.node(other).await?));
    // Found directly, without a list of all nodes.
    let cordon = lab.calls()?.into_iter().find(|call| call.verb == "patch").context("a patch")?;
    assert_eq!(cordon.code, 200, "{cordon:?}");
    assert!(report["calls"]["kubernetes:list nodes"].is_null(), "{report}");
    assert_replaced(&lab).await
}

/// All evictions write the status of one budget; the API server retries conflicts for ten seconds.
pub(crate) async fn fifty_nodes_under_one_budget_are_drained_and_replaced(stack: &Stack) -> Result<()> {
    const NODES: usize = 50;
    const PODS: usize = 150;
    let mut lab = Lab::open(stack, "fifty-nodes").await?;
    lab.scale(NODES).await?;
    lab.run(&Workload::deployment("web", u32::try_from(PODS)?)).await?;
    // The budget allows everything; only conflicts on it delay evictions.
    lab.budget("web", "web", &json!({ "maxUnavailable": PODS })).await?;
    let pods: BTreeSet<_> =
        lab.pods_of("web").await?.into_iter().filter_map(|pod| pod.metadata.uid).collect();
    let before: BTreeSet<_> = lab.group().await?.into_keys().collect();
    assert_eq!((before.len(), pods.len()), (NODES, PODS));

    try_join_all(lab.machines.iter().map(async |machine| lab.send(&Notice::of(machine)).await)).await?;

    for machine in &lab.machines {
        let report = stack.function.report(&machine.instance, 1, Duration::from_secs(150)).await?;
        assert_eq!(report["outcome"], "drained", "{report}");
        assert_replacement(&report);
    }
    // No disruption was spent twice. The API server gives an eviction up after ten seconds of conflicts and spends
    // nothing then, but it does not say that a later one wins: such a pod is deleted at its last moment.
    let calls = lab.calls()?;
    let uids = |calls: Vec<&audit::Entry>| {
        calls
            .into_iter()
            .filter_map(|call| call.delete_options()?["preconditions"]["uid"].as_str().map(str::to_owned))
            .collect::<Vec<_>>()
    };
    let accepted = uids(calls.iter().filter(|call| call.is_eviction() && call.code == 201).collect());
    let deleted = uids(calls.iter().filter(|call| call.is_pod_deletion() && call.code == 200).collect());
    let ended: BTreeSet<_> = accepted.iter().chain(&deleted).cloned().collect();
    assert_eq!(accepted.len(), accepted.iter().collect::<BTreeSet<_>>().len(), "one disruption a pod");
    assert!(ended.is_superset(&pods), "{ended:?}");
    assert!(deleted.len() * 20 <= PODS, "{deleted:?}");
    let after: BTreeSet<_> = lab.group().await?.into_keys().collect();
    assert_eq!(after.len(), NODES, "{after:?}");
    assert!(before.is_disjoint(&after), "{before:?} {after:?}");
    cloud::join(&stack.account, &stack.kube, &lab.name).await?;
    eventually("all pods run on the new nodes", PATIENCE, async || {
        let running = lab.pods_of("web").await?.iter().filter(|pod| phase(pod) == "Running").count();
        Ok((running == PODS).then_some(()))
    })
    .await
}

pub(crate) async fn a_termination_hook_is_named_and_the_instance_lives_on(stack: &Stack) -> Result<()> {
    let lab = Lab::open(stack, "termination-hook").await?;
    let hook = stack.account.auto_scaling.put_lifecycle_hook().auto_scaling_group_name(&lab.name);
    hook.lifecycle_hook_name("hold")
        .lifecycle_transition("autoscaling:EC2_INSTANCE_TERMINATING")
        .heartbeat_timeout(30)
        .send()
        .await?;
    lab.run(&Workload::deployment("web", 2)).await?;

    let report = lab.notify(&Notice::of(lab.victim()).seconds_ago(60)).await?;

    assert_eq!(report["outcome"], "drained", "{report}");
    assert_eq!(report["replacement"]["outcome"], "confirmed", "{report}");
    assert_eq!(report["replacement"]["method"], "detach", "{report}");
    let reason = "lifecycle hook hold was not run: a detached instance leaves its group without it";
    assert_eq!(report["replacement"]["reason"], reason, "{report}");
    assert!(lab.pods_on(lab.victim()).await?.is_empty());
    assert_replaced(&lab).await
}

pub(crate) async fn a_group_that_rebalances_by_itself_is_only_watched(stack: &Stack) -> Result<()> {
    let lab = Lab::open_with(stack, "rebalancing", |group| group.capacity_rebalance(true)).await?;
    lab.run(&Workload::deployment("web", 2)).await?;
    let (victim, before) = (lab.victim(), lab.group().await?);
    lab.send(&Notice::of(victim).seconds_ago(60)).await?;
    eventually("the node is empty", PATIENCE, async || {
        Ok(lab.pods_on(victim).await?.is_empty().then_some(()))
    })
    .await?;
    // No detach was sent, which would have come beside the evictions.
    assert_eq!(lab.group().await?, before);

    // What Capacity Rebalancing does.
    let replaced = stack.account.auto_scaling.terminate_instance_in_auto_scaling_group();
    replaced.instance_id(&victim.instance).should_decrement_desired_capacity(false).send().await?;

    let report = stack.function.report(&victim.instance, 1, PATIENCE).await?;
    assert_eq!(report["outcome"], "drained", "{report}");
    assert_eq!(report["replacement"]["outcome"], "confirmed", "{report}");
    assert_eq!(report["replacement"]["method"], "verify", "{report}");
    let group: Vec<_> = lab.group().await?.into_keys().collect();
    assert_eq!(group.len(), 1, "{group:?}");
    assert_eq!(report["replacement"]["instance_id"], group[0].as_str(), "{report}");
    Ok(())
}

fn nodes(stack: &Stack) -> Api<Node> {
    Api::all(stack.kube.clone())
}

fn is_cordoned(node: &Node) -> bool {
    node.spec.as_ref().and_then(|spec| spec.unschedulable) == Some(true)
}

/// The function's successful writes.
fn writes(lab: &Lab) -> Result<Vec<audit::Entry>> {
    let calls = lab.calls()?.into_iter();
    Ok(calls
        .filter(|call| !matches!(call.verb.as_str(), "get" | "list" | "watch") && call.code < 300)
        .collect())
}

/// Asserts that the replacement was requested, and launched if the group was read.
fn assert_replacement(report: &Value) {
    assert!(
        ["requested", "confirmed"].iter().any(|asked| report["replacement"]["outcome"] == *asked),
        "{report}"
    );
}

/// Asserts that the victim has left its group, which is as large as before.
async fn assert_replaced(lab: &Lab<'_>) -> Result<()> {
    let group = lab.group().await?;
    assert_eq!(group.len(), lab.machines.len(), "{group:?}");
    let kept = lab.machines.iter().filter(|machine| group.contains_key(&machine.instance)).count();
    assert!(!group.contains_key(&lab.victim().instance) && kept == lab.machines.len() - 1, "{group:?}");
    Ok(())
}
