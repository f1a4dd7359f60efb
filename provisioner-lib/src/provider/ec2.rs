//! Amazon EC2: the facts of the VPC, and instances.

use std::collections::BTreeSet;

use aws_sdk_ec2::{
    Client,
    types::{Filter, Route, RouteTableAssociation},
};

use super::{Error, error};
use crate::names::{MANAGED, SECURITY_GROUP, TAG_MANAGED};

/// VPCs with a security group of ours.
pub(super) async fn vpcs(client: &Client) -> Result<BTreeSet<String>, Error> {
    let call = client.describe_security_groups();
    let call = call.filters(filter("group-name", SECURITY_GROUP));
    let pages = call.filters(filter(&format!("tag:{TAG_MANAGED}"), MANAGED)).into_paginator().items().send();
    let groups = error::listed("ec2:DescribeSecurityGroups", pages.collect().await)?;
    Ok(groups.into_iter().filter_map(|group| group.vpc_id).collect())
}

/// Those of a VPC's subnets whose way to the internet is an internet gateway: that is how "Internet gateways" in
/// the Amazon VPC User Guide defines a public subnet. A subnet without a route table of its own has the VPC's.
pub(super) async fn public_subnets(
    client: &Client,
    vpc_id: &str,
    subnet_ids: &[String],
) -> Result<BTreeSet<String>, Error> {
    let call = client.describe_route_tables().filters(filter("vpc-id", vpc_id));
    let pages = call.into_paginator().items().send();
    let tables = error::listed("ec2:DescribeRouteTables", pages.collect().await)?;
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
pub(super) async fn instances_with(client: &Client, profile_arns: &[String]) -> Result<Vec<String>, Error> {
    let profiles = Filter::builder().name("iam-instance-profile.arn");
    let profiles = profiles.set_values(Some(profile_arns.to_vec())).build();
    let call = client.describe_instances().filters(profiles);
    let states = Filter::builder().name("instance-state-name").values("pending").values("running");
    let pages = call.filters(states.build()).into_paginator().items().send();
    let reservations = error::listed("ec2:DescribeInstances", pages.collect().await)?;
    let instances = reservations.into_iter().filter_map(|reservation| reservation.instances).flatten();
    Ok(instances.filter_map(|instance| instance.instance_id).collect())
}

pub(crate) fn filter(key: &str, value: &str) -> Filter {
    Filter::builder().name(key).values(value).build()
}

fn goes_out_by_gateway(route: &Route) -> bool {
    route.destination_cidr_block() == Some("0.0.0.0/0")
        && route.gateway_id().is_some_and(|gateway| gateway.starts_with("igw-"))
}

#[cfg(test)]
mod tests;
