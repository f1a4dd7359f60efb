//! Log groups of CloudWatch Logs.

use aws_sdk_cloudwatchlogs::Client;

use super::LogGroup;
use crate::{names::TAG_RETENTION, provider::live::prelude::*};

impl Live<Client> for LogGroup {
    async fn find(&self, client: &Client, _: &Sight<'_>) -> Result<Option<Found>, Error> {
        let Some((arn, retention_days)) = self.described(client).await? else { return Ok(None) };
        let answer = client.list_tags_for_resource().resource_arn(arn).send().await;
        let tags = error::optional("logs:ListTagsForResource", answer)?.and_then(|answer| answer.tags);
        let tags = tags.unwrap_or_default().into_iter().collect();
        Ok(Some(Found::from(Self { name: self.name.clone(), retention_days, tags })))
    }

    async fn create(&self, client: &Client) -> Result<Made, Error> {
        let (last, first): (Tags, Tags) =
            self.tags.clone().into_iter().partition(|(key, _)| key == TAG_RETENTION);
        let call = client.create_log_group().log_group_name(&self.name);
        let call = call.set_tags(Some(first.into_iter().collect()));
        call.send().await.map_err(error::from_sdk("logs:CreateLogGroup"))?;
        if self.retention_days != 0 {
            self.keep(client).await?;
        }
        // See [`TAG_RETENTION`].
        self.tag(client, TagChanges { set: last, ..TagChanges::default() }).await
    }

    async fn update(&self, client: &Client, changes: &[Change], _: Option<&str>) -> Result<Made, Error> {
        if touches(changes, "retention_days") {
            self.keep(client).await?;
        }
        self.tag(client, TagChanges::of(changes)).await
    }

    async fn delete(&self, client: &Client) -> Result<Made, Error> {
        let answer = client.delete_log_group().log_group_name(&self.name).send().await;
        error::ok_if_absent("logs:DeleteLogGroup", answer).map(Made::alone)
    }
}

impl LogGroup {
    /// ARN and retention. The group itself is the first of those whose names begin with its own: they come sorted
    /// ("DescribeLogGroups" in the CloudWatch Logs API reference).
    async fn described(&self, client: &Client) -> Result<Option<(String, i32)>, Error> {
        let answer = client.describe_log_groups().log_group_name_prefix(&self.name).send().await;
        let groups =
            answer.map_err(error::from_sdk("logs:DescribeLogGroups"))?.log_groups.unwrap_or_default();
        let group = groups.into_iter().find(|group| group.log_group_name() == Some(&self.name));
        Ok(group.map(|group| {
            // The older field ends with `:*`, which calls about tags refuse.
            let older = group.arn().map(|arn| arn.trim_end_matches(":*").to_owned());
            let arn = group.log_group_arn.or(older).unwrap_or_default();
            (arn, group.retention_in_days.unwrap_or_default())
        }))
    }

    async fn keep(&self, client: &Client) -> Result<(), Error> {
        if self.retention_days == 0 {
            let answer = client.delete_retention_policy().log_group_name(&self.name).send().await;
            return answer.map_err(error::from_sdk("logs:DeleteRetentionPolicy")).map(drop);
        }
        let call = client.put_retention_policy().log_group_name(&self.name);
        let answer = call.retention_in_days(self.retention_days).send().await;
        answer.map_err(error::from_sdk("logs:PutRetentionPolicy")).map(drop)
    }

    async fn tag(&self, client: &Client, tags: TagChanges) -> Result<Made, Error> {
        if tags == TagChanges::default() {
            return Ok(Made::default());
        }
        let Some((arn, _)) = self.described(client).await? else { return Ok(Made::default()) };
        let set = |tags: Tags| {
            client.tag_resource().resource_arn(&arn).set_tags(Some(tags.into_iter().collect())).send()
        };
        let unset = |keys| client.untag_resource().resource_arn(&arn).set_tag_keys(Some(keys)).send();
        tags.apply(("logs:TagResource", set), ("logs:UntagResource", unset)).await
    }
}
