//! The eviction of one pod: calls until one is accepted, and the delete at the last moment.

use std::time::Duration;

use futures_util::FutureExt;
use tokio::{sync::Semaphore, time::timeout};

use super::candidate::{AnswerEffect, Candidate, EvictionResult};
use crate::{
    budget::{Budget, CALL_LIMIT, jittered},
    plan::{
        eviction::{DENIED, Obstacle, Step, next_step},
        retry::pause,
    },
    ports::{CallError, CallResult, Cluster, End, Evicted},
};

/// The API server's HTTP/2 connection carries this many calls at once; more would only wait there.
pub(super) const CALLS_AT_ONCE: usize = 100;

/// The API server itself retries a conflict on a PodDisruptionBudget's status for ten seconds (Kubernetes,
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

/// The eviction of one pod.
pub(super) struct PodEviction<'a, C> {
    pub(super) cluster: &'a C,
    pub(super) pod: &'a Candidate,
    /// Whether the pod is deleted at its last moment.
    pub(super) overrides: bool,
    pub(super) slots: &'a Semaphore,
    pub(super) budget: &'a Budget,
    /// Called with what each answer changes.
    pub(super) on_answer: &'a (dyn Fn(AnswerEffect) + Sync),
    /// The end to which an accepted call cut the pod's grace, from the handler's entry.
    pub(super) cut_to: Option<Duration>,
}

/// The pause that an answer asks for.
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
    /// The pod needs no more calls.
    Terminating,
}

impl<'a, C: Cluster> PodEviction<'a, C> {
    /// Evicts until an answer ends it or time is up.
    pub(super) async fn run_until_deadline(&mut self) -> EvictionResult {
        let Self { pod, budget, .. } = *self;
        let spread = SPREAD.min(pod.own_grace / 10).mul_f64(fastrand::f64());
        let mut if_gone = EvictionResult::NotNeeded;
        // Another may have ended the pod before the first call.
        if pod.terminating.notified().now_or_never().is_some() {
            return if_gone;
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
                        return self.delete(wait.obstacle.clone(), evict_from, if_gone).await;
                    }
                    Waited::TimeUp => return EvictionResult::Left(wait.obstacle.clone()),
                    Waited::Terminating => return if_gone,
                }
            }
            let last_moment = budget.timetable().last_moment(pod.own_grace) + spread;
            match self.step(last_moment, attempt, &mut if_gone).await {
                Step::Done => {
                    (self.on_answer)(AnswerEffect::Free);
                    return EvictionResult::Evicted;
                }
                Step::Await => {
                    (self.on_answer)(AnswerEffect::Free);
                    return if_gone;
                }
                Step::Retry { after, least, obstacle } => {
                    let since = budget.now();
                    (self.on_answer)(AnswerEffect::Held(since + least));
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
        if pod.terminating.notified().now_or_never().is_some() {
            return Waited::Terminating;
        }
        loop {
            let (table, now) = (budget.timetable(), budget.now());
            let (end, latest) = if overrides {
                (table.report_deadline(), table.last_moment(pod.own_grace) + spread)
            } else {
                let end = table.drain_deadline().min(table.report_deadline());
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
                () = pod.terminating.notified() => return Waited::Terminating,
                () = budget.wait_until(next) => {}
                () = budget.deadline_changed(table) => {}
            }
        }
    }

    /// One eviction, and the step that follows. A call without an answer may have taken effect: if the pod goes then, it
    /// went because of us.
    async fn step(&mut self, last_moment: Duration, attempt: u32, if_gone: &mut EvictionResult) -> Step {
        let answer = self.evict(last_moment).await;
        if answer.as_ref().is_err_and(CallError::is_unanswered) {
            *if_gone = EvictionResult::Evicted;
        }
        next_step(answer, attempt)
    }

    /// One eviction. It has as much time as the API server may need for it, but does not hold up the delete that
    /// is due at `last_moment`.
    async fn evict(&mut self, last_moment: Duration) -> CallResult<Evicted> {
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
    /// still go: from `evict_from` on, evictions are tried again, too. `if_gone` is the result if it goes before a
    /// delete was sent.
    async fn delete(
        &mut self,
        obstacle: Obstacle,
        mut evict_from: Duration,
        mut if_gone: EvictionResult,
    ) -> EvictionResult {
        let mut maybe_applied = false;
        let mut refused = None;
        let mut attempt = 0;
        let mut next = self.pod.no_delete_before;
        loop {
            if next >= self.budget.timetable().report_deadline() {
                return match refused {
                    Some(why) => EvictionResult::Refused(why, obstacle),
                    None => EvictionResult::Left(obstacle),
                };
            }
            tokio::select! {
                biased;
                () = self.pod.terminating.notified() => {
                    return if maybe_applied { EvictionResult::Deleted(obstacle) } else { if_gone };
                }
                () = self.budget.wait_until(next) => {}
            }
            if refused.is_some() && self.budget.now() >= evict_from {
                match self.step(next, attempt, &mut if_gone).await {
                    Step::Done => return EvictionResult::Evicted,
                    Step::Await => {}
                    Step::Retry { least, .. } => {
                        evict_from = self.budget.now() + least;
                        (self.on_answer)(AnswerEffect::Held(evict_from));
                    }
                }
            }
            let answer = {
                let _slot = self.slots.acquire().await;
                let end = self.end();
                self.budget.call(DELETE, self.cluster.delete_pod(end)).await
            };
            if answer == Ok(true) {
                return EvictionResult::Deleted(obstacle);
            }
            self.cut_to = None;
            let retry_after = match answer {
                Ok(_) | Err(CallError::NotFound(_) | CallError::LostRace(_)) => {
                    return if maybe_applied { EvictionResult::Deleted(obstacle) } else { if_gone };
                }
                Err(error @ (CallError::Forbidden(_) | CallError::Refused(_))) => {
                    refused = Some(error.to_string());
                    Some(DENIED)
                }
                Err(error) => {
                    maybe_applied |= error.is_unanswered();
                    error.retry_after()
                }
            };
            let now = self.budget.now();
            (self.on_answer)(AnswerEffect::NoDelete(now + retry_after.unwrap_or_default()));
            next = now + jittered(pause(attempt, retry_after));
            attempt += 1;
        }
    }

    fn end(&mut self) -> End<'a> {
        let Self { pod, budget, .. } = *self;
        let table = budget.timetable();
        let cut = table.cut_grace(pod.own_grace, budget.now());
        self.cut_to = cut.map(|_| table.drain_deadline());
        let granted = pod.terminates.then(|| i64::try_from(pod.own_grace.as_secs()).unwrap_or(i64::MAX));
        End { namespace: &pod.namespace, name: &pod.name, uid: &pod.uid, grace_seconds: cut.or(granted) }
    }
}
