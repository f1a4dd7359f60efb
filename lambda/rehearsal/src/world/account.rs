//! The world's own account of a run, once it is over.

use std::collections::BTreeSet;

use super::{
    pods::{EndedBy, PodId},
    spec::{Action, Notice},
    state::State,
};
use crate::outcome::{
    Delivery, Fate, NodeTimeline, Outcome, PodCounts, PodTrack, ReplacementTrack, WorldSummary,
};

impl State {
    /// Closes the books.
    pub(crate) fn account(&mut self, scenario: &str, seed: u64, deliveries: Vec<Delivery>) -> Outcome {
        self.judge_legs();
        let mut seen = BTreeSet::new();
        let notices: Vec<Notice> =
            self.notices.iter().filter(|notice| seen.insert(notice.instance.clone())).cloned().collect();
        let timelines: Vec<NodeTimeline> =
            notices.iter().filter_map(|notice| self.timeline(notice)).collect();
        let mut pods = PodCounts::default();
        for pod in timelines.iter().flat_map(|timeline| &timeline.pods) {
            let count = match pod.fate {
                Fate::Stays => continue,
                Fate::Drained => &mut pods.drained,
                Fate::Deleted => &mut pods.deleted,
                Fate::Left => &mut pods.left,
                Fate::Killed => &mut pods.killed,
            };
            *count += 1;
            pods.total += 1;
        }
        let replaced = notices.iter().filter_map(|notice| self.instances.get(&notice.instance));
        Outcome {
            scenario: scenario.to_owned(),
            seed,
            reports: reports(&deliveries),
            world: WorldSummary {
                pods,
                replacements: replaced.map(|instance| instance.replaced_by.len()).sum(),
                calls: self.calls.clone(),
                violations: self.observer.take_violations(),
            },
            virtual_ms: self.now_ms,
            real_ms: 0,
            deliveries,
            timelines,
            trace: self.trace.take(),
        }
    }

    fn timeline(&self, notice: &Notice) -> Option<NodeTimeline> {
        let instance = self.instances.get(&notice.instance)?;
        let replacement = instance.replaced_by.first().and_then(|new| self.instances.get(new));
        let ends_ms = instance.ended_ms.unwrap_or(notice.at_ms + notice.lead_ms);
        let mut pods: Vec<PodTrack> =
            self.concerned.get(&notice.instance).into_iter().flatten().map(|pod| self.track(*pod)).collect();
        pods.sort_by(|a, b| (&a.namespace, &a.name, &a.uid).cmp(&(&b.namespace, &b.name, &b.uid)));
        Some(NodeTimeline {
            instance: notice.instance.clone(),
            node: instance.node.clone().unwrap_or_default(),
            notice_ms: notice.at_ms,
            reclaimed_ms: (notice.action != Action::Hibernate).then_some(ends_ms),
            cordoned_ms: instance.cordoned_ms,
            replacement: replacement.map(|new| ReplacementTrack {
                instance: new.id.clone(),
                launched_ms: new.launched_ms,
                ready_ms: new.ready_ms,
            }),
            pods,
        })
    }

    fn track(&self, id: PodId) -> PodTrack {
        let pod = &self.pods[id];
        let (namespace, name) = self.key(id);
        let by_delete = pod.termination.is_some_and(|t| matches!(t.by, EndedBy::Delete(_)));
        let fate = match pod.end {
            _ if self.belongs_to_node(id) => Fate::Stays,
            None => Fate::Left,
            Some(end) if end.killed => Fate::Killed,
            Some(_) if by_delete => Fate::Deleted,
            Some(_) => Fate::Drained,
        };
        PodTrack {
            namespace,
            name,
            uid: crate::wire::objects::pod_uid(id),
            asked_ms: pod.asked_ms,
            terminating_ms: pod.termination.map(|t| t.since_ms),
            ended_ms: pod.end.map(|end| end.at_ms),
            fate,
        }
    }
}

/// The reports, in the order in which they came back.
fn reports(deliveries: &[Delivery]) -> Vec<serde_json::Value> {
    let mut answered: Vec<_> = deliveries
        .iter()
        .filter_map(|delivery| Some((delivery.answered_ms?, delivery.answer.as_ref().ok()?)))
        .collect();
    answered.sort_by_key(|(answered_ms, _)| *answered_ms);
    answered
        .into_iter()
        .flat_map(|(_, answer)| match answer["reports"].as_array() {
            Some(reports) => reports.clone(),
            None => vec![answer.clone()],
        })
        .collect()
}
