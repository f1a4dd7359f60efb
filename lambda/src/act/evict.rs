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
    /// The API server wants no eviction of it before this time,
    pub(super) not_before: Duration,
    /// and no delete before this one.
    pub(super) no_delete_before: Duration,
    /// When it was first seen, from the handler's entry.
    pub(super) seen: Duration,
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

/// What an answer shows of the API server's will. All times are from the handler's entry.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shown {
    /// The eviction is held back, and no other one is wanted before this time.
    Held(Duration),
    /// It is held back no more.
    Free,
    /// No delete is wanted before this time.
    NoDelete(Duration),
}

/// The asking for one pod.
pub(super) struct Asking<'a, C> {
    pub(super) cluster: &'a C,
    pub(super) pod: &'a Candidate,
    /// Whether the pod is deleted at its last moment.
    pub(super) overrides: bool,
    pub(super) slots: &'a Semaphore,
    pub(super) budget: &'a Budget,
    /// Called with what each answer shows.
    pub(super) on_answer: &'a (dyn Fn(Shown) + Sync),
    /// The end to which an accepted call cut the pod's grace, from the handler's entry.
    pub(super) cut_to: Option<Duration>,
}

/// What an answer leaves to wait for.
#[derive(Debug)]
struct Wait {
    since: Duration,
    /// The next try comes after this pause,
    pause: Duration,
    /// and not before this one is over: the API server named the time.
    least: Duration,
    obstacle: Obstacle,
}

/// How a [`Wait`] ended.
#[derive(Debug)]
enum Waited {
    /// The next eviction is due.
    Over,
    /// The delete is due.
    LastMoment,
    /// No time is left for another try.
    TimeUp,
    /// The pod needs no more asking.
    OnItsWay,
}

impl<'a, C: Cluster> Asking<'a, C> {
    /// Asks until an answer ends it.
    pub(super) async fn run(&mut self) -> Asked {
        let Self { pod, budget, .. } = *self;
        let spread = SPREAD.min(pod.own_grace / 10).mul_f64(fastrand::f64());
        // A call without an answer may have taken effect: if the pod goes then, it went because of us.
        let mut unanswered = Asked::NotNeeded;
        // Another may have ended the pod before the first call.
        if pod.on_its_way.notified().now_or_never().is_some() {
            return unanswered;
        }
        let since = budget.now();
        let left = pod.not_before.saturating_sub(since);
        let throttled = Wait { since, pause: left, least: left, obstacle: Obstacle::Throttled };
        let mut wait = (!left.is_zero()).then_some(throttled);
        let mut attempt = 0;
        loop {
            if let Some(wait) = &wait {
                match self.wait(wait, spread).await {
                    Waited::Over => {}
                    Waited::LastMoment => {
                        let evict_from = wait.since + wait.least;
                        return self.delete(wait.obstacle.clone(), evict_from, unanswered).await;
                    }
                    Waited::TimeUp => return Asked::Left(wait.obstacle.clone()),
                    Waited::OnItsWay => return unanswered,
                }
            }
            let answer = self.evict(budget.timetable().last_moment(pod.own_grace) + spread).await;
            if answer.as_ref().is_err_and(CallError::is_unanswered) {
                unanswered = Asked::Evicted;
            }
            match next_step(answer, attempt) {
                Step::Done => {
                    (self.on_answer)(Shown::Free);
                    return Asked::Evicted;
                }
                Step::Await => {
                    (self.on_answer)(Shown::Free);
                    return unanswered;
                }
                Step::Retry { after, least, obstacle } => {
                    let since = budget.now();
                    (self.on_answer)(Shown::Held(since + least));
                    let obstacle = obstacle.after(wait.map(|wait| wait.obstacle));
                    wait = Some(Wait { since, pause: jittered(after), least, obstacle });
                }
            }
            attempt += 1;
        }
    }

