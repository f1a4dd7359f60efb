//! Amazon EventBridge: rules of the default bus and their targets.

use aws_sdk_eventbridge::{
    Client,
    error::BuildError,
    types::{DeadLetterConfig, RetryPolicy, RuleState, Tag, Target},
};
use futures_util::future::join_all;
use serde_json::Value;

use super::{
    Error, ErrorKind, Made, error,
    tags::{TagChanges, touches},
};
use crate::{
    observed::Found,
    resource::Change,
    resource::{self, Resource, Rule, Tags},
};

/// How long EventBridge tries to hand a notice over: it is worth nothing afterwards.
const MAXIMUM_EVENT_AGE: i32 = 120;
/// As often as it can in this time; EventBridge spaces the attempts by itself.
const RETRIES: i32 = 8;

mod input;

/// EventBridge of the region.
pub(super) struct Events {
    pub(super) client: Client,
}

impl Events {
    /// Each rule, and its targets as far as it is there.
    pub(super) async fn observe(&self, wanted: &[&Resource]) -> Vec<Result<Found, Error>> {
        let rules = wanted.iter().filter_map(|resource| match resource {
            Resource::Rule(Rule { name, .. }) => Some(name.as_str()),
            _ => None,
        });
        let seen = join_all(rules.map(async |rule| (rule, self.rule(rule).await))).await;
        let is_there = |rule: &str| {
            let asked = seen.iter().find(|(name, _)| *name == rule);
            asked.is_none_or(|(_, answer)| matches!(answer, Ok(Some(_))))
        };
        let targets = join_all(wanted.iter().map(async |resource| match resource {
            Resource::Target(resource::Target { rule, target_id, .. }) if is_there(rule) => {
                self.target(rule, target_id).await
            }
            _ => Ok(None),
        }));
        let targets = targets.await;
        seen.into_iter().map(|(_, answer)| answer).chain(targets).filter_map(Result::transpose).collect()
    }

    async fn rule(&self, name: &str) -> Result<Option<Found>, Error> {
        let answer = self.client.describe_rule().name(name).send().await;
        let Some(rule) = error::optional("events:DescribeRule", answer)? else { return Ok(None) };
        let arn = rule.arn().unwrap_or_default();
        let answer = self.client.list_tags_for_resource().resource_arn(arn).send().await;
        let tags = error::optional("events:ListTagsForResource", answer)?.and_then(|answer| answer.tags);
        // A rule that is switched off matches nothing, and its time never comes.
        let is_on = rule.state() != Some(&RuleState::Disabled);
        let pattern = rule.event_pattern().and_then(|text| serde_json::from_str(text).ok());
        let schedule = rule.schedule_expression().filter(|text| is_on && !text.is_empty());
        Ok(Some(Found::from(Resource::Rule(Rule {
            name: name.to_owned(),
            pattern: pattern.filter(|_| is_on).unwrap_or(Value::Null),
            schedule: schedule.map(str::to_owned),
            description: rule.description.unwrap_or_default(),
            tags: tags.into_iter().flatten().map(|tag| (tag.key, tag.value)).collect(),
        }))))
    }

    async fn target(&self, rule: &str, target_id: &str) -> Result<Option<Found>, Error> {
        let targets = self.targets(rule).await?;
        Ok(targets.into_iter().find(|target| target.id == target_id).map(|target| {
            Found::from(Resource::Target(resource::Target {
                input: input::found(&target),
                rule: rule.to_owned(),
                target_id: target.id,
                arn: target.arn,
                dead_letter_arn: target.dead_letter_config.and_then(|config| config.arn).unwrap_or_default(),
            }))
        }))
    }

    /// All targets of a rule; none of one that is not there.
    async fn targets(&self, rule: &str) -> Result<Vec<Target>, Error> {
        let (mut targets, mut token) = (Vec::new(), None);
        loop {
            let answer = self.client.list_targets_by_rule().rule(rule).set_next_token(token).send().await;
            let Some(page) = error::optional("events:ListTargetsByRule", answer)? else { return Ok(targets) };
            targets.extend(page.targets.into_iter().flatten());
            token = page.next_token;
            if token.is_none() {
                return Ok(targets);
            }
        }
    }

    pub(super) async fn create(&self, resource: &Resource) -> Result<Made, Error> {
        match resource {
            Resource::Rule(Rule { tags, .. }) => {
                self.put_rule(resource, Some(tags_in(tags))).await?;
            }
            Resource::Target(_) => self.put_target(resource).await?,
            other => return Err(error::wrong_service(other)),
        }
        Ok(Made::default())
    }

