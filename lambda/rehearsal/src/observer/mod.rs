//! The observer: holds the handler to its laws (docs/architecture.md, "The laws") by the facts of the world. A report of
//! the handler is only looked at to hold it against them.
//!
//! ```text
//! facts ──► evidence    record       clusters, groups, instances and pods so far
//!       │               invocation   what each invocation has done, and can know
//!       └─► laws        evictions         every eviction and delete, as it arrives
//!                       writes            every write to a node or a group, and every call that ends
//!                       reports           every answer ── report_accuracy
//!                       legs, liveness    after the run: what was not done in time
//!                       foreign           after the run: what a notice for another system's instance cost
//! ```

use crate::{
    facts::{CallFact, Fact, FunctionFact, InstanceFact},
    law::Law,
    outcome::Violation,
};

mod evictions;
mod evidence;
mod foreign;
mod invocation;
mod legs;
mod liveness;
mod record;
mod report_accuracy;
mod reports;
#[cfg(test)]
mod tests;
mod writes;

pub(crate) use evidence::Rules;
use evidence::{Broken, Evidence};

/// The observer.
#[derive(Debug)]
pub(crate) struct Observer {
    evidence: Evidence,
    violations: Vec<Violation>,
}

impl Observer {
    pub(crate) fn new(rules: Rules) -> Self {
        Self { evidence: Evidence::new(rules), violations: Vec::new() }
    }

    /// Reads the next facts, each with its time.
    pub(crate) fn read(&mut self, facts: impl IntoIterator<Item = (u64, Fact)>) {
        for (at_ms, fact) in facts {
            self.judge(at_ms, &fact);
            self.evidence.learn(at_ms, fact);
        }
    }

    /// All violations so far, by time.
    pub(crate) fn take_violations(&mut self) -> Vec<Violation> {
        self.violations.sort_by_key(|violation| (violation.at_ms, violation.law));
        std::mem::take(&mut self.violations)
    }

    /// Judges a fact by all that was known before.
    fn judge(&mut self, at_ms: u64, fact: &Fact) {
        let evidence = &self.evidence;
        let broken: Vec<Broken> = match fact {
            Fact::Call(call, CallFact::Removes(removal)) => evictions::violations_of(evidence, call, removal),
            Fact::Call(call, CallFact::WroteNode { instance, node, uncordons }) => {
                writes::of_node(evidence, at_ms, call.env, (instance, node, *uncordons))
            }
            Fact::Call(call, CallFact::WritesGroup { instance }) => {
                writes::of_group(evidence, at_ms, call.env, instance)
            }
            Fact::Call(call, CallFact::Closed) => {
                writes::left_open(evidence, at_ms, call).into_iter().collect()
            }
            Fact::Instance(id, InstanceFact::Replaced { by, launched_by }) => {
                writes::replaced_twice(evidence, id, by, *launched_by).into_iter().collect()
            }
            Fact::Instance(id, InstanceFact::EndedForFunction { env, pods }) => {
                writes::ended_early(evidence, at_ms, (id, *env), pods).into_iter().collect()
            }
            Fact::Function(env, FunctionFact::Answered(reports)) => {
                reports::violations_of(evidence, *env, reports)
            }
            Fact::Function(env, FunctionFact::TimedOut) if evidence.is_notified(*env) => {
                vec![(Law::OneReport, format!("f{env} has no report when its invocation ends"))]
            }
            Fact::Panicked(what) => vec![(Law::OneReport, what.clone())],
            Fact::Closed => return self.judge_whole(),
            _ => return,
        };
        for (law, what) in broken {
            self.broken(law, at_ms, what);
        }
    }

    /// Judges what can be seen only after the run.
    fn judge_whole(&mut self) {
        let mut broken = Vec::new();
        for violations_of in [legs::violations_of, liveness::violations_of, foreign::violations_of] {
            for case in self.evidence.sole_cases() {
                let named = |(law, at_ms, what)| (law, at_ms, format!("f{} {what}", case.env));
                broken.extend(violations_of(&case).into_iter().map(named));
            }
        }
        for (law, at_ms, what) in broken {
            self.broken(law, at_ms.max(0) as u64, what);
        }
    }

    fn broken(&mut self, law: Law, at_ms: u64, what: String) {
        let violation = Violation { law, at_ms, what };
        if !self.violations.contains(&violation) {
            self.violations.push(violation);
        }
    }
}
