//! The pods of the node while they go, each with its verdict, what was asked and what was seen.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use k8s_openapi::api::{core::v1::Pod, policy::v1::PodDisruptionBudget};
use tokio::sync::Notify;

use super::{
    account::{Budgets, Fate},
    evict::{Asked, Candidate},
};
use crate::{
    plan::{
        disruption::covering,
        timetable::Timetable,
        toleration::tolerates_cordon,
        verdict::{Verdict, Wave, controller, is_ready, judge, own_grace, uid},
    },
    report::PodReport,
};

/// A grace that ends so little after the instance is not worth a call. A `deletionTimestamp` is in whole seconds.
const TOLERATED: Duration = Duration::from_secs(2);

/// UID, whether the eviction was held back, and until when no other call is wanted.
pub(super) type Answer = (String, bool, Duration);

/// One pod.
#[derive(Debug)]
struct Tracked {
    pod: Pod,
    verdict: Verdict,
    terminating: Arc<Notify>,
    gone: Arc<Notify>,
    handed_out: bool,
    /// Comes from a controller whose pod was asked to go before, and may come again: not asked to go for now.
    came_back: bool,
    /// The end by which its grace was cut.
    cut_to: Option<Duration>,
    /// A shorter grace is being asked for.
    cutting: bool,
    /// Whether the last answer held the eviction back.
    held: Option<bool>,
    not_before: Duration,
    asked: Option<(Asked, u64)>,
    gone_ms: Option<u64>,
}

/// All pods, by UID (or namespace and name, where a pod has none).
#[derive(Debug)]
pub(super) struct Pods {
    /// Wall clock at the handler's entry.
    entered: Timestamp,
    by_uid: BTreeMap<String, Tracked>,
    /// UIDs of the first list. What came later may stand on another instance, under the same node name.
    first: BTreeSet<String>,
    /// UIDs of the controllers whose pods were asked to go.
    asked_controllers: BTreeSet<String>,
    /// Whether the scheduler keeps ordinary pods off the node.
    cordoned: bool,
}

impl Pods {
    pub(super) fn new(entered: Timestamp, cordoned: bool) -> Self {
        let (by_uid, first, asked_controllers) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        Self { entered, by_uid, first, asked_controllers, cordoned }
    }

    pub(super) fn set_cordoned(&mut self) {
        self.cordoned = true;
    }

    /// Takes in the first list.
    pub(super) fn see_first(&mut self, pods: Vec<Pod>) {
        self.first = pods.iter().map(key).collect();
        for pod in pods {
            self.see(pod);
        }
    }

    /// Takes in a pod as it is now.
    pub(super) fn see(&mut self, pod: Pod) {
        let key = key(&pod);
        let terminating = pod.metadata.deletion_timestamp.is_some();
        if let Some(tracked) = self.by_uid.get_mut(&key) {
            if terminating {
                tracked.terminating.notify_one();
            }
            tracked.pod = pod;
            return;
        }
        let again = controller(&pod).is_some_and(|uid| self.asked_controllers.contains(uid));
        self.by_uid.insert(
            key,
            Tracked {
                verdict: judge(&pod),
                came_back: again && (tolerates_cordon(&pod) || !self.cordoned),
                pod,
                terminating: Arc::default(),
                gone: Arc::default(),
                handed_out: false,
                cut_to: None,
                cutting: false,
                held: None,
                not_before: Duration::ZERO,
                asked: None,
                gone_ms: None,
            },
        );
    }

    /// Takes in that a pod is gone.
    pub(super) fn see_gone(&mut self, pod: &Pod, now_ms: u64) {
        if let Some(tracked) = self.by_uid.get_mut(&key(pod)) {
            tracked.gone(now_ms);
        }
    }

    /// All pods that are known by now.
    pub(super) fn known(&self) -> BTreeSet<String> {
        self.by_uid.keys().cloned().collect()
    }

    /// Takes in all pods that stand on the node; the rest is gone.
    pub(super) fn see_all(&mut self, pods: Vec<Pod>, now_ms: u64) {
        self.see_listed(&self.known(), pods, now_ms);
    }

    /// Takes in all pods that stand on the node; those that were `known` when the list was asked for and are not in
    /// it are gone.
    pub(super) fn see_listed(&mut self, known: &BTreeSet<String>, pods: Vec<Pod>, now_ms: u64) {
        let standing: BTreeSet<String> = pods.iter().map(key).collect();
        for (_, tracked) in
            self.by_uid.iter_mut().filter(|(uid, _)| known.contains(*uid) && !standing.contains(*uid))
        {
            tracked.gone(now_ms);
        }
        for pod in pods {
            self.see(pod);
        }
    }

