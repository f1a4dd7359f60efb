//! What a rehearsal found: the data behind the timeline and behind `--json`.
//!
//! Everything here is measured by the world itself, except [`Delivery::answer`], which is the handler's own. Times are whole virtual milliseconds since the first notice was issued.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::{facts::AnnouncedNotice, law::Law};

/// The result of one rehearsal.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// Name of the scenario.
    pub scenario: String,
    /// Seed that replays this run byte for byte.
    pub seed: u64,
    /// The handler's reports, in the order in which they came back.
    pub reports: Vec<Value>,
    /// What the world saw.
    pub world: WorldSummary,
    /// What the function did not handle: deliveries, and messages of batches.
    pub errors: Vec<DeliveryError>,
    /// Virtual time from the first notice to the end of the run.
    pub virtual_ms: u64,
    /// Real time that the run took. The only figure that differs between two runs of one seed.
    pub real_ms: u64,
    /// Deliveries, one by one, with their answers (a superset of `reports`).
    #[serde(skip)]
    pub deliveries: Vec<Delivery>,
    /// One timeline for each instance that got a notice.
    #[serde(skip)]
    pub timelines: Vec<NodeTimeline>,
    /// Every state change and every call, one line each: equal for equal seeds.
    #[serde(skip)]
    pub trace: Vec<String>,
}

impl Outcome {
    /// Whether the last report on an instance says that a replacement was wanted and none is on its way.
    #[must_use]
    pub fn lacks_replacement(&self) -> bool {
        let mut last = BTreeMap::new();
        for report in &self.reports {
            last.insert(report["event"]["instance_id"].as_str(), &report["outcome"]);
        }
        last.values().any(|outcome| **outcome == "drained_without_replacement")
    }
}

/// The world's own account of a run.
#[derive(Debug, Clone, Default, Serialize)]
pub struct WorldSummary {
    /// What became of the pods that stood on interrupted nodes and were to leave them.
    pub pods: PodCounts,
    /// Instances that were launched to replace interrupted ones.
    pub replacements: usize,
    /// Calls answered, by API and operation (`ec2:DescribeInstances`, `kubernetes:create pods/eviction`).
    pub calls: BTreeMap<String, u64>,
    /// Laws of the handler that were broken.
    pub violations: Vec<Violation>,
}

/// Counts of pods by fate. DaemonSet, mirror and finished pods are not counted: they stay by design.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct PodCounts {
    /// Pods that were to leave an interrupted node.
    pub total: usize,
    /// Ended by themselves within their grace after an eviction.
    pub drained: usize,
    /// Ended by themselves within their grace after a delete that overrode a PodDisruptionBudget.
    pub deleted: usize,
    /// Still running when the run ended: the node was kept (hibernate), or no one ended it.
    pub left: usize,
    /// Ended by SIGKILL: the grace ran out, or EC2 took the instance under them.
    pub killed: usize,
}

/// One broken law.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The law, shown by its number.
    pub law: Law,
    /// When it was broken.
    pub at_ms: u64,
    /// What happened, with the names of the objects.
    pub what: String,
}

/// One invocation of the handler.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// When the function was called.
    pub at_ms: u64,
    /// When it answered; `None` if it was crashed on purpose.
    pub answered_ms: Option<u64>,
    /// Instances named by the payload.
    pub instances: Vec<String>,
    /// The handler's answer, or its error.
    pub answer: Result<Value, String>,
    /// Why the function ended with an error for all its answer, which it has only logged: Lambda invokes it again.
    pub failed: Option<String>,
}

/// The reports of an answer: one, or those of a batch.
pub(crate) fn reports_in(answer: &Value) -> &[Value] {
    answer["reports"].as_array().map_or(std::slice::from_ref(answer), Vec::as_slice)
}

impl Delivery {
    /// One that is not answered yet; `error` is its end if it never is.
    pub(crate) fn open(at_ms: u64, notices: &[AnnouncedNotice], error: &str) -> Self {
        Self {
            at_ms,
            answered_ms: None,
            instances: notices.iter().map(|notice| notice.instance.clone()).collect(),
            answer: Err(error.to_owned()),
            failed: None,
        }
    }
}

