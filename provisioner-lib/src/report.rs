//! What became of a plan, step by step.

use serde::Serialize;

use crate::{
    call::{AccessKey, Error, Made},
    plan::{Action, Plan},
    resource::Id,
};

/// What became of one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Nothing was to be done.
    Kept,
    /// Done.
    Done,
    /// It failed; what stands is as before, or half of a replacement.
    Failed {
        /// Why.
        error: Error,
    },
    /// Something before it failed, or the run was stopped.
    NotReached,
}

/// One step and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepReport {
    /// The resource.
    pub id: Id,
    /// What was to be done.
    #[serde(flatten)]
    pub action: Action,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Something that was there before, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup: Option<String>,
}

/// What became of all steps.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// In the plan's order.
    pub steps: Vec<StepReport>,
    /// Whether it was stopped from outside.
    pub stopped: bool,
    /// A key that was made. To be shown once; it is not part of the report.
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
        });
        Self { steps: steps.collect(), ..Self::default() }
    }

    pub(crate) fn record(&mut self, id: &Id, result: Result<Made, Error>) {
        let Some(step) = self.steps.iter_mut().find(|step| step.id == *id) else { return };
        match result {
            Ok(made) => {
                step.outcome = Outcome::Done;
                step.backup = made.backup;
                self.access_key = made.access_key.or(self.access_key.take());
            }
            Err(error) => step.outcome = Outcome::Failed { error },
        }
    }

    /// This run and the one after it: the later word on each step holds, and what was written stays written.
    pub(crate) fn followed_by(self, mut next: Self) -> Self {
        for earlier in self.steps {
            match next.steps.iter_mut().find(|step| step.id == earlier.id) {
                Some(step) if step.outcome == Outcome::Kept && earlier.outcome == Outcome::Done => {
                    *step = earlier;
                }
                Some(step) => step.backup = step.backup.take().or(earlier.backup),
                // It went, and is looked for no more.
                None if earlier.outcome == Outcome::Done => next.steps.push(earlier),
                None => {}
            }
        }
        next.access_key = next.access_key.or(self.access_key);
        next
    }

    /// Whether all is as it is to be.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.steps.iter().all(|step| matches!(step.outcome, Outcome::Kept | Outcome::Done))
    }

    /// The steps that failed.
    pub fn failures(&self) -> impl Iterator<Item = (&Id, &Error)> {
        self.steps.iter().filter_map(|step| match &step.outcome {
            Outcome::Failed { error } => Some((&step.id, error)),
            _ => None,
        })
    }

    /// How many writes were made.
    #[must_use]
    pub fn done(&self) -> usize {
        self.steps.iter().filter(|step| step.outcome == Outcome::Done).count()
    }
}
