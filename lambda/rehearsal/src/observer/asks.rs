//! Evictions and deletes of pods.

use super::{LAST_MOMENT_GRACE_MS, Told};
use crate::{
    Law,
    wire::{Call, objects::pod_uid},
    world::{budgets::Ruling, pods::PodId, spec::Action, state::State},
};

/// A grace may be so much shorter than the time that is left.
const SHORT_GRACE_MS: i64 = 2_000;
/// A `deletionTimestamp` is in whole seconds.
const ROUNDING_MS: i64 = 1_000;

/// A deadline that has just moved is asked for once more.
const MOVED_MS: u64 = 3_000;

/// Pauses of up to five seconds make fewer asks than this for a pod, in a notice's two minutes.
const MOST_ASKS: u32 = 60;

/// The API server tries so long by itself to write a budget's status before it answers 504.
const CONFLICT_LOOP_MS: i64 = 10_000;
/// The handler's reserve at the end of its time limit.
const CLOSING_MS: i64 = 4_000;

/// How a pod was asked to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verb {
    /// The Eviction API.
    Evict,
    /// DELETE, past all that stands in an eviction's way.
    Delete,
}

/// What the API server is going to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It happens.
    Accepted,
    /// To come back after so many milliseconds: 429 without a cause, or 504.
    Throttled(u64),
    /// Anything else.
    Refused,
}

/// One eviction or delete, as it arrives.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) call: Call,
    pub(crate) verb: Verb,
    pub(crate) pod: PodId,
    /// Precondition on the UID.
    pub(crate) uid: Option<String>,
    pub(crate) grace_s: Option<u32>,
    /// What the budgets say at this moment.
    pub(crate) ruling: Ruling,
    pub(crate) answer: Answer,
}

impl State {
    /// Judges an eviction or a delete by the state before it.
    pub(crate) fn saw_ask(&mut self, ask: &Ask) {
        let now_ms = self.now_ms;
        let arrived_ms = ask.call.arrived_ms;
        self.pods[ask.pod].asked_ms.get_or_insert(arrived_ms);
        let hits = ask.uid.as_ref().is_none_or(|uid| *uid == pod_uid(ask.pod));
        for (law, what) in self.broken_by(ask, hits) {
            let verb = if ask.verb == Verb::Evict { "eviction" } else { "delete" };
            let what = format!("f{} {verb} of {}: {what}", ask.call.env, self.label(ask.pod));
            self.observer.broken(law, now_ms, what);
        }
        let Some(invocation) = self.observer.invocations.get_mut(ask.call.env) else { return };
        if hits {
            invocation.asked.entry(ask.pod).or_insert(arrived_ms);
            *invocation.asks.entry(ask.pod).or_default() += 1;
        }
        // A call that another's termination has overtaken, and that changes nothing of it, shows nothing of its end.
        let shows_its_end = self.pods[ask.pod].termination.is_none_or(|termination| {
            termination.granted_ms <= arrived_ms
                || ask.grace_s.is_some_and(|grace_s| grace_s < termination.grace_s)
        });
        if ask.answer == Answer::Accepted && shows_its_end {
            invocation.accepting.insert(ask.call.id, ask.pod);
        }
        let terminates = self.pods[ask.pod].termination.is_some();
        match (ask.verb, ask.answer) {
            (Verb::Delete, Answer::Accepted) if !terminates => {
                invocation.overriding.insert(ask.call.id, ask.pod);
            }
            (Verb::Evict, Answer::Refused) if hits => {
                invocation.blocked.insert(ask.pod);
            }
            (Verb::Delete, Answer::Refused) => {
                invocation.refused.insert(ask.pod);
            }
            (verb, Answer::Throttled(after_ms)) => {
                let deferred = ((ask.pod, verb, terminates), now_ms + after_ms);
                invocation.deferring.insert(ask.call.id, deferred);
            }
            _ => {}
        }
    }

    fn broken_by(&self, ask: &Ask, hits: bool) -> Vec<(Law, String)> {
        let mut broken = Vec::new();
        let pod = &self.pods[ask.pod];
        let cluster = &self.clusters[pod.cluster];
        let node = pod.node.as_ref().and_then(|name| cluster.nodes.get(name));
        let told = node.and_then(|node| self.observer.told(ask.call.env, &node.instance));
        if !cluster.registered {
            broken.push((Law::RightNode, format!("cluster {} is not registered", cluster.name)));
        }
        if self.observer.rules.dry_run {
            broken.push((Law::RightNode, "the function runs dry".to_owned()));
        }
        if ask.uid.is_none() {
            broken.push((Law::UidAndGrace, "no precondition on the UID".to_owned()));
        }
        let Some(told) = told else {
            if hits {
                broken.push((
                    Law::RightNode,
                    "it stands on no instance that the function got a notice for".to_owned(),
                ));
            }
            return broken;
        };
        if ask.call.arrived_ms as i64 > told.deadline_ms {
            broken.push((Law::InTime, format!("arrives after the deadline {}", told.deadline_ms)));
        }
        // Another pod of the name, on another node: the precondition keeps it.
        if !hits {
            return broken;
        }
        if let Some(what) = node.and_then(|node| self.left_to_others(ask.call.env, &node.instance)) {
            broken.push((Law::RightNode, what));
        }
        let last_moment = self.is_last_moment(ask, told);
        broken.extend(self.overridden(ask, told, last_moment));
        broken.extend(self.asked_twice(ask, told));
        broken.extend(self.wrong_grace(ask, told));
        broken.extend(self.out_of_order(ask, told));
        broken.extend(self.impatient(ask));
        broken.extend(self.in_circles(ask, told));
        broken.extend(self.given_up(ask, told));
        broken
    }

