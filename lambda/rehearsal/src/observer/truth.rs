//! The report against the world at the moment of the answer: laws 1, 3.

use serde_json::Value;

use super::Told;
use crate::{
    Law,
    faults::Api,
    wire::objects::pod_uid,
    world::{instances::Instance, pods::PodId, state::State},
};

impl State {
    /// Judges what the one report for a notice says.
    pub(super) fn judge_report(&mut self, env: usize, told: &Told, report: &Value) {
        let Some(instance) = self.instances.get(&told.instance) else { return };
        let mut untrue = self.untrue_of_instance(instance, report);
        let proven = matches!(report["cordon"]["outcome"].as_str(), Some("done" | "already"));
        for entry in report["pods"].as_array().into_iter().flatten() {
            let pod = entry["uid"].as_str().and_then(|uid| self.pod_of(uid));
            match (pod, entry["outcome"].as_str()) {
                (Some(pod), Some(_)) if proven && !self.stood_on(pod, told) => {
                    untrue.push((
                        Law::OneReport,
                        format!("pod {} stands on another instance", self.label(pod)),
                    ));
                }
                (Some(pod), Some(outcome)) => {
                    let broken = self.untrue_of_pod(env, told, instance, pod, outcome);
                    untrue.extend(broken.map(|(law, why)| (law, format!("pod {}: {why}", self.label(pod)))));
                }
                _ => untrue.push((Law::OneReport, format!("it names no pod of the world: {entry}"))),
            }
        }
        for (law, what) in untrue {
            let what = format!("f{env} report for {}: {what}", told.instance);
            self.observer.broken(law, self.now_ms, what);
        }
    }

    fn untrue_of_instance(&self, instance: &Instance, report: &Value) -> Vec<(Law, String)> {
        let mut untrue = Vec::new();
        let reasons = [&report["reason"], &report["cordon"]["reason"], &report["replacement"]["reason"]];
        if let Some(panicked) = reasons
            .iter()
            .find_map(|reason| reason.as_str().filter(|text| text.starts_with("internal error: ")))
        {
            untrue.push((Law::OneReport, format!("the handler panicked: {panicked}")));
        }
        let cordon = report["cordon"]["outcome"].as_str();
        if matches!(cordon, Some("done" | "already")) && instance.cordoned_ms.is_none() {
            untrue.push((Law::OneReport, "its node was never unschedulable".to_owned()));
        }
        // Where capacity is short, a launch that stands for this instance may be another one's in the report.
        let group = instance.first_group.as_ref().and_then(|name| self.groups.get(name));
        let lacks_capacity = group.is_some_and(|group| group.spec.spare_capacity == Some(0));
        let is_suspended = group.is_some_and(|group| group.is_suspended("Launch"));
        let replacement = report["replacement"]["outcome"].as_str();
        match replacement {
            Some("no_capacity") if !lacks_capacity => {
                untrue.push((Law::OneReport, "its group found capacity".to_owned()))
            }
            Some("refused") if !is_suspended => {
                untrue.push((Law::OneReport, "its group launches".to_owned()))
            }
            _ => {}
        }
        if matches!(replacement, Some("requested" | "confirmed"))
            && instance.replaced_by.is_empty()
            && !lacks_capacity
        {
            untrue.push((Law::OneReport, "nothing was launched in its stead".to_owned()));
        }
        untrue
    }

    fn untrue_of_pod(
        &self,
        env: usize,
        told: &Told,
        instance: &Instance,
        pod: PodId,
        outcome: &str,
    ) -> Option<(Law, String)> {
        let invocation = self.observer.invocations.get(env)?;
        let seen = &self.pods[pod];
        let with_instance = seen.end.is_some_and(|end| end.killed && Some(end.at_ms) == instance.ended_ms);
        let gone = matches!(outcome, "evicted" | "deleted" | "gone");
        if gone && seen.exists {
            return Some((Law::OneReport, format!("{outcome}, and it is still there")));
        }
        // Of an instance that ends before its time, only the Node object that is removed tells the function.
        let in_time = instance.ended_ms.is_some_and(|at_ms| at_ms as i64 >= told.deadline_ms);
        let ended_early = instance.shown_end_ms.is_some();
        if matches!(outcome, "evicted" | "deleted") && with_instance && in_time && !ended_early {
            return Some((Law::OneReport, format!("{outcome}, and it was killed with its instance")));
        }
        if gone && outcome != "deleted" && invocation.overridden.contains(&pod) {
            return Some((
                Law::LastMoment,
                format!("{outcome}, and it was deleted over what stood in its eviction's way"),
            ));
        }
        // The account of the pods is closed when its Event is posted; the other leg may take longer.
        let closed_ms = invocation.last_event_ms.filter(|_| invocation.told.len() == 1)?;
        let stale = seen.end.filter(|_| !seen.exists && !with_instance).is_some_and(|end| {
            let told_late = self.faults.shown_ms(end.at_ms) > end.at_ms
                || invocation.struck.contains_key(&Api::Kubernetes);
            !told_late && end.at_ms + self.slack_ms() < closed_ms
        });
        (outcome == "left" && stale).then(|| (Law::OneReport, "left, and it is long gone".to_owned()))
    }

    /// Whether the pod stood on the instance since its notice. For an instance that EC2 announced nothing of, it is
    /// not known.
    pub(super) fn stood_on(&self, pod: PodId, told: &Told) -> bool {
        self.concerned.get(&told.instance).is_none_or(|pods| pods.contains(&pod))
    }

    /// The pod that a UID names.
    fn pod_of(&self, uid: &str) -> Option<PodId> {
        let pod = PodId::from_str_radix(uid.rsplit('-').next()?, 16).ok()?;
        (pod < self.pods.len() && pod_uid(pod) == uid).then_some(pod)
    }

    /// Some round trips, as slow as they come.
    pub(super) fn slack_ms(&self) -> u64 {
        5 * (self.pace.latency_ms + self.pace.jitter_ms) + 500
    }
}
