//! The way of one pod: evictions until one is accepted, and the delete at the last moment.

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt;
use tokio::{
    sync::{Notify, Semaphore},
    time::timeout,
};

use crate::{
    budget::{Budget, CALL_LIMIT, jittered},
    plan::{
        PdbPolicy,
        eviction::{DENIED, Obstacle, Step, next_step},
        retry::pause,
    },
    ports::{CallError, Cluster, End, Evicted},
};

/// The API server's HTTP/2 connection carries this many calls at once; more would only wait there.
pub(super) const CALLS_AT_ONCE: usize = 100;

/// The API server itself retries a conflict on a budget's status for ten seconds (Kubernetes,
/// `EvictionsRetry`: 20 steps of 500 ms), after it may have queued the call as long again in a storm. A caller that
/// hangs up before has spent a disruption for nothing.
const EVICTION_LIMIT: Duration = Duration::from_secs(30);

/// The least time that an eviction before the last moment gets.
const SHORTEST: Duration = Duration::from_secs(1);

/// The last eviction is tried so long before time is up.
const LAST_TRY: Duration = Duration::from_secs(1);

/// The deletes of a storm are spread over at most this time after the pods' last moment.
const SPREAD: Duration = Duration::from_secs(2);

const EVICT: &str = "kubernetes:create pods/eviction";
const DELETE: &str = "kubernetes:delete pods";

/// A pod to be evicted.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) uid: String,
    pub(super) own_grace: Duration,
    /// It terminates with this grace already, which is only to become shorter.
    pub(super) terminates: bool,
    /// The API server wants no call for it before this time.
    pub(super) not_before: Duration,
    /// It came after the first list of the node's pods.
    pub(super) late: bool,
    /// Set off when the pod needs no more asking: it is seen terminating, or gone.
    pub(super) on_its_way: Arc<Notify>,
}

/// How the asking for one pod ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// An eviction was accepted.
    Evicted,
    /// A delete at the last moment was accepted; what stood in the eviction's way.
    Deleted(Obstacle),
    /// Another controller ends it.
    NotNeeded,
    /// It stands on another instance, which has taken over the node's name.
    Elsewhere,
    /// Out of time; what stood in the way.
    Left(Obstacle),
    /// Each delete was refused; why, and what stood in the eviction's way.
    Refused(String, Obstacle),
}

impl Asked {
    /// Whether a PodDisruptionBudget stood in the way to the end.
    pub(super) fn is_up_to_budgets(&self) -> bool {
        matches!(self, Self::Deleted(obstacle) | Self::Left(obstacle) | Self::Refused(_, obstacle) if obstacle.is_budget())
    }
}

/// The asking for one pod.
pub(super) struct Asking<'a, C> {
    pub(super) cluster: &'a C,
    pub(super) pod: &'a Candidate,
    pub(super) policy: PdbPolicy,
    pub(super) slots: &'a Semaphore,
    pub(super) budget: &'a Budget,
    /// Called with each answer: whether it held the eviction back, and until when no other is wanted.
    pub(super) on_answer: &'a (dyn Fn(bool, Duration) + Sync),
    /// The last call's grace ends here at the latest, from the handler's entry.
    pub(super) cut_to: Duration,
}

impl<'a, C: Cluster> Asking<'a, C> {
    /// Asks until an answer ends it.
    pub(super) async fn run(&mut self) -> Asked {
        let Self { pod, budget, .. } = *self;
        let spread = SPREAD.min(pod.own_grace / 10).mul_f64(fastrand::f64());
        let overrides = self.policy == PdbPolicy::Delete;
        // A call without an answer may have taken effect: if the pod goes then, it went because of us.
        let mut unanswered = Asked::NotNeeded;
        let mut known: Option<Obstacle> = None;
        let mut attempt = 0;
        budget.wait_until(pod.not_before).await;
        loop {
            let answer = self.evict(budget.timetable().last_moment(pod.own_grace) + spread).await;
            if answer.as_ref().is_err_and(CallError::is_unanswered) {
                unanswered = Asked::Evicted;
            }
            let step = next_step(answer, attempt);
            match &step {
                Step::Retry { least, .. } => (self.on_answer)(true, budget.now() + *least),
                Step::Done | Step::Await => (self.on_answer)(false, Duration::ZERO),
            }
            let (rest, least, obstacle) = match step {
                Step::Done => return Asked::Evicted,
                Step::Await => return unanswered,
                Step::Retry { after, least, obstacle } => (jittered(after), least, obstacle.after(known)),
            };
            // Another may have ended the pod while the API server was at the answer.
            if pod.on_its_way.notified().now_or_never().is_some() {
                return unanswered;
            }
            known = Some(obstacle.clone());
            attempt += 1;
            let from = budget.now();
            loop {
                let (table, now) = (budget.timetable(), budget.now());
                // At the last moment the pod is deleted, even if the next try would come later. Under the
                // policy `leave` an eviction gets its last try in the last second.
                let (end, latest) = if overrides {
                    (table.closing(), table.last_moment(pod.own_grace) + spread)
                } else {
                    let end = table.settled().min(table.closing());
                    (end, (from + least).max(end.saturating_sub(LAST_TRY)))
                };
                let next = (from + rest).min(latest.max(from));
                if next >= end || (!overrides && from + LAST_TRY >= end) {
                    return Asked::Left(obstacle);
                }
                if now >= next {
                    if overrides && now >= latest {
                        return self.delete(obstacle, from + least).await;
                    }
                    break;
                }
                tokio::select! {
                    biased;
                    () = pod.on_its_way.notified() => return unanswered,
                    () = budget.wait_until(next) => {}
                    () = budget.deadline_changed(table) => {}
                }
            }
        }
    }

