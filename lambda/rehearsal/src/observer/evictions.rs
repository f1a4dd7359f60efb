//! Evictions and deletes of pods, each judged by the state before it.

use super::{
    evidence::{Broken, CLOSING_MS, Case, Evidence, LAST_MOMENT_GRACE_MS},
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
const MOVED_MS: u64 = 3_000;
/// Pauses of up to five seconds make fewer removals than this of a pod, in a notice's two minutes.
const MOST_REMOVALS: u32 = 60;
/// The API server tries this long by itself to write a budget's status before it answers 504.
const CONFLICT_LOOP_MS: i64 = 10_000;

/// A removal of a pod that stands on an announced instance.
struct Asked<'a> {
    case: Case<'a>,
    call: &'a Call,
    removal: &'a Removal,
    pod: &'a Pod,
}

/// The laws that an eviction or a delete breaks.
pub(super) fn violations_of(evidence: &Evidence, call: &Call, removal: &Removal) -> Vec<Broken> {
    let pod = &evidence.record.pods[removal.pod];
    let verb = if removal.verb == Verb::Evict { "eviction" } else { "delete" };
    let named = |(law, what)| (law, format!("f{} {verb} of {}: {what}", call.env, pod.about.label));
    of_removal(evidence, call, removal, pod).into_iter().map(named).collect()
}

fn of_removal(evidence: &Evidence, call: &Call, removal: &Removal, pod: &Pod) -> Vec<Broken> {
    let mut broken = Vec::new();
    let cluster = &evidence.record.clusters[pod.about.cluster];
    if !cluster.registered {
        broken.push((Law::RightNode, format!("cluster {} is not registered", cluster.name)));
    }
    if evidence.rules.dry_run {
        broken.push((Law::RightNode, "the function runs dry".to_owned()));
    }
    if removal.uid.is_none() {
        broken.push((Law::UidAndGrace, "no precondition on the UID".to_owned()));
    }
    let case = removal.instance.as_ref().and_then(|instance| evidence.case(call.env, instance));
    let Some(case) = case else {
        if removal.hits() {
            let what = "it stands on no instance that the function got a notice for";
            broken.push((Law::RightNode, what.to_owned()));
        }
        return broken;
    };
    if call.arrived_ms as i64 > case.notice.deadline_ms {
        broken.push((Law::InTime, format!("arrives after the deadline {}", case.notice.deadline_ms)));
    }
    // Another pod of the name, on another node: the precondition keeps it.
    if !removal.hits() {
        return broken;
    }
    broken.extend(case.left_to_others().map(|what| (Law::RightNode, what)));
    let asked = Asked { case, call, removal, pod };
    let rest = [
        asked.overridden(),
        asked.asked_twice(),
        asked.wrong_grace(),
        asked.out_of_order(),
        asked.ignored_retry_after(),
        asked.in_circles(),
        asked.given_up(),
    ];
    broken.extend(rest.into_iter().flatten());
    broken
}

