//! A real event from a file: read by the handler's own parser, put on the instances of the world.

use cast_spot_handler::event::{self, Decoded, Delivery, EventError, Signal};
use jiff::Timestamp;
use serde_json::Value;

use crate::Action;

/// A payload of the function that can be rehearsed.
#[derive(Debug, Clone, PartialEq)]
pub struct EventFile {
    /// The payload as it was given.
    pub payload: Value,
    /// Instances that it announces, each once, in its order.
    pub instances: Vec<Announced>,
    /// When the last of its events was issued: the world's clock starts there.
    pub time: Timestamp,
}

/// One instance of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announced {
    /// EC2 instance id.
    pub id: String,
    /// What EC2 will do to it.
    pub action: Action,
    /// When the notice was issued.
    pub time: Timestamp,
    /// Account that the event names.
    pub account: Option<String>,
    /// Region that the event names.
    pub region: Option<String>,
}

/// Why a payload cannot be rehearsed. The messages name the field and what is wrong with its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventFileError {
    /// Not JSON, or not one document of it.
    #[error("{0}")]
    Json(String),
    /// JSON, but no event that the handler takes.
    #[error("{field}: {problem}{value}")]
    Event {
        /// Path of the field.
        field: String,
        /// What is wrong with it.
        problem: String,
        /// Its value in brackets, where the problem does not say it.
        value: String,
    },
    /// An SQS batch without messages.
    #[error("Records: `[]` holds no message, so nothing would happen")]
    Empty,
}

impl EventFile {
    /// Reads a payload as the function reads it at `now`: one EventBridge event, or a batch of which at least one
    /// message is one. Old events are taken all the same.
    pub fn parse(text: &str, now: Timestamp) -> Result<Self, EventFileError> {
        let payload = event::document(text).map_err(|error| EventFileError::Json(error.problem))?;
        let delivery =
            Delivery::of(payload.clone()).map_err(|error| EventFileError::event(error, &payload))?;
        let events = match delivery {
            Delivery::Direct(event) => vec![(Ok(event), String::new())],
            Delivery::Batch(records) => {
                records.into_iter().map(|record| (record.event, record.place)).collect()
            }
        };
        let mut first_error = None;
        let mut time = None;
        let mut instances: Vec<Announced> = Vec::new();
        for (event, place) in events {
            let event = event.and_then(|event| understand(&event, now).map_err(|error| error.inside(&place)));
            match event {
                Ok((issued, announced)) => {
                    time = time.max(Some(issued));
                    instances.extend(announced.filter(|new| instances.iter().all(|old| old.id != new.id)));
                }
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        match (time, first_error) {
            (Some(time), _) => Ok(Self { payload, instances, time }),
            (None, Some(error)) => Err(EventFileError::event(error, &payload)),
            (None, None) => Err(EventFileError::Empty),
        }
    }
}

impl EventFileError {
    fn event(error: EventError, payload: &Value) -> Self {
        let value = error.field.split('.').try_fold(payload, |value, key| value.get(key));
        let value = value.filter(|value| !value.is_string() && !value.is_object());
        Self::Event {
            field: if error.field.is_empty() { "the payload".to_owned() } else { error.field },
            problem: error.problem,
            value: value.map(|value| format!(" ({value})")).unwrap_or_default(),
        }
    }
}

/// A moment after all events: the handler's parser then calls a notice stale, whatever its time, and
/// answers with its envelope and its detail together.
const AFTER_ALL: Timestamp = Timestamp::constant(250_000_000_000, 0);

/// The time of an event and the instance that it announces.
fn understand(event: &Value, now: Timestamp) -> Result<(Timestamp, Option<Announced>), EventError> {
    let (time, notice) = match event::decode(event, AFTER_ALL)? {
        Decoded::Signal(Signal::Ends(notice)) => (notice.time, Some(notice)),
        Decoded::Ignored { envelope, signal, .. } => {
            (envelope.time, signal.map(|Signal::Ends(notice)| notice))
        }
    };
    if let Some(notice) = &notice {
        event::check_clock(notice.time, now)?;
    }
    let announced = notice.map(|notice| Announced {
        id: notice.subject.instance_id,
        action: notice.action,
        time: notice.time,
        account: notice.subject.account,
        region: notice.subject.region,
    });
    Ok((time, announced))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn now() -> Timestamp {
        "2026-11-22T09:00:30Z".parse().unwrap()
    }

    fn spot(instance: &str, action: &str) -> Value {
        json!({"version": "0", "id": "e-1", "detail-type": "EC2 Spot Instance Interruption Warning",
               "source": "aws.ec2", "account": "123456789012", "time": "2026-11-22T09:00:00Z",
               "region": "us-east-2", "resources": [],
               "detail": {"instance-id": instance, "instance-action": action}})
    }

    #[test]
    fn an_event_names_its_instance_action_and_time() {
        let file = EventFile::parse(&spot("i-1234567890abcdef0", "stop").to_string(), now()).unwrap();
        assert_eq!(file.time.to_string(), "2026-11-22T09:00:00Z");
        assert_eq!(file.instances.len(), 1);
        assert_eq!(file.instances[0].id, "i-1234567890abcdef0");
        assert_eq!(file.instances[0].action, Action::Stop);
    }

    #[test]
    fn a_malformed_event_names_the_field() {
        for (text, named) in [
            (spot("i-1234567890abcdef0", "").to_string(), "detail.instance-action"),
            (format!("{0} {0}", spot("i-1234567890abcdef0", "stop")), "several JSON documents"),
            (spot("server-7", "terminate").to_string(), "detail.instance-id"),
            ("{".to_owned(), "not JSON"),
            ("[]".to_owned(), "the payload: an empty array"),
            (r#"{"id": "1", "time": 5}"#.to_owned(), "time: expected text, found a number (5)"),
            (r#"{"Records": []}"#.to_owned(), "Records"),
        ] {
            let error = EventFile::parse(&text, now()).unwrap_err().to_string();
            assert!(error.contains(named), "{text}: {error}");
        }
    }

    #[test]
    fn an_event_of_the_future_is_refused_as_the_function_does() {
        let mut event = spot("i-1234567890abcdef0", "terminate");
        for (time, taken) in [("2026-11-22T09:01:30Z", true), ("2026-11-22T09:01:31Z", false)] {
            event["time"] = time.into();
            let read = EventFile::parse(&event.to_string(), now());
            let decoded = event::decode(&event, now());
            assert_eq!((read.is_ok(), decoded.is_ok()), (taken, taken), "{time}: {read:?}");
        }
    }

    #[test]
    fn a_batch_stands_if_one_of_its_messages_does() {
        let good = spot("i-1234567890abcdef0", "terminate").to_string();
        let record = |id: &str, body: &str| json!({"messageId": id, "eventSource": "aws:sqs", "body": body});
        let batch = json!({"Records": [record("a", "{"), record("b", &good), record("c", &good)]});
        assert_eq!(EventFile::parse(&batch.to_string(), now()).unwrap().instances.len(), 1);
        let bad = json!({"Records": [record("a", "{")]});
        assert!(
            EventFile::parse(&bad.to_string(), now()).unwrap_err().to_string().contains("Records[0].body")
        );
    }
}
