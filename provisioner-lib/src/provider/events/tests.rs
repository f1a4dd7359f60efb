use serde_json::json;

use super::*;
use crate::provider::wire::{self, Asked};

fn events(mut answer: impl FnMut(&str) -> Value + Send + 'static) -> (Events, Asked) {
    let (config, asked) = wire::config(move |asked| (200, answer(asked).to_string()));
    (Events { client: Client::new(&config) }, asked)
}

fn target() -> Resource {
    Resource::Target {
        rule: "rule".into(),
        target_id: "cast-spot".into(),
        arn: "arn:aws:lambda:eu-west-1:123456789012:function:cast-spot".into(),
        dead_letter_arn: "arn:aws:sqs:eu-west-1:123456789012:cast-spot-dlq".into(),
    }
}

#[tokio::test]
async fn a_target_that_is_refused_is_an_error_although_the_call_is_none() {
    let entry = |code: &str| json!({ "FailedEntryCount": 1, "FailedEntries": [{ "ErrorCode": code, "ErrorMessage": "no" }] });
    for (code, reason) in [
        ("ConcurrentModificationException", ErrorKind::Changed),
        ("LimitExceededException", ErrorKind::Other),
    ] {
        let refusal = entry(code);
        let (events, _) = events(move |_| refusal.clone());
        assert_eq!(events.create(&target()).await.unwrap_err().reason, reason, "{code}");
    }
    let gone = entry("ResourceNotFoundException");
    let (events, _) = events(move |_| gone.clone());
    events.delete(&target()).await.unwrap();
}

#[tokio::test]
async fn a_notice_is_handed_over_for_no_longer_than_it_is_worth_something() {
    let (events, asked) = events(|_| json!({}));
    events.create(&target()).await.unwrap();
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
        let found = events.rule("rule").await.unwrap().unwrap().resource;
        assert!(matches!(found, Resource::Rule { pattern, .. } if pattern == expected), "{state}");
    }
}
