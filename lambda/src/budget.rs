//! The time and the calls of one notice. Every call to the world goes through here: it is counted, it
//! has a time limit inside the deadline that leaves time for the report, and it is not begun after the deadline.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until, timeout_at},
};

use crate::{
    plan::{retry::pause, timetable::Timetable},
    ports::{Call, CallError, CallResult},
};

/// Limit of one call: far above a healthy API's answer, and small enough to try again many times.
pub(crate) const CALL_LIMIT: Duration = Duration::from_secs(5);

/// The time and the calls of one notice.
#[derive(Debug)]
pub(crate) struct Budget {
    entry: Instant,
    /// The timetable of the notice's own deadline, or of an earlier one that EC2 has shown.
    noticed: Mutex<Timetable>,
    timetable: Mutex<Timetable>,
    /// Wakes in the order of the waiting, which a watch channel does not: equal seeds give equal traces.
    moved: Notify,
    calls: Mutex<BTreeMap<String, u64>>,
}

impl Budget {
    /// A budget that begins now.
    pub(crate) fn new(timetable: Timetable) -> Self {
        Self {
            entry: Instant::now(),
            noticed: Mutex::new(timetable),
            timetable: Mutex::new(timetable),
            moved: Notify::new(),
            calls: Mutex::default(),
        }
    }

