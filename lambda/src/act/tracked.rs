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
    evict::{Asked, Candidate, Shown},
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

/// What became of the grace of a pod that another had ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    Not,
    /// A shorter one is being asked for.
    Asked,
    Done,
}

/// One pod.
#[derive(Debug)]
struct Tracked {
    pod: Pod,
    verdict: Verdict,
    /// When it was first seen, from the handler's entry.
    seen: Duration,
    terminating: Arc<Notify>,
    gone: Arc<Notify>,
    handed_out: bool,
    /// Comes from a controller whose pod was asked to go before, and may come again: not asked to go for now.
    came_back: bool,
    /// The end by which its grace was cut.
    cut_to: Option<Duration>,
    cut: Cut,
    /// Whether the last answer held the eviction back.
    held: Option<bool>,
    not_before: Duration,
    no_delete_before: Duration,
    asked: Option<(Asked, u64)>,
    gone_ms: Option<u64>,
}

/// All pods, by UID (or namespace and name, where a pod has none).
#[derive(Debug)]
pub(super) struct Pods {
    /// Wall clock at the handler's entry.
    entered: Timestamp,
    by_uid: BTreeMap<String, Tracked>,
    /// UIDs of the controllers whose pods were asked to go.
    asked_controllers: BTreeSet<String>,
    /// Whether the scheduler keeps ordinary pods off the node.
    cordoned: bool,
}

impl Pods {
    pub(super) fn new(entered: Timestamp, cordoned: bool) -> Self {
        Self { entered, by_uid: BTreeMap::new(), asked_controllers: BTreeSet::new(), cordoned }
    }

    pub(super) fn set_cordoned(&mut self) {
        self.cordoned = true;
    }

