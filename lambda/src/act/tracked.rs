//! The pods of the node while they go, each with its verdict, its eviction and what was seen of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::Timestamp;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;

use super::{
    candidate::{AnswerEffect, Candidate, EvictionResult},
    pdb_lists::PdbLists,
};
use crate::{
    plan::{
        disruption::covering,
        timetable::Timetable,
        toleration::tolerates_cordon,
        verdict::{Verdict, Wave, controller, is_ready, own_grace},
    },
    ports::{Metadata, Pod},
    report::PodReport,
};

mod fate;
mod pod;

use pod::{Cut, Tracked};

/// A grace that ends so little after the instance is not worth a call. A `deletionTimestamp` is in whole seconds.
const TOLERATED: Duration = Duration::from_secs(2);

/// All pods, by UID (or namespace and name, where a pod has none).
#[derive(Debug)]
pub(super) struct Pods {
    /// Wall clock at the handler's entry.
    entered: Timestamp,
    by_uid: BTreeMap<String, Tracked>,
    /// UIDs of the controllers whose pods were evicted.
    evicted_controllers: BTreeSet<String>,
    /// Whether the scheduler keeps ordinary pods off the node.
    cordoned: bool,
}

impl Pods {
    pub(super) fn new(entered: Timestamp, cordoned: bool) -> Self {
        Self { entered, by_uid: BTreeMap::new(), evicted_controllers: BTreeSet::new(), cordoned }
    }

    pub(super) fn set_cordoned(&mut self) {
        self.cordoned = true;
    }

    /// Takes in a pod as it is `now`.
    pub(super) fn observe(&mut self, pod: Pod, now: Duration) {
        let key = key(&pod);
        let terminating = pod.metadata.deletion_timestamp.is_some();
        if let Some(tracked) = self.by_uid.get_mut(&key) {
            if terminating {
                tracked.terminating.notify_one();
            }
            tracked.pod = pod;
            return;
        }
        let again = controller(&pod).is_some_and(|uid| self.evicted_controllers.contains(uid));
        let came_back = again && (tolerates_cordon(&pod) || !self.cordoned);
        self.by_uid.insert(key, Tracked::new(pod, now, came_back));
    }

    /// Takes in that a pod is gone.
    pub(super) fn observe_gone(&mut self, pod: &Pod, now: Duration) {
        if let Some(tracked) = self.by_uid.get_mut(&key(pod)) {
            tracked.mark_gone(now);
        }
    }

    /// Takes in all pods of the node; those that were seen before the list was requested, at `asked`, and
    /// are not in it are gone.
    pub(super) fn observe_all(&mut self, pods: Vec<Pod>, asked: Duration, now: Duration) {
        let standing: BTreeSet<String> = pods.iter().map(key).collect();
        for (_, tracked) in
            self.by_uid.iter_mut().filter(|(uid, t)| t.seen < asked && !standing.contains(*uid))
        {
            tracked.mark_gone(now);
        }
        for pod in pods {
            self.observe(pod, now);
        }
    }

    /// Takes in what an answer changes for the pod of this UID.
    pub(super) fn record_answer(&mut self, (uid, effect): (String, AnswerEffect)) {
        let Some(tracked) = self.by_uid.get_mut(&uid) else { return };
        match effect {
            AnswerEffect::Held(until) => {
                tracked.held = Some(true);
                // The answers of two calls, for an eviction and for a shorter grace, come in any order.
                tracked.not_before = tracked.not_before.max(until);
            }
            AnswerEffect::Free => tracked.held = Some(false),
            AnswerEffect::NoDelete(until) => tracked.no_delete_before = tracked.no_delete_before.max(until),
        }
    }

    /// Takes in how the eviction of a pod ended. The call that was accepted cut the grace to `cut_to`, if it did.
    pub(super) fn record_result(
        &mut self,
        candidate: &Candidate,
        result: EvictionResult,
        cut_to: Option<Duration>,
        now_ms: u64,
    ) {
        let Some(tracked) = self.by_uid.get_mut(&candidate.uid) else { return };
        let accepted = result.is_accepted();
        // The deadline may have moved since the pod was handed out.
        if candidate.terminates || accepted {
            tracked.cut_to = cut_to.or(tracked.cut_to);
        }
        // The call for a shorter grace hides nothing of what ended the pod.
        let ended = tracked.result.as_ref().is_some_and(|(result, _)| result.is_accepted());
        if candidate.terminates {
            tracked.cut = if accepted && !ended { Cut::Done } else { Cut::Not };
        }
        let shows_nothing = tracked.result.is_some()
            && matches!(result, EvictionResult::NotNeeded | EvictionResult::Elsewhere);
        if !ended && !shows_nothing {
            tracked.result = Some((result, now_ms));
        }
    }

    /// When the last of the pods was first seen.
    pub(super) fn last_seen(&self) -> Duration {
        self.by_uid.values().map(|tracked| tracked.seen).max().unwrap_or_default()
    }

    /// Drops the pods that were first seen at `end` or later: they are on another instance.
    pub(super) fn forget_from(&mut self, end: Duration) {
        self.by_uid.retain(|_, tracked| tracked.seen < end);
    }

    /// Lets the pods that came back be evicted as well, now that the instance is about to end.
    pub(super) fn last_call(&mut self) {
        self.by_uid.values_mut().for_each(|tracked| tracked.came_back = false);
    }

    /// A pod by UID.
    pub(super) fn get(&self, uid: &str) -> Option<&Pod> {
        self.by_uid.get(uid).map(|tracked| &tracked.pod)
    }

