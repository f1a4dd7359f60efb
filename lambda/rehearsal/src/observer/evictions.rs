//! Evictions and deletes of pods, each judged by the state before it.

use super::{
    evidence::{CLOSING_MS, Case, Evidence, LAST_MOMENT_GRACE_MS, grace_ms},
    findings::Findings,
    invocation::List,
    record::Pod,
};
use crate::{
    facts::{Action, Call, Removal, Ruling, Verb},
    law::Law,
};

/// A grace may be this much shorter than the time that is left.
const SHORT_GRACE_MS: i64 = 2_000;
/// A `deletionTimestamp` is in whole seconds.
const ROUNDING_MS: i64 = 1_000;
/// A deadline that has just moved is asked for once more.
const MOVED_MS: i64 = 3_000;
/// Pauses of up to five seconds make fewer removals than this of a pod, in a notice's two minutes.
const MOST_REMOVALS: u32 = 60;
/// The API server tries this long by itself to write a budget's status before it answers 504.
const CONFLICT_LOOP_MS: i64 = 10_000;

/// A removal of a pod that stands on an announced instance.
struct Asked<'a> {
    case: Case<'a>,
    call: u64,
    sent_ms: i64,
    arrived_ms: i64,
    removal: &'a Removal,
    pod: &'a Pod,
}

/// An eviction or a delete.
pub(super) fn judge(evidence: &Evidence, call: &Call, removal: &Removal, found: &mut Findings<'_>) {
    let pod = &evidence.record.pods[removal.pod];
    let verb = if removal.verb == Verb::Evict { "eviction" } else { "delete" };
    let mut found = found.about(format_args!("{verb} of {}: ", pod.about.label));
    let cluster = &evidence.record.clusters[pod.about.cluster];
    let what = format_args!("cluster {} is not registered", cluster.name);
    found.require(Law::RightNode, cluster.registered, what);
    found.require(Law::RightNode, !evidence.rules.dry_run, "the function runs dry");
    found.require(Law::UidAndGrace, removal.uid.is_some(), "no precondition on the UID");
    let case = removal.instance.as_ref().and_then(|instance| evidence.case(call.env, instance));
    let Some(case) = case else {
        let what = "it stands on no instance that the function got a notice for";
        return found.require(Law::RightNode, !removal.hits(), what);
    };
    let (sent_ms, arrived_ms) = (call.sent_ms as i64, call.arrived_ms as i64);
    case.judge_time(arrived_ms, &mut found);
    // Another pod of the name, on another node: the precondition keeps it.
    if !removal.hits() {
        return;
    }
    case.judge_owner(&mut found);
    let asked = Asked { case, call: call.id, sent_ms, arrived_ms, removal, pod };
    let broken = [
        (Law::LastMoment, asked.overridden()),
        (Law::Resumption, asked.asked_twice()),
        (Law::UidAndGrace, asked.wrong_grace()),
        (Law::Order, asked.out_of_order()),
        (Law::RetryAfter, asked.ignored_retry_after()),
        (Law::NoCircles, asked.in_circles()),
        (Law::NoCircles, asked.given_up()),
    ];
    for (law, what) in broken {
        if let Some(what) = what {
            found.add(law, what);
        }
    }
}

