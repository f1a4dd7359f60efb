//! Security groups of EC2.

use std::time::Duration;

use aws_sdk_ec2::{
    Client,
    types::{ResourceType, SecurityGroup as Group, Tag, TagSpecification},
};

use super::SecurityGroup;
use crate::provider::{ec2::filter, live::prelude::*};

/// Lambda gives the network interfaces of a function that is gone back only after a while, and until then EC2
/// keeps their security group ("Giving Lambda functions access to resources in an Amazon VPC" in the Lambda
/// developer guide).
const INTERFACES_GONE: Duration = Duration::from_mins(5);

impl Live<Client> for SecurityGroup {
    /// The revision is the id of the group.
    async fn find(&self, client: &Client, _: &Sight<'_>) -> Result<Option<Found>, Error> {
        let Some(group) = group(client, &self.name, &self.vpc_id).await? else { return Ok(None) };
        let tags = group.tags.unwrap_or_default().into_iter();
        let found = Self {
            description: group.description.unwrap_or_default(),
            tags: tags.map(|tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default())).collect(),
            ..self.clone()
        };
        Ok(Some(Found { revision: group.group_id, ..Found::from(found) }))
    }

    async fn create(&self, client: &Client) -> Result<Made, Error> {
        let tags = TagSpecification::builder()
            .resource_type(ResourceType::SecurityGroup)
            .set_tags(Some(tags_in(&self.tags)))
            .build();
        let call = client.create_security_group().group_name(&self.name).vpc_id(&self.vpc_id);
        let call = call.description(&self.description).tag_specifications(tags);
        call.send().await.map(Made::alone).map_err(error::from_sdk("ec2:CreateSecurityGroup"))
    }

    async fn update(&self, client: &Client, changes: &[Change], _: Option<&str>) -> Result<Made, Error> {
        let tags = TagChanges::of(changes);
        if tags == TagChanges::default() {
            return Ok(Made::default());
        }
        let id = group_id(client, &self.name, &self.vpc_id).await?;
        let set = |tags| client.create_tags().resources(&id).set_tags(Some(tags_in(&tags))).send();
        let unset = |keys: Vec<String>| {
            let keys = keys.iter().map(|key| Tag::builder().key(key).build()).collect();
            client.delete_tags().resources(&id).set_tags(Some(keys)).send()
        };
        tags.apply(("ec2:CreateTags", set), ("ec2:DeleteTags", unset)).await
    }

    async fn delete(&self, client: &Client) -> Result<Made, Error> {
        let group = group(client, &self.name, &self.vpc_id).await?;
        let Some(id) = group.and_then(|group| group.group_id) else { return Ok(Made::default()) };
        let (call, name) = (client.delete_security_group().group_id(id), "ec2:DeleteSecurityGroup");
        let deleted = delete_when_free(name, INTERFACES_GONE, is_in_use, || call.clone().send()).await;
        deleted.map_err(|error| match error.reason {
            ErrorKind::Other => {
                error.hint("Lambda frees its network interfaces within an hour; run it again then")
            }
            _ => error,
        })
    }
}

pub(in crate::resource) async fn group(
    client: &Client,
    name: &str,
    vpc_id: &str,
) -> Result<Option<Group>, Error> {
    let call = client.describe_security_groups();
    let call = call.filters(filter("group-name", name)).filters(filter("vpc-id", vpc_id));
    let groups = call.send().await.map_err(error::from_sdk("ec2:DescribeSecurityGroups"))?.security_groups;
    Ok(groups.unwrap_or_default().into_iter().next())
}

/// Id of a group that has to exist.
pub(in crate::resource) async fn group_id(
    client: &Client,
    name: &str,
    vpc_id: &str,
) -> Result<String, Error> {
    group(client, name, vpc_id).await?.and_then(|group| group.group_id).ok_or_else(|| {
        let message = format!("there is no security group {name} in {vpc_id}");
        Error::new(ErrorKind::Changed, "ec2:DescribeSecurityGroups", message)
    })
}

fn is_in_use(code: &str, _: &str) -> bool {
    code == "DependencyViolation"
}

fn tags_in(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}
