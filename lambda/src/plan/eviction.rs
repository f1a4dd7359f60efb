//! What follows from one answer to an eviction: the total function from answer and time to the next step.

use std::time::Duration;

use super::retry::pause;
use crate::ports::{CallError, CallResult, Evicted};

/// Pause after an answer that only a change of configuration would alter.
pub(crate) const DENIED: Duration = Duration::from_secs(5);

/// Why a pod is still there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// Its PodDisruptionBudget allows no disruption now.
    Pdb,
    /// More than one PodDisruptionBudget covers it: a fault of their configuration.
    TooManyPdbs,
    /// The API server was busy.
    Throttled,
    /// The API server, RBAC or an admission webhook refused the eviction, in their words.
    Denied(String),
    /// The call failed or had no answer.
    Error(String),
}

impl Obstacle {
    /// Whether deleting the pod at the last moment overrides a PodDisruptionBudget.
    pub(crate) fn is_pdb(&self) -> bool {
        matches!(self, Self::Pdb | Self::TooManyPdbs)
    }

    /// The obstacle in the words of the report; `pdbs` are the names of the pod's PodDisruptionBudgets.
    pub(crate) fn words(&self, pdbs: &str) -> String {
        match self {
            Self::Pdb if pdbs.is_empty() => "a PodDisruptionBudget allows no disruption".to_owned(),
            Self::Pdb => format!("PodDisruptionBudget {pdbs} allows no disruption"),
            Self::TooManyPdbs => format!("more than one PodDisruptionBudget covers it: {pdbs}"),
            Self::Throttled => "the API server throttled its eviction".to_owned(),
            Self::Denied(why) => format!("eviction denied: {why}"),
            Self::Error(error) => error.clone(),
        }
    }

    /// What is known of the pod after this answer and an `earlier` one: a call that failed shows nothing new.
    pub(crate) fn after(self, earlier: Option<Self>) -> Self {
        let shows_nothing = |obstacle: &Self| matches!(obstacle, Self::Throttled | Self::Error(_));
        match earlier {
            Some(earlier) if shows_nothing(&self) && !shows_nothing(&earlier) => earlier,
            _ => self,
        }
    }
}

/// The next step after an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// The pod terminates because of us.
    Done,
    /// The pod is gone, or its end is another controller's work: only wait.
    Await,
    /// Try again. No answer is final while the instance lives: PodDisruptionBudgets, webhooks and rights change, and a
    /// DELETE at the last moment passes what stands in an eviction's way.
    Retry {
        /// After this pause.
        after: Duration,
        /// And not before: the API server named the time.
        least: Duration,
        /// The obstacle.
        obstacle: Obstacle,
    },
}

/// The next step after the `attempt`-th answer (0 for the first).
pub(crate) fn next_step(answer: CallResult<Evicted>, attempt: u32) -> Step {
    let retry = |attempt, retry_after: Option<Duration>, obstacle| Step::Retry {
        after: pause(attempt, retry_after),
        least: retry_after.unwrap_or_default(),
        obstacle,
    };
    match answer {
        Ok(Evicted::Accepted) => Step::Done,
        Ok(Evicted::Gone | Evicted::NamespaceTerminating)
        | Err(CallError::NotFound(_) | CallError::LostRace(_)) => Step::Await,
        Ok(Evicted::Blocked { retry_after }) => retry(attempt, retry_after, Obstacle::Pdb),
        Ok(Evicted::TooManyPdbs) => retry(u32::MAX, None, Obstacle::TooManyPdbs),
        Err(CallError::Throttled { retry_after }) => retry(attempt, retry_after, Obstacle::Throttled),
        Err(CallError::Forbidden(words) | CallError::Refused(words)) => {
            Step::Retry { after: DENIED, least: Duration::ZERO, obstacle: Obstacle::Denied(words) }
        }
        Err(error) => retry(attempt, error.retry_after(), Obstacle::Error(error.to_string())),
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
    fn a_failed_call_hides_no_obstacle() {
        let denied = || Obstacle::Denied("not now".into());
        let error = || Obstacle::Error("no answer".into());
        for (earlier, now, known) in [
            (None, error(), error()),
            (Some(Obstacle::Pdb), error(), Obstacle::Pdb),
            (Some(denied()), Obstacle::Throttled, denied()),
            (Some(Obstacle::Pdb), denied(), denied()),
            (Some(Obstacle::Throttled), error(), error()),
        ] {
            assert_eq!(now.clone().after(earlier.clone()), known, "{earlier:?}, then {now:?}");
        }
    }

    #[test]
    fn each_answer_has_its_step() {
        let webhook = "admission webhook \"drain.example.com\" denied the request: not now";
        let unavailable = CallError::Transient("504: x".into(), Some(ms(10_000)));
        let error = |text: &str| Obstacle::Error(text.into());
        for (case, answer, expected) in [
            ("accepted", Ok(Evicted::Accepted), Step::Done),
            ("gone", Ok(Evicted::Gone), Step::Await),
            ("namespace", Ok(Evicted::NamespaceTerminating), Step::Await),
            ("budget", Ok(Evicted::Blocked { retry_after: None }), retry(250, 0, Obstacle::Pdb)),
            (
                "budget being processed",
                Ok(Evicted::Blocked { retry_after: Some(ms(10_000)) }),
                retry(10_000, 10_000, Obstacle::Pdb),
            ),
            ("two budgets", Ok(Evicted::TooManyPdbs), retry(5_000, 0, Obstacle::TooManyPdbs)),
            (
                "throttled",
                Err(CallError::Throttled { retry_after: Some(ms(1_000)) }),
                retry(1_000, 1_000, Obstacle::Throttled),
            ),
            (
                "webhook",
                Err(CallError::Forbidden(webhook.into())),
                retry(5_000, 0, Obstacle::Denied(webhook.into())),
            ),
            (
                "refused",
                Err(CallError::Refused("400: bad".into())),
                retry(5_000, 0, Obstacle::Denied("400: bad".into())),
            ),
            ("gateway timeout", Err(unavailable), retry(10_000, 10_000, error("504: x"))),
            (
                "unauthenticated",
                Err(CallError::Unauthenticated("x".into())),
                retry(250, 0, error("unauthenticated: x")),
            ),
            ("network", Err(CallError::Transient("reset".into(), None)), retry(250, 0, error("reset"))),
            (
                "silence",
                Err(CallError::TimedOut(ms(15_000))),
                retry(250, 0, error("no answer within 15000 ms")),
            ),
        ] {
            assert_eq!(next_step(answer, 0), expected, "{case}");
        }
    }
}
