//! Amazon EC2: the security group of a function in a VPC, and its way into the cluster's.

use std::{collections::BTreeSet, time::Duration};

use aws_sdk_ec2::{
    Client,
    types::{
        Filter, IpPermission, ResourceType, Route, RouteTableAssociation, SecurityGroup, Tag,
        TagSpecification, UserIdGroupPair,
    },
};
use futures_util::future::join_all;

use super::{Error, ErrorKind, Made, error, propagation::retry_until_consistent, tags::TagChanges};
use crate::{
    names::{MANAGED, SECURITY_GROUP, TAG_MANAGED},
    observed::Found,
    resource::Change,
    resource::{self, Ingress, Network, Resource, Tags},
};

/// Lambda gives the network interfaces of a function that has gone back only after a while, and until then EC2
/// keeps their security group ("Giving Lambda functions access to resources in an Amazon VPC" in the Lambda
/// developer guide).
const INTERFACES_GONE: Duration = Duration::from_mins(5);

/// EC2 of the region.
pub(super) struct Ec2 {
    pub(super) client: Client,
}

/// What was seen, and ids and names of the groups.
pub(super) struct SeenGroups {
    pub(super) found: Vec<Result<Found, Error>>,
    pub(super) names: Vec<(String, String)>,
}

impl Ec2 {
    pub(super) async fn observe(&self, wanted: &[&Resource]) -> SeenGroups {
        let mut asked: Vec<(&str, &str)> = wanted.iter().filter_map(|resource| group_of(resource)).collect();
        asked.sort_unstable();
        asked.dedup();
        let groups = join_all(asked.iter().map(async |(name, vpc_id)| self.group(name, vpc_id).await)).await;
        let mut seen = SeenGroups { found: Vec::new(), names: Vec::new() };
        for ((name, vpc_id), group) in asked.into_iter().zip(groups) {
            match group {
                Ok(None) => {}
                Err(error) => seen.found.push(Err(error)),
                Ok(Some(group)) => {
                    let id = group.group_id().unwrap_or_default().to_owned();
                    if wanted.iter().any(|resource| matches!(resource, Resource::SecurityGroup(_))) {
                        seen.found.push(Ok(Found::from(as_resource(name, vpc_id, &group))));
                    }
                    let ways = wanted.iter().filter(|resource| {
                        matches!(resource, Resource::Ingress(_)) && group_of(resource) == Some((name, vpc_id))
                    });
                    let ways = join_all(ways.map(|way| self.ingress(way, &id))).await;
                    seen.found.extend(ways.into_iter().filter_map(Result::transpose));
                    seen.names.push((id, name.to_owned()));
                }
            }
        }
        seen
    }

    async fn group(&self, name: &str, vpc_id: &str) -> Result<Option<SecurityGroup>, Error> {
        let call = self.client.describe_security_groups();
        let call = call.filters(filter("group-name", name)).filters(filter("vpc-id", vpc_id));
        let groups =
            call.send().await.map_err(error::from_sdk("ec2:DescribeSecurityGroups"))?.security_groups;
        Ok(groups.unwrap_or_default().into_iter().next())
    }

    async fn ingress(&self, wanted: &Resource, from_id: &str) -> Result<Option<Found>, Error> {
        let Resource::Ingress(Ingress { to, port, .. }) = wanted else { return Ok(None) };
        let answer = self.client.describe_security_groups().group_ids(to).send().await;
        let groups =
            error::optional("ec2:DescribeSecurityGroups", answer)?.and_then(|answer| answer.security_groups);
        let ways: Vec<IpPermission> = groups
            .unwrap_or_default()
            .into_iter()
            .filter_map(|group| group.ip_permissions)
            .flatten()
            .collect();
        Ok(ways.iter().any(|way| lets_in(way, from_id, *port)).then(|| Found::from(wanted.clone())))
    }

    /// VPCs with a security group of ours.
    pub(super) async fn vpcs(&self) -> Result<BTreeSet<String>, Error> {
        let call = self.client.describe_security_groups();
        let call = call.filters(filter("group-name", SECURITY_GROUP));
        let pages =
            call.filters(filter(&format!("tag:{TAG_MANAGED}"), MANAGED)).into_paginator().items().send();
        let groups = pages.collect::<Result<Vec<_>, _>>().await;
        let groups = groups.map_err(error::from_sdk("ec2:DescribeSecurityGroups"))?;
        Ok(groups.into_iter().filter_map(|group| group.vpc_id).collect())
    }

