//! When a second delivery of a notice may bring more than the first.

use jiff::{SignedDuration, Timestamp};

use super::{Outcome, Report};

/// Beginning of the reason of a report where the handler itself has failed.
pub(crate) const INTERNAL_ERROR: &str = "internal error";

/// Lambda invokes an asynchronous function again about a minute after an error (Lambda developer guide, "Error
/// handling for asynchronous invocation"), and a cold start comes on top.
const SECOND_DELIVERY: SignedDuration = SignedDuration::from_secs(65);

/// Whether a second delivery of the notice may bring more than this report: nothing was done, for want of an answer or
/// for an error of the handler's own, and Lambda would deliver it again before the deadline. `entered` is when this
/// delivery was entered.
pub(crate) fn retry_helps(report: &Report, entered: Timestamp) -> bool {
    let took = SignedDuration::from_millis(i64::try_from(report.duration_ms).unwrap_or(i64::MAX));
    let Ok(now) = entered.checked_add(took) else { return false };
    let internal = report.reason.as_deref().is_some_and(|reason| reason.starts_with(INTERNAL_ERROR));
    let is_in_time = |deadline: Timestamp| deadline.duration_since(now) > SECOND_DELIVERY;
    report.outcome == Outcome::Failed
        && !report.is_self_test()
        && (report.cluster.is_none() || internal)
        && report.event.deadline.is_some_and(is_in_time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::EventSummary;

    fn report(outcome: Outcome, cluster: Option<&str>, reason: &str, kind: &str) -> Report {
        let event = EventSummary {
            id: "e-1".into(),
            kind: kind.into(),
            instance_id: None,
            action: None,
            time: None,
            deadline: "2026-11-22T09:02:00Z".parse().ok(),
        };
        Report {
            cluster: cluster.map(str::to_owned),
            ..Report::without_action(event, outcome, reason.into())
        }
    }

    #[test]
    fn a_second_delivery_helps_only_where_nothing_was_done_in_time() {
        const SPOT: &str = "spot_interruption";
        for (case, report, left_s, helps) in [
            ("not located", report(Outcome::Failed, None, "not located: x", SPOT), 66, true),
            ("not located, too late", report(Outcome::Failed, None, "not located: x", SPOT), 65, false),
            (
                "panic in the drain",
                report(Outcome::Failed, Some("prod"), "internal error: x", SPOT),
                100,
                true,
            ),
            ("cordon refused", report(Outcome::Failed, Some("prod"), "refused", SPOT), 100, false),
            ("incomplete", report(Outcome::Incomplete, Some("prod"), "", SPOT), 100, false),
            ("not ours", report(Outcome::Ignored, None, "", SPOT), 100, false),
            ("self-test", report(Outcome::Failed, None, "connect", "self_test"), 100, false),
        ] {
            let deadline = report.event.deadline.unwrap();
            assert_eq!(retry_helps(&report, deadline - SignedDuration::from_secs(left_s)), helps, "{case}");
        }
    }
}
