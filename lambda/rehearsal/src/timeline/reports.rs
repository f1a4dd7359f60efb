//! The handler's reports, looked up by pod and by instance. The timeline draws what happened in the world; the reports only
//! add the reasons.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::outcome::{Delivery, reports_in};

/// All reports of a run.
#[derive(Debug, Default)]
pub(super) struct Reports<'a> {
    reasons: BTreeMap<&'a str, &'a str>,
    instances: BTreeMap<&'a str, &'a Value>,
}

impl<'a> Reports<'a> {
    /// Reads the reports. Of two reasons for one pod the later counts.
    pub(super) fn new(reports: &'a [Value]) -> Self {
        let mut found = Self::default();
        for report in reports {
            if let Some(instance) = report["event"]["instance_id"].as_str() {
                found.instances.insert(instance, report);
            }
            for pod in report["pods"].as_array().into_iter().flatten() {
                if let (Some(uid), Some(reason)) = (pod["uid"].as_str(), pod["reason"].as_str()) {
                    found.reasons.insert(uid, reason);
                }
            }
        }
        found
    }

    /// Why a pod has its outcome, where that alone does not show it.
    pub(super) fn reason(&self, uid: &str) -> Option<&'a str> {
        self.reasons.get(uid).copied()
    }

    /// The last report on an instance.
    pub(super) fn of(&self, instance: &str) -> Option<&'a Value> {
        self.instances.get(instance).copied()
    }

    /// Outcome of the replacement in the last report on an instance, in words.
    pub(super) fn replacement_of(&self, instance: &str) -> Option<&'static str> {
        let replacement = &self.of(instance)?["replacement"];
        match replacement["outcome"].as_str()? {
            "requested" | "confirmed" => Some("requested"),
            "already" => Some("by another caller"),
            // Only watched, and not seen.
            "failed" if replacement["method"] == "verify" => Some("not seen in time"),
            "refused" => Some("cannot launch"),
            "no_capacity" => Some("no capacity"),
            "failed" => Some("request failed"),
            _ => Some("none asked for"),
        }
    }

    /// Whether the last report on an instance says that no replacement is on its way.
    pub(super) fn replacement_failed(&self, instance: &str) -> bool {
        let outcome = self.of(instance).and_then(|report| report["replacement"]["outcome"].as_str());
        matches!(outcome, Some("failed" | "refused" | "no_capacity"))
    }
}

/// The report that one delivery answered for an instance (any, if none names it).
pub(super) fn answered<'a>(delivery: &'a Delivery, instance: &str) -> Option<&'a Value> {
    let answer = delivery.answer.as_ref().ok()?;
    let reports = reports_in(answer);
    let report = reports.iter().find(|report| report["event"]["instance_id"] == instance);
    report.or(reports.first())
}
