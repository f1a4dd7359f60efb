//! What serves all clusters has the tag of a cluster while it serves no other one: by the tag, that cluster's principal
//! may write it. So the tag goes before anything of another cluster comes, and comes after everything of the last other
//! one has gone.

use super::{Action, Plan, Step};
use crate::{names::TAG_CLUSTER, resource::Change};

/// The steps of a plan, divided by when they may be done.
#[derive(Debug, Default)]
pub(crate) struct Phases<'a> {
    /// Before all others: the tag goes.
    pub(crate) first: Vec<(&'a Step, Action)>,
    /// The steps, without the tag.
    pub(crate) steps: Vec<(&'a Step, Action)>,
    /// After all others: the tag comes.
    pub(crate) last: Vec<(&'a Step, Action)>,
}

impl Plan {
    /// Divides the plan.
    pub(crate) fn phases(&self) -> Phases<'_> {
        let mut phases = Phases::default();
        for step in &self.steps {
            let Action::Update { changes } = &step.action else {
                phases.steps.push((step, step.action.clone()));
                continue;
            };
            let (of_reach, rest): (Vec<Change>, Vec<Change>) =
                changes.iter().cloned().partition(|change| is_of_reach(step, change));
            for change in of_reach {
                let goes = Change { to: String::new(), ..change.clone() };
                if !change.from.is_empty() {
                    phases.first.push((step, Action::Update { changes: vec![goes] }));
                }
                if !change.to.is_empty() {
                    phases.last.push((step, Action::Update { changes: vec![change] }));
                }
            }
            if !rest.is_empty() {
                phases.steps.push((step, Action::Update { changes: rest }));
            }
        }
        phases
    }
}

fn is_of_reach(step: &Step, change: &Change) -> bool {
    step.id.kind.serves_all() && change.field.strip_prefix("tags.") == Some(TAG_CLUSTER)
}
