//! CloudWatch metrics in the Embedded Metric Format: one log line, no API call (CloudWatch user guide,
//! "Embedded metric format specification").

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{CordonOutcome, Outcome, PodOutcome, ReplacementOutcome, Report};

/// CloudWatch namespace of the metrics.
pub const NAMESPACE: &str = "CastSpot";

/// A metric: name, unit, value.
type Metric = (&'static str, &'static str, u64);

/// The metrics of one report as one log line. `now` is when the report was made.
#[must_use]
pub fn line(report: &Report, now: Timestamp) -> Value {
    if report.is_self_test() {
        let failed = report.checks.iter().filter(|check| !check.passed);
        let checks = count("SelfTestChecks", report.checks.len());
        // Without dimensions: one alarm watches the function, and the log says which cluster it is.
        return embedded(now, &json!([[]]), &[], &[checks, count("SelfTestFailed", failed.count())]);
    }
    // An alarm needs no metric math to watch a cluster or the whole function.
    let dimensions = json!([[], ["Cluster"], ["Cluster", "Outcome"]]);
    let cluster = report.cluster.as_deref().unwrap_or("none");
    let properties = [("Cluster", json!(cluster)), ("Outcome", json!(report.outcome))];
    embedded(now, &dimensions, &properties, &of_notice(report, now))
}

fn embedded(now: Timestamp, dimensions: &Value, properties: &[(&str, Value)], metrics: &[Metric]) -> Value {
    let names = metrics.iter().map(|(name, unit, _)| json!({"Name": name, "Unit": unit}));
    let mut line = json!({
        "_aws": {
            "Timestamp": now.as_millisecond(),
            "CloudWatchMetrics": [{
                "Namespace": NAMESPACE, "Dimensions": dimensions, "Metrics": names.collect::<Value>(),
            }],
        },
    });
    for (name, value) in properties {
        line[*name] = value.clone();
    }
    for (name, _, value) in metrics {
        line[*name] = json!(value);
    }
    line
}

fn count(name: &'static str, value: usize) -> Metric {
    (name, "Count", value as u64)
}

fn of_notice(report: &Report, now: Timestamp) -> Vec<Metric> {
    // From EC2's notice to the handler's entry, so that the figures below count from the notice.
    let lag = report.event.time.map_or(0, |time| {
        let lag = now.duration_since(time).as_millis();
        u64::try_from(lag).unwrap_or_default().saturating_sub(report.duration_ms)
    });
    let mut metrics = Vec::new();
    let mut milliseconds = |name, value| metrics.push((name, "Milliseconds", value));
    if report.event.deadline.is_some() {
        milliseconds("NoticeLag", lag);
    }
    if let (CordonOutcome::Done | CordonOutcome::Already, Some(after)) =
        (report.cordon.outcome, report.cordon.after_ms)
    {
        milliseconds("NoticeToCordon", lag + after);
    }
    if matches!(report.outcome, Outcome::Drained | Outcome::DrainedWithoutReplacement) {
        let last = report.pods.iter().filter(|p| p.wave.is_some()).filter_map(|p| p.after_ms).max();
        milliseconds("NoticeToDrained", lag + last.or(report.cordon.after_ms).unwrap_or_default());
    }
    let notices = [
        (Outcome::Failed, "NoticesFailed"),
        (Outcome::Missed, "NoticesMissed"),
        (Outcome::Incomplete, "NoticesIncomplete"),
        (Outcome::DrainedWithoutReplacement, "NoticesWithoutReplacement"),
    ];
    metrics.extend(notices.map(|(outcome, name)| count(name, usize::from(report.outcome == outcome))));
    let pods = [
        (PodOutcome::Evicted, "PodsEvicted"),
        (PodOutcome::Deleted, "PodsDeleted"),
        (PodOutcome::Gone, "PodsGone"),
        (PodOutcome::Failed, "PodsFailed"),
    ];
    let of = |outcome| report.summary.get(&outcome).copied().unwrap_or_default();
    metrics.extend(pods.map(|(outcome, name)| count(name, of(outcome))));
    metrics.push(count("PodsLeft", report.pods.iter().filter(|pod| pod.is_unfinished()).count()));
    let replacements = [
        (ReplacementOutcome::Requested, "ReplacementRequested"),
        (ReplacementOutcome::Confirmed, "ReplacementConfirmed"),
        (ReplacementOutcome::Already, "ReplacementAlready"),
        (ReplacementOutcome::Refused, "ReplacementRefused"),
        (ReplacementOutcome::NoCapacity, "ReplacementNoCapacity"),
        (ReplacementOutcome::Failed, "ReplacementFailed"),
    ];
    let replaced = report.replacement.outcome;
    metrics.extend(replacements.map(|(outcome, name)| count(name, usize::from(replaced == outcome))));
    metrics.push(("ApiCalls", "Count", report.calls.values().sum()));
    metrics
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
