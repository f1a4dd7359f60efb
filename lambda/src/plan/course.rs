//! What follows from a signal: the one table of all kinds of events, as a pure and total function. Everything else
//! reads the course and no longer asks what the event was.

use super::{
    PdbPolicy, Policy, ReplacementPolicy,
    claim::{self, Claim, Mark},
};
use crate::event::{Action, Notice, Signal};

/// The consequences of one signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Course {
    /// Strength of the signal: of two on one node, the higher one is followed.
    pub rank: u8,
    /// Whether the claim is written over any other without a read of the node, in the second round trip.
    pub blind: bool,
    /// Marks that the cordon leaves on the node.
    pub cordon: &'static [Mark],
    /// Whether the pods are evicted; the error says why they stay.
    pub evict: Result<(), &'static str>,
    /// Whether a pod whose eviction is not accepted is deleted at its last moment.
    pub overrides: bool,
    /// Whether a replacement is asked for; the error says why not.
    pub replace: Result<(), &'static str>,
}

const HARD: &[Mark] = &[Mark::Cordon, Mark::Taint, Mark::Label];

impl Course {
    /// The course for `signal` under the operator's `policy`.
    #[must_use]
    pub fn of(signal: &Signal, policy: &Policy) -> Self {
        match signal {
            Signal::Ends(notice) => Self::of_end(notice.action, policy),
        }
    }

    fn of_end(action: Action, policy: &Policy) -> Self {
        // A hibernating instance freezes at once: an eviction would only be half done by then.
        let (rank, evict, returns) = match action {
            Action::Terminate => (100, Ok(()), None),
            Action::Stop => (90, Ok(()), Some("a stopped instance comes back")),
            Action::Hibernate => (
                70,
                Err("hibernates and goes on with its instance"),
                Some("a hibernated instance comes back"),
            ),
        };
        let replace = match returns {
            _ if policy.replacement == ReplacementPolicy::None => Err("replacement is switched off"),
            Some(why) if !policy.replace_stopped => Err(why),
            _ => Ok(()),
        };
        let overrides = evict.is_ok() && policy.pdb == PdbPolicy::Delete;
        Self { rank, blind: true, cordon: HARD, evict, overrides, replace }
    }

    /// The claim that the cordon writes for a notice.
    #[must_use]
    pub fn claim(&self, notice: &Notice) -> Claim {
        Claim {
            key: claim::NOTICE.to_owned(),
            v: claim::VERSION,
            rank: self.rank,
            kind: notice.kind.to_owned(),
            event: notice.event_id.clone(),
            phase: if self.evict.is_ok() { "drain" } else { "cordon" }.to_owned(),
            since: notice.time,
            until: notice.deadline,
            undo: self.cordon.to_vec(),
        }
    }

    /// Whether the course stands down before a claim on the node: one of a higher rank, or one that cannot be read. A
    /// blind course never does.
    #[must_use]
    pub fn yields_to(&self, claim: Option<&Claim>) -> bool {
        !self.blind && claim.is_none_or(|claim| claim.rank > self.rank)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const POLICY: Policy = Policy {
        pdb: PdbPolicy::Delete,
        replacement: ReplacementPolicy::Auto,
        replace_stopped: false,
        margin: Duration::from_secs(5),
        stay: None,
        dry_run: false,
    };

    #[test]
    fn each_signal_has_its_course() {
        let leave = Policy { pdb: PdbPolicy::Leave, ..POLICY };
        let eager = Policy { replace_stopped: true, ..POLICY };
        let none = Policy { replacement: ReplacementPolicy::None, ..eager.clone() };
        let verify = Policy { replacement: ReplacementPolicy::Verify, ..POLICY };
        let stays = Err("hibernates and goes on with its instance");
        let (stopped, frozen) =
            (Err("a stopped instance comes back"), Err("a hibernated instance comes back"));
        let off = Err("replacement is switched off");
        for (case, action, policy, rank, evict, overrides, replace) in [
            ("terminate", Action::Terminate, &POLICY, 100, Ok(()), true, Ok(())),
            ("stop", Action::Stop, &POLICY, 90, Ok(()), true, stopped),
            ("hibernate", Action::Hibernate, &POLICY, 70, stays, false, frozen),
            ("terminate, leave", Action::Terminate, &leave, 100, Ok(()), false, Ok(())),
            ("terminate, verify", Action::Terminate, &verify, 100, Ok(()), true, Ok(())),
            ("terminate, no replacement", Action::Terminate, &none, 100, Ok(()), true, off),
            ("stop, replaced", Action::Stop, &eager, 90, Ok(()), true, Ok(())),
            ("hibernate, replaced", Action::Hibernate, &eager, 70, stays, false, Ok(())),
            ("hibernate, no replacement", Action::Hibernate, &none, 70, stays, false, off),
        ] {
            let expected = Course { rank, blind: true, cordon: HARD, evict, overrides, replace };
            let signal = Signal::Ends(Notice { action, ..Notice::sample() });
            assert_eq!(Course::of(&signal, policy), expected, "{case}");
        }
    }

    #[test]
    fn only_a_course_that_reads_first_yields_to_a_stronger_claim() {
        let notice = Notice::sample();
        let course = |rank, blind| Course { rank, blind, ..Course::of_end(Action::Terminate, &POLICY) };
        let claim = course(70, true).claim(&notice);
        for (case, course, claim, expected) in [
            ("blind", course(30, true), Some(&claim), false),
            ("stronger", course(90, false), Some(&claim), false),
            ("equal", course(70, false), Some(&claim), false),
            ("weaker", course(30, false), Some(&claim), true),
            ("unreadable", course(90, false), None, true),
        ] {
            assert_eq!(course.yields_to(claim), expected, "{case}");
        }
    }
}
