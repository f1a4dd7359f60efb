//! What became of one pod, in the words of the report.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::{core::v1::Pod, policy::v1::PodDisruptionBudget};

use super::{evict::Asked, tracked::Pods};
use crate::{
    plan::{
        disruption::covering,
        eviction::Obstacle,
        toleration::tolerates_cordon,
        verdict::{Verdict, Wave, uid},
    },
    ports::CallError,
    report::{PodOutcome, PodReport},
};

/// The PodDisruptionBudgets of the namespaces whose pods were held to the end, to be named in the report.
#[derive(Debug, Default)]
pub(super) struct Budgets {
    /// Those that cover one of the pods.
    listed: Vec<PodDisruptionBudget>,
    /// Why a namespace's budgets are not among them.
    unlisted: BTreeMap<String, CallError>,
    namespaces: BTreeSet<String>,
}

impl Budgets {
    /// Whether a pod is the first of its namespace: its budgets are listed once.
    pub(super) fn is_first_of(&mut self, namespace: &str) -> bool {
        self.namespaces.insert(namespace.to_owned())
    }

    /// Takes in the budgets of one namespace.
    pub(super) fn take_in(
        &mut self,
        pods: &Pods,
        (namespace, list): (String, Result<Vec<PodDisruptionBudget>, CallError>),
    ) {
        match list {
            Ok(list) => self.listed.extend(pods.covered(list)),
            Err(error) => drop(self.unlisted.insert(namespace, error)),
        }
    }

    /// The names of those over a pod.
    fn over(&self, pod: &Pod) -> String {
        match pod.metadata.namespace.as_ref().and_then(|namespace| self.unlisted.get(namespace)) {
            None => covering(&self.listed, pod).join(", "),
            Some(error) => format!("(which one is not known: {error})"),
        }
    }
}

/// All that is known of one pod at the end.
#[derive(Debug)]
pub(super) struct Fate<'a> {
    pub(super) pod: &'a Pod,
    pub(super) verdict: Verdict,
    pub(super) asked: Option<&'a (Asked, u64)>,
    pub(super) gone_ms: Option<u64>,
    /// It came again after its controller's pod was asked to go.
    pub(super) came_back: bool,
    /// It terminated already, and its grace was cut.
    pub(super) cut: bool,
}

impl Fate<'_> {
    /// The pod's line of the report. `unasked` says why it was not asked to go, if it was not.
    pub(super) fn report(&self, budgets: &Budgets, unasked: &str) -> PodReport {
        let metadata = &self.pod.metadata;
        let (outcome, reason) = self.outcome(&budgets.over(self.pod), unasked);
        PodReport {
            namespace: metadata.namespace.clone().unwrap_or_default(),
            name: metadata.name.clone().unwrap_or_default(),
            uid: uid(self.pod).to_owned(),
            outcome,
            after_ms: self.gone_ms.or(self.asked.map(|(_, at)| *at)),
            // A pod that came back is not waited for.
            wave: self.verdict.wave().filter(|_| !self.stays()).map(Wave::number),
            reason,
        }
    }

    fn stays(&self) -> bool {
        self.came_back && self.asked.is_none() && self.gone_ms.is_none()
    }

    fn outcome(&self, budgets: &str, unasked: &str) -> (PodOutcome, Option<String>) {
        let cut = || self.cut.then(|| "terminated already; its grace was cut to the time left".to_owned());
        match (self.verdict, self.asked.map(|(asked, _)| asked), self.gone_ms) {
            (_, Some(Asked::Evicted), Some(_)) => (PodOutcome::Evicted, cut()),
            (_, Some(Asked::Deleted(o)), Some(_)) => (PodOutcome::Deleted, Some(obstacle(o, budgets))),
            (_, _, Some(_)) => (PodOutcome::Gone, None),
            (Verdict::Stay(why), ..) => (PodOutcome::Left, Some(why.to_owned())),
            (Verdict::Refuse(why), ..) => (PodOutcome::Failed, Some(why.to_owned())),
            (_, Some(Asked::Refused(why, o)), None) => {
                (PodOutcome::Failed, Some(format!("{}; delete {why}", obstacle(o, budgets))))
            }
            (_, Some(Asked::Left(o)), None) => (PodOutcome::Left, Some(obstacle(o, budgets))),
            (_, Some(Asked::Evicted | Asked::Deleted(_) | Asked::NotNeeded | Asked::Elsewhere), None)
            | (Verdict::Await(_), ..) => (PodOutcome::Left, Some("still terminating".to_owned())),
            (Verdict::Evict(_), None, None) if self.came_back => {
                let why = if tolerates_cordon(self.pod) {
                    "tolerates the cordon"
                } else {
                    "no cordon keeps it away"
                };
                (PodOutcome::Left, Some(format!("{why} and came back")))
            }
            (Verdict::Evict(_), None, None) => (PodOutcome::Left, Some(unasked.to_owned())),
        }
    }
}

/// What stood in the way; `budgets` are the names of the pod's PodDisruptionBudgets.
pub(super) fn obstacle(obstacle: &Obstacle, budgets: &str) -> String {
    match obstacle {
        Obstacle::Budget if budgets.is_empty() => "a PodDisruptionBudget allows no disruption".to_owned(),
        Obstacle::Budget => format!("PodDisruptionBudget {budgets} allows no disruption"),
        Obstacle::TooManyBudgets => format!("more than one PodDisruptionBudget covers it: {budgets}"),
        Obstacle::Throttled => "the API server throttled its eviction".to_owned(),
        Obstacle::Denied(words) => format!("eviction denied: {words}"),
        Obstacle::Error(error) => error.clone(),
    }
}
