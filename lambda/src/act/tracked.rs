//! The pods of the node while they go, each with its verdict, what was asked and what was seen.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use k8s_openapi::api::{core::v1::Pod, policy::v1::PodDisruptionBudget};
use tokio::sync::Notify;

use super::evict::{Asked, Candidate};
use crate::{
    plan::{
        disruption::covering,
        eviction::Obstacle,
        toleration::tolerates_the_cordon,
        verdict::{Verdict, Wave, judge, own_grace, uid},
    },
    ports::CallError,
    report::{PodOutcome, PodReport},
};

const CAME_BACK: &str = "tolerates the cordon and came back";

/// One pod.
#[derive(Debug)]
pub(super) struct Tracked {
    pod: Pod,
    verdict: Verdict,
    on_its_way: Arc<Notify>,
    handed_out: bool,
    asked: Option<(Asked, u64)>,
    gone_ms: Option<u64>,
}

/// All pods, by UID (or namespace and name, where a pod has none).
#[derive(Debug, Default)]
pub(super) struct Pods {
    by_uid: BTreeMap<String, Tracked>,
}

impl Pods {
    /// Takes in a pod as it is now.
    pub(super) fn see(&mut self, pod: Pod) {
        let key = key(&pod);
        let terminating = pod.metadata.deletion_timestamp.is_some();
        if let Some(tracked) = self.by_uid.get_mut(&key) {
            if terminating {
                tracked.on_its_way.notify_one();
            }
            tracked.pod.metadata.deletion_timestamp = pod.metadata.deletion_timestamp;
            tracked.pod.status = pod.status;
            return;
        }
        let verdict = match judge(&pod) {
            Verdict::Evict(_) if self.has_come_back(&pod) => Verdict::Stay(CAME_BACK),
            verdict => verdict,
        };
        self.by_uid.insert(
            key,
            Tracked {
                verdict,
                pod,
                on_its_way: Arc::new(Notify::new()),
                handed_out: false,
                asked: None,
                gone_ms: None,
            },
        );
    }

    /// Whether a pod that appears now takes the place of one that was asked to go, and would again: the cordon keeps
    /// it from nothing.
    fn has_come_back(&self, pod: &Pod) -> bool {
        let Some(controller) = controller(pod) else { return false };
        tolerates_the_cordon(pod)
            && self.by_uid.values().any(|t| t.handed_out && self::controller(&t.pod) == Some(controller))
    }

    /// Whether a pod serves that was asked to go and is held back.
    pub(super) fn is_held_serving(&self) -> bool {
        self.by_uid.values().any(Tracked::is_held_serving)
    }

    /// Takes in that a pod is gone.
    pub(super) fn see_gone(&mut self, pod: &Pod, now_ms: u64) {
        if let Some(tracked) = self.by_uid.get_mut(&key(pod)) {
            tracked.gone(now_ms);
        }
    }

    /// Takes in all pods that stand on the node; the rest is gone.
    pub(super) fn see_all(&mut self, pods: Vec<Pod>, now_ms: u64) {
        let standing: BTreeSet<String> = pods.iter().map(key).collect();
        for (_, tracked) in self.by_uid.iter_mut().filter(|(uid, _)| !standing.contains(*uid)) {
            tracked.gone(now_ms);
        }
        for pod in pods {
            self.see(pod);
        }
    }

    /// Takes in how the asking for a pod ended.
    pub(super) fn asked(&mut self, uid: &str, asked: Asked, now_ms: u64) {
        if let Some(tracked) = self.by_uid.get_mut(uid) {
            tracked.asked = Some((asked, now_ms));
        }
    }

    /// A pod by UID.
    pub(super) fn get(&self, uid: &str) -> Option<&Pod> {
        self.by_uid.get(uid).map(|tracked| &tracked.pod)
    }

    /// The pods to be evicted in `wave` that were not handed out before, longest grace first.
    pub(super) fn hand_out(&mut self, wave: Wave) -> Vec<Candidate> {
        let of_wave =
            self.by_uid.values_mut().filter(|t| t.verdict == Verdict::Evict(wave) && t.gone_ms.is_none());
        let mut candidates = Vec::new();
        for tracked in of_wave.filter(|t| !t.handed_out) {
            tracked.handed_out = true;
            candidates.push(tracked.candidate());
        }
        candidates.sort_by(|a, b| b.own_grace.cmp(&a.own_grace).then_with(|| a.name.cmp(&b.name)));
        candidates
    }

