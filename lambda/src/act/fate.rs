//! The end of one pod, in the words of the report.

use k8s_openapi::api::core::v1::Pod;

use super::{candidate::EvictionResult, pdb_lists::PdbLists};
use crate::{
    plan::{
        eviction::Obstacle,
        toleration::tolerates_cordon,
        verdict::{Verdict, Wave, uid},
    },
    report::{PodOutcome, PodReport},
};

/// What is known of one pod at the end.
#[derive(Debug)]
pub(super) struct Fate<'a> {
    pub(super) pod: &'a Pod,
    pub(super) verdict: Verdict,
    pub(super) result: Option<&'a (EvictionResult, u64)>,
    pub(super) gone_ms: Option<u64>,
    /// Whether it came again after a pod of its controller was to go.
    pub(super) came_back: bool,
    /// Whether it terminated already, and its grace was cut.
    pub(super) cut: bool,
}

impl Fate<'_> {
    /// The pod's line of the report. `untried` says why no eviction was sent, if none was.
    pub(super) fn report(&self, pdbs: &PdbLists, untried: &str) -> PodReport {
        let metadata = &self.pod.metadata;
        let (outcome, reason) = self.outcome(&pdbs.over(self.pod), untried);
        PodReport {
            namespace: metadata.namespace.clone().unwrap_or_default(),
            name: metadata.name.clone().unwrap_or_default(),
            uid: uid(self.pod).to_owned(),
            outcome,
            after_ms: self.gone_ms.or(self.result.map(|(_, at)| *at)),
            // A pod that came back is not waited for.
            wave: self.verdict.wave().filter(|_| !self.stays()).map(Wave::number),
            reason,
        }
    }

    fn stays(&self) -> bool {
        self.came_back && self.result.is_none() && self.gone_ms.is_none()
    }

    fn outcome(&self, pdbs: &str, untried: &str) -> (PodOutcome, Option<String>) {
        let cut = || self.cut.then(|| "terminated already; its grace was cut to the time left".to_owned());
        match (self.verdict, self.result.map(|(result, _)| result), self.gone_ms) {
            (_, Some(EvictionResult::Evicted), Some(_)) => (PodOutcome::Evicted, cut()),
            (_, Some(EvictionResult::Deleted(o)), Some(_)) => (PodOutcome::Deleted, Some(obstacle(o, pdbs))),
            (_, _, Some(_)) => (PodOutcome::Gone, None),
            (Verdict::Stay(why), ..) => (PodOutcome::Left, Some(why.to_owned())),
            (Verdict::Refuse(why), ..) => (PodOutcome::Failed, Some(why.to_owned())),
            (_, Some(EvictionResult::Refused(why, o)), None) => {
                (PodOutcome::Failed, Some(format!("{}; delete {why}", obstacle(o, pdbs))))
            }
            (_, Some(EvictionResult::Left(o)), None) => (PodOutcome::Left, Some(obstacle(o, pdbs))),
            (
                _,
                Some(
                    EvictionResult::Evicted
                    | EvictionResult::Deleted(_)
                    | EvictionResult::NotNeeded
                    | EvictionResult::Elsewhere,
                ),
                None,
            )
            | (Verdict::Await(_), ..) => (PodOutcome::Left, Some("still terminating".to_owned())),
            (Verdict::Evict(_), None, None) if self.came_back => {
                let why = if tolerates_cordon(self.pod) {
                    "tolerates the cordon"
                } else {
                    "no cordon keeps it away"
                };
                (PodOutcome::Left, Some(format!("{why} and came back")))
            }
            (Verdict::Evict(_), None, None) => (PodOutcome::Left, Some(untried.to_owned())),
        }
    }
}

/// What stood in the way; `pdbs` are the names of the pod's PodDisruptionBudgets.
pub(super) fn obstacle(obstacle: &Obstacle, pdbs: &str) -> String {
    match obstacle {
        Obstacle::Pdb if pdbs.is_empty() => "a PodDisruptionBudget allows no disruption".to_owned(),
        Obstacle::Pdb => format!("PodDisruptionBudget {pdbs} allows no disruption"),
        Obstacle::TooManyPdbs => format!("more than one PodDisruptionBudget covers it: {pdbs}"),
        Obstacle::Throttled => "the API server throttled its eviction".to_owned(),
        Obstacle::Denied(words) => format!("eviction denied: {words}"),
        Obstacle::Error(error) => error.clone(),
    }
}