    /// Those of a VPC's subnets whose way to the internet is an internet gateway: that is how "Internet gateways" in
    /// the Amazon VPC User Guide defines a public subnet. A subnet without a route table of its own has the VPC's.
    pub(super) async fn public_subnets(
        &self,
        vpc_id: &str,
        subnet_ids: &[String],
    ) -> Result<BTreeSet<String>, Error> {
        let call = self.client.describe_route_tables().filters(filter("vpc-id", vpc_id));
        let tables = call.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
        let tables = tables.map_err(error::from_sdk("ec2:DescribeRouteTables"))?;
        let of = |is: &dyn Fn(&RouteTableAssociation) -> bool| {
            tables.iter().find(|table| table.associations().iter().any(is))
        };
        let main = of(&|association| association.main() == Some(true));
        let is_public = |id: &&String| {
            let own = of(&|association| association.subnet_id() == Some(id.as_str()));
            own.or(main).is_some_and(|table| table.routes().iter().any(goes_out_by_gateway))
        };
        Ok(subnet_ids.iter().filter(is_public).cloned().collect())
    }

    /// Ids of instances that run, or are about to, with one of some instance profiles.
    pub(super) async fn instances_with(&self, profile_arns: &[String]) -> Result<Vec<String>, Error> {
        let profiles = Filter::builder().name("iam-instance-profile.arn");
        let profiles = profiles.set_values(Some(profile_arns.to_vec())).build();
        let call = self.client.describe_instances().filters(profiles);
        let states = Filter::builder().name("instance-state-name").values("pending").values("running");
        let pages = call.filters(states.build()).into_paginator().items().send();
        let reservations = pages.collect::<Result<Vec<_>, _>>().await;
        let reservations = reservations.map_err(error::from_sdk("ec2:DescribeInstances"))?;
        let instances = reservations.into_iter().filter_map(|reservation| reservation.instances).flatten();
        Ok(instances.filter_map(|instance| instance.instance_id).collect())
    }

    /// Id of the group of a network.
    pub(super) async fn group_id(&self, network: &Network) -> Result<String, Error> {
        self.id(&network.security_group, &network.vpc_id).await
    }

    async fn id(&self, name: &str, vpc_id: &str) -> Result<String, Error> {
        let group = self.group(name, vpc_id).await?;
        group.and_then(|group| group.group_id).ok_or_else(|| {
            let message = format!("there is no security group {name} in {vpc_id}");
            Error::new(ErrorKind::Changed, "ec2:DescribeSecurityGroups", message)
        })
    }

    pub(super) async fn create(&self, resource: &Resource) -> Result<Made, Error> {
        match resource {
            Resource::SecurityGroup(resource::SecurityGroup { name, vpc_id, description, tags }) => {
                let tags = TagSpecification::builder()
                    .resource_type(ResourceType::SecurityGroup)
                    .set_tags(Some(tags_in(tags)))
                    .build();
                let call = self.client.create_security_group().group_name(name).vpc_id(vpc_id);
                let call = call.description(description).tag_specifications(tags);
                call.send().await.map_err(error::from_sdk("ec2:CreateSecurityGroup"))?;
            }
            Resource::Ingress(Ingress { from, vpc_id, to, port }) => {
                let from_id = self.id(from, vpc_id).await?;
                let call = self.client.authorize_security_group_ingress().group_id(to);
                let call = call.ip_permissions(way(&from_id, *port));
                let name = "ec2:AuthorizeSecurityGroupIngress";
                match retry_until_consistent(name, Duration::from_secs(20), is_unseen, || call.clone().send())
                    .await
                {
                    Err(error) if error.reason == ErrorKind::Changed => {}
                    other => other.map(drop)?,
                }
            }
            other => return Err(error::wrong_service(other)),
        }
        Ok(Made::default())
    }

    pub(super) async fn update(&self, resource: &Resource, changes: &[Change]) -> Result<Made, Error> {
        let Resource::SecurityGroup(resource::SecurityGroup { name, vpc_id, .. }) = resource else {
            return self.create(resource).await;
        };
        let tags = TagChanges::of(resource, changes);
        if tags.is_empty() {
            return Ok(Made::default());
        }
        let id = self.id(name, vpc_id).await?;
        if !tags.set.is_empty() {
            let call = self.client.create_tags().resources(&id).set_tags(Some(tags_in(&tags.set)));
            call.send().await.map_err(error::from_sdk("ec2:CreateTags"))?;
        }
        if !tags.removed.is_empty() {
            let keys = tags.removed.iter().map(|key| Tag::builder().key(key).build()).collect();
            let call = self.client.delete_tags().resources(&id).set_tags(Some(keys));
            call.send().await.map_err(error::from_sdk("ec2:DeleteTags"))?;
        }
        Ok(Made::default())
    }

