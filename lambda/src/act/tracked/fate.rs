//! The end of one pod, in the words of the report.

use super::{Cut, Tracked};
use crate::{
    act::{candidate::EvictionResult, pdb_lists::PdbLists},
    plan::{toleration::tolerates_cordon, verdict::Verdict},
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
            wave: self.verdict.wave().filter(|_| !self.stays()).map(|wave| wave as u8),
            reason,
        }
    }

    fn stays(&self) -> bool {
        self.came_back && self.result.is_none() && self.gone_ms.is_none()
    }

    fn outcome(&self, pdbs: &str, untried: &str) -> (PodOutcome, Option<String>) {
        let result = self.result.as_ref().map(|(result, _)| result);
        if self.gone_ms.is_some() {
            let cut = (self.cut == Cut::Done)
                .then(|| "terminated already; its grace was cut to the time left".to_owned());
            return match result {
                Some(EvictionResult::Evicted) => (PodOutcome::Evicted, cut),
                Some(EvictionResult::Deleted(o)) => (PodOutcome::Deleted, Some(o.words(pdbs))),
                _ => (PodOutcome::Gone, None),
            };
        }
        let (outcome, reason) = match (self.verdict, result) {
            (Verdict::Stay(why), _) => (PodOutcome::Left, why.to_owned()),
            (Verdict::Refuse(why), _) => (PodOutcome::Failed, why.to_owned()),
            (_, Some(EvictionResult::Refused(why, o))) => {
                (PodOutcome::Failed, format!("{}; delete {why}", o.words(pdbs)))
            }
            (_, Some(EvictionResult::Left(o))) => (PodOutcome::Left, o.words(pdbs)),
            (Verdict::Evict(_), None) if self.came_back => {
                let tolerates = tolerates_cordon(&self.pod);
                let why = if tolerates { "tolerates the cordon" } else { "no cordon keeps it away" };
                (PodOutcome::Left, format!("{why} and came back"))
            }
            (Verdict::Evict(_), None) => (PodOutcome::Left, untried.to_owned()),
            (Verdict::Evict(_), Some(_)) | (Verdict::Await(_), _) => {
                (PodOutcome::Left, "still terminating".to_owned())
            }
        };
        (outcome, Some(reason))
    }
}
