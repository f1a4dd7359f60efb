//! The plan for each pod of the node: one [`Verdict`] for each, none left out.

use std::time::Duration;

use crate::ports::Pod;

/// Kubernetes: pods of this priority and above are system-critical (`system-cluster-critical`).
const SYSTEM_CRITICAL: i32 = 2_000_000_000;

/// Kubernetes: grace period of a pod that states none.
const DEFAULT_GRACE: Duration = Duration::from_secs(30);

/// Pods go in waves; a wave starts when the one before it is gone or its share of the time is used. The report has its
/// number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wave {
    /// Ordinary pods.
    Ordinary = 1,
    /// System-critical priority classes: others need them (DNS, for one) while they end.
    Critical,
}

/// The plan for one pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Evict it in this wave.
    Evict(Wave),
    /// Wait with this wave for a pod that terminates already.
    Await(Wave),
    /// Leave it: it belongs to the node.
    Stay(&'static str),
    /// Leave it: it cannot be evicted safely.
    Refuse(&'static str),
}

impl Verdict {
    /// The wave that the pod belongs to.
    pub(crate) fn wave(self) -> Option<Wave> {
        match self {
            Self::Evict(wave) | Self::Await(wave) => Some(wave),
            Self::Stay(_) | Self::Refuse(_) => None,
        }
    }
}

/// The verdict on one pod.
pub(crate) fn judge(pod: &Pod) -> Verdict {
    let Pod { metadata, status, .. } = pod;
    let owned_by_daemon_set = metadata.owner_references.iter().any(|owner| {
        owner.controller == Some(true) && owner.kind == "DaemonSet" && owner.api_version.starts_with("apps/")
    });
    if owned_by_daemon_set {
        Verdict::Stay("DaemonSet pod")
    } else if metadata.annotations.contains_key("kubernetes.io/config.mirror") {
        Verdict::Stay("static pod")
    } else if matches!(status.phase.as_str(), "Succeeded" | "Failed") {
        Verdict::Stay("finished")
    } else if [&metadata.uid, &metadata.name, &metadata.namespace].iter().any(|text| text.is_empty()) {
        Verdict::Refuse("has no UID, name or namespace: another pod could be hit")
    } else if metadata.deletion_timestamp.is_some() {
        Verdict::Await(wave(pod))
    } else {
        Verdict::Evict(wave(pod))
    }
}

fn wave(pod: &Pod) -> Wave {
    let class = pod.spec.priority_class_name.as_str();
    let critical = matches!(class, "system-cluster-critical" | "system-node-critical")
        || pod.spec.priority >= SYSTEM_CRITICAL;
    if critical { Wave::Critical } else { Wave::Ordinary }
}

/// A pod's own grace period.
pub(crate) fn own_grace(pod: &Pod) -> Duration {
    let seconds = pod.spec.termination_grace_period_seconds;
    seconds.map_or(DEFAULT_GRACE, |s| Duration::from_secs(u64::try_from(s).unwrap_or(1)))
}

/// Whether a pod serves (condition Ready).
pub(crate) fn is_ready(pod: &Pod) -> bool {
    pod.status.conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// UID of the controller that makes another pod when this one goes.
pub(crate) fn controller(pod: &Pod) -> Option<&str> {
    let mut owners = pod.metadata.owner_references.iter();
    owners.find(|owner| owner.controller == Some(true)).map(|owner| owner.uid.as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(changes: &Value) -> Pod {
        let mut pod = json!({"metadata": {"name": "web-1", "namespace": "shop", "uid": "u-1"}, "spec": {"containers": []}});
        json_merge(&mut pod, changes);
        serde_json::from_value(pod).unwrap()
    }

    fn json_merge(into: &mut Value, changes: &Value) {
        match changes {
            Value::Object(map) => map.iter().for_each(|(k, v)| json_merge(&mut into[k.as_str()], v)),
            other => *into = other.clone(),
        }
    }

    #[test]
    fn every_pod_gets_a_verdict() {
        let owner = |kind: &str, api: &str, controller: bool| {
            json!({"metadata": {"ownerReferences": [
                {"apiVersion": api, "kind": kind, "name": "x", "uid": "y", "controller": controller}]}})
        };
        for (case, changes, expected) in [
            ("plain", json!({}), Verdict::Evict(Wave::Ordinary)),
            ("ReplicaSet", owner("ReplicaSet", "apps/v1", true), Verdict::Evict(Wave::Ordinary)),
            ("DaemonSet", owner("DaemonSet", "apps/v1", true), Verdict::Stay("DaemonSet pod")),
            (
                "a DaemonSet kind of another API group",
                owner("DaemonSet", "x.io/v1", true),
                Verdict::Evict(Wave::Ordinary),
            ),
            ("not its controller", owner("DaemonSet", "apps/v1", false), Verdict::Evict(Wave::Ordinary)),
            (
                "mirror",
                json!({"metadata": {"annotations": {"kubernetes.io/config.mirror": "h"}}}),
                Verdict::Stay("static pod"),
            ),
            ("succeeded", json!({"status": {"phase": "Succeeded"}}), Verdict::Stay("finished")),
            ("failed", json!({"status": {"phase": "Failed"}}), Verdict::Stay("finished")),
            ("pending", json!({"status": {"phase": "Pending"}}), Verdict::Evict(Wave::Ordinary)),
            (
                "terminating",
                json!({"metadata": {"deletionTimestamp": "2026-11-22T09:00:00Z"}}),
                Verdict::Await(Wave::Ordinary),
            ),
            (
                "cluster-critical",
                json!({"spec": {"priorityClassName": "system-cluster-critical"}}),
                Verdict::Evict(Wave::Critical),
            ),
            (
                "critical by number",
                json!({"spec": {"priority": 2_000_001_000}}),
                Verdict::Evict(Wave::Critical),
            ),
            (
                "high but not critical",
                json!({"spec": {"priority": 1_000_000}}),
                Verdict::Evict(Wave::Ordinary),
            ),
        ] {
            assert_eq!(judge(&pod(&changes)), expected, "{case}");
        }
    }

    #[test]
    fn a_pod_without_uid_is_never_evicted() {
        assert!(matches!(judge(&pod(&json!({"metadata": {"uid": null}}))), Verdict::Refuse(_)));
        assert!(matches!(judge(&Pod::default()), Verdict::Refuse(_)));
    }

    #[test]
    fn grace_defaults_to_thirty_seconds_and_nonsense_to_one() {
        for (given, expected) in [(json!(null), 30), (json!(0), 0), (json!(600), 600), (json!(-5), 1)] {
            let pod = pod(&json!({"spec": {"terminationGracePeriodSeconds": given}}));
            assert_eq!(own_grace(&pod), Duration::from_secs(expected));
        }
    }
}