    /// Takes in whether the last answer for a pod held its eviction back, and until when no other call is wanted.
    pub(super) fn answered(&mut self, (uid, held, not_before): Answer) {
        if let Some(tracked) = self.by_uid.get_mut(&uid) {
            tracked.held = Some(held);
            // Answers may overtake one another.
            tracked.not_before = tracked.not_before.max(not_before);
        }
    }

    /// Takes in how the asking for a pod ended; the grace that was granted last ends at `cut_to`.
    pub(super) fn asked(&mut self, candidate: &Candidate, asked: Asked, cut_to: Duration, now_ms: u64) {
        let Some(tracked) = self.by_uid.get_mut(&candidate.uid) else { return };
        if candidate.terminates {
            // The deadline may have moved since the pod was handed out.
            (tracked.cut_to, tracked.cutting) = (Some(cut_to), false);
        }
        // The asking for a shorter grace hides no override.
        if !matches!(
            (&tracked.asked, &asked),
            (Some((Asked::Deleted(_), _)), _) | (Some(_), Asked::NotNeeded)
        ) {
            tracked.asked = Some((asked, now_ms));
        }
    }

    /// The pods that came back are asked to go as well, now that the instance is about to end.
    pub(super) fn last_call(&mut self) {
        self.by_uid.values_mut().for_each(|tracked| tracked.came_back = false);
    }

    /// A pod by UID.
    pub(super) fn get(&self, uid: &str) -> Option<&Pod> {
        self.by_uid.get(uid).map(|tracked| &tracked.pod)
    }

    /// The pods to be asked for now: those of the `open` waves, and those whose grace is to be cut.
    pub(super) fn due(&mut self, open: &[Wave], table: Timetable, now: Duration) -> Vec<Candidate> {
        let mut due: Vec<_> = open.iter().flat_map(|wave| self.hand_out(*wave)).collect();
        due.extend(self.cut(table, now));
        due
    }

    /// The pods to be evicted in `wave` that were not handed out before, longest grace first.
    fn hand_out(&mut self, wave: Wave) -> Vec<Candidate> {
        let mut candidates = Vec::new();
        for (uid, tracked) in self.by_uid.iter_mut().filter(|(_, t)| t.is_to_go(wave)) {
            tracked.handed_out = true;
            self.asked_controllers.extend(controller(&tracked.pod).map(str::to_owned));
            let late = !self.first.contains(uid);
            candidates.push(Candidate { late, ..tracked.candidate(tracked.terminating.clone()) });
        }
        candidates.sort_by(|a, b| b.own_grace.cmp(&a.own_grace).then_with(|| a.name.cmp(&b.name)));
        candidates
    }

    /// The terminating pods whose grace ends after the instance, to be cut to what is left.
    fn cut(&mut self, table: Timetable, now: Duration) -> Vec<Candidate> {
        let (entered, settled) = (self.entered, table.settled());
        let mut candidates = Vec::new();
        for (uid, tracked) in self.by_uid.iter_mut().filter(|(_, t)| t.is_terminating() && !t.cutting) {
            // The API server dates a cut grace from the first request: after a cut, the timestamp says nothing.
            let ends = tracked.cut_to.or_else(|| tracked.ends(entered));
            if ends.is_some_and(|ends| ends > settled.max(now) + TOLERATED) {
                (tracked.cut_to, tracked.cutting) = (Some(settled), true);
                candidates.push(Candidate {
                    own_grace: tracked.granted(),
                    terminates: true,
                    late: !self.first.contains(uid),
                    ..tracked.candidate(tracked.gone.clone())
                });
            }
        }
        candidates
    }

    /// Whether nothing more is to be waited for in `wave`: every pod of it is gone, or will not go.
    pub(super) fn is_over(&self, wave: Wave) -> bool {
        self.by_uid.values().filter(|t| t.verdict.wave() == Some(wave)).all(Tracked::is_over)
    }

    /// Whether each eviction that was sent has had an answer.
    pub(super) fn first_round_is_over(&self) -> bool {
        let sent = self.by_uid.values().filter(|tracked| tracked.handed_out);
        sent.into_iter().all(|t| t.held.is_some() || t.asked.is_some() || t.gone_ms.is_some())
    }

    /// Whether a pod whose eviction is held back serves.
    pub(super) fn protects_a_serving_pod(&self) -> bool {
        self.by_uid
            .values()
            .any(|t| t.held == Some(true) && t.asked.is_none() && t.gone_ms.is_none() && is_ready(&t.pod))
    }