    /// One eviction. It has as much time as the API server may need for it, but does not hold up the delete that
    /// is due at `last_moment`.
    async fn evict(&mut self, last_moment: Duration) -> Result<Evicted, CallError> {
        let left = last_moment.saturating_sub(self.budget.now());
        let limit = match self.policy {
            PdbPolicy::Delete if left.is_zero() => CALL_LIMIT,
            PdbPolicy::Delete => left.clamp(SHORTEST, EVICTION_LIMIT),
            PdbPolicy::Leave => EVICTION_LIMIT,
        };
        let until = self.budget.now() + limit;
        let Ok(_slot) = timeout(limit, self.slots.acquire()).await else {
            return Err(CallError::TimedOut(limit));
        };
        self.budget.call_until(EVICT, until, self.cluster.evict(self.end())).await
    }

    /// Deletes the pod with the grace that is left. Where no delete is allowed, what stood in the eviction's way may
    /// still go: from `evict_from` on, evictions are tried again, too.
    async fn delete(&mut self, obstacle: Obstacle, mut evict_from: Duration) -> Asked {
        let mut unanswered = false;
        let mut refused = None;
        let mut attempt = 0;
        loop {
            let answer = {
                let _slot = self.slots.acquire().await;
                self.budget.call(DELETE, self.cluster.delete_pod(self.end())).await
            };
            let retry_after = match answer {
                Ok(true) => return Asked::Deleted(obstacle),
                Ok(false) | Err(CallError::NotFound(_) | CallError::LostRace(_)) if unanswered => {
                    return Asked::Deleted(obstacle);
                }
                Ok(false) | Err(CallError::NotFound(_) | CallError::LostRace(_)) => return Asked::NotNeeded,
                Err(error @ (CallError::Forbidden(_) | CallError::Refused(_))) => {
                    refused = Some(error.to_string());
                    Some(DENIED)
                }
                Err(error) => {
                    unanswered |= error.is_unanswered();
                    error.retry_after()
                }
            };
            let next = self.budget.now() + jittered(pause(attempt, retry_after));
            if next >= self.budget.timetable().closing() {
                return match refused {
                    Some(why) => Asked::Refused(why, obstacle),
                    None => Asked::Left(obstacle),
                };
            }
            tokio::select! {
                biased;
                () = self.pod.on_its_way.notified() => {
                    return if unanswered { Asked::Deleted(obstacle) } else { Asked::NotNeeded };
                }
                () = self.budget.wait_until(next) => {}
            }
            if refused.is_some() && self.budget.now() >= evict_from {
                match next_step(self.evict(next).await, attempt) {
                    Step::Done => return Asked::Evicted,
                    Step::Await => {}
                    Step::Retry { least, .. } => evict_from = self.budget.now() + least,
                }
            }
            attempt += 1;
        }
    }

    fn end(&mut self) -> End<'a> {
        let Self { pod, budget, .. } = *self;
        self.cut_to = budget.timetable().settled();
        let granted = pod.terminates.then(|| i64::try_from(pod.own_grace.as_secs()).unwrap_or(i64::MAX));
        End {
            namespace: &pod.namespace,
            name: &pod.name,
            uid: &pod.uid,
            grace_seconds: budget.timetable().grace(pod.own_grace, budget.now()).or(granted),
        }
    }
}