/// A delivery, or a message of an SQS batch, that was not handled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeliveryError {
    /// When the function was called.
    pub at_ms: u64,
    /// Instances that the delivery names and no report of its answer does.
    pub instances: Vec<String>,
    /// The function's error, `crashed` where it ended without an answer, or the message that failed.
    pub error: String,
}

/// What happened to one interrupted instance.
#[derive(Debug, Clone)]
pub struct NodeTimeline {
    /// EC2 instance id.
    pub instance: String,
    /// Kubernetes node name.
    pub node: String,
    /// When EC2 issued the notice.
    pub notice_ms: u64,
    /// When EC2 takes the instance; `None` for hibernate.
    pub reclaimed_ms: Option<u64>,
    /// When the node became unschedulable.
    pub cordoned_ms: Option<u64>,
    /// The replacement, where there is one.
    pub replacement: Option<ReplacementTrack>,
    /// Pods of the node at the time of the notice and those that came later, by namespace and name.
    pub pods: Vec<PodTrack>,
}

impl NodeTimeline {
    /// Milliseconds from the notice to `at_ms`.
    pub(crate) fn since_notice(&self, at_ms: u64) -> u64 {
        at_ms.saturating_sub(self.notice_ms)
    }

    /// From the notice until the node became unschedulable.
    pub(crate) fn cordoned_after(&self) -> Option<u64> {
        self.cordoned_ms.map(|ms| self.since_notice(ms))
    }

    /// From the notice until the replacement's node became Ready.
    pub(crate) fn ready_after(&self) -> Option<u64> {
        self.replacement.as_ref()?.ready_ms.map(|ms| self.since_notice(ms))
    }

    /// Whether only the group itself replaced the instance, when it found it gone: the handler asks for nothing after
    /// the deadline.
    pub(crate) fn is_replaced_by_health_check(&self) -> bool {
        let launched_ms = self.replacement.as_ref().map(|track| track.launched_ms);
        launched_ms.zip(self.reclaimed_ms).is_some_and(|(launched_ms, gone_ms)| launched_ms >= gone_ms)
    }

    /// When the last pod that was to leave was gone, from the notice on; `None` if one was not gone by itself, or if
    /// there was none.
    pub(crate) fn empty_ms(&self) -> Option<u64> {
        let leaving = self.pods.iter().filter(|pod| pod.fate != Fate::Stays);
        let last_ms = leaving.filter_map(|pod| pod.ended_ms).max();
        last_ms.filter(|_| self.lost_of_all().0 == 0).map(|ms| self.since_notice(ms))
    }

    /// Pods that were lost, and all that were to leave.
    pub(crate) fn lost_of_all(&self) -> (usize, usize) {
        let count = |fates: &[Fate]| self.pods.iter().filter(|pod| fates.contains(&pod.fate)).count();
        let lost = count(&[Fate::Left, Fate::Killed]);
        (lost, lost + count(&[Fate::Drained, Fate::Deleted]))
    }
}

/// The replacement of one instance.
#[derive(Debug, Clone)]
pub struct ReplacementTrack {
    /// Instance id of the new instance.
    pub instance: String,
    /// When it was launched.
    pub launched_ms: u64,
    /// When its node became Ready.
    pub ready_ms: Option<u64>,
}

/// The way of one pod.
#[derive(Debug, Clone)]
pub struct PodTrack {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// UID.
    pub uid: String,
    /// Name of what owns it, as the world's spec has it.
    pub workload: String,
    /// First eviction or delete call that reached the API server.
    pub asked_ms: Option<u64>,
    /// When it began to terminate (SIGTERM).
    pub terminating_ms: Option<u64>,
    /// When it was gone, or killed.
    pub ended_ms: Option<u64>,
    /// How it ended.
    pub fate: Fate,
}

/// How a pod ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fate {
    /// Belongs to the node: DaemonSet, mirror or finished pod.
    Stays,
    /// Evicted, ended by itself within its grace.
    Drained,
    /// Deleted over its PodDisruptionBudget, ended by itself within its grace.
    Deleted,
    /// Still running at the end of the run.
    Left,
    /// Ended by SIGKILL.
    Killed,
}