    /// Takes in a pod as it is `now`.
    pub(super) fn see(&mut self, pod: Pod, now: Duration) {
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
                seen: now,
                came_back: again && (tolerates_cordon(&pod) || !self.cordoned),
                pod,
                terminating: Arc::default(),
                gone: Arc::default(),
                handed_out: false,
                cut_to: None,
                cut: Cut::Not,
                held: None,
                not_before: Duration::ZERO,
                no_delete_before: Duration::ZERO,
                asked: None,
                gone_ms: None,
            },
        );
    }

    /// Takes in that a pod is gone.
    pub(super) fn see_gone(&mut self, pod: &Pod, now: Duration) {
        if let Some(tracked) = self.by_uid.get_mut(&key(pod)) {
            tracked.gone(now);
        }
    }

    /// Takes in all pods that stand on the node; those that were seen before the list was asked for, at `asked`, and
    /// are not in it are gone.
    pub(super) fn see_all(&mut self, pods: Vec<Pod>, asked: Duration, now: Duration) {
        let standing: BTreeSet<String> = pods.iter().map(key).collect();
        for (_, tracked) in
            self.by_uid.iter_mut().filter(|(uid, t)| t.seen < asked && !standing.contains(*uid))
        {
            tracked.gone(now);
        }
        for pod in pods {
            self.see(pod, now);
        }
    }

    /// Takes in what an answer has shown for the pod of this UID.
    pub(super) fn answered(&mut self, (uid, shown): (String, Shown)) {
        let Some(tracked) = self.by_uid.get_mut(&uid) else { return };
        match shown {
            Shown::Held(until) => {
                tracked.held = Some(true);
                // The answers of two askings, for an eviction and for a shorter grace, come in any order.
                tracked.not_before = tracked.not_before.max(until);
            }
            Shown::Free => tracked.held = Some(false),
            Shown::NoDelete(until) => tracked.no_delete_before = tracked.no_delete_before.max(until),
        }
    }

    /// Takes in how the asking for a pod ended. The call that was accepted cut the grace to `cut_to`, if it did.
    pub(super) fn asked(
        &mut self,
        candidate: &Candidate,
        asked: Asked,
        cut_to: Option<Duration>,
        now_ms: u64,
    ) {
        let Some(tracked) = self.by_uid.get_mut(&candidate.uid) else { return };
        let accepted = matches!(asked, Asked::Evicted | Asked::Deleted(_));
        // The deadline may have moved since the pod was handed out.
        if candidate.terminates || accepted {
            tracked.cut_to = cut_to.or(tracked.cut_to);
        }
        // The asking for a shorter grace hides nothing of what ended the pod.
        let ended = matches!(tracked.asked, Some((Asked::Evicted | Asked::Deleted(_), _)));
        if candidate.terminates {
            tracked.cut = if accepted && !ended { Cut::Done } else { Cut::Not };
        }
        let shows_nothing = tracked.asked.is_some() && matches!(asked, Asked::NotNeeded | Asked::Elsewhere);
        if !ended && !shows_nothing {
            tracked.asked = Some((asked, now_ms));
        }
    }

    /// When the last of the pods was first seen.
    pub(super) fn last_seen(&self) -> Duration {
        self.by_uid.values().map(|tracked| tracked.seen).max().unwrap_or_default()
    }

    /// Drops the pods that were first seen at `end` or later: they stand on another instance.
    pub(super) fn forget_from(&mut self, end: Duration) {
        self.by_uid.retain(|_, tracked| tracked.seen < end);
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
        for tracked in self.by_uid.values_mut().filter(|t| t.is_to_go(wave)) {
            tracked.handed_out = true;
            self.asked_controllers.extend(controller(&tracked.pod).map(str::to_owned));
            candidates.push(tracked.candidate(tracked.terminating.clone()));
        }
        candidates.sort_by(|a, b| b.own_grace.cmp(&a.own_grace).then_with(|| a.name.cmp(&b.name)));
        candidates
    }

    /// The terminating pods whose grace ends after the instance, to be cut to what is left.
    fn cut(&mut self, table: Timetable, now: Duration) -> Vec<Candidate> {
        let (entered, settled) = (self.entered, table.settled());
        let mut candidates = Vec::new();
        for tracked in self.by_uid.values_mut().filter(|t| t.is_terminating() && !t.is_being_asked()) {
            // The API server dates a cut grace from the first request: after a cut, the timestamp says nothing.
            let ends = tracked.cut_to.or_else(|| tracked.ends(entered));
            if ends.is_some_and(|ends| ends > settled.max(now) + TOLERATED) {
                (tracked.cut_to, tracked.cut) = (Some(settled), Cut::Asked);
                candidates.push(Candidate {
                    own_grace: tracked.granted(),
                    terminates: true,
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
        let mut reports: Vec<_> =
            self.by_uid.values().map(|tracked| tracked.fate().report(budgets, unasked)).collect();
        reports.sort_by(|a, b| (&a.namespace, &a.name, &a.uid).cmp(&(&b.namespace, &b.name, &b.uid)));
        reports
    }
}

impl Tracked {
    fn gone(&mut self, now: Duration) {
        self.gone_ms.get_or_insert(u64::try_from(now.as_millis()).unwrap_or(u64::MAX));
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

    /// Whether an answer for it is awaited.
    fn is_being_asked(&self) -> bool {
        self.cut == Cut::Asked || (self.handed_out && self.asked.is_none())
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
            seen: self.seen,
            not_before: self.not_before,
            no_delete_before: self.no_delete_before,
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
            cut: self.cut == Cut::Done,
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

    fn pod(uid: &str) -> Pod {
        let metadata = json!({ "namespace": "shop", "name": uid, "uid": uid });
        serde_json::from_value(json!({ "metadata": metadata })).unwrap()
    }

    #[test]
    fn a_list_shows_nothing_of_pods_that_came_after_it() {
        let [first, asked, second, now] = [1, 2, 3, 4].map(Duration::from_secs);
        let mut pods = Pods::new(Timestamp::UNIX_EPOCH, true);
        pods.see(pod("early"), first);
        pods.see(pod("late"), second);
        pods.see_all(Vec::new(), asked, now);
        let gone = |uid: &str| pods.by_uid[uid].gone_ms;
        assert_eq!((gone("early"), gone("late")), (Some(4_000), None));
    }

    #[test]
    fn a_wait_outlasts_an_answer_that_was_overtaken() {
        let mut pods = Pods::new(Timestamp::UNIX_EPOCH, true);
        pods.see(pod("web-1"), Duration::ZERO);
        let until = Duration::from_secs(9);
        pods.answered(("web-1".to_owned(), Shown::Held(until)));
        pods.answered(("web-1".to_owned(), Shown::Held(Duration::ZERO)));
        assert_eq!(pods.hand_out(Wave::Ordinary)[0].not_before, until);
    }
}
