//! The function's return value, and when it is an error instead.

use std::fmt;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse};
use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::{
    Report,
    event::EventError,
    report::{Outcome, retry_helps},
};

/// The function's return value: one report, or the answer to a batch.
#[derive(Debug, Clone)]
pub struct Answer {
    handled: Vec<Handled>,
    is_batch: bool,
}

/// One event that was handled.
#[derive(Debug, Clone)]
pub(crate) struct Handled {
    /// The SQS message that carried it, if one did.
    pub(crate) message_id: Option<String>,
    /// Its report, or why it has none.
    pub(crate) report: Result<Report, EventError>,
}

/// What SQS wants to know, and the reports.
#[derive(Serialize)]
struct BatchAnswer<'a> {
    /// Messages that SQS is to deliver again.
    #[serde(flatten)]
    failures: SqsBatchResponse,
    /// Reports of the others and of those that may yet succeed.
    reports: Vec<&'a Report>,
}

/// Why a delivery ends as an error of the function: Lambda then counts it and delivers it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unhandled {
    /// An event is malformed, and no message id could say which.
    Malformed(EventError),
    /// A notice failed, and a second delivery may still help.
    Failed(String),
}

impl Unhandled {
    /// Stable name of the error, for alarms.
    #[must_use]
    pub fn error_type(&self) -> &'static str {
        match self {
            Self::Malformed(_) => EventError::TYPE,
            Self::Failed(_) => "NoticeFailed",
        }
    }
}

impl fmt::Display for Unhandled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(error) => error.fmt(f),
            Self::Failed(reason) => write!(f, "{reason} (hint: Lambda delivers the notice again)"),
        }
    }
}

impl Answer {
    /// The answer to a direct invocation.
    pub(crate) fn direct(report: Report) -> Self {
        Self { handled: vec![Handled { message_id: None, report: Ok(report) }], is_batch: false }
    }

    pub(crate) fn batch(handled: Vec<Handled>) -> Self {
        Self { handled, is_batch: true }
    }

    /// The malformed events in it, by message id.
    pub fn malformed(&self) -> impl Iterator<Item = (&Option<String>, &EventError)> {
        self.handled.iter().filter_map(|handled| Some((&handled.message_id, handled.report.as_ref().err()?)))
    }

    /// The reports in it.
    pub fn reports(&self) -> impl Iterator<Item = &Report> {
        self.handled.iter().filter_map(|handled| handled.report.as_ref().ok())
    }

    /// Why the delivery that was entered at `entered` is to end as an error of the function. What an SQS message
    /// carries comes back by its message id instead.
    #[must_use]
    pub fn unhandled(&self, entered: Timestamp) -> Option<Unhandled> {
        if let Some((_, error)) = self.malformed().find(|(id, _)| id.is_none()) {
            return Some(Unhandled::Malformed(error.clone()));
        }
        let bare = self.handled.iter().filter(|handled| handled.message_id.is_none());
        let mut reports = bare.filter_map(|handled| handled.report.as_ref().ok());
        let failed = reports.find(|report| retry_helps(report, entered))?;
        Some(Unhandled::Failed(failed.reason.clone().unwrap_or_default()))
    }
}

impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.reports().next() {
            Some(report) if !self.is_batch => report.serialize(serializer),
            _ => {
                let mut failures = SqsBatchResponse::default();
                let failed = self.handled.iter().filter_map(Handled::failure);
                failures.batch_item_failures.extend(failed);
                BatchAnswer { failures, reports: self.reports().collect() }.serialize(serializer)
            }
        }
    }
}

impl Handled {
    /// A message comes back if its event is malformed (so that it ends in the dead-letter queue) or if a
    /// second try may still help. The report on a self-test is complete.
    fn failure(&self) -> Option<BatchItemFailure> {
        let comes_back = |report: &Report| report.outcome == Outcome::Failed && report.checks.is_empty();
        let id = self.message_id.as_ref().filter(|_| self.report.as_ref().ok().is_none_or(comes_back))?;
        let mut failure = BatchItemFailure::default();
        failure.item_identifier.clone_from(id);
        Some(failure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::EventSummary;

    const NOW: &str = "2026-11-22T09:00:10Z";

    fn failed() -> Report {
        let event = EventSummary {
            id: "e-1".into(),
            kind: "spot_interruption".into(),
            instance_id: Some("i-0abc1234".into()),
            action: Some("terminate".into()),
            time: "2026-11-22T09:00:00Z".parse().ok(),
            deadline: "2026-11-22T09:02:00Z".parse().ok(),
        };
        Report::without_action(event, Outcome::Failed, "not located: x".into())
    }

    #[test]
    fn a_failure_that_a_retry_can_mend_is_a_function_error() {
        let error = Answer::direct(failed()).unhandled(NOW.parse().unwrap()).unwrap();
        assert_eq!(error.error_type(), "NoticeFailed");
        assert!(error.to_string().starts_with("not located: x (hint: "), "{error}");
        assert_eq!(Answer::direct(failed()).unhandled("2026-11-22T09:01:00Z".parse().unwrap()), None);
    }

    #[test]
    fn a_message_comes_back_by_its_id_and_a_bare_event_by_an_error() {
        let handled = |id: Option<&str>, report| Handled { message_id: id.map(str::to_owned), report };
        let now = NOW.parse().unwrap();
        let malformed = || Err(crate::event::document("{").unwrap_err());
        let messages =
            Answer::batch(vec![handled(Some("m-1"), Ok(failed())), handled(Some("m-2"), malformed())]);
        let answer = serde_json::to_value(&messages).unwrap();
        let ids = serde_json::json!([{"itemIdentifier": "m-1"}, {"itemIdentifier": "m-2"}]);
        assert_eq!(answer["batchItemFailures"], ids);
        assert_eq!(messages.unhandled(now), None);
        let bare = Answer::batch(vec![handled(Some("m-1"), Ok(failed())), handled(None, Ok(failed()))]);
        assert!(matches!(bare.unhandled(now), Some(Unhandled::Failed(_))));
        let bare = Answer::batch(vec![handled(None, malformed())]);
        assert!(matches!(bare.unhandled(now), Some(Unhandled::Malformed(_))));
    }
}
