//! The function's return value, and when it is an error instead.

use std::fmt;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse};
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    Report,
    event::EventError,
    report::{Outcome, retry_helps},
};

/// The function's return value.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// To a direct invocation.
    Report(Box<Report>),
    /// To an SQS batch.
    Batch(BatchAnswer),
}

/// Answer to an SQS batch: what SQS wants to know, and the reports.
#[derive(Debug, Clone, Default, Serialize)]
pub struct BatchAnswer {
    /// Messages that SQS is to deliver again.
    #[serde(flatten)]
    pub failures: SqsBatchResponse,
    /// Reports of the others and of those that may yet succeed.
    pub reports: Vec<Report>,
    /// Malformed events, by message id.
    #[serde(skip)]
    pub malformed: Vec<(Option<String>, EventError)>,
    /// Numbers of the reports that belong to no message.
    #[serde(skip)]
    unnamed: Vec<usize>,
}

/// One event of a batch, handled.
#[derive(Debug)]
pub struct Handled {
    /// Id of its message.
    pub message_id: Option<String>,
    /// Its report, or its fault.
    pub report: Result<Report, EventError>,
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
    /// The malformed events in it, by message id.
    #[must_use]
    pub fn malformed(&self) -> &[(Option<String>, EventError)] {
        match self {
            Self::Report(_) => &[],
            Self::Batch(batch) => &batch.malformed,
        }
    }

    /// The reports in it.
    #[must_use]
    pub fn reports(&self) -> &[Report] {
        match self {
            Self::Report(report) => std::slice::from_ref(report),
            Self::Batch(batch) => &batch.reports,
        }
    }

    /// Why the delivery that was entered at `entered` is to end as an error of the function. What an SQS message
    /// carries comes back by its message id instead.
    #[must_use]
    pub fn unhandled(&self, entered: Timestamp) -> Option<Unhandled> {
        let reports: Vec<&Report> = match self {
            Self::Report(report) => vec![report],
            Self::Batch(batch) => {
                let nameless = |(id, _): &&(Option<String>, EventError)| id.is_none();
                if let Some((_, error)) = batch.malformed.iter().find(nameless) {
                    return Some(Unhandled::Malformed(error.clone()));
                }
                batch.unnamed.iter().filter_map(|number| batch.reports.get(*number)).collect()
            }
        };
        let failed = reports.into_iter().find(|report| retry_helps(report, entered))?;
        Some(Unhandled::Failed(failed.reason.clone().unwrap_or_default()))
    }
}

impl BatchAnswer {
    /// A message comes back if its event is malformed (so that it ends in the dead-letter queue) or if a
    /// second try may still help. The report on a self-test is complete.
    pub(crate) fn of(handled: Vec<Handled>) -> Self {
        let mut answer = Self::default();
        for Handled { message_id, report } in handled {
            let failed = match &report {
                Ok(report) => report.outcome == Outcome::Failed && report.checks.is_empty(),
                Err(_) => true,
            };
            if let Some(id) = message_id.as_ref().filter(|_| failed) {
                let mut failure = BatchItemFailure::default();
                failure.item_identifier.clone_from(id);
                answer.failures.batch_item_failures.push(failure);
            }
            if message_id.is_none() && report.is_ok() {
                answer.unnamed.push(answer.reports.len());
            }
            match report {
                Ok(report) => answer.reports.push(report),
                Err(error) => answer.malformed.push((message_id, error)),
            }
        }
        answer
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
        let error = Answer::Report(Box::new(failed())).unhandled(NOW.parse().unwrap()).unwrap();
        assert_eq!(error.error_type(), "NoticeFailed");
        assert!(error.to_string().starts_with("not located: x (hint: "), "{error}");
        assert_eq!(
            Answer::Report(Box::new(failed())).unhandled("2026-11-22T09:01:00Z".parse().unwrap()),
            None
        );
    }

    #[test]
    fn a_message_comes_back_by_its_id_and_a_bare_event_by_an_error() {
        let handled = |id: Option<&str>, report| Handled { message_id: id.map(str::to_owned), report };
        let now = NOW.parse().unwrap();
        let malformed = || Err(crate::event::document("{").unwrap_err());
        let messages =
            BatchAnswer::of(vec![handled(Some("m-1"), Ok(failed())), handled(Some("m-2"), malformed())]);
        let ids: Vec<_> =
            messages.failures.batch_item_failures.iter().map(|item| &item.item_identifier).collect();
        assert_eq!(ids, ["m-1", "m-2"]);
        assert_eq!(Answer::Batch(messages).unhandled(now), None);
        let bare = BatchAnswer::of(vec![handled(Some("m-1"), Ok(failed())), handled(None, Ok(failed()))]);
        assert!(matches!(Answer::Batch(bare).unhandled(now), Some(Unhandled::Failed(_))));
        let bare = BatchAnswer::of(vec![handled(None, malformed())]);
        assert!(matches!(Answer::Batch(bare).unhandled(now), Some(Unhandled::Malformed(_))));
    }
}
