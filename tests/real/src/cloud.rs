//! AWS between its services, which no emulator has: a launched instance joins the cluster as a Node, and the Node of a
//! terminated one is deleted.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result};
use aws_sdk_autoscaling::{
    operation::create_auto_scaling_group::builders::CreateAutoScalingGroupFluentBuilder,
    types::{LaunchTemplateSpecification, Tag},
};
use aws_sdk_ec2::types::{
    Instance, InstanceStateName, InstanceType, LaunchTemplateInstanceMarketOptionsRequest, MarketType,
    RequestLaunchTemplateData, builders::RequestLaunchTemplateDataBuilder,
};
use k8s_openapi::api::core::v1::Node;
use kube::{
    Api, Client,
    api::{DeleteParams, PostParams},
};
use serde_json::json;

use crate::{
    account::{Account, REGION},
    clock::eventually,
};

/// Tag of an instance and label of its Node: the scenario that it belongs to.
pub const LAB: &str = "cast-spot.test/lab";

/// An instance and its Node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Node name.
    pub node: String,
    /// Instance id.
    pub instance: String,
    /// Availability Zone.
    pub zone: String,
}

/// An Auto Scaling group of Spot instances of `cluster`, with the tags of EKS and without instances. `more`
/// adds to the request.
pub async fn group(
    account: &Account,
    cluster: &str,
    name: &str,
    more: impl FnOnce(CreateAutoScalingGroupFluentBuilder) -> CreateAutoScalingGroupFluentBuilder,
) -> Result<()> {
    let data = launch_data().build();
    let template = account.ec2.create_launch_template().launch_template_name(name).launch_template_data(data);
    template.send().await.with_context(|| format!("launch template {name}"))?;
    let tag =
        |key: String, value: &str| Tag::builder().key(key).value(value).propagate_at_launch(true).build();
    let group = account
        .auto_scaling
        .create_auto_scaling_group()
        .auto_scaling_group_name(name)
        .launch_template(
            LaunchTemplateSpecification::builder().launch_template_name(name).version("$Latest").build(),
        )
        .min_size(0)
        .max_size(100)
        .desired_capacity(0)
        .availability_zones(format!("{REGION}a"))
        .tags(tag(format!("kubernetes.io/cluster/{cluster}"), "owned"))
        .tags(tag(LAB.to_owned(), name));
    more(group).send().await.with_context(|| format!("group {name}"))?;
    Ok(())
}

/// Data of the group's launch template.
#[must_use]
pub fn launch_data() -> RequestLaunchTemplateDataBuilder {
    let spot = LaunchTemplateInstanceMarketOptionsRequest::builder().market_type(MarketType::Spot).build();
    RequestLaunchTemplateData::builder()
        .image_id("ami-12c6146b")
        .instance_type(InstanceType::M5Large)
        .instance_market_options(spot)
}

/// Sets the size of a group and lets launched instances join; returns all machines of the group, oldest first.
pub async fn scale(account: &Account, nodes: &Client, group: &str, desired: i32) -> Result<Vec<Machine>> {
    let call = account.auto_scaling.set_desired_capacity().auto_scaling_group_name(group);
    call.desired_capacity(desired).send().await.with_context(|| format!("group {group}"))?;
    join(account, nodes, group).await
}

/// Creates a Node for every instance in service that has none. Returns the group's machines when all Nodes are Ready.
pub async fn join(account: &Account, client: &Client, group: &str) -> Result<Vec<Machine>> {
    let instances = members(account, group).await?;
    let nodes: Api<Node> = Api::all(client.clone());
    let mut machines = Vec::new();
    for instance in &instances {
        let machine =
            machine(instance).with_context(|| format!("an instance without a name: {instance:?}"))?;
        if nodes.get_opt(&machine.node).await?.is_none() {
            nodes.create(&PostParams::default(), &node(&machine, instance)?).await?;
        }
        machines.push(machine);
    }
    for machine in &machines {
        eventually(&format!("{} is Ready", machine.node), Duration::from_mins(1), async || {
            Ok(nodes.get_opt(&machine.node).await?.filter(is_ready))
        })
        .await?;
    }
    Ok(machines)
}

/// Deletes the Nodes of terminated instances, as the cloud controller manager does; returns their names.
pub async fn forget_terminated(account: &Account, client: &Client) -> Result<Vec<String>> {
    let nodes: Api<Node> = Api::all(client.clone());
    let mut forgotten = Vec::new();
    let known = instances(account).await?;
    for node in nodes.list(&kube::api::ListParams::default()).await? {
        let name = node.metadata.name.unwrap_or_default();
        let provider_id = node.spec.and_then(|spec| spec.provider_id).unwrap_or_default();
        let id = provider_id.rsplit('/').next().unwrap_or_default();
        if known.get(id).is_none_or(|instance| !is_alive(instance)) {
            nodes.delete(&name, &DeleteParams::default()).await?;
            forgotten.push(name);
        }
    }
    Ok(forgotten)
}

/// The group's instances that are in service, in the order of their ids in the group.
pub async fn members(account: &Account, group: &str) -> Result<Vec<Instance>> {
    let call = account.auto_scaling.describe_auto_scaling_groups().auto_scaling_group_names(group);
    let found = call.send().await?.auto_scaling_groups.into_iter().flatten().next();
    let members = found.with_context(|| format!("no group {group}"))?.instances.unwrap_or_default();
    let known = instances(account).await?;
    Ok(members.iter().filter_map(|member| known.get(member.instance_id()?).cloned()).collect())
}

async fn instances(account: &Account) -> Result<BTreeMap<String, Instance>> {
    let mut pages = account.ec2.describe_instances().into_paginator().send();
    let mut instances = BTreeMap::new();
    while let Some(page) = pages.try_next().await? {
        let reservations = page.reservations.into_iter().flatten();
        let found = reservations.flat_map(|reservation| reservation.instances.unwrap_or_default());
        instances.extend(found.filter_map(|instance| Some((instance.instance_id.clone()?, instance))));
    }
    Ok(instances)
}

fn is_alive(instance: &Instance) -> bool {
    let state = instance.state().and_then(|state| state.name());
    !matches!(state, Some(InstanceStateName::Terminated | InstanceStateName::ShuttingDown))
}

/// Whether a Node's condition Ready is True.
#[must_use]
pub fn is_ready(node: &Node) -> bool {
    let conditions = node.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

fn machine(instance: &Instance) -> Option<Machine> {
    Some(Machine {
        node: instance.private_dns_name.clone()?,
        instance: instance.instance_id.clone()?,
        zone: instance.placement()?.availability_zone.clone()?,
    })
}

/// The Node that a kubelet registers. The pods of a scenario select its nodes by the label.
fn node(machine: &Machine, instance: &Instance) -> Result<Node> {
    let lab = instance.tags().iter().find(|tag| tag.key() == Some(LAB)).and_then(|tag| tag.value());
    let size = json!({ "cpu": "64", "memory": "256Gi", "pods": "250" });
    Ok(serde_json::from_value(json!({
        "metadata": {
            "name": machine.node,
            "labels": {
                "kubernetes.io/hostname": machine.node,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                "node.kubernetes.io/instance-type": "m5.large",
                "topology.kubernetes.io/region": REGION,
                "topology.kubernetes.io/zone": machine.zone,
                (LAB): lab.unwrap_or_default(),
            },
        },
        "spec": { "providerID": format!("aws:///{}/{}", machine.zone, machine.instance) },
        "status": { "capacity": size, "allocatable": size },
    }))?)
}