    /// From here on nothing protects the pod.
    fn is_last_moment(&self, ask: &Ask, told: &Told) -> bool {
        let settled_ms = self.deadline_in_force(told) - self.observer.rules.margin_ms;
        ask.call.arrived_ms as i64 >= settled_ms - self.last_moment_grace_ms(ask.pod)
    }

    /// The notice's deadline, or an earlier one that a read has shown.
    pub(super) fn deadline_in_force(&self, told: &Told) -> i64 {
        let shown = self.instances.get(&told.instance).and_then(|instance| instance.shown_end_ms);
        shown.map_or(told.deadline_ms, |shown_ms| told.deadline_ms.min(shown_ms as i64))
    }

    /// Law 3: nothing is deleted before the last moment, whatever stands in its eviction's way.
    fn overridden(&self, ask: &Ask, told: &Told, last_moment: bool) -> Option<(Law, String)> {
        // A pod that terminates already is protected by nothing; its grace can only become shorter.
        if ask.verb == Verb::Evict || self.pods[ask.pod].termination.is_some() {
            return None;
        }
        let obstacle = match &ask.ruling {
            Ruling::Allowed => "no budget forbids its eviction".to_owned(),
            Ruling::Blocked { pdb, .. } => format!("budget {pdb} has no room"),
            Ruling::TooMany => "several budgets protect it".to_owned(),
        };
        if told.action == Action::Hibernate {
            return Some((Law::LastMoment, format!("{obstacle}, and the signal does not end the instance")));
        }
        if !self.observer.rules.may_override {
            return Some((Law::LastMoment, format!("{obstacle}, and the policy is to leave it")));
        }
        (!last_moment).then(|| (Law::LastMoment, format!("{obstacle}, and it is not the last moment")))
    }

    /// Law 7: a pod that the function knows to end in time is not asked again, whoever ends it.
    fn asked_twice(&self, ask: &Ask, told: &Told) -> Option<(Law, String)> {
        let pod = &self.pods[ask.pod];
        let termination = pod.termination?;
        let settled_ms = self.deadline_in_force(told) - self.observer.rules.margin_ms;
        if termination.ends_ms() as i64 > settled_ms + ROUNDING_MS {
            return None;
        }
        let invocation = &self.observer.invocations[ask.call.env];
        // A grace that another caller has cut since may not have been seen.
        let known_ms = invocation.accepted.get(&ask.pod);
        let until_ms = ask.call.sent_ms.saturating_sub(MOVED_MS);
        if known_ms.is_some_and(|known_ms| (termination.granted_ms..until_ms).contains(known_ms)) {
            return Some((Law::Resumption, "it was accepted before".to_owned()));
        }
        let (listed_ms, _) = invocation.listed.get(&(pod.cluster, pod.node.clone()?))?;
        let what = || format!("terminates since {} ms, and was shown so", termination.since_ms);
        (termination.granted_ms < *listed_ms).then(|| (Law::Resumption, what()))
    }

    /// Law 8.
    fn wrong_grace(&self, ask: &Ask, told: &Told) -> Option<(Law, String)> {
        if ask.grace_s == Some(0) {
            return Some((Law::UidAndGrace, "grace 0 skips SIGTERM".to_owned()));
        }
        let own_s = self.workload(ask.pod).grace_s;
        let grace_s = ask.grace_s.unwrap_or(own_s);
        let left_ms = told.deadline_ms - ask.call.sent_ms as i64;
        let too_long = i64::from(grace_s) * 1_000 > left_ms.max(0) + 1_000;
        let fair_ms = self.deadline_in_force(told) - ask.call.sent_ms as i64;
        let fair_ms = (fair_ms - self.observer.rules.margin_ms).min(i64::from(own_s) * 1_000);
        let too_short = i64::from(grace_s) * 1_000 + SHORT_GRACE_MS < fair_ms;
        ((too_long || too_short) && told.action != Action::Hibernate)
            .then(|| (Law::UidAndGrace, format!("grace {grace_s} s of {own_s} s with {left_ms} ms left")))
    }

