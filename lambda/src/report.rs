//! Outcomes become the one answer to a notice: the [`Report`], and from it the canonical log line,
//! the metrics and the Kubernetes Events.
//!
//! The JSON shape is a contract (`cast-spot.report/1`): fields are added, never renamed or removed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use self::checks::{CheckReport, failures};
use crate::event::{Envelope, Notice};

pub mod checks;
pub(crate) mod events;
mod legs;
pub mod metrics;
mod retry;

pub(crate) use legs::Drained;
pub(crate) use retry::INTERNAL_ERROR;
pub(crate) use retry::retry_helps;

/// The schema that a [`Report`] names in its first field.
pub const SCHEMA: &str = "cast-spot.report/1";

/// Kind of a self-test in a report: it is not counted with the notices.
const SELF_TEST: &str = "self_test";

/// The reasons as one sentence; `None` where there are none.
pub(crate) fn reason<const N: usize>(parts: [Option<String>; N]) -> Option<String> {
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// The one answer to one notice.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// Always [`SCHEMA`].
    pub schema: &'static str,
    /// The event as it was understood.
    pub event: EventSummary,
    /// Outcome of the notice as a whole.
    pub outcome: Outcome,
    /// Why, where the outcome alone does not say it.
    pub reason: Option<String>,
    /// `true` when nothing was written because the function runs dry.
    pub dry_run: bool,
    /// EKS cluster of the instance.
    pub cluster: Option<String>,
    /// Kubernetes node name of the instance.
    pub node: Option<String>,
    /// The cordon.
    pub cordon: CordonReport,
    /// Every pod of the node.
    pub pods: Vec<PodReport>,
    /// Number of pods by outcome.
    pub summary: BTreeMap<PodOutcome, usize>,
    /// The replacement.
    pub replacement: ReplacementReport,
    /// The deadline in force at the end, where it is earlier than the notice's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline_in_force: Option<DeadlineReport>,
    /// Checks of a self-test. No other report has any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<CheckReport>,
    /// Calls that the handler made, by API and operation.
    pub calls: BTreeMap<String, u64>,
    /// From the handler's entry to this report, in milliseconds.
    pub duration_ms: u64,
}

impl Report {
    /// A report on an event for which nothing was done.
    pub(crate) fn without_action(event: EventSummary, outcome: Outcome, reason: String) -> Self {
        Self { schema: SCHEMA, event, outcome, reason: Some(reason), ..Self::default() }
    }

    /// Whether it is on a self-test, also on one that came too late.
    pub(crate) fn is_self_test(&self) -> bool {
        self.event.kind == SELF_TEST
    }

    /// The report on a self-test.
    #[must_use]
    pub fn of_self_test(event: EventSummary, checks: Vec<CheckReport>) -> Self {
        let failed: Vec<String> = failures(&checks)
            .into_iter()
            .map(|failure| {
                let cluster = failure.cluster.map(|name| format!("cluster {name}: ")).unwrap_or_default();
                format!("{cluster}{}: {}", failure.checks, failure.reason)
            })
            .collect();
        let outcome = if failed.is_empty() { Outcome::Passed } else { Outcome::Failed };
        let reason = (!failed.is_empty()).then(|| failed.join("; "));
        Self { dry_run: true, checks, reason, ..Self::without_action(event, outcome, String::new()) }
    }
}

/// The event behind a report.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct EventSummary {
    /// EventBridge event id.
    pub id: String,
    /// Kind of the event (`spot_interruption`, `self_test`), or the detail-type of an ignored one.
    pub kind: String,
    /// EC2 instance id.
    pub instance_id: Option<String>,
    /// `terminate`, `stop` or `hibernate`.
    pub action: Option<String>,
    /// When EC2 issued the notice.
    pub time: Option<Timestamp>,
    /// When EC2 takes the instance.
    pub deadline: Option<Timestamp>,
}

impl From<&Notice> for EventSummary {
    fn from(notice: &Notice) -> Self {
        Self {
            id: notice.event_id.clone(),
            kind: if notice.is_self_test() { SELF_TEST } else { notice.kind }.to_owned(),
            instance_id: Some(notice.subject.instance_id.clone()),
            action: Some(notice.action.as_str().to_owned()),
            time: Some(notice.time),
            deadline: Some(notice.deadline),
        }
    }
}

impl From<&Envelope> for EventSummary {
    fn from(envelope: &Envelope) -> Self {
        Self {
            id: envelope.id.clone(),
            kind: envelope.detail_type.clone(),
            time: Some(envelope.time),
            ..Self::default()
        }
    }
}

