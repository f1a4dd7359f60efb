//! An event in, a [`Notice`] out. The envelope is decoded first, the detail second, by the file of its
//! kind. What is not ours is [`Decoded::Ignored`] with its reason; what is malformed is an [`EventError`]
//! that names the field.
//!
//! To add a kind, add its file and its line in [`KINDS`].

use cast_spot_infra::events::EventKind;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

mod delivery;
mod envelope;
mod error;
mod spot_interruption;

pub use delivery::{Delivery, Record};
pub use envelope::Envelope;
pub(crate) use error::printable;
pub use error::{EventError, document};

/// Kinds of events that are understood.
pub const KINDS: &[&Kind] = &[&spot_interruption::KIND];

/// How far ahead of the handler's clock an event's time may be: clocks differ by that much at most.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(60);

/// One kind of event: how to recognise it and how to read its detail.
#[derive(Debug)]
pub struct Kind {
    /// Its row of the table that the provisioner makes rules from.
    pub event: EventKind,
    /// Reads the detail.
    parse: fn(&Envelope) -> Result<Notice, EventError>,
}

/// What will happen to the instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It ends for good.
    Terminate,
    /// It stops, and starts again when there is capacity. Its processes end.
    Stop,
    /// It is frozen with its memory, at once, and goes on later.
    Hibernate,
}

impl Action {
    /// The word of the event.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Terminate => "terminate",
            Self::Stop => "stop",
            Self::Hibernate => "hibernate",
        }
    }

    /// Whether the processes on the instance end at the deadline.
    #[must_use]
    pub fn ends_processes(self) -> bool {
        !matches!(self, Self::Hibernate)
    }
}

/// An instance will end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// EventBridge event id.
    pub event_id: String,
    /// Name of the kind.
    pub kind: &'static str,
    /// EC2 instance id.
    pub instance_id: String,
    /// What will happen to the instance.
    pub action: Action,
    /// When EC2 issued the notice.
    pub time: Timestamp,
    /// When EC2 takes the instance.
    pub deadline: Timestamp,
    /// Account that the event names.
    pub account: Option<String>,
    /// Region that the event names.
    pub region: Option<String>,
    /// An operator sent it: the instance need not be a Spot instance.
    pub synthetic: bool,
    /// Only plan and report: the notice is a rehearsal.
    pub dry_run: bool,
    /// What in it was not understood as it stands, for the report.
    pub remark: Option<String>,
}

/// Nobody's instance: EC2 draws ids at random. A dry-run notice for it is a self-test.
const NOBODY: &str = "i-00000000000000000";

impl Notice {
    /// Whether it asks the handler to review its own access: `infra/events/self-test.json`.
    #[must_use]
    pub fn is_self_test(&self) -> bool {
        self.dry_run && self.instance_id == NOBODY
    }
}

/// A decoded event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decoded {
    /// An instance will end.
    Notice(Notice),
    /// Well-formed, but nothing is to be done.
    Ignored {
        /// The event's header.
        envelope: Box<Envelope>,
        /// What it says, where it was understood.
        notice: Option<Notice>,
        /// Why nothing is to be done.
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

/// Decodes one EventBridge event, as it is at `now`.
pub fn decode(event: &Value, now: Timestamp) -> Result<Decoded, EventError> {
    let envelope = Box::new(Envelope::decode(event)?);
    let Some(kind) = KINDS
        .iter()
        .find(|k| k.event.source == envelope.source && k.event.detail_type == envelope.detail_type)
    else {
        let reason = format!("no handler for `{}` from `{}`", envelope.detail_type, envelope.source);
        return Ok(Decoded::Ignored { envelope, notice: None, reason });
    };
    let notice = (kind.parse)(&envelope)?;
    check_clock(notice.time, now)?;
    if notice.deadline <= now {
        let late = now.duration_since(notice.deadline).as_secs();
        let reason = format!("stale: the deadline {} passed {late} s ago", notice.deadline);
        return Ok(Decoded::Ignored { envelope, notice: Some(notice), reason });
    }
    Ok(Decoded::Notice(notice))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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
        let Decoded::Notice(notice) = decode_at(&event, "2026-11-22T09:00:01Z").unwrap() else { panic!() };
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
        let Decoded::Notice(notice) = decode_at(&event, "2026-11-22T09:00:01Z").unwrap() else { panic!() };
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
    fn other_events_are_ignored_without_a_look_at_their_detail() {
        let mut event = spot(&json!({"instance-id": 5}));
        event["detail-type"] = json!("EC2 Instance Rebalance Recommendation");
        let Decoded::Ignored { reason, .. } = decode_at(&event, "2026-11-22T09:00:01Z").unwrap() else {
            panic!()
        };
        assert_eq!(reason, "no handler for `EC2 Instance Rebalance Recommendation` from `aws.ec2`");
    }

    #[test]
    fn a_self_test_is_a_notice_for_nobody_that_says_dry_run() {
        let notice = |instance: &str, dry_run: bool| {
            let event =
                spot(&json!({"instance-id": instance, "instance-action": "terminate", "dry-run": dry_run}));
            match decode_at(&event, "2026-11-22T09:00:01Z") {
                Ok(Decoded::Notice(notice)) => notice,
                other => panic!("{other:?}"),
            }
        };
        assert!(notice(NOBODY, true).is_self_test());
        assert!(!notice(NOBODY, false).is_self_test());
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
