//! Rules of EventBridge.

use aws_sdk_eventbridge::{
    Client,
    types::{RuleState, Tag},
};
use serde_json::Value;

use super::Rule;
use crate::{provider::live::prelude::*, resource::target};

impl Live<Client> for Rule {
    async fn find(&self, client: &Client, _: &Sight<'_>) -> Result<Option<Found>, Error> {
        let answer = client.describe_rule().name(&self.name).send().await;
        let Some(rule) = error::optional("events:DescribeRule", answer)? else { return Ok(None) };
        let arn = rule.arn().unwrap_or_default();
        let answer = client.list_tags_for_resource().resource_arn(arn).send().await;
        let tags = error::optional("events:ListTagsForResource", answer)?.and_then(|answer| answer.tags);
        // A rule that is switched off matches nothing, and its time never comes.
        let is_on = rule.state() != Some(&RuleState::Disabled);
        let pattern = rule.event_pattern().and_then(|text| serde_json::from_str(text).ok());
        let schedule = rule.schedule_expression().filter(|text| is_on && !text.is_empty());
        Ok(Some(Found::from(Self {
            name: self.name.clone(),
            pattern: pattern.filter(|_| is_on).unwrap_or(Value::Null),
            schedule: schedule.map(str::to_owned),
            description: rule.description.unwrap_or_default(),
            tags: tags.into_iter().flatten().map(|tag| (tag.key, tag.value)).collect(),
        })))
    }

    async fn create(&self, client: &Client) -> Result<Made, Error> {
        self.put(client, Some(tags_in(&self.tags))).await.map(Made::alone)
    }

    async fn update(&self, client: &Client, changes: &[Change], _: Option<&str>) -> Result<Made, Error> {
        if touches(changes, "pattern") || touches(changes, "schedule") {
            // Tags of a rule that is there are left as they are ("PutRule" in the EventBridge API reference).
            self.put(client, None).await?;
        }
        let tags = TagChanges::of(changes);
        if tags == TagChanges::default() {
            return Ok(Made::default());
        }
        let answer = client.describe_rule().name(&self.name).send().await;
        let arn = answer.map_err(error::from_sdk("events:DescribeRule"))?.arn.unwrap_or_default();
        let set = |tags| client.tag_resource().resource_arn(&arn).set_tags(Some(tags_in(&tags))).send();
        let unset = |keys| client.untag_resource().resource_arn(&arn).set_tag_keys(Some(keys)).send();
        tags.apply(("events:TagResource", set), ("events:UntagResource", unset)).await
    }

    /// A rule goes only when it has no targets ("DeleteRule" in the EventBridge API reference).
    async fn delete(&self, client: &Client) -> Result<Made, Error> {
        target::aws::remove_all(client, &self.name).await?;
        error::ok_if_absent("events:DeleteRule", client.delete_rule().name(&self.name).send().await)
            .map(Made::alone)
    }
}

impl Rule {
    async fn put(&self, client: &Client, tags: Option<Vec<Tag>>) -> Result<(), Error> {
        let call = client
            .put_rule()
            .name(&self.name)
            .set_event_pattern((!self.pattern.is_null()).then(|| self.pattern.to_string()))
            .set_schedule_expression(self.schedule.clone())
            .description(&self.description)
            .state(RuleState::Enabled)
            .set_tags(tags);
        call.send().await.map_err(error::from_sdk("events:PutRule")).map(drop)
    }
}

fn tags_in(tags: &Tags) -> Vec<Tag> {
    tags.iter().flat_map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}