    /// Waits for the next try. At the last moment the pod is deleted, even if the next try would come later. Where
    /// nothing is overridden, an eviction gets its last try in the last second.
    async fn wait(&self, wait: &Wait, spread: Duration) -> Waited {
        let Self { pod, budget, .. } = self;
        let overrides = self.overrides;
        let since = wait.since;
        // Another may have ended the pod while the call was in flight.
        if pod.on_its_way.notified().now_or_never().is_some() {
            return Waited::OnItsWay;
        }
        loop {
            let (table, now) = (budget.timetable(), budget.now());
            let (end, latest) = if overrides {
                (table.closing(), table.last_moment(pod.own_grace) + spread)
            } else {
                let end = table.settled().min(table.closing());
                (end, (since + wait.least).max(end.saturating_sub(LAST_TRY)))
            };
            let next = (since + wait.pause).min(latest.max(since));
            if next >= end || (!overrides && since + LAST_TRY >= end) {
                return Waited::TimeUp;
            }
            if now >= next {
                return if overrides && now >= latest { Waited::LastMoment } else { Waited::Over };
            }
            tokio::select! {
                biased;
                () = pod.on_its_way.notified() => return Waited::OnItsWay,
                () = budget.wait_until(next) => {}
                () = budget.deadline_changed(table) => {}
            }
        }
    }

    /// One eviction. It has as much time as the API server may need for it, but does not hold up the delete that
    /// is due at `last_moment`.
    async fn evict(&mut self, last_moment: Duration) -> Result<Evicted, CallError> {
        let left = last_moment.saturating_sub(self.budget.now());
        let limit = match left {
            _ if !self.overrides => EVICTION_LIMIT,
            Duration::ZERO => CALL_LIMIT,
            left => left.clamp(SHORTEST, EVICTION_LIMIT),
        };
        let until = self.budget.now() + limit;
        let Ok(_slot) = timeout(limit, self.slots.acquire()).await else {
            return Err(CallError::TimedOut(limit));
        };
        let end = self.end();
        let answer = self.budget.call_until(EVICT, until, self.cluster.evict(end)).await;
        if answer != Ok(Evicted::Accepted) {
            self.cut_to = None;
        }
        answer
    }

    /// Deletes the pod with the grace that is left. Where no delete is allowed, what stood in the eviction's way may
    /// still go: from `evict_from` on, evictions are tried again, too. `evicted` says who ended it, if it goes before a
    /// delete was sent.
    async fn delete(&mut self, obstacle: Obstacle, mut evict_from: Duration, mut evicted: Asked) -> Asked {
        let mut unanswered = false;
        let mut refused = None;
        let mut attempt = 0;
        let mut next = self.pod.no_delete_before;
        loop {
            if next >= self.budget.timetable().closing() {
                return match refused {
                    Some(why) => Asked::Refused(why, obstacle),
                    None => Asked::Left(obstacle),
                };
            }
            tokio::select! {
                biased;
                () = self.pod.on_its_way.notified() => {
                    return if unanswered { Asked::Deleted(obstacle) } else { evicted };
                }
                () = self.budget.wait_until(next) => {}
            }
            if refused.is_some() && self.budget.now() >= evict_from {
                let answer = self.evict(next).await;
                if answer.as_ref().is_err_and(CallError::is_unanswered) {
                    evicted = Asked::Evicted;
                }
                match next_step(answer, attempt) {
                    Step::Done => return Asked::Evicted,
                    Step::Await => {}
                    Step::Retry { least, .. } => {
                        evict_from = self.budget.now() + least;
                        (self.on_answer)(Shown::Held(evict_from));
                    }
                }
            }
            let answer = {
                let _slot = self.slots.acquire().await;
                let end = self.end();
                self.budget.call(DELETE, self.cluster.delete_pod(end)).await
            };
            if answer == Ok(true) {
                return Asked::Deleted(obstacle);
            }
            self.cut_to = None;
            let retry_after = match answer {
                Ok(_) | Err(CallError::NotFound(_) | CallError::LostRace(_)) => {
                    return if unanswered { Asked::Deleted(obstacle) } else { evicted };
                }
                Err(error @ (CallError::Forbidden(_) | CallError::Refused(_))) => {
                    refused = Some(error.to_string());
                    Some(DENIED)
                }
                Err(error) => {
                    unanswered |= error.is_unanswered();
                    error.retry_after()
                }
            };
            let now = self.budget.now();
            (self.on_answer)(Shown::NoDelete(now + retry_after.unwrap_or_default()));
            next = now + jittered(pause(attempt, retry_after));
            attempt += 1;
        }
    }

    fn end(&mut self) -> End<'a> {
        let Self { pod, budget, .. } = *self;
        let table = budget.timetable();
        let cut = table.grace(pod.own_grace, budget.now());
        self.cut_to = cut.map(|_| table.settled());
        let granted = pod.terminates.then(|| i64::try_from(pod.own_grace.as_secs()).unwrap_or(i64::MAX));
        End { namespace: &pod.namespace, name: &pod.name, uid: &pod.uid, grace_seconds: cut.or(granted) }
    }
}
