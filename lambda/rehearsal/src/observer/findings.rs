//! Broken laws, written down as they are found.

use std::fmt::Display;

use crate::{law::Law, outcome::Violation};

/// The broken laws of a run, and of whom and of what time the next one is.
pub(super) struct Findings<'a> {
    pub(super) violations: &'a mut Vec<Violation>,
    pub(super) at_ms: i64,
    pub(super) subject: String,
}

impl Findings<'_> {
    /// The same, of a narrower subject.
    pub(super) fn about(&mut self, subject: impl Display) -> Findings<'_> {
        let subject = format!("{}{subject}", self.subject);
        Findings { violations: self.violations, at_ms: self.at_ms, subject }
    }

    /// Moves on to another time.
    pub(super) fn at(&mut self, at_ms: i64) -> &mut Self {
        self.at_ms = at_ms;
        self
    }

    /// Records a violation unless `holds`.
    pub(super) fn require(&mut self, law: Law, holds: bool, what: impl Display) {
        if !holds {
            self.add(law, what);
        }
    }

    /// Records a violation; equal ones only once.
    pub(super) fn add(&mut self, law: Law, what: impl Display) {
        let what = format!("{}{what}", self.subject);
        let violation = Violation { law, at_ms: self.at_ms.max(0) as u64, what };
        if !self.violations.contains(&violation) {
            self.violations.push(violation);
        }
    }
}