/// Outcome of a notice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All pods that had to leave are gone.
    Drained,
    /// All pods that had to leave are gone, and no replacement is on its way.
    DrainedWithoutReplacement,
    /// Some pods that had to leave are still there.
    Incomplete,
    /// The event asks for nothing.
    #[default]
    Ignored,
    /// Another handler owns the node: nothing was written.
    Observed,
    /// The notice came too late for an instance of a registered cluster.
    Missed,
    /// The node could not be found or cordoned, or a check of a self-test failed.
    Failed,
    /// A self-test, and all that it checks is well.
    Passed,
}

/// A deadline that is not the notice's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeadlineReport {
    /// End of the instance.
    pub time: Timestamp,
    /// Why.
    pub reason: String,
}

/// The cordon in a report.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CordonReport {
    /// Its outcome.
    pub outcome: CordonOutcome,
    /// When it was answered, from the handler's entry.
    pub after_ms: Option<u64>,
    /// Why it failed.
    pub reason: Option<String>,
}

impl CordonReport {
    /// A cordon that was not tried.
    pub(crate) fn skipped(reason: String) -> Self {
        Self { outcome: CordonOutcome::Skipped, after_ms: None, reason: Some(reason) }
    }

    /// A cordon that the API server refused, or did not answer.
    pub(crate) fn failed(reason: String) -> Self {
        Self { outcome: CordonOutcome::Failed, ..Self::skipped(reason) }
    }
}

/// Outcome of the cordon.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CordonOutcome {
    /// The node is unschedulable since this call.
    Done,
    /// The node was unschedulable before.
    Already,
    /// The API server refused it or could not be reached.
    Failed,
    /// It was not tried.
    #[default]
    Skipped,
}

/// One pod in a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PodReport {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// UID; empty if the API server gave none.
    pub uid: String,
    /// Its outcome.
    pub outcome: PodOutcome,
    /// When the outcome was known, from the handler's entry.
    pub after_ms: Option<u64>,
    /// Its wave; `None` if it stays.
    pub wave: Option<u8>,
    /// Why, where the outcome alone does not say it.
    pub reason: Option<String>,
}

impl PodReport {
    /// Whether the pod had to leave the node and is still there.
    pub(crate) fn is_unfinished(&self) -> bool {
        match self.outcome {
            PodOutcome::Left => self.wave.is_some(),
            PodOutcome::Failed => true,
            PodOutcome::Evicted | PodOutcome::Deleted | PodOutcome::Gone => false,
        }
    }
}

/// Outcome of one pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PodOutcome {
    /// Evicted, and gone before the deadline.
    Evicted,
    /// Deleted over a PodDisruptionBudget or whatever else stood in its eviction's way, and gone before the deadline.
    Deleted,
    /// Still there.
    Left,
    /// Gone without the handler's doing.
    Gone,
    /// The API server refused for good.
    Failed,
}

/// The replacement in a report.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ReplacementReport {
    /// Its outcome.
    pub outcome: ReplacementOutcome,
    /// How it was asked for.
    pub method: Method,
    /// Auto Scaling group.
    pub group: Option<String>,
    /// The new instance, where Auto Scaling named it.
    pub instance_id: Option<String>,
    /// When the outcome was known, from the handler's entry.
    pub after_ms: Option<u64>,
    /// When Auto Scaling had taken the request, from the handler's entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested_after_ms: Option<u64>,
    /// Why, where the outcome alone does not say it.
    pub reason: Option<String>,
}

impl ReplacementReport {
    /// A replacement for which no call was made.
    pub(crate) fn without_action(outcome: ReplacementOutcome, reason: Option<String>) -> Self {
        Self { outcome, reason, ..Self::default() }
    }

    /// Whether a replacement was wanted and none is on its way.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(
            self.outcome,
            ReplacementOutcome::Failed | ReplacementOutcome::Refused | ReplacementOutcome::NoCapacity
        )
    }
}

/// Outcome of the replacement.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplacementOutcome {
    /// Auto Scaling took the request; no launch was seen yet.
    Requested,
    /// The group was seen to launch the replacement.
    Confirmed,
    /// An earlier delivery or the group itself has already begun it.
    Already,
    /// No replacement is needed.
    #[default]
    NotNeeded,
    /// The group cannot launch: nothing was asked of it.
    Refused,
    /// The group has launched nothing: it found no capacity.
    NoCapacity,
    /// Auto Scaling refused the request or could not be reached, or the group has not begun.
    Failed,
}

/// Way in which a replacement is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// DetachInstances without decrement of the desired capacity.
    Detach,
    /// The group replaces by itself: only look.
    Verify,
    /// No call.
    #[default]
    None,
}