    /// The pods whose eviction is due: those of the `open` waves, and those whose grace has to be cut.
    pub(super) fn due(&mut self, open: &[Wave], table: Timetable, now: Duration) -> Vec<Candidate> {
        let mut due: Vec<_> = open.iter().flat_map(|wave| self.take_ready(*wave)).collect();
        due.extend(self.cut(table, now));
        due
    }

    /// The pods to be evicted in `wave` that were not handed out before, longest grace first.
    fn take_ready(&mut self, wave: Wave) -> Vec<Candidate> {
        let mut candidates = Vec::new();
        for tracked in self.by_uid.values_mut().filter(|t| t.is_to_go(wave)) {
            tracked.handed_out = true;
            self.evicted_controllers.extend(controller(&tracked.pod).map(str::to_owned));
            candidates.push(tracked.candidate(tracked.terminating.clone()));
        }
        candidates.sort_by(|a, b| b.own_grace.cmp(&a.own_grace).then_with(|| a.name.cmp(&b.name)));
        candidates
    }

    /// The terminating pods whose grace ends after the instance, to be cut to what is left.
    fn cut(&mut self, table: Timetable, now: Duration) -> Vec<Candidate> {
        let (entered, drain_deadline) = (self.entered, table.drain_deadline());
        let mut candidates = Vec::new();
        for tracked in self.by_uid.values_mut().filter(|t| t.is_terminating() && !t.is_in_flight()) {
            // The API server dates a cut grace from the first request: after a cut, the timestamp says nothing.
            let ends = tracked.cut_to.or_else(|| tracked.ends(entered));
            if ends.is_some_and(|ends| ends > drain_deadline.max(now) + TOLERATED) {
                (tracked.cut_to, tracked.cut) = (Some(drain_deadline), Cut::Asked);
                candidates.push(Candidate {
                    own_grace: tracked.granted(),
                    terminates: true,
                    ..tracked.candidate(tracked.gone.clone())
                });
            }
        }
        candidates
    }

    /// Whether `wave` is over: every pod of it is gone, or will not go.
    pub(super) fn is_over(&self, wave: Wave) -> bool {
        self.by_uid.values().filter(|t| t.verdict.wave() == Some(wave)).all(Tracked::is_over)
    }

    /// Whether each eviction that was sent has had an answer.
    pub(super) fn first_round_is_over(&self) -> bool {
        let sent = self.by_uid.values().filter(|tracked| tracked.handed_out);
        sent.into_iter().all(|t| t.held.is_some() || t.result.is_some() || t.gone_ms.is_some())
    }

    /// Whether a pod whose eviction is held back serves.
    pub(super) fn protects_a_serving_pod(&self) -> bool {
        self.by_uid
            .values()
            .any(|t| t.held == Some(true) && t.result.is_none() && t.gone_ms.is_none() && is_ready(&t.pod))
    }

    /// Those of `pdbs` that cover one of the pods.
    pub(super) fn covered(&self, pdbs: Vec<PodDisruptionBudget>) -> Vec<PodDisruptionBudget> {
        let covers = |pdb: &PodDisruptionBudget| {
            self.by_uid.values().any(|t| !covering(std::slice::from_ref(pdb), &t.pod).is_empty())
        };
        pdbs.into_iter().filter(covers).collect()
    }

    /// The longest grace of the pods to be evicted in `wave`.
    pub(super) fn longest_grace(&self, wave: Wave) -> Duration {
        let of_wave = self.by_uid.values().filter(|t| t.verdict == Verdict::Evict(wave));
        of_wave.map(|t| own_grace(&t.pod)).max().unwrap_or_default()
    }

    /// The report on all pods, by namespace and name. `untried` says why no eviction of a pod was sent.
    pub(super) fn report(&self, pdbs: &PdbLists, untried: &str) -> Vec<PodReport> {
        let mut reports: Vec<_> = self.by_uid.values().map(|tracked| tracked.report(pdbs, untried)).collect();
        reports.sort_by(|a, b| (&a.namespace, &a.name, &a.uid).cmp(&(&b.namespace, &b.name, &b.uid)));
        reports
    }
}

fn key(pod: &Pod) -> String {
    let Metadata { namespace, name, uid, .. } = &pod.metadata;
    if uid.is_empty() { format!("{namespace}/{name}") } else { uid.clone() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(uid: &str) -> Pod {
        let metadata = json!({ "namespace": "shop", "name": uid, "uid": uid });
        serde_json::from_value(json!({ "metadata": metadata })).unwrap()
    }

    #[test]
    fn a_list_shows_nothing_of_pods_that_came_after_it() {
        let [first, asked, second, now] = [1, 2, 3, 4].map(Duration::from_secs);
        let mut pods = Pods::new(Timestamp::UNIX_EPOCH, true);
        pods.observe(pod("early"), first);
        pods.observe(pod("late"), second);
        pods.observe_all(Vec::new(), asked, now);
        let gone = |uid: &str| pods.by_uid[uid].gone_ms;
        assert_eq!((gone("early"), gone("late")), (Some(4_000), None));
    }

    #[test]
    fn a_wait_outlasts_an_answer_that_was_overtaken() {
        let mut pods = Pods::new(Timestamp::UNIX_EPOCH, true);
        pods.observe(pod("web-1"), Duration::ZERO);
        let until = Duration::from_secs(9);
        pods.record_answer(("web-1".to_owned(), AnswerEffect::Held(until)));
        pods.record_answer(("web-1".to_owned(), AnswerEffect::Held(Duration::ZERO)));
        assert_eq!(pods.take_ready(Wave::Ordinary)[0].not_before, until);
    }
}
