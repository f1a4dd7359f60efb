//! Queues of SQS.

use std::{collections::HashMap, time::Duration};

use aws_sdk_sqs::{Client, types::QueueAttributeName};
use serde_json::Value;

use super::Queue;
use crate::provider::live::prelude::*;

/// A name is free again 60 seconds after its queue is gone ("DeleteQueue" in the SQS API reference).
const NAME_IS_FREE: Duration = Duration::from_secs(75);

impl Live<Client> for Queue {
    async fn find(&self, client: &Client, _: &Sight<'_>) -> Result<Option<Found>, Error> {
        let Some(url) = self.url(client).await? else { return Ok(None) };
        let attributes =
            client.get_queue_attributes().queue_url(&url).attribute_names(QueueAttributeName::All);
        let tags = client.list_queue_tags().queue_url(&url);
        let (attributes, tags) = tokio::join!(attributes.send(), tags.send());
        let Some(attributes) = error::optional("sqs:GetQueueAttributes", attributes)? else {
            return Ok(None);
        };
        let Some(tags) = error::optional("sqs:ListQueueTags", tags)? else { return Ok(None) };
        let attributes = attributes.attributes.unwrap_or_default();
        let text = |name| attributes.get(&name).map_or("", String::as_str);
        Ok(Some(Found::from(Self {
            name: self.name.clone(),
            retention_seconds: text(QueueAttributeName::MessageRetentionPeriod).parse().unwrap_or_default(),
            encrypted: text(QueueAttributeName::SqsManagedSseEnabled).eq_ignore_ascii_case("true")
                || !text(QueueAttributeName::KmsMasterKeyId).is_empty(),
            policy: serde_json::from_str(text(QueueAttributeName::Policy)).unwrap_or(Value::Null),
            tags: tags.tags.unwrap_or_default().into_iter().collect(),
        })))
    }

    async fn create(&self, client: &Client) -> Result<Made, Error> {
        let call = client
            .create_queue()
            .queue_name(&self.name)
            .set_attributes(Some(self.attributes_in(&[])))
            .set_tags(Some(self.tags.clone().into_iter().collect()));
        retry_until_consistent("sqs:CreateQueue", NAME_IS_FREE, is_name_taken, || call.clone().send())
            .await
            .map(Made::alone)
    }

    async fn update(&self, client: &Client, changes: &[Change], _: Option<&str>) -> Result<Made, Error> {
        let Some(url) = self.url(client).await? else { return self.create(client).await };
        if ["retention_seconds", "encrypted", "policy"].iter().any(|field| touches(changes, field)) {
            let call = client.set_queue_attributes().queue_url(&url);
            let answer = call.set_attributes(Some(self.attributes_in(changes))).send().await;
            answer.map_err(error::from_sdk("sqs:SetQueueAttributes"))?;
        }
        let set =
            |tags: Tags| client.tag_queue().queue_url(&url).set_tags(Some(tags.into_iter().collect())).send();
        let unset = |keys| client.untag_queue().queue_url(&url).set_tag_keys(Some(keys)).send();
        TagChanges::of(changes).apply(("sqs:TagQueue", set), ("sqs:UntagQueue", unset)).await
    }

    async fn delete(&self, client: &Client) -> Result<Made, Error> {
        if let Some(url) = self.url(client).await? {
            error::ok_if_absent("sqs:DeleteQueue", client.delete_queue().queue_url(url).send().await)?;
        }
        Ok(Made::default())
    }
}

impl Queue {
    async fn url(&self, client: &Client) -> Result<Option<String>, Error> {
        let answer = client.get_queue_url().queue_name(&self.name).send().await;
        Ok(error::optional("sqs:GetQueueUrl", answer)?.and_then(|answer| answer.queue_url))
    }

    fn attributes_in(&self, changes: &[Change]) -> HashMap<QueueAttributeName, String> {
        let attributes = self.attributes(changes);
        attributes.map(|(name, value)| (QueueAttributeName::from(name), value)).collect()
    }
}

fn is_name_taken(code: &str, _: &str) -> bool {
    matches!(code, "QueueDeletedRecently" | "AWS.SimpleQueueService.QueueDeletedRecently")
}