/// What breaks a law.
impl Asked<'_> {
    /// Nothing is deleted before the last moment, whatever stands in its eviction's way.
    fn overridden(&self) -> Option<String> {
        // A pod that terminates already is protected by nothing; its grace can only become shorter.
        if self.removal.verb == Verb::Evict || self.pod.termination.is_some() {
            return None;
        }
        let obstacle = match &self.removal.ruling {
            Ruling::Allowed => "no budget forbids its eviction".to_owned(),
            Ruling::Blocked { pdb, .. } => format!("budget {pdb} has no room"),
            Ruling::TooMany => "several budgets protect it".to_owned(),
        };
        let why = if self.case.notice.action == Action::Hibernate {
            "the signal does not end the instance"
        } else if !self.case.rules.may_override {
            "the policy is to leave it"
        } else if self.arrived_ms < self.case.last_moment_ms(self.pod) {
            "it is not the last moment"
        } else {
            return None;
        };
        Some(format!("{obstacle}, and {why}"))
    }

    /// A pod that the function knows to end in time is not asked again, whatever ends it.
    fn asked_twice(&self) -> Option<String> {
        let termination = self.pod.termination?;
        if termination.ends_ms() as i64 > self.case.settled_ms() + ROUNDING_MS {
            return None;
        }
        let granted_ms = termination.granted_ms as i64;
        // A grace that another caller has cut since may not have been seen.
        let known_ms = self.case.invocation.asking(self.removal.pod).accepted_ms;
        if known_ms.is_some_and(|known_ms| (granted_ms..self.sent_ms - MOVED_MS).contains(&known_ms)) {
            return Some("it was accepted before".to_owned());
        }
        let what = || format!("terminates since {} ms, and was shown so", termination.since_ms);
        (granted_ms < self.listed()?.0).then(what)
    }

    fn wrong_grace(&self) -> Option<String> {
        let own_s = self.pod.about.grace_s;
        let grace_s = self.removal.grace_s.unwrap_or(own_s);
        if self.removal.grace_s == Some(0) {
            return Some("grace 0 skips SIGTERM".to_owned());
        }
        let left_ms = self.case.notice.deadline_ms - self.sent_ms;
        let fair_ms = self.case.settled_ms() - self.sent_ms;
        let is_too_long = grace_ms(grace_s) > left_ms.max(0) + 1_000;
        let is_too_short = grace_ms(grace_s) + SHORT_GRACE_MS < fair_ms.min(grace_ms(own_s));
        let what = || format!("grace {grace_s} s of {own_s} s with {left_ms} ms left");
        ((is_too_long || is_too_short) && self.case.notice.action != Action::Hibernate).then(what)
    }

    fn out_of_order(&self) -> Option<String> {
        if self.pod.belongs_to_node() {
            return Some("it belongs to its node".to_owned());
        }
        if !self.pod.is_critical() || self.removal.verb == Verb::Delete || self.pod.termination.is_some() {
            return None;
        }
        let Case { invocation, record, .. } = self.case;
        // The ordinary pods' share ends in the middle of the usable time at the earliest.
        let usable_ms = (self.case.settled_ms() - invocation.entered_ms).min(invocation.limit_ms - 1_000);
        if self.sent_ms - invocation.entered_ms >= usable_ms / 2 - 1_000 {
            return None;
        }
        let shown = self.listed()?.1.iter().filter(|id| !invocation.asking(**id).is_refused);
        let mut waiting = shown
            .map(|id| &record.pods[*id])
            .filter(|pod| pod.end.is_none() && !pod.belongs_to_node() && !pod.is_critical());
        let waiting = waiting.next()?;
        Some(format!("system-critical, while {} is still there", waiting.about.label))
    }

    fn ignored_retry_after(&self) -> Option<String> {
        let deferred = (self.removal.pod, self.removal.verb, self.pod.termination.is_some());
        let (not_before_ms, last_call) = *self.case.invocation.not_before.get(&deferred)?;
        (self.call > last_call && self.sent_ms < not_before_ms)
            .then(|| format!("Retry-After says not before {not_before_ms}"))
    }

    /// A pod is not asked forever, and one that tolerates the cordon and came back is not asked at all.
    fn in_circles(&self) -> Option<String> {
        let Case { rules, record, invocation, .. } = self.case;
        if invocation.asking(self.removal.pod).times >= MOST_REMOVALS {
            return Some(format!("asked more than {MOST_REMOVALS} times"));
        }
        // What came back is asked once more when the handler looks at the node for the last time. A shorter grace for
        // a pod that terminates already evicts nothing.
        let last_look_ms = self.case.settled_ms() - LAST_MOMENT_GRACE_MS;
        let is_last_look = !rules.stays || self.arrived_ms >= last_look_ms;
        if is_last_look || self.pod.termination.is_some() || !self.pod.about.tolerates {
            return None;
        }
        let place = |pod: &Pod| (pod.about.cluster, pod.about.workload, pod.node.clone());
        let mut earlier = invocation.askings.iter().filter_map(|(id, asking)| {
            let (other, asked_ms) = (&record.pods[*id], asking.asked_ms?);
            let has_left = other.termination.is_none_or(|it| it.since_ms as i64 >= asked_ms)
                && asked_ms + rules.slack_ms() < self.pod.bound_ms;
            (has_left && place(other) == place(self.pod)).then_some(other)
        });
        let other = earlier.next()?;
        Some(format!("it tolerates the cordon and came back in the stead of {}", other.about.label))
    }

    /// An eviction is not given up while the API server is at it and the last moment is not near: the disruption is
    /// spent, and the pod stays.
    fn given_up(&self) -> Option<String> {
        let Case { rules, invocation, .. } = self.case;
        if !self.removal.is_spent || invocation.ended_ms.is_some() {
            return None;
        }
        let limit_ms = invocation.entered_ms + invocation.limit_ms - CLOSING_MS;
        let waits_until_ms = self.sent_ms + CONFLICT_LOOP_MS + rules.slack_ms();
        let what = || format!("given up after less than {CONFLICT_LOOP_MS} ms, its disruption is spent");
        (waits_until_ms < self.case.last_moment_ms(self.pod).min(limit_ms)).then(what)
    }

    /// The pods of the pod's node, as they were listed.
    fn listed(&self) -> Option<&List> {
        self.case.invocation.listed(self.pod.about.cluster, self.pod.node.as_ref())
    }
}
