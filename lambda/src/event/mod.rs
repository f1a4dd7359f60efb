//! An event in, a [`Signal`] out. The envelope is decoded first, the detail second, by the file of its kind. An
//! event without a kind, or one that comes too late, is [`Decoded::Ignored`] with its reason; a malformed one is an
//! [`EventError`] that names the field.
//!
//! To add a kind, add its file and its line in [`KINDS`]; `docs/architecture.md` lists the other places.

use cast_spot_infra::events::EventKind;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

mod delivery;
mod envelope;
mod error;
mod signal;
mod spot_interruption;

pub use delivery::{Delivery, Record};
pub use envelope::Envelope;
pub(crate) use error::printable;
pub use error::{EventError, document};
pub use signal::{Action, Notice, Signal, Subject};

/// Kinds of events that are understood.
pub const KINDS: &[&Kind] = &[&spot_interruption::KIND];

/// How far ahead of the handler's clock an event's time may be: clocks differ by that much at most.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(60);

/// One kind of event: how to recognise it and how to read its detail.
#[derive(Debug)]
pub struct Kind {
    /// Its row of the table that rules and templates are made from.
    pub event: EventKind,
    /// Reads the detail.
    parse: fn(&Envelope) -> Result<Signal, EventError>,
}

/// A decoded event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decoded {
    /// An event to act on.
    Signal(Signal),
    /// A well-formed event that asks for nothing.
    Ignored {
        /// The event's header.
        envelope: Box<Envelope>,
        /// The signal, where the event's kind is known.
        signal: Option<Signal>,
        /// Why nothing follows from it.
        reason: String,
    },
}

/// Refuses an event whose time lies further ahead of `now` than clocks differ.
pub fn check_clock(time: Timestamp, now: Timestamp) -> Result<(), EventError> {
    if time > now + CLOCK_SKEW {
        return Err(EventError::new("time", format!("`{time}` lies in the future (now {now})")));
    }
    Ok(())
}

