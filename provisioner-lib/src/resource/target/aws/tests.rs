use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::{
    facts::AuthenticationMode,
    provider::{
        Services,
        wire::{self, Asked},
    },
    resource::{Resource, Rule, Tags},
};

const SIGHT: Sight = Sight { mode: AuthenticationMode::Api, seen: &[] };

fn events(mut answer: impl FnMut(&str) -> Value + Send + 'static) -> (Services, Asked) {
    let (config, asked) = wire::config(move |asked| (200, answer(asked).to_string()));
    (Services::of(&config), asked)
}

fn rule() -> Rule {
    let (name, description, tags) = ("rule".into(), String::new(), Tags::new());
    Rule { name, pattern: Value::Null, schedule: None, description, tags }
}

fn sent_target() -> Target {
    Target {
        input: None,
        rule: "rule".into(),
        target_id: "cast-spot".into(),
        arn: "arn:aws:lambda:eu-west-1:123456789012:function:cast-spot".into(),
        dead_letter_arn: "arn:aws:sqs:eu-west-1:123456789012:cast-spot-dlq".into(),
        others: BTreeMap::new(),
    }
}

fn target(input: Option<Value>) -> Resource {
    Resource::Target(Target { input, ..sent_target() })
}

#[tokio::test]
async fn a_refused_target_in_a_successful_call_is_an_error() {
    let entry = |code: &str| json!({ "FailedEntryCount": 1, "FailedEntries": [{ "ErrorCode": code, "ErrorMessage": "no" }] });
    for (code, reason) in [
        ("ConcurrentModificationException", ErrorKind::Changed),
        ("LimitExceededException", ErrorKind::Other),
    ] {
        let refusal = entry(code);
        let (events, _) = events(move |_| refusal.clone());
        assert_eq!(events.create(&target(None)).await.unwrap_err().reason, reason, "{code}");
    }
    let gone = entry("ResourceNotFoundException");
    let (events, _) = events(move |_| gone.clone());
    events.delete(&target(None)).await.unwrap();
}

#[tokio::test]
async fn a_target_retries_no_longer_than_a_notice_is_useful() {
    let (events, asked) = events(|_| json!({}));
    events.create(&target(None)).await.unwrap();
    let asked = asked.lock().unwrap();
    let body: Value = serde_json::from_str(asked[0].splitn(3, ' ').last().unwrap()).unwrap();
    let target = &body["Targets"][0];
    assert_eq!(target["RetryPolicy"]["MaximumEventAgeInSeconds"], 120);
    assert_eq!(target["DeadLetterConfig"]["Arn"], "arn:aws:sqs:eu-west-1:123456789012:cast-spot-dlq");
}

