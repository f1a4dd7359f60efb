//! Amazon SQS: queues.

use std::{collections::HashMap, time::Duration};

use aws_sdk_sqs::{Client, types::QueueAttributeName};
use futures_util::future::join_all;
use serde_json::Value;

use super::{
    Error, Made, error,
    propagation::retry_until_consistent,
    tags::{TagChanges, touches},
};
use crate::{
    observed::Found,
    resource::Change,
    resource::{Queue, Resource},
};

/// A name is free again 60 seconds after its queue has gone ("DeleteQueue" in the SQS API reference).
const NAME_IS_FREE: Duration = Duration::from_secs(75);

/// SQS of the region.
pub(super) struct Sqs {
    pub(super) client: Client,
}

impl Sqs {
    pub(super) async fn observe(&self, wanted: &[&Resource]) -> Vec<Result<Found, Error>> {
        let found = join_all(wanted.iter().map(async |resource| match resource {
            Resource::Queue(Queue { name, .. }) => self.queue(name).await,
            _ => Ok(None),
        }));
        found.await.into_iter().filter_map(Result::transpose).collect()
    }

    async fn queue(&self, name: &str) -> Result<Option<Found>, Error> {
        let Some(url) = self.url(name).await? else { return Ok(None) };
        let names = [QueueAttributeName::MessageRetentionPeriod, QueueAttributeName::Policy];
        let attributes =
            self.client.get_queue_attributes().queue_url(&url).set_attribute_names(Some(names.into()));
        let tags = self.client.list_queue_tags().queue_url(&url);
        let (attributes, tags) = tokio::join!(attributes.send(), tags.send());
        let Some(attributes) = error::optional("sqs:GetQueueAttributes", attributes)? else {
            return Ok(None);
        };
        let Some(tags) = error::optional("sqs:ListQueueTags", tags)? else { return Ok(None) };
        let attributes = attributes.attributes.unwrap_or_default();
        let text = |name| attributes.get(&name).map_or("", String::as_str);
        let resource = Resource::Queue(Queue {
            name: name.to_owned(),
            retention_seconds: text(QueueAttributeName::MessageRetentionPeriod).parse().unwrap_or_default(),
            policy: serde_json::from_str(text(QueueAttributeName::Policy)).unwrap_or(Value::Null),
            tags: tags.tags.unwrap_or_default().into_iter().collect(),
        });
        Ok(Some(resource.into()))
    }

    async fn url(&self, name: &str) -> Result<Option<String>, Error> {
        let answer = self.client.get_queue_url().queue_name(name).send().await;
        Ok(error::optional("sqs:GetQueueUrl", answer)?.and_then(|answer| answer.queue_url))
    }

    pub(super) async fn create(&self, resource: &Resource) -> Result<Made, Error> {
        let Resource::Queue(Queue { name, retention_seconds, policy, tags }) = resource else {
            return Err(error::wrong_service(resource));
        };
        let call = self
            .client
            .create_queue()
            .queue_name(name)
            .set_attributes(Some(attributes(*retention_seconds, policy)))
            .set_tags(Some(tags.clone().into_iter().collect()));
        retry_until_consistent("sqs:CreateQueue", NAME_IS_FREE, is_name_taken, || call.clone().send())
            .await?;
        Ok(Made::default())
    }

    pub(super) async fn update(&self, resource: &Resource, changes: &[Change]) -> Result<Made, Error> {
        let Resource::Queue(Queue { name, retention_seconds, policy, .. }) = resource else {
            return Err(error::wrong_service(resource));
        };
        let Some(url) = self.url(name).await? else { return self.create(resource).await };
        if touches(changes, "retention_seconds") || touches(changes, "policy") {
            let attributes = attributes(*retention_seconds, policy);
            let call = self.client.set_queue_attributes().queue_url(&url).set_attributes(Some(attributes));
            call.send().await.map_err(error::from_sdk("sqs:SetQueueAttributes"))?;
        }
        let tags = TagChanges::of(resource, changes);
        if !tags.set.is_empty() {
            let call = self.client.tag_queue().queue_url(&url).set_tags(Some(tags.set.into_iter().collect()));
            call.send().await.map_err(error::from_sdk("sqs:TagQueue"))?;
        }
        if !tags.removed.is_empty() {
            let call = self.client.untag_queue().queue_url(&url).set_tag_keys(Some(tags.removed));
            call.send().await.map_err(error::from_sdk("sqs:UntagQueue"))?;
        }
        Ok(Made::default())
    }

    pub(super) async fn delete(&self, resource: &Resource) -> Result<Made, Error> {
        let Resource::Queue(Queue { name, .. }) = resource else {
            return Err(error::wrong_service(resource));
        };
        if let Some(url) = self.url(name).await? {
            error::ok_if_absent("sqs:DeleteQueue", self.client.delete_queue().queue_url(url).send().await)?;
        }
        Ok(Made::default())
    }
}

fn attributes(retention_seconds: u32, policy: &Value) -> HashMap<QueueAttributeName, String> {
    HashMap::from([
        (QueueAttributeName::MessageRetentionPeriod, retention_seconds.to_string()),
        (QueueAttributeName::Policy, policy.to_string()),
    ])
}

fn is_name_taken(code: &str, _: &str) -> bool {
    matches!(code, "QueueDeletedRecently" | "AWS.SimpleQueueService.QueueDeletedRecently")
}
