//! How an event reached the function: from EventBridge directly, inside an SQS batch, or wrapped by another service.
//! Wrappers with exactly one event inside are taken off; all others are refused by name.

use serde_json::Value;

use super::{EventError, document, envelope::type_name};

/// An event passes two services on its way at most (SNS, then SQS); more wrappers are refused.
const MOST_WRAPPERS: usize = 4;

/// A payload, taken apart.
#[derive(Debug, Clone, PartialEq)]
pub enum Delivery {
    /// One event, by asynchronous invocation.
    Direct(Value),
    /// SQS messages, to be answered with the ids of those that failed (Lambda developer guide,
    /// "Reporting batch item failures"), or the array of an EventBridge pipe.
    Batch(Vec<Record>),
}

/// One event of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Its `messageId`; `None` where a pipe delivers bare events.
    pub message_id: Option<String>,
    /// Path of the event in the payload, for errors.
    pub place: String,
    /// The event in it.
    pub event: Result<Value, EventError>,
}

impl Delivery {
    /// Takes a payload apart. A record without a `messageId` is an error of the whole batch, because
    /// it could not be reported as failed.
    pub fn of(payload: Value) -> Result<Self, EventError> {
        let payload = unwrapped(payload, "")?;
        match payload {
            Value::Array(items) => pipe(items),
            Value::Object(ref object) => match object.get("Records") {
                None => Ok(Self::Direct(payload)),
                Some(Value::Array(records)) => lambda_records(records),
                Some(other) => {
                    Err(EventError::new("Records", format!("expected an array, found {}", type_name(other))))
                }
            },
            other => Ok(Self::Direct(other)),
        }
    }
}

/// The records of Lambda's own event sources: SQS messages, or one SNS notification.
fn lambda_records(records: &[Value]) -> Result<Delivery, EventError> {
    if let [record] = records
        && record.get("EventSource").and_then(Value::as_str) == Some("aws:sns")
    {
        let Some(message) = record.pointer("/Sns/Message") else {
            return Err(EventError::new("Records[0].Sns.Message", "missing"));
        };
        return inner(message, "Records[0].Sns.Message").map(Delivery::Direct);
    }
    let places = (0..records.len()).map(|index| format!("Records[{index}]"));
    places
        .zip(records)
        .map(|(place, record)| sqs(&place, record))
        .collect::<Result<_, _>>()
        .map(Delivery::Batch)
}

/// The array of an EventBridge pipe: SQS messages, or the events themselves.
fn pipe(items: Vec<Value>) -> Result<Delivery, EventError> {
    if items.is_empty() {
        return Err(EventError::new("", "an empty array: there is no event in it"));
    }
    let is_message = |item: &Value| item.get("messageId").is_some() && item.get("eventSource").is_some();
    let messages = items.iter().filter(|item| is_message(item)).count();
    if messages != 0 && messages != items.len() {
        return Err(EventError::new("", "an array of events and SQS messages: expected only one of the two"));
    }
    let places = (0..items.len()).map(|index| format!("[{index}]"));
    let records = places.zip(items).map(|(place, item)| {
        if messages != 0 {
            return sqs(&place, &item);
        }
        let event = unwrapped(item, &place);
        Ok(Record { message_id: None, place, event })
    });
    records.collect::<Result<_, _>>().map(Delivery::Batch)
}

fn sqs(place: &str, record: &Value) -> Result<Record, EventError> {
    let path = |key: &str| format!("{place}.{key}");
    match record.get("eventSource").or_else(|| record.get("EventSource")).and_then(Value::as_str) {
        Some("aws:sqs") => {}
        Some(other) => {
            let problem = format!("expected `aws:sqs`, found `{other}`");
            return Err(EventError::new(path("eventSource"), problem));
        }
        None => return Err(EventError::new(path("eventSource"), "expected `aws:sqs`")),
    }
    let Some(message_id) = record.get("messageId").and_then(Value::as_str).filter(|id| !id.is_empty()) else {
        return Err(EventError::new(path("messageId"), "missing"));
    };
    let place = path("body");
    let event = match record.get("body") {
        Some(body @ Value::String(_)) => inner(body, &place),
        _ => Err(EventError::new(&place, "missing or not text")),
    };
    Ok(Record { message_id: Some(message_id.to_owned()), place, event })
}