    /// Those of `budgets` that cover one of the pods.
    pub(super) fn covered(&self, budgets: Vec<PodDisruptionBudget>) -> Vec<PodDisruptionBudget> {
        let covers = |budget: &PodDisruptionBudget| {
            self.by_uid.values().any(|t| !covering(std::slice::from_ref(budget), &t.pod).is_empty())
        };
        budgets.into_iter().filter(covers).collect()
    }

    /// The longest grace of the pods to be evicted in `wave`.
    pub(super) fn longest_grace(&self, wave: Wave) -> Duration {
        let of_wave = self.by_uid.values().filter(|t| t.verdict == Verdict::Evict(wave));
        of_wave.map(|t| own_grace(&t.pod)).max().unwrap_or_default()
    }

    /// The account of all pods, by namespace and name. `unasked` says why a pod was not asked to go.
    pub(super) fn report(&self, budgets: &Budgets, unasked: &str) -> Vec<PodReport> {
        let elsewhere = self.by_uid.values().any(Tracked::is_elsewhere);
        let here = self.by_uid.iter().filter(|(uid, tracked)| {
            !elsewhere || self.first.contains(*uid) || !(tracked.asked.is_none() || tracked.is_elsewhere())
        });
        let mut reports: Vec<_> = here.map(|(_, tracked)| tracked.fate().report(budgets, unasked)).collect();
        reports.sort_by(|a, b| (&a.namespace, &a.name, &a.uid).cmp(&(&b.namespace, &b.name, &b.uid)));
        reports
    }
}

impl Tracked {
    fn gone(&mut self, now_ms: u64) {
        self.gone_ms.get_or_insert(now_ms);
        self.terminating.notify_one();
        self.gone.notify_one();
    }

    fn is_to_go(&self, wave: Wave) -> bool {
        self.verdict == Verdict::Evict(wave)
            && !self.handed_out
            && !self.came_back
            && self.gone_ms.is_none()
            && self.pod.metadata.deletion_timestamp.is_none()
    }

    fn is_over(&self) -> bool {
        self.gone_ms.is_some()
            || self.came_back
            || matches!(self.asked, Some((Asked::Refused(..) | Asked::Left(_) | Asked::Elsewhere, _)))
    }

    fn is_elsewhere(&self) -> bool {
        matches!(self.asked, Some((Asked::Elsewhere, _)))
    }

    fn is_terminating(&self) -> bool {
        self.pod.metadata.deletion_timestamp.is_some()
            && self.verdict.wave().is_some()
            && self.gone_ms.is_none()
    }

    /// When the grace of a terminating pod ends, from the handler's entry.
    fn ends(&self, entered: Timestamp) -> Option<Duration> {
        let ends = self.pod.metadata.deletion_timestamp.as_ref()?.0.duration_since(entered);
        Duration::try_from(ends).ok()
    }

    /// The grace that the pod was deleted with: its own, or the delete's.
    fn granted(&self) -> Duration {
        let seconds = self.pod.metadata.deletion_grace_period_seconds;
        seconds.map_or(own_grace(&self.pod), |s| Duration::from_secs(u64::try_from(s).unwrap_or_default()))
    }

    fn candidate(&self, on_its_way: Arc<Notify>) -> Candidate {
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        Candidate {
            namespace: text(&self.pod.metadata.namespace),
            name: text(&self.pod.metadata.name),
            uid: text(&self.pod.metadata.uid),
            own_grace: own_grace(&self.pod),
            terminates: false,
            late: false,
            not_before: self.not_before,
            on_its_way,
        }
    }

    fn fate(&self) -> Fate<'_> {
        Fate {
            pod: &self.pod,
            verdict: self.verdict,
            asked: self.asked.as_ref(),
            gone_ms: self.gone_ms,
            came_back: self.came_back,
            cut: self.cut_to.is_some(),
        }
    }
}

fn key(pod: &Pod) -> String {
    match uid(pod) {
        "" => format!(
            "{}/{}",
            pod.metadata.namespace.as_deref().unwrap_or_default(),
            pod.metadata.name.as_deref().unwrap_or_default()
        ),
        uid => uid.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_wait_outlasts_an_answer_that_was_overtaken() {
        let metadata = json!({ "namespace": "shop", "name": "web", "uid": "web-1" });
        let mut pods = Pods::new(Timestamp::UNIX_EPOCH, true);
        pods.see(serde_json::from_value(json!({ "metadata": metadata })).unwrap());
        let until = Duration::from_secs(9);
        pods.answered(("web-1".to_owned(), true, until));
        pods.answered(("web-1".to_owned(), false, Duration::ZERO));
        assert_eq!(pods.hand_out(Wave::Ordinary)[0].not_before, until);
    }
}
