//! The faults of a run, and which of them strikes a call.

use fastrand::Rng;

use crate::{
    facts::Operation,
    faults::{Api, Fault, FaultKind},
};

/// The faults of a run, with what they have done so far.
#[derive(Debug)]
pub(crate) struct FaultPlan {
    faults: Vec<(Fault, u32)>,
    rng: Rng,
}

impl FaultPlan {
    pub(crate) fn new(faults: &[Fault], seed: u64) -> Self {
        Self {
            faults: faults.iter().map(|fault| (fault.clone(), 0)).collect(),
            rng: Rng::with_seed(seed ^ 0x00fa_0175),
        }
    }

    /// What happens to a call that is made now.
    pub(crate) fn strike(&mut self, now_ms: u64, call: &Operation) -> Option<FaultKind> {
        for (fault, strikes) in &mut self.faults {
            let fits = fault.api == call.api
                && (fault.cluster.is_none() || fault.cluster == call.cluster)
                && fault.operation.as_ref().is_none_or(|only| *only == call.name)
                && fault.covers(now_ms)
                && fault.times.is_none_or(|times| *strikes < times);
            if fits && (fault.percent >= 100 || self.rng.u8(..100) < fault.percent) {
                *strikes += 1;
                return Some(fault.kind);
            }
        }
        None
    }

    /// Whether every call of this kind that is made to the API server of a cluster now is forbidden.
    pub(crate) fn forbids(&self, now_ms: u64, cluster: &str, operation: &str) -> bool {
        self.faults.iter().any(|(fault, _)| {
            fault.kind == FaultKind::Forbidden
                && fault.api == Api::Kubernetes
                && fault.cluster.as_deref().is_none_or(|only| only == cluster)
                && fault.operation.as_deref() == Some(operation)
                && fault.covers(now_ms)
        })
    }

    /// When open connections to the API servers break.
    pub(crate) fn cuts(&self) -> Vec<u64> {
        let faults = self.faults.iter().map(|(fault, _)| fault);
        let refusals = faults.filter(|fault| fault.is_outage() && fault.kind == FaultKind::Refused);
        refusals.map(|fault| fault.from_ms).collect()
    }

    /// When an open watch shows what happened at `at_ms`: later, while the API servers hang.
    pub(crate) fn shown_ms(&self, at_ms: u64) -> u64 {
        let hangs = |fault: &&Fault| fault.is_outage() && matches!(fault.kind, FaultKind::Hang(_));
        let mut hanging = self.faults.iter().map(|(fault, _)| fault).filter(hangs);
        hanging.find(|fault| fault.covers(at_ms)).map_or(at_ms, |fault| fault.until_ms)
    }
}