    /// Whether nothing more is to be waited for in `wave`: every pod of it is gone, or will not go.
    pub(super) fn is_over(&self, wave: Wave) -> bool {
        self.by_uid.values().filter(|t| t.verdict.wave() == Some(wave)).all(Tracked::is_over)
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

    /// The account of all pods, by namespace and name. `unlisted` says why a namespace's budgets are not among
    /// `budgets`, `unasked` why a pod was not asked to go.
    pub(super) fn report(
        &self,
        budgets: &[PodDisruptionBudget],
        unlisted: &BTreeMap<String, CallError>,
        unasked: &str,
    ) -> Vec<PodReport> {
        let mut reports: Vec<_> =
            self.by_uid.values().map(|t| t.report(budgets, unlisted, unasked)).collect();
        reports.sort_by(|a, b| (&a.namespace, &a.name, &a.uid).cmp(&(&b.namespace, &b.name, &b.uid)));
        reports
    }
}

impl Tracked {
    fn gone(&mut self, now_ms: u64) {
        self.gone_ms.get_or_insert(now_ms);
        self.on_its_way.notify_one();
    }

    fn is_held_serving(&self) -> bool {
        let terminates = self.pod.metadata.deletion_timestamp.is_some();
        let conditions = self.pod.status.as_ref().and_then(|status| status.conditions.as_deref());
        let is_ready =
            conditions.unwrap_or_default().iter().any(|c| c.type_ == "Ready" && c.status == "True");
        let went = matches!(self.asked, Some((Asked::Evicted | Asked::Deleted(_), _)));
        self.verdict.wave() == Some(Wave::Ordinary)
            && !went
            && !terminates
            && is_ready
            && self.gone_ms.is_none()
    }

    fn is_over(&self) -> bool {
        self.gone_ms.is_some() || matches!(self.asked, Some((Asked::Refused(_) | Asked::Left(_), _)))
    }

    fn candidate(&self) -> Candidate {
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        Candidate {
            namespace: text(&self.pod.metadata.namespace),
            name: text(&self.pod.metadata.name),
            uid: text(&self.pod.metadata.uid),
            own_grace: own_grace(&self.pod),
            on_its_way: self.on_its_way.clone(),
        }
    }

    fn report(
        &self,
        budgets: &[PodDisruptionBudget],
        unlisted: &BTreeMap<String, CallError>,
        unasked: &str,
    ) -> PodReport {
        let unlisted = self.pod.metadata.namespace.as_ref().and_then(|namespace| unlisted.get(namespace));
        let names = match unlisted {
            None => covering(budgets, &self.pod).join(", "),
            Some(error) => format!("(which one is not known: {error})"),
        };
        let obstacle = |obstacle: &Obstacle| match (obstacle, &names) {
            (Obstacle::Budget, names) if names.is_empty() => {
                "a PodDisruptionBudget allows no disruption".to_owned()
            }
            (Obstacle::Budget, names) => format!("PodDisruptionBudget {names} allows no disruption"),
            (Obstacle::TooManyBudgets, names) => {
                format!("more than one PodDisruptionBudget covers it: {names}")
            }
            (Obstacle::Throttled, _) => "the API server throttled every eviction".to_owned(),
            (Obstacle::Error(error), _) => error.clone(),
        };
        let (outcome, reason) = match (self.verdict, &self.asked, self.gone_ms) {
            (_, Some((Asked::Evicted, _)), Some(_)) => (PodOutcome::Evicted, None),
            (_, Some((Asked::Deleted(o), _)), Some(_)) => (PodOutcome::Deleted, Some(obstacle(o))),
            (_, _, Some(_)) => (PodOutcome::Gone, None),
            (Verdict::Stay(why), ..) => (PodOutcome::Left, Some(why.to_owned())),
            (Verdict::Refuse(why), ..) => (PodOutcome::Failed, Some(why.to_owned())),
            (_, Some((Asked::Refused(why), _)), None) => (PodOutcome::Failed, Some(why.clone())),
            (_, Some((Asked::Left(o), _)), None) => (PodOutcome::Left, Some(obstacle(o))),
            (_, Some((Asked::Evicted | Asked::Deleted(_) | Asked::NotNeeded, _)), None)
            | (Verdict::Await(_), ..) => (PodOutcome::Left, Some("still terminating".to_owned())),
            (Verdict::Evict(_), None, None) => (PodOutcome::Left, Some(unasked.to_owned())),
        };
        PodReport {
            namespace: self.pod.metadata.namespace.clone().unwrap_or_default(),
            name: self.pod.metadata.name.clone().unwrap_or_default(),
            uid: uid(&self.pod).to_owned(),
            outcome,
            after_ms: self.gone_ms.or(self.asked.as_ref().map(|(_, at)| *at)),
            wave: self.verdict.wave().map(Wave::number),
            reason,
        }
    }
}

/// UID of the controller that makes another pod for this one.
fn controller(pod: &Pod) -> Option<&str> {
    let owners = pod.metadata.owner_references.as_deref().unwrap_or_default();
    owners.iter().find(|owner| owner.controller == Some(true)).map(|owner| owner.uid.as_str())
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
