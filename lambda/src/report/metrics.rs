//! CloudWatch metrics in the Embedded Metric Format: one log line, no API call (CloudWatch user guide,
//! "Embedded metric format specification").

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{CordonOutcome, Outcome, PodOutcome, ReplacementOutcome, Report, checks::CheckReport};

/// CloudWatch namespace of the metrics.
pub const NAMESPACE: &str = "CastSpot";

/// The metrics of one report as one log line. `now` is when the report was made.
#[must_use]
pub fn line(report: &Report, now: Timestamp) -> Value {
    if report.is_self_test() { of_self_test(&report.checks, now) } else { of_notice(report, now) }
}

/// Without dimensions: one alarm watches the function, and the log says which cluster it is.
fn of_self_test(checks: &[CheckReport], now: Timestamp) -> Value {
    let metrics = ["SelfTestChecks", "SelfTestFailed"].map(|name| json!({"Name": name, "Unit": "Count"}));
    json!({
        "_aws": {
            "Timestamp": now.as_millisecond(),
            "CloudWatchMetrics": [{ "Namespace": NAMESPACE, "Dimensions": [[]], "Metrics": metrics }],
        },
        "SelfTestChecks": checks.len(),
        "SelfTestFailed": checks.iter().filter(|check| !check.passed).count(),
    })
}

fn of_notice(report: &Report, now: Timestamp) -> Value {
    let mut metrics = Vec::new();
    let mut values = Map::new();
    let mut metric = |name: &str, unit: &str, value: u64| {
        metrics.push(json!({"Name": name, "Unit": unit}));
        values.insert(name.to_owned(), value.into());
    };
    // From EC2's notice to the handler's entry, so that the figures below count from the notice.
    let lag = report.event.time.map_or(0, |time| {
        let lag = now.duration_since(time).as_millis();
        u64::try_from(lag).unwrap_or_default().saturating_sub(report.duration_ms)
    });
    let noticed = report.event.deadline.is_some();
    if noticed {
        metric("NoticeLag", "Milliseconds", lag);
    }
    if let (CordonOutcome::Done | CordonOutcome::Already, Some(after)) =
        (report.cordon.outcome, report.cordon.after_ms)
    {
        metric("NoticeToCordon", "Milliseconds", lag + after);
    }
    if matches!(report.outcome, Outcome::Drained | Outcome::DrainedWithoutReplacement) {
        let last = report.pods.iter().filter(|p| p.wave.is_some()).filter_map(|p| p.after_ms).max();
        metric("NoticeToDrained", "Milliseconds", lag + last.or(report.cordon.after_ms).unwrap_or_default());
    }
    for (outcome, name) in [
        (Outcome::Failed, "NoticesFailed"),
        (Outcome::Missed, "NoticesMissed"),
        (Outcome::Incomplete, "NoticesIncomplete"),
        (Outcome::DrainedWithoutReplacement, "NoticesWithoutReplacement"),
    ] {
        metric(name, "Count", u64::from(report.outcome == outcome));
    }
    for (outcome, name) in [
        (PodOutcome::Evicted, "PodsEvicted"),
        (PodOutcome::Deleted, "PodsDeleted"),
        (PodOutcome::Gone, "PodsGone"),
        (PodOutcome::Failed, "PodsFailed"),
    ] {
        metric(name, "Count", report.summary.get(&outcome).copied().unwrap_or_default() as u64);
    }
    metric("PodsLeft", "Count", report.pods.iter().filter(|p| p.is_unfinished()).count() as u64);
    for (outcome, name) in [
        (ReplacementOutcome::Requested, "ReplacementRequested"),
        (ReplacementOutcome::Confirmed, "ReplacementConfirmed"),
        (ReplacementOutcome::Already, "ReplacementAlready"),
        (ReplacementOutcome::Refused, "ReplacementRefused"),
        (ReplacementOutcome::NoCapacity, "ReplacementNoCapacity"),
        (ReplacementOutcome::Failed, "ReplacementFailed"),
    ] {
        metric(name, "Count", u64::from(report.replacement.outcome == outcome));
    }
    metric("ApiCalls", "Count", report.calls.values().sum());
    let mut line = json!({
        "_aws": {
            "Timestamp": now.as_millisecond(),
            "CloudWatchMetrics": [{
                "Namespace": NAMESPACE,
                // An alarm needs no metric math to watch a cluster or the whole function.
                "Dimensions": [[], ["Cluster"], ["Cluster", "Outcome"]],
                "Metrics": metrics,
            }],
        },
        "Cluster": report.cluster.as_deref().unwrap_or("none"),
        "Outcome": report.outcome,
    });
    if let Some(line) = line.as_object_mut() {
        line.extend(values);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{EventSummary, Outcome};

    #[test]
    fn an_alarm_needs_neither_cluster_nor_outcome() {
        let event = EventSummary {
            id: "e-1".into(),
            kind: "spot_interruption".into(),
            instance_id: None,
            action: None,
            time: None,
            deadline: None,
        };
        let report = Report::without_action(event, Outcome::Failed, "x".into());
        let line = line(&report, Timestamp::UNIX_EPOCH);
        let metrics = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(metrics["Dimensions"], json!([[], ["Cluster"], ["Cluster", "Outcome"]]));
        assert!(
            metrics["Metrics"]
                .as_array()
                .unwrap()
                .contains(&json!({"Name": "NoticesFailed", "Unit": "Count"}))
        );
        assert_eq!((&line["NoticesFailed"], &line["NoticesMissed"]), (&json!(1), &json!(0)));
    }
}
