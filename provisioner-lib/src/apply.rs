//! Applies a plan: independent steps run concurrently, each after those that it needs. The first failure ends an
//! onboarding; running it again is the recovery. An offboarding continues with what does not depend on the failure.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering},
};

use futures_util::{StreamExt, stream::FuturesUnordered};

use crate::{
    plan::{Action, Phases, Plan, Step},
    provider::{Error, Made, Provider},
    report::Report,
    resource::Id,
};

/// Steps that run at once. IAM's own limits are not known to its callers; more than this is throttled.
const AT_ONCE: usize = 8;

/// An event of a running plan.
#[derive(Debug, Clone, Copy)]
pub enum Progress<'a> {
    /// A step has begun.
    Started(&'a Step),
    /// A step is done.
    Done(&'a Step),
    /// A step has failed.
    Failed(&'a Step, &'a Error),
}

/// How a run proceeds after a failed step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// Starts no further step.
    Stop,
    /// Completes what does not depend on the failed step.
    Continue,
}

/// Ends a run from outside: no further step starts, those that run are finished.
#[derive(Debug, Default)]
pub struct CancelToken(AtomicBool);

impl CancelToken {
    /// A token that is not cancelled.
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    /// Ends the run.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the run has to end.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

type Part<'a> = (&'a Step, Action);

/// Applies `plan` until `cancel` ends it. A plan with conflicts is not started.
pub async fn apply(
    plan: &Plan,
    provider: &impl Provider,
    on_failure: OnFailure,
    cancel: &CancelToken,
    progress: &mut (dyn FnMut(Progress<'_>) + Send),
) -> Report {
    let mut report = Report::of(plan);
    if plan.conflicts().next().is_some() {
        return report;
    }
    let Phases { first, steps: mut waiting, last } = plan.phases();
    waiting.retain(|(_, action)| action.writes());
    let is_in = |parts: &[Part<'_>], step: &Step| parts.iter().any(|(other, _)| other.id == step.id);
    // Of some, only the tag changes.
    let mut done: BTreeSet<&Id> =
        plan.writes().filter(|step| !is_in(&waiting, step)).map(|step| &step.id).collect();
    let mut failed = false;
    for part in &first {
        let continues = !failed || on_failure == OnFailure::Continue;
        let is_whole = !is_in(&waiting, part.0) && !is_in(&last, part.0);
        if continues
            && !cancel.is_cancelled()
            && !alone(part, is_whole, provider, progress, &mut report).await
        {
            failed = true;
            waiting.retain(|(step, _)| step.id != part.0.id);
            done.remove(&part.0.id);
        }
    }
    let touched: Vec<&Id> = waiting.iter().map(|(step, _)| &step.id).collect();
    let mut running = FuturesUnordered::new();
    loop {
        let continues = !failed || on_failure == OnFailure::Continue;
        // Read for each step: `progress` may cancel the run when one starts.
        while continues && !cancel.is_cancelled() && running.len() < AT_ONCE {
            let ready = waiting.iter().position(|(step, _)| step.after.iter().all(|id| done.contains(id)));
            let Some(ready) = ready else { break };
            let (step, action) = waiting.remove(ready);
            progress(Progress::Started(step));
            running.push(async move { (step, execute(step, &action, provider).await) });
        }
        let Some((step, result)) = running.next().await else { break };
        match &result {
            Ok(_) => {
                done.insert(&step.id);
                progress(Progress::Done(step));
            }
            Err(error) => {
                failed = true;
                progress(Progress::Failed(step, error));
            }
        }
        report.record(&step.id, result);
    }
    for part in &last {
        if failed || !waiting.is_empty() || cancel.is_cancelled() {
            break;
        }
        failed = !alone(part, !touched.contains(&&part.0.id), provider, progress, &mut report).await;
    }
    report.stopped = cancel.is_cancelled();
    report
}

/// Does a part that no other one runs beside. A step of which it is the whole is reported with it.
async fn alone(
    (step, action): &Part<'_>,
    is_whole: bool,
    provider: &impl Provider,
    progress: &mut (dyn FnMut(Progress<'_>) + Send),
    report: &mut Report,
) -> bool {
    if is_whole {
        progress(Progress::Started(step));
    }
    let result = execute(step, action, provider).await;
    match &result {
        Ok(_) if is_whole => progress(Progress::Done(step)),
        Ok(_) => return true,
        Err(error) => progress(Progress::Failed(step, error)),
    }
    let succeeded = result.is_ok();
    report.record(&step.id, result);
    succeeded
}

async fn execute(step: &Step, action: &Action, provider: &impl Provider) -> Result<Made, Error> {
    match action {
        Action::Create => provider.create(&step.resource).await,
        Action::Update { changes } => {
            provider.update(&step.resource, changes, step.revision.as_deref()).await
        }
        Action::Replace { .. } => {
            provider.delete(&step.resource).await?;
            provider.create(&step.resource).await
        }
        Action::Delete => provider.delete(&step.resource).await,
        Action::Keep | Action::Conflict { .. } => Ok(Made::default()),
    }
}
