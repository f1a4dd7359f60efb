//! Ingress rules of security groups.

use std::time::Duration;

use aws_sdk_ec2::{
    Client,
    types::{IpPermission, UserIdGroupPair},
};

use super::{DESCRIPTION, Ingress};
use crate::{
    provider::live::prelude::*,
    resource::{
        Describe,
        security_group::aws::{group, group_id},
    },
};

/// How long EC2 may take to know a new group.
const GROUP_IS_KNOWN: Duration = Duration::from_secs(20);

impl Live<Client> for Ingress {
    const IS_PART: bool = true;

    async fn find(&self, client: &Client, sight: &Sight<'_>) -> Result<Option<Found>, Error> {
        let seen = self.needs().first().and_then(|group| sight.revision(group));
        let from_id = match seen {
            Some(id) => Some(id),
            None => group(client, &self.from, &self.vpc_id).await?.and_then(|group| group.group_id),
        };
        // Without the group there is no rule that names it.
        let Some(from_id) = from_id else { return Ok(None) };
        let answer = client.describe_security_groups().group_ids(&self.to).send().await;
        let groups =
            error::optional("ec2:DescribeSecurityGroups", answer)?.and_then(|answer| answer.security_groups);
        let mut permissions = groups.into_iter().flatten().filter_map(|group| group.ip_permissions).flatten();
        let is_open = permissions.any(|permission| self.is_in(&permission, &from_id));
        Ok(is_open.then(|| Found::from(self.clone())))
    }

    async fn create(&self, client: &Client) -> Result<Made, Error> {
        let from_id = group_id(client, &self.from, &self.vpc_id).await?;
        let call = client.authorize_security_group_ingress().group_id(&self.to);
        let call = call.ip_permissions(self.permission(&from_id));
        let name = "ec2:AuthorizeSecurityGroupIngress";
        match retry_until_consistent(name, GROUP_IS_KNOWN, is_unseen, || call.clone().send()).await {
            Err(error) if error.reason != ErrorKind::Changed => Err(error),
            _ => Ok(Made::default()),
        }
    }

    async fn delete(&self, client: &Client) -> Result<Made, Error> {
        let group = group(client, &self.from, &self.vpc_id).await?;
        let Some(id) = group.and_then(|group| group.group_id) else { return Ok(Made::default()) };
        let call = client.revoke_security_group_ingress().group_id(&self.to);
        let answer = call.ip_permissions(self.permission(&id)).send().await;
        error::ok_if_absent("ec2:RevokeSecurityGroupIngress", answer).map(Made::alone)
    }
}

impl Ingress {
    fn permission(&self, from_id: &str) -> IpPermission {
        let pair = UserIdGroupPair::builder().group_id(from_id).description(DESCRIPTION);
        IpPermission::builder()
            .ip_protocol("tcp")
            .from_port(self.port.into())
            .to_port(self.port.into())
            .user_id_group_pairs(pair.build())
            .build()
    }

    /// All protocols are `-1`, and have no ports ("IpPermission" in the EC2 API reference).
    fn is_in(&self, permission: &IpPermission, from_id: &str) -> bool {
        let port = i32::from(self.port);
        let (from, to) = (permission.from_port(), permission.to_port());
        let ports = from.is_none_or(|from| from <= port) && to.is_none_or(|to| port <= to);
        let is_tcp = permission.ip_protocol() == Some("tcp") && ports;
        (is_tcp || permission.ip_protocol() == Some("-1"))
            && permission.user_id_group_pairs().iter().any(|pair| pair.group_id() == Some(from_id))
    }
}

fn is_unseen(code: &str, _: &str) -> bool {
    code == "InvalidGroup.NotFound"
}