#[tokio::test]
async fn a_rule_that_is_switched_off_is_not_as_it_should_be() {
    for (state, expected) in [("ENABLED", json!({ "source": ["aws.ec2"] })), ("DISABLED", Value::Null)] {
        let (events, _) = events(move |asked| {
            let is_rule = asked.contains("\"Name\"");
            let rule =
                json!({ "Arn": "arn:rule", "State": state, "EventPattern": r#"{"source":["aws.ec2"]}"# });
            if is_rule { rule } else { json!({ "Tags": [] }) }
        });
        let found = rule().find(&events.events, &SIGHT).await.unwrap().unwrap().resource;
        assert!(matches!(found, Resource::Rule(Rule { pattern, .. }) if pattern == expected), "{state}");
    }
}

#[tokio::test]
async fn a_schedule_that_is_switched_off_is_not_as_it_should_be() {
    for (state, expected) in [("ENABLED", Some("rate(1 day)")), ("DISABLED", None)] {
        let (events, _) = events(move |asked| {
            let rule = json!({ "Arn": "arn:rule", "State": state, "ScheduleExpression": "rate(1 day)" });
            if asked.contains("\"Name\"") { rule } else { json!({ "Tags": [] }) }
        });
        let found = rule().find(&events.events, &SIGHT).await.unwrap().unwrap().resource;
        let Resource::Rule(Rule { pattern, schedule, .. }) = found else { panic!("{found:?}") };
        assert_eq!((pattern, schedule.as_deref()), (Value::Null, expected), "{state}");
    }
}

#[tokio::test]
async fn an_input_is_sent_as_a_template_and_read_back() {
    let input = json!({ "time": "<time>", "detail": { "dry-run": true } });
    let (sender, asked) = events(|_| json!({}));
    sender.create(&target(Some(input.clone()))).await.unwrap();
    let body: Value = serde_json::from_str(asked.lock().unwrap()[0].splitn(3, ' ').last().unwrap()).unwrap();
    let sent = body["Targets"][0].clone();
    let paths = json!({ "account": "$.account", "id": "$.id", "region": "$.region", "time": "$.time" });
    assert_eq!(sent["InputTransformer"]["InputPathsMap"], paths);

    let (reader, _) = events(move |_| json!({ "Targets": [sent.clone()] }));
    let found = only(&[&sent_target()], &reader.events).await;
    assert_eq!(found, target(Some(input)));
}

async fn only(wanted: &[&Target], client: &Client) -> Resource {
    let found = Target::observe(wanted, client, &SIGHT).await;
    found.into_iter().next().unwrap().unwrap().resource
}

#[tokio::test]
async fn a_target_of_others_is_found_too() {
    let (events, _) = events(|_| json!({ "Targets": [{ "Id": "theirs", "Arn": "arn:queue" }] }));
    let found = only(&[&sent_target()], &events.events).await;
    assert_eq!(found.id().name, "rule/theirs");
}

#[tokio::test]
async fn a_foreign_input_is_shown() {
    let template = "{\"time\":\"<time>\"}";
    for (changed, expected) in [
        (json!({ "Input": "{}" }), "{}"),
        (json!({ "InputPath": "$.detail" }), "$.detail"),
        (
            json!({ "InputTransformer": { "InputPathsMap": { "time": "$.id" }, "InputTemplate": template } }),
            template,
        ),
    ] {
        let mut theirs = json!({ "Id": "cast-spot", "Arn": "arn:function" });
        theirs.as_object_mut().unwrap().extend(changed.as_object().unwrap().clone());
        let (events, _) = events(move |_| json!({ "Targets": [theirs.clone()] }));
        let found = only(&[&sent_target()], &events.events).await;
        let Resource::Target(Target { input, .. }) = found else { panic!("{found:?}") };
        assert_eq!(input, Some(Value::from(expected)));
    }
}

#[tokio::test]
async fn a_role_and_other_retries_of_a_target_are_observed() {
    let (sender, asked) = events(|_| json!({}));
    sender.create(&target(None)).await.unwrap();
    let body: Value = serde_json::from_str(asked.lock().unwrap()[0].splitn(3, ' ').last().unwrap()).unwrap();
    let sent = body["Targets"][0].clone();
    for (field, value, fields) in [
        ("Id", json!("cast-spot"), vec![]),
        ("RoleArn", json!("arn:aws:iam::210987654321:role/theirs"), vec!["others.role_arn"]),
        (
            "RetryPolicy",
            json!({ "MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60 }),
            vec!["others.retry_policy"],
        ),
        ("RetryPolicy", Value::Null, vec!["others.retry_policy"]),
        ("InputTransformer", json!({ "InputTemplate": "{}" }), vec!["input"]),
    ] {
        let mut there = sent.clone();
        there[field] = value;
        let (reader, _) = events(move |_| json!({ "Targets": [there.clone()] }));
        let changes = target(None).changes(&only(&[&sent_target()], &reader.events).await);
        assert_eq!(changes.iter().map(|change| &change.field[..]).collect::<Vec<_>>(), fields, "{field}");
    }
}
