//! What an instance, a node and a group say of the cluster and of the notice; pure.

use std::collections::BTreeMap;

use super::{Located, Target};
use crate::{
    event::Subject,
    plan::owner::{self, is_on_demand},
    ports::{Group, Instance, ListedNode},
};

/// Tags that EKS itself sets: of managed node groups, and of Auto Mode.
const EKS_CLUSTER: [&str; 3] = ["aws:eks:cluster-name", "eks:cluster-name", "eks:eks-cluster-name"];

pub(super) fn of_instance(instance: &Instance, registered: &[String], subject: &Subject) -> Located {
    let id = &instance.id;
    let cluster = match cluster_of(&instance.tags, registered) {
        Ok(Some(cluster)) => cluster,
        Ok(None) => return Located::Elsewhere(format!("{id} carries no cluster tag")),
        Err(unregistered) => return not_registered(&unregistered),
    };
    if let Some(reason) = contradiction(instance, subject) {
        return Located::Elsewhere(reason);
    }
    if instance.state == "terminated" {
        return Located::Gone { cluster, reason: format!("{id} is terminated already") };
    }
    let tag = |key: &str| instance.tags.get(key).cloned();
    Located::Here(Target {
        instance_id: id.clone(),
        cluster,
        provider_id: format!("aws:///{}/{id}", instance.zone.as_deref().unwrap_or_default()),
        node: instance.private_dns_name.clone().filter(|name| !name.is_empty()),
        group: tag("aws:autoscaling:groupName"),
        managed: tag("eks:nodegroup-name").is_some(),
        owner: owner::of_instance(&instance.tags, instance.operator.as_deref()),
        state: instance.state.clone(),
        ec2_failure: None,
    })
}

pub(super) fn of_node(node: &ListedNode, cluster: &str, subject: &Subject) -> Located {
    let id = &subject.instance_id;
    if is_on_demand(&node.labels) {
        return Located::Elsewhere(format!("{id} is an on-demand instance, by the labels of its node"));
    }
    if let Some(reason) = of_another_region(id, zone_of(&node.provider_id), subject) {
        return Located::Elsewhere(reason);
    }
    Located::Here(Target {
        instance_id: id.clone(),
        cluster: cluster.to_owned(),
        provider_id: node.provider_id.clone(),
        node: Some(node.name.clone()),
        managed: node.labels.contains_key("eks.amazonaws.com/nodegroup"),
        owner: owner::of_labels(&node.labels),
        ..Target::default()
    })
}

/// `None` where the group carries no cluster tag: its instances may carry one all the same.
pub(super) fn of_group(group: &Group, instance_id: &str, registered: &[String]) -> Option<Located> {
    Some(match cluster_of(&group.tags, registered) {
        Ok(cluster) => Located::Here(Target {
            instance_id: instance_id.to_owned(),
            cluster: cluster?,
            group: Some(group.name.clone()),
            managed: group.tags.contains_key("eks:nodegroup-name"),
            ..Target::default()
        }),
        Err(unregistered) => not_registered(&unregistered),
    })
}

fn not_registered(cluster: &str) -> Located {
    Located::Elsewhere(format!("cluster {cluster} is not registered"))
}

/// The cluster that tags name. EKS's own tag decides, whatever the others say; an error is a cluster that is not
/// registered.
fn cluster_of(tags: &BTreeMap<String, String>, registered: &[String]) -> Result<Option<String>, String> {
    if let Some(own) = EKS_CLUSTER.iter().find_map(|key| tags.get(*key)) {
        return if registered.contains(own) { Ok(Some(own.clone())) } else { Err(own.clone()) };
    }
    let shared: Vec<String> =
        tags.keys().filter_map(|key| key.strip_prefix("kubernetes.io/cluster/")).map(str::to_owned).collect();
    match shared.iter().find(|name| registered.contains(name)) {
        Some(cluster) => Ok(Some(cluster.clone())),
        None => shared.into_iter().next().map_or(Ok(None), Err),
    }
}

/// What in EC2's answer contradicts the notice: a caller who may invoke the function could have written it.
fn contradiction(instance: &Instance, subject: &Subject) -> Option<String> {
    let id = &instance.id;
    if let (Some(owner), Some(account)) = (&instance.owner_account, &subject.account)
        && owner != account
    {
        return Some(format!("{id} belongs to account {owner}, and the event to {account}"));
    }
    if let Some(reason) = of_another_region(id, instance.zone.as_deref(), subject) {
        return Some(reason);
    }
    let interruptible = instance.lifecycle.as_deref() == Some("spot") || instance.reserved;
    (!interruptible).then(|| format!("{id} is an on-demand instance, of which EC2 announces no interruption"))
}

fn of_another_region(id: &str, zone: Option<&str>, subject: &Subject) -> Option<String> {
    let (zone, region) = (zone?, subject.region.as_deref()?);
    (!zone.starts_with(region)).then(|| format!("{id} stands in {zone}, and the event is of {region}"))
}

/// The zone in `aws:///ZONE/INSTANCE`.
fn zone_of(provider_id: &str) -> Option<&str> {
    let (zone, _) = provider_id.strip_prefix("aws:///")?.split_once('/')?;
    (!zone.is_empty()).then_some(zone)
}

#[cfg(test)]
mod tests;
