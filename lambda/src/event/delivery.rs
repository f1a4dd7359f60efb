//! How an event reached the function: from EventBridge directly, or inside an SQS batch.

use serde_json::Value;

use super::{EventError, envelope::type_name};

/// A payload, taken apart.
#[derive(Debug, Clone, PartialEq)]
pub enum Delivery {
    /// One event, by asynchronous invocation.
    Direct(Value),
    /// SQS messages, to be answered with the ids of those that failed (Lambda developer guide,
    /// "Reporting batch item failures").
    Batch(Vec<Record>),
}

/// One SQS message.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Its `messageId`.
    pub message_id: String,
    /// The event in its body.
    pub event: Result<Value, EventError>,
}

impl Delivery {
    /// Takes a payload apart. A record without a `messageId` is an error of the whole batch, because
    /// it could not be reported as failed.
    pub fn of(payload: Value) -> Result<Self, EventError> {
        let Some(records) = payload.get("Records") else { return Ok(Self::Direct(payload)) };
        let Some(records) = records.as_array() else {
            return Err(EventError::new(
                "Records",
                format!("expected an array, found {}", type_name(records)),
            ));
        };
        records
            .iter()
            .enumerate()
            .map(|(i, record)| decode(i, record))
            .collect::<Result<_, _>>()
            .map(Self::Batch)
    }
}

fn decode(index: usize, record: &Value) -> Result<Record, EventError> {
    let path = |key: &str| format!("Records[{index}].{key}");
    let source = record.get("eventSource").and_then(Value::as_str);
    if source != Some("aws:sqs") {
        return Err(EventError::new(path("eventSource"), "expected `aws:sqs`"));
    }
    let Some(message_id) = record.get("messageId").and_then(Value::as_str).filter(|id| !id.is_empty()) else {
        return Err(EventError::new(path("messageId"), "missing"));
    };
    let event = match record.get("body").and_then(Value::as_str) {
        None => Err(EventError::new(path("body"), "missing or not text")),
        Some(body) => {
            serde_json::from_str(body).map_err(|e| EventError::new(path("body"), format!("not JSON: {e}")))
        }
    };
    Ok(Record { message_id: message_id.to_owned(), event })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_bad_body_fails_its_own_record_only() {
        let batch = Delivery::of(json!({"Records": [
            {"messageId": "a", "eventSource": "aws:sqs", "body": "{\"id\":\"1\"}"},
            {"messageId": "b", "eventSource": "aws:sqs", "body": "{"},
        ]}))
        .unwrap();
        let Delivery::Batch(records) = batch else { panic!() };
        assert_eq!(records[0].event, Ok(json!({"id": "1"})));
        assert_eq!(records[1].event.as_ref().unwrap_err().field, "Records[1].body");
    }

    #[test]
    fn a_batch_that_could_not_be_answered_is_an_error() {
        for (field, payload) in [
            ("Records", json!({"Records": {}})),
            ("Records[0].eventSource", json!({"Records": [{"messageId": "a", "eventSource": "aws:s3"}]})),
            ("Records[0].messageId", json!({"Records": [{"eventSource": "aws:sqs", "body": "{}"}]})),
        ] {
            assert_eq!(Delivery::of(payload).unwrap_err().field, field);
        }
    }
}
