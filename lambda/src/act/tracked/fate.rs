//! The end of one pod, in the words of the report.

use super::{Cut, Tracked};
use crate::{
    act::{candidate::EvictionResult, pdb_lists::PdbLists},
    plan::{
        toleration::tolerates_cordon,
        verdict::{Verdict, Wave},
    },
    ports::Metadata,
    report::{PodOutcome, PodReport},
};

impl Tracked {
    /// The pod's line of the report. `untried` says why no eviction was sent, if none was.
    pub(super) fn report(&self, pdbs: &PdbLists, untried: &str) -> PodReport {
        let Metadata { namespace, name, uid, .. } = self.pod.metadata.clone();
        let (outcome, reason) = self.outcome(&pdbs.over(&self.pod), untried);
        PodReport {
            namespace,
            name,
            uid,
            outcome,
            after_ms: self.gone_ms.or(self.result.as_ref().map(|(_, at)| *at)),
            // A pod that came back is not waited for.
            wave: self.verdict.wave().filter(|_| !self.stays()).map(Wave::number),
            reason,
        }
    }

    fn stays(&self) -> bool {
        self.came_back && self.result.is_none() && self.gone_ms.is_none()
    }

    fn outcome(&self, pdbs: &str, untried: &str) -> (PodOutcome, Option<String>) {
        let cut = || {
            (self.cut == Cut::Done)
                .then(|| "terminated already; its grace was cut to the time left".to_owned())
        };
        match (self.verdict, self.result.as_ref().map(|(result, _)| result), self.gone_ms) {
            (_, Some(EvictionResult::Evicted), Some(_)) => (PodOutcome::Evicted, cut()),
            (_, Some(EvictionResult::Deleted(o)), Some(_)) => (PodOutcome::Deleted, Some(o.words(pdbs))),
            (_, _, Some(_)) => (PodOutcome::Gone, None),
            (Verdict::Stay(why), ..) => (PodOutcome::Left, Some(why.to_owned())),
            (Verdict::Refuse(why), ..) => (PodOutcome::Failed, Some(why.to_owned())),
            (_, Some(EvictionResult::Refused(why, o)), None) => {
                (PodOutcome::Failed, Some(format!("{}; delete {why}", o.words(pdbs))))
            }
            (_, Some(EvictionResult::Left(o)), None) => (PodOutcome::Left, Some(o.words(pdbs))),
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
                let why = if tolerates_cordon(&self.pod) {
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
