//! The outcome of a plan, step by step.

use serde::Serialize;

use crate::{
    call::{AccessKey, Error, ErrorKind, Made},
    plan::{Action, Plan},
    resource::Id,
};

/// The outcome of one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// The resource is as desired.
    Kept,
    /// The resource was written.
    Done,
    /// The step failed; the resource is as before, or a replacement is half done.
    Failed {
        /// Why.
        error: Error,
    },
    /// An earlier step failed, or the run was cancelled.
    NotReached,
}

/// One step and its outcome.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepReport {
    /// The resource.
    pub id: Id,
    /// What the plan does to it.
    #[serde(flatten)]
    pub action: Action,
    /// How that ended.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// The previous content of what was changed in place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup: Option<String>,
    /// What the step could not complete although it succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

/// The outcome of a plan.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// In the plan's order.
    pub steps: Vec<StepReport>,
    /// Whether the run was cancelled.
    pub stopped: bool,
    /// What the run as a whole could not find out or complete although its steps succeeded.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub run_warnings: Vec<String>,
    /// A key that was made. Shown once; the serialized report does not contain it.
    #[serde(skip)]
    pub access_key: Option<AccessKey>,
}

impl Report {
    pub(crate) fn of(plan: &Plan) -> Self {
        let steps = plan.steps.iter().map(|step| StepReport {
            id: step.id.clone(),
            action: step.action.clone(),
            outcome: if step.action == Action::Keep { Outcome::Kept } else { Outcome::NotReached },
            backup: None,
            warning: None,
        });
        Self { steps: steps.collect(), ..Self::default() }
    }

    pub(crate) fn record(&mut self, id: &Id, result: Result<Made, Error>) {
        let Some(step) = self.steps.iter_mut().find(|step| step.id == *id) else { return };
        match result {
            Ok(made) => {
                step.outcome = Outcome::Done;
                (step.backup, step.warning) = (made.backup, made.warning);
                self.access_key = made.access_key.or(self.access_key.take());
            }
            Err(error) => step.outcome = Outcome::Failed { error },
        }
    }

    /// This run and the one after it: the later outcome of a step counts, and what was written stays written.
    pub(crate) fn followed_by(self, mut next: Self) -> Self {
        for earlier in self.steps {
            match next.steps.iter_mut().find(|step| step.id == earlier.id) {
                Some(step) if step.outcome == Outcome::Kept && earlier.outcome == Outcome::Done => {
                    *step = earlier;
                }
                Some(step) => {
                    step.backup = step.backup.take().or(earlier.backup);
                    step.warning = step.warning.take().or(earlier.warning);
                }
                // Deleted, so the later plan does not have it.
                None if earlier.outcome == Outcome::Done => next.steps.push(earlier),
                None => {}
            }
        }
        next.access_key = next.access_key.or(self.access_key);
        next.run_warnings.splice(0..0, self.run_warnings);
        next
    }

    /// Whether every resource is as desired.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.steps.iter().all(|step| matches!(step.outcome, Outcome::Kept | Outcome::Done))
    }

    /// What is left to do or to look at although every step may have succeeded: of each step, and of the run.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let of_step = |step: &StepReport| Some(format!("{}: {}", step.id, step.warning.as_ref()?));
        self.steps.iter().filter_map(of_step).chain(self.run_warnings.iter().cloned()).collect()
    }

    /// The steps that failed.
    pub fn failures(&self) -> impl Iterator<Item = (&Id, &Error)> {
        self.steps.iter().filter_map(|step| match &step.outcome {
            Outcome::Failed { error } => Some((&step.id, error)),
            _ => None,
        })
    }

    /// Whether every failure is a resource that a concurrent run has changed first.
    pub(crate) fn was_overtaken(&self) -> bool {
        let mut failures = self.failures().peekable();
        failures.peek().is_some() && failures.all(|(_, error)| error.reason == ErrorKind::Changed)
    }

    /// Number of steps that wrote something.
    #[must_use]
    pub fn done(&self) -> usize {
        self.steps.iter().filter(|step| step.outcome == Outcome::Done).count()
    }
}
