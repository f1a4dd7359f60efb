//! What the laws judge by: all that the facts have shown so far, and one notice in the hands of one invocation.

use super::{
    findings::Findings,
    invocation::{Invocation, List},
    record::{Group, Instance, Pod, Record},
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
    /// So many round trips, as slow as they come.
    pub(super) fn round_trips_ms(&self, number: u64) -> i64 {
        (number * self.round_trip_ms) as i64
    }

    /// Some round trips, and the work between them.
    pub(super) fn slack_ms(&self) -> i64 {
        self.round_trips_ms(5) + 500
    }
}

/// All that the facts have shown so far.
pub(super) struct Evidence {
    pub(super) rules: Rules,
    pub(super) record: Record,
    pub(super) invocations: Vec<Invocation>,
}

impl Evidence {
    /// Adds a fact.
    pub(super) fn learn(&mut self, at_ms: i64, fact: Fact) {
        match fact {
            Fact::Call(call, fact) => self.invocations[call.env].learn_call(at_ms, call, fact, &self.record),
            Fact::Function(_, FunctionFact::Started) => self.invocations.push(Invocation::default()),
            Fact::Function(env, fact) => self.invocations[env].learn(at_ms, fact),
            fact => self.record.learn(at_ms, fact),
        }
    }

    /// The notice of an instance that an invocation has got.
    pub(super) fn case(&self, env: usize, instance: &str) -> Option<Case<'_>> {
        self.invocations[env].notice_of(instance).map(|notice| self.case_of(env, notice))
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

impl<'a> Case<'a> {
    /// The group that the instance is in service in.
    pub(super) fn group(&self) -> Option<&'a Group> {
        self.record.groups.get(self.instance?.about.group.as_ref()?)
    }

    /// The pods of the node that bears the instance, as they were listed.
    pub(super) fn listed(&self) -> Option<&'a List> {
        let instance = self.instance?;
        self.invocation.listed(instance.about.cluster, instance.node.as_ref())
    }

    /// When pods have to be gone: before the notice's deadline, or an earlier one that a read has shown.
    pub(super) fn settled_ms(&self) -> i64 {
        let shown_ms = self.instance.and_then(|instance| instance.shown_end_ms).unwrap_or(i64::MAX);
        self.notice.deadline_ms.min(shown_ms) - self.rules.margin_ms
    }

    /// From here on a PodDisruptionBudget no longer protects the pod.
    pub(super) fn last_moment_ms(&self, pod: &Pod) -> i64 {
        self.settled_ms() - last_moment_grace_ms(pod.about.grace_s)
    }

    /// Whether the instance is left to others, by what EC2 and Kubernetes show of it: another handler owns its node,
    /// EC2 does not interrupt it, or the event is of another region.
    pub(super) fn is_of_others(&self) -> bool {
        let elsewhere =
            |zone: &str| self.notice.region.as_ref().is_some_and(|region| !zone.starts_with(region));
        let about = self.instance.map(|instance| &instance.about);
        about.is_some_and(|about| about.is_owned || about.is_on_demand || elsewhere(&about.zone))
    }

    /// Nothing is done for an instance of others, where the function can know that it is theirs.
    pub(super) fn judge_owner(&self, found: &mut Findings<'_>) {
        let is_blind = self.invocation.is_struck(Api::Ec2) && self.invocation.is_struck(Api::Kubernetes);
        let what = format_args!("{} is not for this handler", self.notice.instance);
        found.require(Law::RightNode, !self.is_of_others() || is_blind, what);
    }

    /// No write arrives after the deadline.
    pub(super) fn judge_time(&self, at_ms: i64, found: &mut Findings<'_>) {
        let deadline_ms = self.notice.deadline_ms;
        let what = format_args!("arrives after the deadline {deadline_ms}");
        found.require(Law::InTime, at_ms <= deadline_ms, what);
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

    /// Whether another than this function began to terminate the pod by `due_ms`.
    pub(super) fn is_ended_by_others(&self, pod: &Pod, due_ms: i64) -> bool {
        pod.termination.is_some_and(|it| !it.is_by(self.env) && it.since_ms as i64 <= due_ms)
    }
}

/// A grace period in milliseconds.
pub(super) fn grace_ms(grace_s: u32) -> i64 {
    i64::from(grace_s) * 1_000
}

/// The grace of a pod's delete at its last moment, of what is its own.
pub(super) fn last_moment_grace_ms(grace_s: u32) -> i64 {
    grace_ms(grace_s).min(LAST_MOMENT_GRACE_MS)
}