/// The event in a field of a wrapper.
fn inner(value: &Value, place: &str) -> Result<Value, EventError> {
    unwrapped(opened(value, place)?, place)
}

/// The content of a field, which is JSON or the text of it.
fn opened(content: &Value, place: &str) -> Result<Value, EventError> {
    match content {
        Value::String(text) => document(text).map_err(|error| error.inside(place)),
        content => Ok(content.clone()),
    }
}

/// Takes off all wrappers of one event.
fn unwrapped(mut value: Value, place: &str) -> Result<Value, EventError> {
    let mut place = place.to_owned();
    for _ in 0..MOST_WRAPPERS {
        let Some((field, content)) = wrapped(&value).map_err(|error| error.inside(&place))? else {
            return Ok(value);
        };
        place = if place.is_empty() { field.to_owned() } else { format!("{place}.{field}") };
        value = opened(content, &place)?;
    }
    Err(EventError::new(place, format!("more than {MOST_WRAPPERS} wrappers around one event")))
}

/// The field of a wrapper that holds the event; `None` if it is not a wrapper.
fn wrapped(value: &Value) -> Result<Option<(&'static str, &Value)>, EventError> {
    let Some(object) = value.as_object() else { return Ok(None) };
    let text = |key: &str| object.get(key).and_then(Value::as_str);
    if object.contains_key("detail-type") || object.contains_key("Records") {
        return Ok(None);
    }
    if let (Some(kind), Some(_)) = (text("Type"), text("TopicArn")) {
        return match (kind, object.get("Message")) {
            ("Notification", Some(message @ Value::String(_))) => Ok(Some(("Message", message))),
            _ => Err(EventError::new(
                "Type",
                format!("an SNS message of type `{kind}`, which carries no event"),
            )),
        };
    }
    if object.contains_key("requestPayload") && object.contains_key("requestContext") {
        // After a success the event is what the other function has answered, after a failure what it was given.
        let condition = value.pointer("/requestContext/condition").and_then(Value::as_str);
        let field = if condition == Some("Success") { "responsePayload" } else { "requestPayload" };
        return match object.get(field) {
            Some(content @ Value::Object(_)) => Ok(Some((field, content))),
            _ => Err(EventError::new(field, "the record of a Lambda destination, without an event")),
        };
    }
    if object.contains_key("requestContext") {
        // Not unwrapped: a function URL may be open to everyone.
        return Err(EventError::new(
            "requestContext",
            "an HTTP request (API Gateway, load balancer or function URL): send the event itself",
        ));
    }
    match object.get("Payload") {
        Some(content @ (Value::Object(_) | Value::String(_))) => Ok(Some(("Payload", content))),
        Some(other) => {
            let problem = format!("the Payload of a Step Functions task is {}", type_name(other));
            Err(EventError::new("Payload", problem))
        }
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event() -> Value {
        json!({"id": "e-1", "detail-type": "t", "source": "s", "detail": {}})
    }

    fn record(id: &str, body: &str) -> Value {
        json!({"messageId": id, "eventSource": "aws:sqs", "body": body})
    }

    fn batch(payload: Value) -> Vec<Record> {
        match Delivery::of(payload).unwrap() {
            Delivery::Batch(records) => records,
            Delivery::Direct(event) => panic!("{event}"),
        }
    }

    #[test]
    fn a_bad_body_fails_its_own_record_only() {
        let records = batch(json!({"Records": [record("a", "{\"id\":\"1\"}"), record("b", "{")]}));
        assert_eq!(records[0].event, Ok(json!({"id": "1"})));
        assert_eq!(records[1].event.as_ref().unwrap_err().field, "Records[1].body");
    }

    #[test]
    fn a_batch_that_could_not_be_answered_is_an_error() {
        for (field, payload) in [
            ("Records", json!({"Records": {}})),
            ("Records[0].eventSource", json!({"Records": [{"messageId": "a", "eventSource": "aws:s3"}]})),
            ("Records[0].messageId", json!({"Records": [{"eventSource": "aws:sqs", "body": "{}"}]})),
            ("[1].messageId", json!([record("a", "{}"), {"messageId": "", "eventSource": "aws:sqs"}])),
        ] {
            assert_eq!(Delivery::of(payload).unwrap_err().field, field);
        }
    }

    #[test]
    fn one_event_is_taken_out_of_its_wrappers() {
        let text = event().to_string();
        let sns = json!({"Type": "Notification", "TopicArn": "arn", "Message": text});
        let sent =
            |message: &str| json!({"Records": [{"EventSource": "aws:sns", "Sns": {"Message": message}}]});
        for (case, payload) in [
            ("the event itself", event()),
            ("Step Functions", json!({"Payload": event()})),
            ("Step Functions, as text", json!({"Payload": text})),
            ("SNS", sns.clone()),
            ("SNS calls the function", sent(&text)),
            ("SNS inside Step Functions", json!({"Payload": sns})),
            (
                "destination of another function",
                json!({"requestContext": {"condition": "Success"}, "requestPayload": {}, "responsePayload": event()}),
            ),
            (
                "destination after a failure",
                json!({"requestContext": {"condition": "RetriesExhausted"}, "requestPayload": event(),
                       "responsePayload": {"errorMessage": "x"}}),
            ),
        ] {
            assert_eq!(Delivery::of(payload), Ok(Delivery::Direct(event())), "{case}");
        }
    }

    #[test]
    fn every_message_of_a_batch_is_unwrapped() {
        let sns = json!({"Type": "Notification", "TopicArn": "arn", "Message": event().to_string()});
        let bodies = [event().to_string(), sns.to_string(), format!("\u{feff}{}", event())];
        let messages: Vec<Value> = bodies.iter().map(|body| record("m", body)).collect();
        let lambda = batch(json!({"Records": messages}));
        let piped = batch(json!(messages));
        for records in [lambda, piped, batch(json!([event(), event(), json!({"Payload": event()})]))] {
            assert_eq!(records.len(), 3);
            assert!(records.iter().all(|record| record.event == Ok(event())), "{records:?}");
        }
    }

    #[test]
    fn only_messages_of_sqs_have_an_id_to_fail_by() {
        assert_eq!(batch(json!([record("m-1", "{}")]))[0].message_id.as_deref(), Some("m-1"));
        assert_eq!(batch(json!([event()]))[0].message_id, None);
    }

    #[test]
    fn what_is_not_unwrapped_is_named_for_what_it_is() {
        let mut deep = event();
        for _ in 0..5 {
            deep = json!({"Payload": deep});
        }
        for (field, named, payload) in [
            ("", "an empty array", json!([])),
            ("", "an array of events and SQS messages", json!([event(), record("a", "{}")])),
            ("requestContext", "an HTTP request", json!({"body": event().to_string(), "requestContext": {}})),
            (
                "Type",
                "SubscriptionConfirmation",
                json!({"Type": "SubscriptionConfirmation", "TopicArn": "a"}),
            ),
            ("Payload", "Step Functions task is a number", json!({"Payload": 5})),
            (
                "responsePayload",
                "record of a Lambda destination",
                json!({"requestContext": {"condition": "Success"}, "requestPayload": event(), "responsePayload": null}),
            ),
            ("Payload.Payload.Payload.Payload", "more than 4 wrappers", deep),
            (
                "Records[0].eventSource",
                "found `aws:s3`",
                json!({"Records": [{"messageId": "a", "eventSource": "aws:s3"}]}),
            ),
        ] {
            let error = Delivery::of(payload).unwrap_err();
            assert_eq!(error.field, field, "{error}");
            assert!(error.problem.contains(named), "{error}");
        }
    }

    #[test]
    fn several_documents_in_one_body_are_named() {
        let two = format!("{}\n{}", event(), event());
        let error = batch(json!({"Records": [record("a", &two)]}))[0].event.clone().unwrap_err();
        assert_eq!(error.field, "Records[0].body");
        assert!(error.problem.contains("several JSON documents"), "{error}");
    }
}
