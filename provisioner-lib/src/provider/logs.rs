//! Amazon CloudWatch Logs: log groups.

use aws_sdk_cloudwatchlogs::Client;
use futures_util::future::join_all;

use super::{
    Error, Made, error,
    tags::{TagChanges, touches},
};
use crate::{
    names::TAG_RETENTION,
    observed::Found,
    resource::Change,
    resource::{LogGroup, Resource, Tags},
};

/// CloudWatch Logs of the region.
pub(super) struct Logs {
    pub(super) client: Client,
}

impl Logs {
    pub(super) async fn observe(&self, wanted: &[&Resource]) -> Vec<Result<Found, Error>> {
        let found = join_all(wanted.iter().map(async |resource| match resource {
            Resource::LogGroup(LogGroup { name, .. }) => self.group(name).await,
            _ => Ok(None),
        }));
        found.await.into_iter().filter_map(Result::transpose).collect()
    }

    async fn group(&self, name: &str) -> Result<Option<Found>, Error> {
        let Some((arn, retention_days)) = self.described(name).await? else { return Ok(None) };
        let tags = self.tags(arn).await?;
        let resource = Resource::LogGroup(LogGroup { name: name.to_owned(), retention_days, tags });
        Ok(Some(resource.into()))
    }

    async fn tags(&self, arn: String) -> Result<Tags, Error> {
        let answer = self.client.list_tags_for_resource().resource_arn(arn).send().await;
        let tags = error::optional("logs:ListTagsForResource", answer)?.and_then(|answer| answer.tags);
        Ok(tags.unwrap_or_default().into_iter().collect())
    }

    /// ARN and retention. The group itself is the first of those whose names begin with its own: they come sorted
    /// ("DescribeLogGroups" in the CloudWatch Logs API reference).
    async fn described(&self, name: &str) -> Result<Option<(String, i32)>, Error> {
        let answer = self.client.describe_log_groups().log_group_name_prefix(name).send().await;
        let groups =
            answer.map_err(error::from_sdk("logs:DescribeLogGroups"))?.log_groups.unwrap_or_default();
        let group = groups.into_iter().find(|group| group.log_group_name() == Some(name));
        Ok(group.map(|group| {
            // The older field ends with `:*`, which calls about tags refuse.
            let older = group.arn().map(|arn| arn.trim_end_matches(":*").to_owned());
            let arn = group.log_group_arn.or(older).unwrap_or_default();
            (arn, group.retention_in_days.unwrap_or_default())
        }))
    }

    pub(super) async fn create(&self, resource: &Resource) -> Result<Made, Error> {
        let Resource::LogGroup(LogGroup { name, retention_days, tags }) = resource else {
            return Err(error::wrong_service(resource));
        };
        let (last, first): (Vec<_>, Vec<_>) =
            tags.clone().into_iter().partition(|(key, _)| key == TAG_RETENTION);
        let call = self.client.create_log_group().log_group_name(name);
        let call = call.set_tags(Some(first.into_iter().collect()));
        call.send().await.map_err(error::from_sdk("logs:CreateLogGroup"))?;
        if *retention_days != 0 {
            self.keep_for(name, *retention_days).await?;
        }
        // See [`TAG_RETENTION`].
        if let Some((arn, _)) = self.described(name).await? {
            let tags = TagChanges { set: last.into_iter().collect(), ..TagChanges::default() };
            self.tag(&arn, &tags).await?;
        }
        Ok(Made::default())
    }

    pub(super) async fn update(&self, resource: &Resource, changes: &[Change]) -> Result<Made, Error> {
        let Resource::LogGroup(LogGroup { name, retention_days, .. }) = resource else {
            return Err(error::wrong_service(resource));
        };
        if touches(changes, "retention_days") {
            self.keep_for(name, *retention_days).await?;
        }
        let tags = TagChanges::of(resource, changes);
        if !tags.is_empty()
            && let Some((arn, _)) = self.described(name).await?
        {
            self.tag(&arn, &tags).await?;
        }
        Ok(Made::default())
    }

    /// 0 days: for ever.
    async fn keep_for(&self, name: &str, days: i32) -> Result<(), Error> {
        if days == 0 {
            let answer = self.client.delete_retention_policy().log_group_name(name).send().await;
            return answer.map_err(error::from_sdk("logs:DeleteRetentionPolicy")).map(drop);
        }
        let call = self.client.put_retention_policy().log_group_name(name).retention_in_days(days);
        call.send().await.map_err(error::from_sdk("logs:PutRetentionPolicy")).map(drop)
    }

    async fn tag(&self, arn: &str, tags: &TagChanges) -> Result<(), Error> {
        if !tags.set.is_empty() {
            let set = tags.set.clone().into_iter().collect();
            let call = self.client.tag_resource().resource_arn(arn).set_tags(Some(set));
            call.send().await.map_err(error::from_sdk("logs:TagResource"))?;
        }
        if !tags.removed.is_empty() {
            let call =
                self.client.untag_resource().resource_arn(arn).set_tag_keys(Some(tags.removed.clone()));
            call.send().await.map_err(error::from_sdk("logs:UntagResource"))?;
        }
        Ok(())
    }

    pub(super) async fn delete(&self, resource: &Resource) -> Result<Made, Error> {
        let Resource::LogGroup(LogGroup { name, .. }) = resource else {
            return Err(error::wrong_service(resource));
        };
        let answer = self.client.delete_log_group().log_group_name(name).send().await;
        error::ok_if_absent("logs:DeleteLogGroup", answer)?;
        Ok(Made::default())
    }
}