impl Asked<'_> {
    /// Nothing is deleted before the last moment, whatever stands in its eviction's way.
    fn overridden(&self) -> Option<Broken> {
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
        } else if (self.call.arrived_ms as i64) < self.case.last_moment_ms(self.pod) {
            "it is not the last moment"
        } else {
            return None;
        };
        Some((Law::LastMoment, format!("{obstacle}, and {why}")))
    }

    /// A pod that the function knows to end in time is not asked again, whatever ends it.
    fn asked_twice(&self) -> Option<Broken> {
        let termination = self.pod.termination?;
        if termination.ends_ms() as i64 > self.case.settled_ms() + ROUNDING_MS {
            return None;
        }
        let invocation = self.case.invocation;
        // A grace that another caller has cut since may not have been seen.
        let known_ms = invocation.accepted.get(&self.removal.pod);
        let until_ms = self.call.sent_ms.saturating_sub(MOVED_MS);
        if known_ms.is_some_and(|known_ms| (termination.granted_ms..until_ms).contains(known_ms)) {
            return Some((Law::Resumption, "it was accepted before".to_owned()));
        }
        let (listed_ms, _) = invocation.listed.get(&(self.pod.about.cluster, self.pod.node.clone()?))?;
        let what = || format!("terminates since {} ms, and was shown so", termination.since_ms);
        (termination.granted_ms < *listed_ms).then(|| (Law::Resumption, what()))
    }

    fn wrong_grace(&self) -> Option<Broken> {
        if self.removal.grace_s == Some(0) {
            return Some((Law::UidAndGrace, "grace 0 skips SIGTERM".to_owned()));
        }
        let (notice, own_s) = (self.case.notice, self.pod.about.grace_s);
        let grace_s = self.removal.grace_s.unwrap_or(own_s);
        let left_ms = notice.deadline_ms - self.call.sent_ms as i64;
        let too_long = i64::from(grace_s) * 1_000 > left_ms.max(0) + 1_000;
        let fair_ms = self.case.settled_ms() - self.call.sent_ms as i64;
        let too_short = i64::from(grace_s) * 1_000 + SHORT_GRACE_MS < fair_ms.min(i64::from(own_s) * 1_000);
        ((too_long || too_short) && notice.action != Action::Hibernate)
            .then(|| (Law::UidAndGrace, format!("grace {grace_s} s of {own_s} s with {left_ms} ms left")))
    }

    fn out_of_order(&self) -> Option<Broken> {
        if self.pod.belongs_to_node() {
            return Some((Law::Order, "it belongs to its node".to_owned()));
        }
        if !self.pod.is_critical() || self.removal.verb == Verb::Delete || self.pod.termination.is_some() {
            return None;
        }
        let Case { invocation, record, .. } = self.case;
        let (_, shown) = invocation.listed.get(&(self.pod.about.cluster, self.pod.node.clone()?))?;
        let shown = shown.iter().filter(|id| !invocation.refused.contains(id)).map(|id| &record.pods[*id]);
        let mut waiting =
            shown.filter(|pod| pod.end.is_none() && !pod.belongs_to_node() && !pod.is_critical());
        let waiting = waiting.next()?;
        // The ordinary pods' share ends in the middle of the usable time at the earliest.
        let entered_ms = invocation.entered_ms as i64;
        let usable_ms = (self.case.settled_ms() - entered_ms).min(invocation.limit_ms - 1_000);
        let too_early = (self.call.sent_ms as i64 - entered_ms) < usable_ms / 2 - 1_000;
        let what = || format!("system-critical, while {} is still there", waiting.about.label);
        too_early.then(|| (Law::Order, what()))
    }

    fn ignored_retry_after(&self) -> Option<Broken> {
        let deferred = (self.removal.pod, self.removal.verb, self.pod.termination.is_some());
        let (call, not_before_ms) = *self.case.invocation.not_before.get(&deferred)?;
        (self.call.id > call && self.call.sent_ms < not_before_ms)
            .then(|| (Law::RetryAfter, format!("Retry-After says not before {not_before_ms}")))
    }

    /// A pod is not asked for ever, and one that tolerates the cordon and came back is not asked at all.
    fn in_circles(&self) -> Option<Broken> {
        let Case { rules, record, invocation, .. } = self.case;
        if invocation.asked.get(&self.removal.pod).is_some_and(|(_, times)| *times >= MOST_REMOVALS) {
            return Some((Law::NoCircles, format!("asked more than {MOST_REMOVALS} times")));
        }
        // What came back is asked once more when the handler looks at the node for the last time. A shorter grace for
        // a pod that terminates already evicts nothing.
        let last_look_ms = self.case.settled_ms() - LAST_MOMENT_GRACE_MS;
        let is_last_look = !rules.stays || self.call.arrived_ms as i64 >= last_look_ms;
        if is_last_look || self.pod.termination.is_some() || !self.pod.about.tolerates {
            return None;
        }
        let place = |pod: &Pod| (pod.about.cluster, pod.about.workload, pod.node.clone());
        let asked = invocation.asked.iter().map(|(id, (asked_ms, _))| (&record.pods[*id], *asked_ms));
        let mut earlier = asked.filter(|(other, asked_ms)| {
            other.termination.is_none_or(|termination| termination.since_ms >= *asked_ms)
                && asked_ms + rules.slack_ms() < self.pod.bound_ms
                && place(other) == place(self.pod)
        });
        let (other, _) = earlier.next()?;
        let what = format!("it tolerates the cordon and came back in the stead of {}", other.about.label);
        Some((Law::NoCircles, what))
    }

    /// An eviction is not given up while the API server is at it and the last moment is not near: the disruption is
    /// spent, and the pod stays.
    fn given_up(&self) -> Option<Broken> {
        let Case { rules, invocation, .. } = self.case;
        if !self.removal.is_spent || invocation.ended_ms.is_some() {
            return None;
        }
        let limit_ms = invocation.entered_ms as i64 + invocation.limit_ms - CLOSING_MS;
        let waits_until_ms = self.call.sent_ms as i64 + CONFLICT_LOOP_MS + rules.slack_ms() as i64;
        let what = || format!("given up after less than {CONFLICT_LOOP_MS} ms, its disruption is spent");
        (waits_until_ms < self.case.last_moment_ms(self.pod).min(limit_ms)).then(|| (Law::NoCircles, what()))
    }
}
