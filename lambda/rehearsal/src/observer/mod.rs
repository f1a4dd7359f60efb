//! The observer: holds the handler to its laws (docs/architecture.md, "The laws") by the facts of the world. A report of
//! the handler is only looked at to hold it against them.
//!
//! ```text
//! facts ──► evidence    record       clusters, groups, instances and pods so far
//!       │               invocation   what each invocation has done, and can know
//!       └─► laws        evictions         every eviction and delete, as it arrives
//!                       writes            every write to a node or a group, and every call that ends
//!                       reports           every answer
//!                       liveness          after the run: what was not done in time
//!                       foreign           after the run: what a notice for another system's instance cost
//!                ──► findings
//! ```

use crate::{
    facts::{CallFact, Fact, FunctionFact, InstanceFact, LaunchedBy},
    law::Law,
    outcome::Violation,
};

mod evictions;
mod evidence;
mod findings;
mod foreign;
mod invocation;
mod liveness;
mod record;
mod reports;
#[cfg(test)]
mod tests;
mod writes;

use evidence::Evidence;
pub(crate) use evidence::Rules;
use findings::Findings;
use record::Record;

/// The observer.
pub(crate) struct Observer {
    evidence: Evidence,
    violations: Vec<Violation>,
}

impl Observer {
    pub(crate) fn new(rules: Rules) -> Self {
        let evidence = Evidence { rules, record: Record::default(), invocations: Vec::new() };
        Self { evidence, violations: Vec::new() }
    }

    /// Reads the next facts, each with its time.
    pub(crate) fn read(&mut self, facts: impl IntoIterator<Item = (u64, Fact)>) {
        for (at_ms, fact) in facts {
            self.judge(at_ms as i64, &fact);
            self.evidence.learn(at_ms as i64, fact);
        }
    }

    /// All violations so far, by time.
    pub(crate) fn take_violations(&mut self) -> Vec<Violation> {
        self.violations.sort_by_key(|violation| (violation.at_ms, violation.law));
        std::mem::take(&mut self.violations)
    }

    /// Judges a fact by all that was known before.
    fn judge(&mut self, at_ms: i64, fact: &Fact) {
        let evidence = &self.evidence;
        let mut found = Findings { violations: &mut self.violations, at_ms, subject: String::new() };
        match fact {
            Fact::Call(call, fact) => {
                let mut found = found.about(format_args!("f{} ", call.env));
                match fact {
                    CallFact::Removes(removal) => evictions::judge(evidence, call, removal, &mut found),
                    CallFact::WroteNode { instance, node, uncordons } => {
                        let mut found = found.about(format_args!("patch of node {node}: "));
                        writes::judge(evidence, call.env, instance, &mut found);
                        found.require(Law::Resumption, !uncordons, "uncordons it");
                    }
                    CallFact::WritesGroup { instance } => {
                        let mut found = found.about("call to Auto Scaling: ");
                        writes::judge(evidence, call.env, instance, &mut found);
                    }
                    CallFact::Closed => writes::judge_closed(evidence, call, &mut found),
                    _ => {}
                }
            }
            Fact::Instance(id, InstanceFact::Replaced { by, launched_by: LaunchedBy::Handler }) => {
                writes::judge_replacement(evidence, id, by, &mut found);
            }
            Fact::Instance(id, InstanceFact::EndedForFunction { env, pods }) => {
                if let Some(case) = evidence.case(*env, id) {
                    writes::judge_end(&case, pods, &mut found.about(format_args!("f{env} ")));
                }
            }
            Fact::Function(env, FunctionFact::Answered(reports)) => {
                reports::judge(evidence, *env, reports, &mut found.about(format_args!("f{env} ")));
            }
            Fact::Function(env, FunctionFact::TimedOut) => {
                let is_notified = !evidence.invocations[*env].notices.is_empty();
                let what = format_args!("f{env} has no report when its invocation ends");
                found.require(Law::OneReport, !is_notified, what);
            }
            Fact::Panicked(what) => found.add(Law::OneReport, what),
            Fact::Closed => {
                for case in evidence.sole_cases() {
                    let mut found = found.about(format_args!("f{} ", case.env));
                    liveness::judge(&case, &mut found);
                    foreign::judge(&case, &mut found);
                }
            }
            _ => {}
        }
    }
}
