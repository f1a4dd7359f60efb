//! Targets of rules, and what is sent in place of the event ("Amazon EventBridge input transformation" in the EventBridge
//! User Guide): a template with placeholders for fields of the event.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_eventbridge::{
    Client,
    error::BuildError,
    types::{DeadLetterConfig, InputTransformer, RetryPolicy, Target as Sent},
};
use futures_util::future::join_all;
use serde_json::Value;

use super::{MAXIMUM_EVENT_AGE, RETRIES, Target, input_paths};
use crate::{provider::live::prelude::*, resource::changes::by_name};

impl Live<Client> for Target {
    const IS_PART: bool = true;

    /// All of a rule, also those that are not wanted.
    async fn observe(wanted: &[&Self], client: &Client, _: &Sight<'_>) -> Vec<Result<Found, Error>> {
        let rules: BTreeSet<&str> = wanted.iter().map(|wanted| wanted.rule.as_str()).collect();
        let found = rules.into_iter().map(async |rule| match list(client, rule).await {
            Ok(targets) => {
                targets.into_iter().map(|target| Ok(Found::from(Self::read(rule, target)))).collect()
            }
            Err(error) => vec![Err(error)],
        });
        join_all(found).await.into_iter().flatten().collect()
    }

    async fn create(&self, client: &Client) -> Result<Made, Error> {
        let call = "events:PutTargets";
        let target =
            self.sent().map_err(|problem| Error::new(ErrorKind::Other, call, problem.to_string()))?;
        let answer = client.put_targets().rule(&self.rule).targets(target).send().await;
        // A target that was refused is no error of the call.
        match answer.map_err(error::from_sdk(call))?.failed_entries().first() {
            None => Ok(Made::default()),
            Some(entry) => Err(refused(call, entry.error_code(), entry.error_message())),
        }
    }

    async fn delete(&self, client: &Client) -> Result<Made, Error> {
        remove(client, &self.rule, vec![self.target_id.clone()]).await.map(Made::alone)
    }
}

impl Target {
    fn read(rule: &str, target: Sent) -> Self {
        let policy = target.retry_policy.as_ref();
        let others = [
            ("role_arn", target.role_arn.clone()),
            ("retry_policy", (policy != Some(&retries())).then(|| shown(policy))),
        ];
        Self {
            input: input_of(&target),
            rule: rule.to_owned(),
            target_id: target.id,
            arn: target.arn,
            dead_letter_arn: target.dead_letter_config.and_then(|config| config.arn).unwrap_or_default(),
            others: by_name(others),
        }
    }

    fn sent(&self) -> Result<Sent, BuildError> {
        Sent::builder()
            .id(&self.target_id)
            .arn(&self.arn)
            .set_input_transformer(self.input.as_ref().map(transformer).transpose()?)
            .dead_letter_config(DeadLetterConfig::builder().arn(&self.dead_letter_arn).build())
            .retry_policy(retries())
            .build()
    }
}

fn retries() -> RetryPolicy {
    let policy = RetryPolicy::builder().maximum_event_age_in_seconds(MAXIMUM_EVENT_AGE);
    policy.maximum_retry_attempts(RETRIES).build()
}

/// In words, with the defaults of EventBridge ("Retry policies" in the EventBridge User Guide).
fn shown(policy: Option<&RetryPolicy>) -> String {
    let retries = policy.and_then(RetryPolicy::maximum_retry_attempts).unwrap_or(185);
    let age = policy.and_then(RetryPolicy::maximum_event_age_in_seconds).unwrap_or(86_400);
    format!("{retries} retries in {age} s")
}

/// All targets of a rule; none of one that is not there.
async fn list(client: &Client, rule: &str) -> Result<Vec<Sent>, Error> {
    let (mut targets, mut token) = (Vec::new(), None);
    loop {
        let answer = client.list_targets_by_rule().rule(rule).set_next_token(token).send().await;
        let Some(page) = error::optional("events:ListTargetsByRule", answer)? else { return Ok(targets) };
        targets.extend(page.targets.into_iter().flatten());
        token = page.next_token;
        if token.is_none() {
            return Ok(targets);
        }
    }
}

/// Removes all targets of a rule.
pub(in crate::resource) async fn remove_all(client: &Client, rule: &str) -> Result<(), Error> {
    let targets = list(client, rule).await?;
    if targets.is_empty() {
        return Ok(());
    }
    remove(client, rule, targets.into_iter().map(|target| target.id).collect()).await
}

async fn remove(client: &Client, rule: &str, ids: Vec<String>) -> Result<(), Error> {
    let call = "events:RemoveTargets";
    let answer = client.remove_targets().rule(rule).set_ids(Some(ids)).send().await;
    let Some(answer) = error::optional(call, answer)? else { return Ok(()) };
    let mut failed = answer.failed_entries().iter();
    match failed.find(|entry| !entry.error_code().is_some_and(error::is_absent)) {
        None => Ok(()),
        Some(entry) => Err(refused(call, entry.error_code(), entry.error_message())),
    }
}

fn refused(call: &str, code: Option<&str>, message: Option<&str>) -> Error {
    let (code, message) = (code.unwrap_or("no code"), message.unwrap_or("refused"));
    let reason =
        if code == "ConcurrentModificationException" { ErrorKind::Changed } else { ErrorKind::Other };
    Error::new(reason, call, format!("{message} ({code})"))
}

fn transformer(input: &Value) -> Result<InputTransformer, BuildError> {
    let paths = input_paths().into_iter().collect();
    InputTransformer::builder().set_input_paths_map(Some(paths)).input_template(input.to_string()).build()
}

/// None where the target is sent the event itself. An input of other making is shown as it is.
fn input_of(target: &Sent) -> Option<Value> {
    if let Some(transformer) = &target.input_transformer {
        let template = transformer.input_template();
        let same_paths =
            transformer.input_paths_map() == Some(&input_paths().into_iter().collect::<HashMap<_, _>>());
        let parsed = serde_json::from_str(template).ok().filter(|_| same_paths);
        return Some(parsed.unwrap_or_else(|| Value::String(template.to_owned())));
    }
    target.input.clone().or_else(|| target.input_path.clone()).map(Value::String)
}

#[cfg(test)]
mod tests;