    /// When what has to have happened, by the deadline in force.
    pub(crate) fn timetable(&self) -> Timetable {
        *self.timetable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The timetable of EC2's own deadline, whatever is in force.
    pub(crate) fn noticed(&self) -> Timetable {
        *self.noticed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// EC2 ends the instance at `deadline` (from the handler's entry), if that is earlier than the notice says.
    pub(crate) fn end_by(&self, deadline: Duration) {
        let timetable = self.noticed().ending_by(deadline);
        *self.noticed.lock().unwrap_or_else(PoisonError::into_inner) = timetable;
        self.set_deadline(deadline);
    }

    /// Puts the earlier of `deadline` (from the handler's entry) and EC2's own deadline in force.
    pub(crate) fn set_deadline(&self, deadline: Duration) {
        let timetable = self.noticed().ending_by(deadline);
        *self.timetable.lock().unwrap_or_else(PoisonError::into_inner) = timetable;
        self.moved.notify_waiters();
    }

    /// Waits until another deadline than that of `timetable` is in force.
    pub(crate) async fn deadline_changed(&self, timetable: Timetable) {
        loop {
            // Begun before the look: a move in between is not missed.
            let moved = self.moved.notified();
            if self.timetable() != timetable {
                return;
            }
            moved.await;
        }
    }

    /// Time since the handler's entry.
    pub(crate) fn now(&self) -> Duration {
        self.entry.elapsed()
    }

    /// Time since the handler's entry, in milliseconds.
    pub(crate) fn now_ms(&self) -> u64 {
        u64::try_from(self.now().as_millis()).unwrap_or(u64::MAX)
    }

    /// Waits until this time after the handler's entry.
    pub(crate) async fn wait_until(&self, at: Duration) {
        sleep_until(self.entry + at).await;
    }

    /// Number of calls, by API and operation.
    pub(crate) fn calls(&self) -> BTreeMap<String, u64> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// One call, limited to five seconds and to the closing.
    pub(crate) async fn call<T>(&self, name: &str, call: impl Call<T>) -> CallResult<T> {
        self.call_until(name, self.now() + CALL_LIMIT, call).await
    }

    /// One call, limited to this time after the handler's entry and to the closing.
    pub(crate) async fn call_until<T>(
        &self,
        name: &str,
        until: Duration,
        call: impl Call<T>,
    ) -> CallResult<T> {
        let begun = self.now();
        let limit = until.min(self.timetable().cut_off(begun));
        if begun >= limit {
            return Err(CallError::TimedOut(Duration::ZERO));
        }
        *self.calls.lock().unwrap_or_else(PoisonError::into_inner).entry(name.to_owned()).or_default() += 1;
        let answer = timeout_at(self.entry + limit, call).await;
        answer.unwrap_or(Err(CallError::TimedOut(limit.saturating_sub(begun))))
    }

    /// Calls, each limited to `limit`, that are repeated until one succeeds or the deadline is near, whatever the
    /// others were answered: rights and policies come back, and nothing goes on without the answer.
    pub(crate) async fn insisted<T, F: Call<T>>(
        &self,
        name: &str,
        limit: Duration,
        call: impl FnMut() -> F,
    ) -> CallResult<T> {
        self.repeat(name, limit, |_| true, call).await.0
    }

    /// Calls, each limited to five seconds, that are repeated until one is answered for good or the
    /// deadline is near.
    pub(crate) async fn retried<T, F: Call<T>>(&self, name: &str, call: impl FnMut() -> F) -> CallResult<T> {
        self.repeat(name, CALL_LIMIT, CallError::is_worth_a_retry, call).await.0
    }

    /// [`Self::retried`], and whether an attempt before the last one had no answer: that one may have taken effect.
    pub(crate) async fn retry_tracking_ambiguity<T, F: Call<T>>(
        &self,
        name: &str,
        call: impl FnMut() -> F,
    ) -> (CallResult<T>, bool) {
        self.repeat(name, CALL_LIMIT, CallError::is_worth_a_retry, call).await
    }

    /// The same for operations that limit and repeat their attempts by themselves (an AWS SDK's).
    pub(crate) async fn operation<T, F: Call<T>>(
        &self,
        name: &str,
        call: impl FnMut() -> F,
    ) -> CallResult<T> {
        self.repeat(name, self.timetable().end(), CallError::is_worth_a_retry, call).await.0
    }

    async fn repeat<T, F: Call<T>>(
        &self,
        name: &str,
        limit: Duration,
        again: impl Fn(&CallError) -> bool,
        mut call: impl FnMut() -> F,
    ) -> (CallResult<T>, bool) {
        let mut attempt = 0;
        let mut maybe_applied = false;
        loop {
            let error = match self.call_until(name, self.now() + limit, call()).await {
                Err(error) if again(&error) => error,
                answer => return (answer, maybe_applied),
            };
            let next = self.now() + jittered(pause(attempt, error.retry_after()));
            if next >= self.timetable().report_deadline() {
                return (Err(error), maybe_applied);
            }
            maybe_applied |= error.is_unanswered();
            self.wait_until(next).await;
            attempt += 1;
        }
    }
}

/// A pause, lengthened by up to a quarter: many functions that failed together do not come back together.
pub(crate) fn jittered(pause: Duration) -> Duration {
    pause + pause.mul_f64(fastrand::f64() / 4.0)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_hanging_call_ends_at_its_limit_or_in_time_for_the_report() {
        let budget = Budget::new(Timetable::new(8 * S, 2 * S, 100 * S));
        let hang = || std::future::pending::<Result<(), CallError>>();
        assert_eq!(budget.call("x", hang()).await, Err(CallError::TimedOut(5 * S)));
        assert_eq!(budget.call("x", hang()).await, Err(CallError::TimedOut(2 * S)));
        assert_eq!(budget.now(), 7 * S, "the closing");
        assert_eq!(budget.call("x", hang()).await, Err(CallError::TimedOut(S / 2)));
        assert_eq!(budget.now(), 7 * S + S / 2);
        assert_eq!(budget.calls()["x"], 3);
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_without_an_answer_may_have_taken_effect() {
        let budget = Budget::new(Timetable::new(100 * S, 2 * S, 200 * S));
        let lost = || CallError::LostRace("gone".into());
        for (first, expected) in [
            (CallError::Transient("reset".into(), None), true),
            (CallError::TimedOut(S), true),
            (CallError::Throttled { retry_after: None }, false),
        ] {
            let mut answers = vec![lost(), first.clone()];
            let call = || std::future::ready(Err::<(), _>(answers.pop().unwrap()));
            assert_eq!(
                budget.retry_tracking_ambiguity("x", call).await,
                (Err(lost()), expected),
                "{first:?}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_call_begins_after_the_deadline() {
        let budget = Budget::new(Timetable::new(S, S / 2, 100 * S));
        budget.wait_until(S).await;
        let begun = AtomicU32::new(0);
        let call = async {
            begun.fetch_add(1, Ordering::Relaxed);
            Ok(())
        };
        assert_eq!(budget.call("x", call).await, Err(CallError::TimedOut(Duration::ZERO)));
        assert_eq!(begun.load(Ordering::Relaxed), 0);
        assert!(budget.calls().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn the_deadline_in_force_is_never_later_than_the_notices_own() {
        let budget = Budget::new(Timetable::new(100 * S, 2 * S, 200 * S));
        let before = budget.timetable();
        budget.set_deadline(30 * S);
        budget.deadline_changed(before).await;
        assert_eq!(budget.timetable().drain_deadline(), 28 * S);
        budget.set_deadline(150 * S);
        assert_eq!(budget.timetable(), before);
    }

    #[tokio::test(start_paused = true)]
    async fn retries_end_with_a_final_answer_or_near_the_deadline() {
        let budget = Budget::new(Timetable::new(100 * S, 2 * S, 200 * S));
        let forbidden = || async { Err::<(), _>(CallError::Forbidden("patch nodes".into())) };
        assert!(budget.retried("x", forbidden).await.is_err());
        assert_eq!(budget.calls()["x"], 1);
        let failing = || async { Err::<(), _>(CallError::Transient("reset".into(), None)) };
        assert!(budget.retried("y", failing).await.is_err());
        assert!(budget.now() < 99 * S);
        assert!((15..30).contains(&budget.calls()["y"]), "{:?}", budget.calls());
    }
}
