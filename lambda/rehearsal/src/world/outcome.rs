//! What became of a run, once it is over.

use std::collections::BTreeSet;

use super::{
    spec::{Action, Notice},
    state::State,
};
use crate::{
    facts::{EndedBy, PodClass, PodId, pod_uid},
    outcome::{
        Delivery, DeliveryError, Fate, NodeTimeline, Outcome, PodCounts, PodTrack, ReplacementTrack,
        Violation, WorldSummary, reports_in,
    },
};

impl State {
    /// The outcome of a run.
    pub(crate) fn outcome(
        &mut self,
        scenario: &str,
        seed: u64,
        deliveries: Vec<Delivery>,
        violations: Vec<Violation>,
    ) -> Outcome {
        let mut known = BTreeSet::new();
        let notices: Vec<Notice> = self
            .spec
            .notices
            .iter()
            .filter(|notice| known.insert(notice.instance.clone()))
            .cloned()
            .collect();
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
                violations,
            },
            errors: errors(&deliveries),
            virtual_ms: self.now_ms,
            real_ms: 0,
            deliveries,
            timelines,
            trace: std::mem::take(&mut self.trace),
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
                instance: new.spec.instance.clone(),
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
            _ if self.class(id) == PodClass::OfNode => Fate::Stays,
            None => Fate::Left,
            Some(end) if end.killed => Fate::Killed,
            Some(_) if by_delete => Fate::Deleted,
            Some(_) => Fate::Drained,
        };
        PodTrack {
            namespace,
            name,
            uid: pod_uid(id),
            workload: self.workload(id).name.clone(),
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
    answered.into_iter().flat_map(|(_, answer)| reports_in(answer)).cloned().collect()
}

/// Deliveries that failed as a whole, and the messages of batches that failed alone, in the order of the
/// deliveries.
fn errors(deliveries: &[Delivery]) -> Vec<DeliveryError> {
    deliveries.iter().flat_map(errors_of).collect()
}

fn errors_of(delivery: &Delivery) -> Vec<DeliveryError> {
    let error = |instances: &[String], error: String| DeliveryError {
        at_ms: delivery.at_ms,
        instances: instances.to_vec(),
        error,
    };
    let answer = match &delivery.answer {
        Ok(_) if delivery.failed.is_some() => {
            return vec![error(&delivery.instances, delivery.failed.clone().unwrap_or_default())];
        }
        Ok(answer) => answer,
        Err(why) => return vec![error(&delivery.instances, why.clone())],
    };
    let failed: Vec<&str> = (answer["batchItemFailures"].as_array().into_iter().flatten())
        .filter_map(|item| item["itemIdentifier"].as_str())
        .collect();
    let reported = reports(std::slice::from_ref(delivery));
    let mut unreported = delivery.instances.clone();
    unreported.retain(|instance| reported.iter().all(|report| report["event"]["instance_id"] != **instance));
    failed.iter().map(|id| error(&unreported, format!("message {id} of the batch failed"))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn delivery(answer: Result<Value, String>) -> Delivery {
        let answered_ms = answer.is_ok().then_some(900);
        let instances = vec!["i-1".to_owned(), "i-2".to_owned()];
        Delivery { at_ms: 40, answered_ms, instances, answer, failed: None }
    }

    #[test]
    fn a_failed_delivery_is_an_error_for_all_its_instances() {
        let found = errors(&[delivery(Err("crashed".to_owned())), delivery(Ok(json!({"reports": []})))]);
        let instances = vec!["i-1".to_owned(), "i-2".to_owned()];
        assert_eq!(found, [DeliveryError { at_ms: 40, instances, error: "crashed".to_owned() }]);
    }

    #[test]
    fn a_failed_message_is_an_error_for_what_has_no_report() {
        let answer = json!({"batchItemFailures": [{"itemIdentifier": "m-2"}],
                            "reports": [{"event": {"instance_id": "i-1"}}]});
        let found = errors(&[delivery(Ok(answer))]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].instances, ["i-2"]);
        assert!(found[0].error.contains("m-2"), "{}", found[0].error);
    }
}
