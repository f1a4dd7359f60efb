//! What follows from one answer to an eviction: the total function from answer and time to the next step.

use std::time::Duration;

use super::retry::pause;
use crate::ports::{CallError, Evicted};

/// Why a pod is still there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// Its PodDisruptionBudget says "not yet".
    Budget,
    /// More than one PodDisruptionBudget covers it: a fault of their configuration.
    TooManyBudgets,
    /// The API server is busy.
    Throttled,
    /// The call failed.
    Error(String),
}

impl Obstacle {
    /// Whether deleting the pod at the last moment overrides a PodDisruptionBudget.
    #[must_use]
    pub fn is_budget(&self) -> bool {
        matches!(self, Self::Budget | Self::TooManyBudgets)
    }
}

/// What to do after an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The pod terminates because of us.
    Done,
    /// The pod is gone, or its end is somebody else's work: only wait.
    Await,
    /// Try again.
    Retry {
        /// After this pause.
        after: Duration,
        /// And not before: the API server said so.
        least: Duration,
        /// What stands in the way.
        obstacle: Obstacle,
    },
    /// It will be refused for good.
    Fail(String),
}

/// The next step after the `attempt`-th answer (0 for the first).
#[must_use]
pub fn next_step(answer: Result<Evicted, CallError>, attempt: u32) -> Step {
    let retry = |attempt, retry_after: Option<Duration>, obstacle| Step::Retry {
        after: pause(attempt, retry_after),
        least: retry_after.unwrap_or_default(),
        obstacle,
    };
    match answer {
        Ok(Evicted::Accepted) => Step::Done,
        Ok(Evicted::Gone | Evicted::NamespaceTerminating)
        | Err(CallError::NotFound(_) | CallError::LostRace(_)) => Step::Await,
        Ok(Evicted::Blocked { retry_after }) => retry(attempt, retry_after, Obstacle::Budget),
        Ok(Evicted::TooManyBudgets) => retry(u32::MAX, None, Obstacle::TooManyBudgets),
        Err(CallError::Throttled { retry_after }) => retry(attempt, retry_after, Obstacle::Throttled),
        Err(error @ CallError::Unavailable { retry_after, .. }) => {
            retry(attempt, Some(retry_after), Obstacle::Error(error.to_string()))
        }
        Err(error @ (CallError::Forbidden(_) | CallError::Refused(_))) => Step::Fail(error.to_string()),
        Err(error @ (CallError::Unauthenticated(_) | CallError::Transient(_) | CallError::TimedOut(_))) => {
            retry(attempt, None, Obstacle::Error(error.to_string()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn retry(after: u64, least: u64, obstacle: Obstacle) -> Step {
        Step::Retry { after: ms(after), least: ms(least), obstacle }
    }

    #[test]
    fn each_answer_has_its_step() {
        let forbidden = CallError::Forbidden("cannot create pods/eviction".into());
        let throttled = CallError::Throttled { retry_after: Some(ms(1_000)) };
        let being_processed = Evicted::Blocked { retry_after: Some(ms(10_000)) };
        for (case, answer, expected) in [
            ("accepted", Ok(Evicted::Accepted), Step::Done),
            ("gone", Ok(Evicted::Gone), Step::Await),
            ("namespace", Ok(Evicted::NamespaceTerminating), Step::Await),
            ("budget", Ok(Evicted::Blocked { retry_after: None }), retry(250, 0, Obstacle::Budget)),
            ("budget being processed", Ok(being_processed), retry(10_000, 10_000, Obstacle::Budget)),
            ("two budgets", Ok(Evicted::TooManyBudgets), retry(5_000, 0, Obstacle::TooManyBudgets)),
            ("throttled", Err(throttled), retry(1_000, 1_000, Obstacle::Throttled)),
            ("forbidden", Err(forbidden), Step::Fail("forbidden: cannot create pods/eviction".into())),
            (
                "network",
                Err(CallError::Transient("reset".into())),
                retry(250, 0, Obstacle::Error("reset".into())),
            ),
        ] {
            assert_eq!(next_step(answer, 0), expected, "{case}");
        }
    }
}