    pub(super) async fn delete(&self, resource: &Resource) -> Result<Made, Error> {
        match resource {
            Resource::SecurityGroup(resource::SecurityGroup { name, vpc_id, .. }) => {
                self.delete_group(name, vpc_id).await?
            }
            Resource::Ingress(Ingress { from, vpc_id, to, port }) => {
                // Without the group there is no rule that names it.
                let Some(id) = self.group(from, vpc_id).await?.and_then(|group| group.group_id) else {
                    return Ok(Made::default());
                };
                let call =
                    self.client.revoke_security_group_ingress().group_id(to).ip_permissions(way(&id, *port));
                error::ok_if_absent("ec2:RevokeSecurityGroupIngress", call.send().await)?;
            }
            other => return Err(error::wrong_service(other)),
        }
        Ok(Made::default())
    }

    async fn delete_group(&self, name: &str, vpc_id: &str) -> Result<(), Error> {
        let Some(id) = self.group(name, vpc_id).await?.and_then(|group| group.group_id) else {
            return Ok(());
        };
        let call = self.client.delete_security_group().group_id(id);
        let deleted =
            retry_until_consistent("ec2:DeleteSecurityGroup", INTERFACES_GONE, is_in_use, || async {
                match call.clone().send().await {
                    Err(failure) if error::is_absent(error::code_and_message(&failure).0) => Ok(()),
                    other => other.map(drop),
                }
            });
        deleted.await.map_err(|error| match error.reason {
            ErrorKind::Other => {
                error.hint("Lambda frees its network interfaces within an hour; run it again then")
            }
            _ => error,
        })
    }
}

fn filter(key: &str, value: &str) -> Filter {
    Filter::builder().name(key).values(value).build()
}

fn goes_out_by_gateway(route: &Route) -> bool {
    route.destination_cidr_block() == Some("0.0.0.0/0")
        && route.gateway_id().is_some_and(|gateway| gateway.starts_with("igw-"))
}

/// Name and VPC of the group that it is, or is about.
fn group_of(resource: &Resource) -> Option<(&str, &str)> {
    match resource {
        Resource::SecurityGroup(resource::SecurityGroup { name, vpc_id, .. })
        | Resource::Ingress(Ingress { from: name, vpc_id, .. }) => Some((name, vpc_id)),
        _ => None,
    }
}

fn way(from_id: &str, port: u16) -> IpPermission {
    let pair =
        UserIdGroupPair::builder().group_id(from_id).description("cast-spot: the function to the API server");
    IpPermission::builder()
        .ip_protocol("tcp")
        .from_port(port.into())
        .to_port(port.into())
        .user_id_group_pairs(pair.build())
        .build()
}

/// All protocols are `-1`, and have no ports ("IpPermission" in the EC2 API reference).
fn lets_in(way: &IpPermission, from_id: &str, port: u16) -> bool {
    let port = i32::from(port);
    let ports = way.from_port().is_none_or(|from| from <= port) && way.to_port().is_none_or(|to| port <= to);
    let is_tcp = way.ip_protocol() == Some("tcp") && ports;
    (is_tcp || way.ip_protocol() == Some("-1"))
        && way.user_id_group_pairs().iter().any(|pair| pair.group_id() == Some(from_id))
}

fn as_resource(name: &str, vpc_id: &str, group: &SecurityGroup) -> Resource {
    let tags = group
        .tags()
        .iter()
        .map(|tag| (tag.key().unwrap_or_default().to_owned(), tag.value().unwrap_or_default().to_owned()));
    Resource::SecurityGroup(resource::SecurityGroup {
        name: name.to_owned(),
        vpc_id: vpc_id.to_owned(),
        description: group.description().unwrap_or_default().to_owned(),
        tags: tags.collect(),
    })
}

fn is_unseen(code: &str, _: &str) -> bool {
    code == "InvalidGroup.NotFound"
}

fn is_in_use(code: &str, _: &str) -> bool {
    code == "DependencyViolation"
}

fn tags_in(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

#[cfg(test)]
mod tests;