/// Decodes one EventBridge event at `now`.
pub fn decode(event: &Value, now: Timestamp) -> Result<Decoded, EventError> {
    let envelope = Box::new(Envelope::decode(event)?);
    let Some(kind) = KINDS
        .iter()
        .find(|k| k.event.source == envelope.source && k.event.detail_type == envelope.detail_type)
    else {
        let reason = format!("no handler for `{}` from `{}`", envelope.detail_type, envelope.source);
        return Ok(Decoded::Ignored { envelope, signal: None, reason });
    };
    let signal = (kind.parse)(&envelope)?;
    check_clock(envelope.time, now)?;
    if let Some(deadline) = signal.deadline().filter(|deadline| *deadline <= now) {
        let late = now.duration_since(deadline).as_secs();
        let reason = format!("stale: the deadline {deadline} passed {late} s ago");
        return Ok(Decoded::Ignored { envelope, signal: Some(signal), reason });
    }
    Ok(Decoded::Signal(signal))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{signal::SELF_TEST_INSTANCE, *};

    fn spot(detail: &Value) -> Value {
        json!({"version": "0", "id": "e-1", "detail-type": "EC2 Spot Instance Interruption Warning",
               "source": "aws.ec2", "account": "123456789012", "time": "2026-11-22T09:00:00Z",
               "region": "us-east-2", "resources": ["arn:aws:ec2:us-east-2:123456789012:instance/i-0abc1234"],
               "detail": detail})
    }

    fn at(time: &str) -> Timestamp {
        time.parse().unwrap()
    }

    fn decode_at(event: &Value, now: &str) -> Result<Decoded, EventError> {
        decode(event, at(now))
    }

    #[test]
    fn the_deadline_is_two_minutes_after_the_notice() {
        let event = spot(&json!({"instance-id": "i-0abc1234", "instance-action": "terminate"}));
        let Decoded::Signal(Signal::Ends(notice)) = decode_at(&event, "2026-11-22T09:00:01Z").unwrap() else {
            panic!()
        };
        assert_eq!(notice.deadline, at("2026-11-22T09:02:00Z"));
        assert_eq!(notice.action, Action::Terminate);
    }

    #[test]
    fn a_malformed_event_names_its_field() {
        let good = spot(&json!({"instance-id": "i-0abc1234", "instance-action": "terminate"}));
        let cases: &[(&str, &str, Value)] = &[
            ("not an object", "", json!([1])),
            ("no id", "id", without(&good, "id")),
            ("no time", "time", without(&good, "time")),
            ("time is a number", "time", with(&good, "time", json!(5))),
            ("time is no time", "time", with(&good, "time", json!("yesterday"))),
            ("future", "time", with(&good, "time", json!("2027-11-22T09:00:00Z"))),
            ("no source", "source", without(&good, "source")),
            ("no detail-type", "detail-type", without(&good, "detail-type")),
            ("no detail", "detail", without(&good, "detail")),
            ("detail is null", "detail", with(&good, "detail", Value::Null)),
            ("no instance id", "detail.instance-id", spot(&json!({"instance-action": "terminate"}))),
            (
                "odd id",
                "detail.instance-id",
                spot(&json!({"instance-id": "i-../x", "instance-action": "stop"})),
            ),
            (
                "id not text",
                "detail.instance-id",
                spot(&json!({"instance-id": 7, "instance-action": "stop"})),
            ),
            ("no action", "detail.instance-action", spot(&json!({"instance-id": "i-0abc1234"}))),
            (
                "empty action",
                "detail.instance-action",
                spot(&json!({"instance-id": "i-0abc1234", "instance-action": ""})),
            ),
        ];
        for (case, field, event) in cases {
            let error = decode_at(event, "2026-11-22T09:00:01Z").expect_err(case);
            assert_eq!(error.field, *field, "{case}: {error}");
        }
    }

    #[test]
    fn an_unknown_action_is_a_stop_and_the_remark_names_it() {
        let event = spot(&json!({"instance-id": "i-0abc1234", "instance-action": "explode\n"}));
        let Decoded::Signal(Signal::Ends(notice)) = decode_at(&event, "2026-11-22T09:00:01Z").unwrap() else {
            panic!()
        };
        assert_eq!(notice.action, Action::Stop);
        let remark = notice.remark.unwrap();
        assert_eq!(remark, "instance-action `explode\\n` is unknown: treated as a stop");
    }

    #[test]
    fn an_error_is_one_line_of_bounded_length() {
        let forged = with(&spot(&json!({})), "time", json!("x\n{\"_aws\": {}}\u{1b}[31m\u{2028}"));
        let error = decode_at(&forged, "2026-11-22T09:00:01Z").unwrap_err().to_string();
        assert!(!error.contains(|c: char| c.is_control() || c == '\u{2028}'), "{error:?}");
        assert!(error.contains("x\\n{\"_aws\""), "{error}");
        let long = with(&spot(&json!({})), "time", json!("9".repeat(1_000_000)));
        assert!(decode_at(&long, "2026-11-22T09:00:01Z").unwrap_err().to_string().len() < 500);
    }

    #[test]
    fn a_stale_notice_is_ignored_with_its_reason() {
        let event = spot(&json!({"instance-id": "i-0abc1234", "instance-action": "terminate"}));
        let Decoded::Ignored { reason, .. } = decode_at(&event, "2026-11-22T09:05:00Z").unwrap() else {
            panic!()
        };
        assert_eq!(reason, "stale: the deadline 2026-11-22T09:02:00Z passed 180 s ago");
    }

    #[test]
    fn events_of_other_kinds_are_ignored_unread() {
        let mut event = spot(&json!({"instance-id": 5}));
        event["detail-type"] = json!("EC2 Instance Rebalance Recommendation");
        let Decoded::Ignored { reason, .. } = decode_at(&event, "2026-11-22T09:00:01Z").unwrap() else {
            panic!()
        };
        assert_eq!(reason, "no handler for `EC2 Instance Rebalance Recommendation` from `aws.ec2`");
    }

    #[test]
    fn a_dry_run_notice_for_the_self_test_instance_is_one() {
        let notice = |instance: &str, dry_run: bool| {
            let event =
                spot(&json!({"instance-id": instance, "instance-action": "terminate", "dry-run": dry_run}));
            match decode_at(&event, "2026-11-22T09:00:01Z") {
                Ok(Decoded::Signal(Signal::Ends(notice))) => notice,
                other => panic!("{other:?}"),
            }
        };
        assert!(notice(SELF_TEST_INSTANCE, true).is_self_test());
        assert!(!notice(SELF_TEST_INSTANCE, false).is_self_test());
        assert!(!notice("i-0abc1234", true).is_self_test());
    }

    fn without(event: &Value, key: &str) -> Value {
        let mut event = event.clone();
        event.as_object_mut().unwrap().remove(key);
        event
    }

    fn with(event: &Value, key: &str, value: Value) -> Value {
        let mut event = event.clone();
        event[key] = value;
        event
    }
}