    pub(super) async fn update(&self, resource: &Resource, changes: &[Change]) -> Result<Made, Error> {
        let Resource::Rule(Rule { name, .. }) = resource else { return self.create(resource).await };
        if touches(changes, "pattern") || touches(changes, "schedule") {
            // Tags of a rule that is there are left as they are ("PutRule" in the EventBridge API reference).
            self.put_rule(resource, None).await?;
        }
        let tags = TagChanges::of(resource, changes);
        if !tags.is_empty() {
            let answer = self.client.describe_rule().name(name).send().await;
            let arn = answer.map_err(error::from_sdk("events:DescribeRule"))?.arn.unwrap_or_default();
            self.tag(&arn, &tags).await?;
        }
        Ok(Made::default())
    }

    async fn put_rule(&self, resource: &Resource, tags: Option<Vec<Tag>>) -> Result<(), Error> {
        let Resource::Rule(Rule { name, pattern, schedule, description, .. }) = resource else {
            return Err(error::wrong_service(resource));
        };
        let call = self
            .client
            .put_rule()
            .name(name)
            .set_event_pattern((!pattern.is_null()).then(|| pattern.to_string()))
            .set_schedule_expression(schedule.clone())
            .description(description)
            .state(RuleState::Enabled)
            .set_tags(tags);
        call.send().await.map_err(error::from_sdk("events:PutRule")).map(drop)
    }

    async fn put_target(&self, resource: &Resource) -> Result<(), Error> {
        let Resource::Target(resource::Target { rule, target_id, arn, dead_letter_arn, input }) = resource
        else {
            return Err(error::wrong_service(resource));
        };
        let call = "events:PutTargets";
        let refusal = |problem: BuildError| Error::new(ErrorKind::Other, call, problem.to_string());
        let retries = RetryPolicy::builder()
            .maximum_event_age_in_seconds(MAXIMUM_EVENT_AGE)
            .maximum_retry_attempts(RETRIES)
            .build();
        let target = Target::builder()
            .id(target_id)
            .arn(arn)
            .set_input_transformer(input.as_ref().map(input::transformer).transpose().map_err(refusal)?)
            .dead_letter_config(DeadLetterConfig::builder().arn(dead_letter_arn).build())
            .retry_policy(retries)
            .build()
            .map_err(refusal)?;
        let answer = self
            .client
            .put_targets()
            .rule(rule)
            .targets(target)
            .send()
            .await
            .map_err(error::from_sdk(call))?;
        // A target that was refused is no error of the call.
        match answer.failed_entries().first() {
            None => Ok(()),
            Some(entry) => Err(refused(call, entry.error_code(), entry.error_message())),
        }
    }

    async fn tag(&self, arn: &str, tags: &TagChanges) -> Result<(), Error> {
        if !tags.set.is_empty() {
            let call = self.client.tag_resource().resource_arn(arn).set_tags(Some(tags_in(&tags.set)));
            call.send().await.map_err(error::from_sdk("events:TagResource"))?;
        }
        if !tags.removed.is_empty() {
            let call =
                self.client.untag_resource().resource_arn(arn).set_tag_keys(Some(tags.removed.clone()));
            call.send().await.map_err(error::from_sdk("events:UntagResource"))?;
        }
        Ok(())
    }

    /// A rule goes only when it has no targets ("DeleteRule" in the EventBridge API reference).
    pub(super) async fn delete(&self, resource: &Resource) -> Result<Made, Error> {
        match resource {
            Resource::Rule(Rule { name, .. }) => {
                let targets = self.targets(name).await?;
                if !targets.is_empty() {
                    self.remove_targets(name, targets.into_iter().map(|target| target.id).collect()).await?;
                }
                error::ok_if_absent("events:DeleteRule", self.client.delete_rule().name(name).send().await)?;
            }
            Resource::Target(resource::Target { rule, target_id, .. }) => {
                self.remove_targets(rule, vec![target_id.clone()]).await?;
            }
            other => return Err(error::wrong_service(other)),
        }
        Ok(Made::default())
    }

    async fn remove_targets(&self, rule: &str, ids: Vec<String>) -> Result<(), Error> {
        let call = "events:RemoveTargets";
        let answer = self.client.remove_targets().rule(rule).set_ids(Some(ids)).send().await;
        let Some(answer) = error::optional(call, answer)? else { return Ok(()) };
        let mut failed = answer.failed_entries().iter();
        match failed.find(|entry| !entry.error_code().is_some_and(error::is_absent)) {
            None => Ok(()),
            Some(entry) => Err(refused(call, entry.error_code(), entry.error_message())),
        }
    }
}

fn refused(call: &str, code: Option<&str>, message: Option<&str>) -> Error {
    let (code, message) = (code.unwrap_or("no code"), message.unwrap_or("refused"));
    let reason =
        if code == "ConcurrentModificationException" { ErrorKind::Changed } else { ErrorKind::Other };
    Error::new(reason, call, format!("{message} ({code})"))
}

fn tags_in(tags: &Tags) -> Vec<Tag> {
    tags.iter().flat_map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

#[cfg(test)]
mod tests;
