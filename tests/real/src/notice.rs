//! The event that EC2 sends, in the form of its documentation ("EC2 Spot Instance interruption notices" in the
//! EC2 User Guide).

use cast_spot_infra::events::SPOT_INTERRUPTION;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::{account::REGION, clock, cloud::Machine};

/// A Spot interruption warning.
#[derive(Debug, Clone)]
pub struct Notice {
    /// EventBridge event id; EventBridge replaces it when the event is put on a bus.
    pub id: String,
    /// Instance id.
    pub instance: String,
    /// `terminate`, `stop` or `hibernate`.
    pub action: String,
    /// Time at which EC2 issued it.
    pub time: Timestamp,
    zone: String,
}

impl Notice {
    /// A notice for a machine, issued now.
    #[must_use]
    pub fn of(machine: &Machine) -> Self {
        let time = clock::now();
        Self {
            id: format!("{}-{}", machine.instance, time.as_millisecond()),
            instance: machine.instance.clone(),
            action: "terminate".to_owned(),
            time,
            zone: machine.zone.clone(),
        }
    }

    /// The same, issued `seconds` ago: 120 minus these are left.
    #[must_use]
    pub fn seconds_ago(mut self, seconds: i64) -> Self {
        self.time -= SignedDuration::from_secs(seconds);
        self
    }

    /// The same with another action.
    #[must_use]
    pub fn action(mut self, action: &str) -> Self {
        action.clone_into(&mut self.action);
        self
    }

    /// ARN of the instance, for the event's `resources`.
    #[must_use]
    pub fn resource(&self) -> String {
        format!("arn:aws:ec2:{}:instance/{}", self.zone, self.instance)
    }

    /// The event's `detail`.
    #[must_use]
    pub fn detail(&self) -> Value {
        json!({ "instance-id": self.instance, "instance-action": self.action })
    }

    /// The whole event as EventBridge delivers it.
    #[must_use]
    pub fn event(&self) -> Value {
        json!({
            "version": "0", "id": self.id, "detail-type": SPOT_INTERRUPTION.detail_type, "source": SPOT_INTERRUPTION.source,
            "account": crate::emulators::ACCOUNT, "time": self.time.round(jiff::Unit::Second).unwrap_or(self.time),
            "region": REGION, "resources": [self.resource()], "detail": self.detail(),
        })
    }

    /// The event as the body of a message in an SQS queue.
    #[must_use]
    pub fn message(&self) -> String {
        self.event().to_string()
    }
}
