//! What the laws judge by: all that the facts have shown so far, and one notice in the hands of one invocation.

use super::{
    invocation::Invocation,
    record::{Instance, Pod, Record},
};
use crate::{
    facts::{AnnouncedNotice, Fact, FunctionFact},
    faults::Api,
    law::Law,
};

/// At the last moment a protected pod is given no more of its grace than this.
pub(super) const LAST_MOMENT_GRACE_MS: i64 = 30_000;
/// The handler's own reserve at the end of its time limit.
pub(super) const CLOSING_MS: i64 = 4_000;

/// What the laws depend on beside the facts.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
pub(crate) struct Rules {
    /// Pods have to be gone this long before the deadline.
    pub(crate) margin_ms: i64,
    /// Budgets may be overridden at the last moment.
    pub(crate) may_override: bool,
    /// Nothing may be written.
    pub(crate) dry_run: bool,
    /// The handler asks for replacements.
    pub(crate) replaces: bool,
    /// The drain leg stays until the last moment.
    pub(crate) stays: bool,
    /// The slowest round trip of a call.
    pub(crate) round_trip_ms: u64,
}

impl Rules {
    /// Some round trips, as slow as they come.
    pub(super) fn slack_ms(&self) -> u64 {
        5 * self.round_trip_ms + 500
    }
}

/// A broken law, and what happened.
pub(super) type Broken = (Law, String);

/// All that the facts have shown so far.
#[derive(Debug)]
pub(super) struct Evidence {
    pub(super) rules: Rules,
    pub(super) record: Record,
    pub(super) invocations: Vec<Invocation>,
}

impl Evidence {
    pub(super) fn new(rules: Rules) -> Self {
        Self { rules, record: Record::default(), invocations: Vec::new() }
    }

    /// Adds a fact.
    pub(super) fn learn(&mut self, at_ms: u64, fact: Fact) {
        match fact {
            Fact::Call(call, fact) => {
                if let Some(invocation) = self.invocations.get_mut(call.env) {
                    invocation.learn_call(at_ms, &call, fact, &self.record);
                }
            }
            Fact::Function(env, fact) => {
                if matches!(fact, FunctionFact::Started) {
                    self.invocations.push(Invocation::default());
                }
                if let Some(invocation) = self.invocations.get_mut(env) {
                    invocation.learn(at_ms, fact);
                }
            }
            fact => self.record.learn(at_ms, fact),
        }
    }

    /// Whether the environment has got a notice.
    pub(super) fn is_notified(&self, env: usize) -> bool {
        self.invocations.get(env).is_some_and(|invocation| !invocation.notices.is_empty())
    }

    /// The notice of an instance that an invocation has got.
    pub(super) fn case(&self, env: usize, instance: &str) -> Option<Case<'_>> {
        Some(self.case_of(env, self.invocations.get(env)?.notice_of(instance)?))
    }

    /// The invocations that have got one notice, and no more.
    pub(super) fn sole_cases(&self) -> impl Iterator<Item = Case<'_>> {
        self.invocations.iter().enumerate().filter_map(|(env, invocation)| match &invocation.notices[..] {
            [notice] => Some(self.case_of(env, notice)),
            _ => None,
        })
    }

    pub(super) fn case_of<'a>(&'a self, env: usize, notice: &'a AnnouncedNotice) -> Case<'a> {
        Case {
            rules: self.rules,
            record: &self.record,
            invocations: &self.invocations,
            env,
            invocation: &self.invocations[env],
            notice,
            instance: self.record.instances.get(&notice.instance),
        }
    }
}

/// A notice and the invocation that has got it.
pub(super) struct Case<'a> {
    pub(super) rules: Rules,
    pub(super) record: &'a Record,
    invocations: &'a [Invocation],
    pub(super) env: usize,
    pub(super) invocation: &'a Invocation,
    pub(super) notice: &'a AnnouncedNotice,
    /// `None`: no such instance exists.
    pub(super) instance: Option<&'a Instance>,
}

impl Case<'_> {
    /// The notice's deadline, or an earlier one that a read has shown.
    pub(super) fn deadline_in_force(&self) -> i64 {
        let shown_ms = self.instance.and_then(|instance| instance.shown_end_ms);
        shown_ms.map_or(self.notice.deadline_ms, |shown_ms| self.notice.deadline_ms.min(shown_ms as i64))
    }

    /// When pods have to be gone.
    pub(super) fn settled_ms(&self) -> i64 {
        self.deadline_in_force() - self.rules.margin_ms
    }

    /// From here on a PodDisruptionBudget no longer protects the pod.
    pub(super) fn last_moment_ms(&self, pod: &Pod) -> i64 {
        self.settled_ms() - last_moment_grace_ms(pod)
    }

    /// Whether the instance is left to others, by what EC2 and Kubernetes show of it.
    pub(super) fn is_of_others(&self) -> bool {
        self.instance.is_some_and(|instance| instance.is_of_others(self.notice.synthetic))
    }

    /// Why the handler may not act for the instance, where the function can know it.
    pub(super) fn left_to_others(&self) -> Option<String> {
        let is_blind = [Api::Ec2, Api::Kubernetes].iter().all(|api| self.invocation.struck.contains_key(api));
        (self.is_of_others() && !is_blind)
            .then(|| format!("{} is not for this handler", self.notice.instance))
    }

    /// Whether the work is up to this invocation alone: something may be written for the instance, and no other
    /// delivery may find it done.
    pub(super) fn is_up_to_it(&self) -> bool {
        let is_registered = self.instance.is_some_and(|i| self.record.clusters[i.about.cluster].registered);
        let got_it = |other: &&Invocation| other.notice_of(&self.notice.instance).is_some();
        is_registered
            && !self.rules.dry_run
            && !self.is_of_others()
            && self.invocations.iter().filter(got_it).count() == 1
    }
}

/// The grace of a pod's delete at its last moment.
pub(super) fn last_moment_grace_ms(pod: &Pod) -> i64 {
    (i64::from(pod.about.grace_s) * 1_000).min(LAST_MOMENT_GRACE_MS)
}