    /// Law 9.
    fn out_of_order(&self, ask: &Ask, told: &Told) -> Option<(Law, String)> {
        if self.belongs_to_node(ask.pod) {
            return Some((Law::Order, "it belongs to its node".to_owned()));
        }
        let ends_already = self.pods[ask.pod].termination.is_some();
        if !self.is_critical(ask.pod) || ask.verb == Verb::Delete || ends_already {
            return None;
        }
        let invocation = &self.observer.invocations[ask.call.env];
        let node = self.pods[ask.pod].node.clone()?;
        let (_, shown) = invocation.listed.get(&(self.pods[ask.pod].cluster, node))?;
        let waiting = shown.iter().copied().find(|pod| {
            let goes = !self.belongs_to_node(*pod) && !invocation.refused.contains(pod);
            self.pods[*pod].end.is_none() && goes && !self.is_critical(*pod)
        })?;
        // The ordinary pods' share ends in the middle of the usable time at the earliest.
        let entered_ms = invocation.entered_ms as i64;
        let usable_ms = self.deadline_in_force(told) - self.observer.rules.margin_ms - entered_ms;
        let usable_ms = usable_ms.min(invocation.limit_ms - 1_000);
        let too_early = (ask.call.sent_ms as i64 - entered_ms) < usable_ms / 2 - 1_000;
        too_early
            .then(|| (Law::Order, format!("system-critical, while {} is still there", self.label(waiting))))
    }

    /// Law 13: a pod is not asked for ever, and one that tolerates the cordon and came back is not asked at all.
    fn in_circles(&self, ask: &Ask, told: &Told) -> Option<(Law, String)> {
        let invocation = &self.observer.invocations[ask.call.env];
        if invocation.asks.get(&ask.pod).is_some_and(|asks| *asks >= MOST_ASKS) {
            return Some((Law::NoCircles, format!("asked more than {MOST_ASKS} times")));
        }
        // What came back is asked once more when the handler looks at the node for the last time.
        let last_look_ms =
            self.deadline_in_force(told) - self.observer.rules.margin_ms - LAST_MOMENT_GRACE_MS;
        if !self.observer.rules.stays || ask.call.arrived_ms as i64 >= last_look_ms {
            return None;
        }
        // A shorter grace for a pod that terminates already evicts nothing.
        let terminated = |pod: PodId, before_ms: u64| {
            self.pods[pod].termination.is_some_and(|termination| termination.since_ms < before_ms)
        };
        if self.pods[ask.pod].termination.is_some() {
            return None;
        }
        let (pod, tolerates) = (&self.pods[ask.pod], self.workload(ask.pod).tolerates);
        let earlier = invocation.asked.iter().find(|(other, asked_ms)| {
            if terminated(**other, **asked_ms) {
                return false;
            }
            let other = &self.pods[**other];
            **asked_ms + self.slack_ms() < pod.bound_ms
                && (other.cluster, other.workload, &other.node) == (pod.cluster, pod.workload, &pod.node)
        });
        let (other, _) = earlier.filter(|_| tolerates)?;
        Some((
            Law::NoCircles,
            format!("it tolerates the cordon and came back in the stead of {}", self.label(*other)),
        ))
    }

    /// Law 13: an eviction is not given up while the API server is at it and the last moment is not near: the
    /// disruption is spent, and the pod stays.
    fn given_up(&self, ask: &Ask, told: &Told) -> Option<(Law, String)> {
        let invocation = &self.observer.invocations[ask.call.env];
        let spends = ask.verb == Verb::Evict && ask.ruling == Ruling::Allowed && self.spends(ask.pod);
        if !ask.call.hung_up || !invocation.alive || !spends {
            return None;
        }
        let settled_ms = self.deadline_in_force(told) - self.observer.rules.margin_ms;
        let last_ms = settled_ms - self.last_moment_grace_ms(ask.pod);
        let limit_ms = invocation.entered_ms as i64 + invocation.limit_ms - CLOSING_MS;
        let waits_until_ms = ask.call.sent_ms as i64 + CONFLICT_LOOP_MS + self.slack_ms() as i64;
        (waits_until_ms < last_ms.min(limit_ms)).then(|| {
            (
                Law::NoCircles,
                format!("given up after less than {CONFLICT_LOOP_MS} ms, its disruption is spent"),
            )
        })
    }

    /// Law 10.
    fn impatient(&self, ask: &Ask) -> Option<(Law, String)> {
        let invocation = &self.observer.invocations[ask.call.env];
        let deferred = (ask.pod, ask.verb, self.pods[ask.pod].termination.is_some());
        let (call, not_before_ms) = *invocation.not_before.get(&deferred)?;
        (ask.call.id > call && ask.call.sent_ms < not_before_ms)
            .then(|| (Law::RetryAfter, format!("Retry-After says not before {not_before_ms}")))
    }
}
