//! The meaning of an event, free of the form in which EventBridge brings it.

use jiff::Timestamp;

/// The meaning of an event. A kind of event that says something new adds a variant; the compiler then names every place that
/// has to decide about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signal {
    /// An instance ends, stops or hibernates at a given time.
    Ends(Notice),
}

impl Signal {
    /// The time after which the signal is stale; `None` if it has none.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        match self {
            Self::Ends(notice) => Some(notice.deadline),
        }
    }
}

/// The instance that an event is about, and what the event states of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subject {
    /// EC2 instance id.
    pub instance_id: String,
    /// Account that the event names.
    pub account: Option<String>,
    /// Region that the event names.
    pub region: Option<String>,
}

/// The announcement that EC2 takes an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// EventBridge event id.
    pub event_id: String,
    /// Name of the kind.
    pub kind: &'static str,
    /// The instance.
    pub subject: Subject,
    /// The action of EC2.
    pub action: Action,
    /// When EC2 issued the notice.
    pub time: Timestamp,
    /// When EC2 takes the instance.
    pub deadline: Timestamp,
    /// Whether the notice asks only for plan and report.
    pub dry_run: bool,
    /// A part that was not understood as written, for the report.
    pub remark: Option<String>,
}

/// The action of EC2 on an instance at the deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The instance ends for good.
    Terminate,
    /// The instance stops, and starts again when there is capacity. Its processes end.
    Stop,
    /// The instance is frozen with its memory, at once, and goes on later.
    Hibernate,
}

impl Action {
    /// The event's word for the action.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Terminate => "terminate",
            Self::Stop => "stop",
            Self::Hibernate => "hibernate",
        }
    }
}

/// Instance of a self-test. EC2 draws ids at random: no instance has this one.
pub(super) const SELF_TEST_INSTANCE: &str = "i-00000000000000000";

impl Notice {
    /// Whether the notice asks the handler to review its own access: `infra/events/self-test.json`.
    #[must_use]
    pub fn is_self_test(&self) -> bool {
        self.dry_run && self.subject.instance_id == SELF_TEST_INSTANCE
    }

    /// A notice that an instance is terminated in two minutes.
    #[cfg(test)]
    pub(crate) fn sample() -> Self {
        let time: Timestamp = "2026-11-22T09:00:00Z".parse().unwrap();
        Self {
            event_id: "e-1".into(),
            kind: "spot_interruption",
            subject: Subject { instance_id: "i-0abc1234".into(), ..Subject::default() },
            action: Action::Terminate,
            time,
            deadline: time + jiff::SignedDuration::from_secs(120),
            dry_run: false,
            remark: None,
        }
    }
}
