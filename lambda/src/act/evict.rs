//! The way of one pod: evictions until one is accepted, and the delete at the last moment.

use std::{sync::Arc, time::Duration};

use tokio::sync::{Notify, Semaphore};

use crate::{
    budget::{Budget, jittered},
    plan::{
        PdbPolicy,
        eviction::{Obstacle, Step, next_step},
        retry::pause,
    },
    ports::{CallError, Cluster, End},
};

/// The API server's HTTP/2 connection carries this many calls at once; more would only wait there.
pub(super) const CALLS_AT_ONCE: usize = 100;

/// The last eviction is tried so long before time is up.
const LAST_TRY: Duration = Duration::from_secs(1);

const EVICT: &str = "kubernetes:create pods/eviction";
const DELETE: &str = "kubernetes:delete pods";

/// A pod to be evicted.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) uid: String,
    pub(super) own_grace: Duration,
    /// Set off when the pod is seen terminating or gone: it needs no more asking.
    pub(super) on_its_way: Arc<Notify>,
}

/// How the asking for one pod ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// An eviction was accepted.
    Evicted,
    /// A delete at the last moment was accepted; what stood in the eviction's way.
    Deleted(Obstacle),
    /// Its end is somebody else's work.
    NotNeeded,
    /// Out of time; what stood in the way.
    Left(Obstacle),
    /// Refused for good.
    Refused(String),
}

impl Asked {
    /// Whether a PodDisruptionBudget stood in the way to the end.
    pub(super) fn is_up_to_budgets(&self) -> bool {
        matches!(self, Self::Deleted(obstacle) | Self::Left(obstacle) if obstacle.is_budget())
    }
}

/// Asks until an answer ends it.
pub(super) async fn ask(
    cluster: &impl Cluster,
    pod: &Candidate,
    policy: PdbPolicy,
    slots: &Semaphore,
    budget: &Budget,
) -> Asked {
    // A call without an answer may have been heard: if the pod goes then, it went because of us.
    let mut heard = Asked::NotNeeded;
    let mut attempt = 0;
    loop {
        let answer = {
            let _slot = slots.acquire().await;
            budget.call(EVICT, cluster.evict(end(pod, budget))).await
        };
        let (rest, least, obstacle) = match next_step(answer, attempt) {
            Step::Done => return Asked::Evicted,
            Step::Await => return heard,
            Step::Fail(reason) => return Asked::Refused(reason),
            Step::Retry { after, least, obstacle } => (jittered(after), least, obstacle),
        };
        attempt += 1;
        if matches!(obstacle, Obstacle::Error(_)) {
            heard = Asked::Evicted;
        }
        let overrides = policy == PdbPolicy::Delete && obstacle.is_budget();
        let asked = budget.now();
        let last_moment = loop {
            let table = budget.timetable();
            let last_moment = table.last_moment(pod.own_grace);
            // A budget is overridden at the last moment, even if the next "not yet" would come later. Any other
            // obstacle gets its last try in the last second.
            let (deadline, latest) = if overrides {
                (table.closing(), last_moment)
            } else {
                let deadline = table.settled().min(table.closing());
                (deadline, (asked + least).max(deadline.saturating_sub(LAST_TRY)))
            };
            let next = (asked + rest).min(latest.max(asked));
            let tried_last = !overrides && asked + LAST_TRY >= deadline;
            if next >= deadline || tried_last {
                return Asked::Left(obstacle);
            }
            tokio::select! {
                biased;
                () = pod.on_its_way.notified() => return heard,
                () = budget.wait_until(next) => break last_moment,
                () = budget.deadline_changed(table) => {}
            }
        };
        if overrides && budget.now() >= last_moment {
            return delete(cluster, pod, obstacle, slots, budget).await;
        }
    }
}

/// The override: deletes the pod with the grace that is left.
async fn delete(
    cluster: &impl Cluster,
    pod: &Candidate,
    obstacle: Obstacle,
    slots: &Semaphore,
    budget: &Budget,
) -> Asked {
    let mut unanswered = false;
    let mut attempt = 0;
    loop {
        let answer = {
            let _slot = slots.acquire().await;
            budget.call(DELETE, cluster.delete_pod(end(pod, budget))).await
        };
        let retry_after = match answer {
            Ok(true) => return Asked::Deleted(obstacle),
            Ok(false) | Err(CallError::NotFound(_) | CallError::LostRace(_)) if unanswered => {
                return Asked::Deleted(obstacle);
            }
            Ok(false) | Err(CallError::NotFound(_) | CallError::LostRace(_)) => return Asked::NotNeeded,
            Err(error @ (CallError::Forbidden(_) | CallError::Refused(_))) => {
                return Asked::Refused(error.to_string());
            }
            Err(error) => {
                unanswered |= error.is_unanswered();
                error.retry_after()
            }
        };
        let next = budget.now() + jittered(pause(attempt, retry_after));
        if next >= budget.timetable().closing() {
            return Asked::Left(obstacle);
        }
        budget.wait_until(next).await;
        attempt += 1;
    }
}

fn end<'a>(pod: &'a Candidate, budget: &Budget) -> End<'a> {
    End {
        namespace: &pod.namespace,
        name: &pod.name,
        uid: &pod.uid,
        grace_seconds: budget.timetable().grace(pod.own_grace, budget.now()),
    }
}
