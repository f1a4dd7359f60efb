//! What there is against what is to be: a list of steps, pure data.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::{
    desired::Desired,
    policy::narrows,
    resource::{AccessEntry, Id, Kind, RECREATE_REASON, Resource},
};

mod ownership;
mod quota;
mod reach;
mod unmanaged;

pub use crate::{
    observed::{Beside, Found, Observed},
    resource::Change,
};
use ownership::{Foreign, foreign, recreated_by_lambda};
pub(crate) use quota::too_many;
pub(crate) use reach::Phases;
pub use unmanaged::Unmanaged;

/// What is done about a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Action {
    /// It is not there.
    Create,
    /// It differs.
    Update {
        /// In what.
        changes: Vec<Change>,
    },
    /// It differs in a field that cannot be changed: it is deleted and created again.
    Replace {
        /// In what.
        why: String,
    },
    /// It is ours and no longer wanted.
    Delete,
    /// It is as it should be.
    Keep,
    /// Something that is not ours stands in its place.
    Conflict {
        /// Whose it is.
        why: String,
    },
}

impl Action {
    /// Whether it writes.
    #[must_use]
    pub fn writes(&self) -> bool {
        !matches!(self, Self::Keep | Self::Conflict { .. })
    }
}

/// One resource, and what is done about it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// The resource.
    pub id: Id,
    /// What is done.
    #[serde(flatten)]
    pub action: Action,
    /// How it is to be; of [`Action::Delete`], how it is.
    pub resource: Resource,
    /// Steps of this plan that come first.
    pub after: Vec<Id>,
    /// See [`Found::revision`].
    #[serde(skip)]
    pub revision: Option<String>,
}

/// Steps in an order that can be followed.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Plan {
    /// One for each resource.
    pub steps: Vec<Step>,
    /// What stands among them and is not managed by cast-spot.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unmanaged: Vec<Unmanaged>,
}

impl Plan {
    /// The steps that write.
    pub fn writes(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| step.action.writes())
    }

    /// Whether a principal has fewer rights in AWS after one of the steps, and no further ones.
    #[must_use]
    pub fn narrows(&self, step: &Step) -> bool {
        match (&step.action, &step.resource) {
            (Action::Delete, Resource::Attachment(attachment)) => {
                let goes =
                    |other: &Step| other.id == attachment.principal.id() && other.action == Action::Delete;
                !self.steps.iter().any(goes)
            }
            (Action::Update { changes }, Resource::Policy(_) | Resource::InlinePolicy(_)) => {
                let document = |text: &str| serde_json::from_str(text).unwrap_or_default();
                let change = changes.iter().find(|change| change.field == "document");
                change.is_some_and(|change| narrows(&document(&change.from), &document(&change.to)))
            }
            _ => false,
        }
    }

    /// Whether nothing is to be done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.iter().all(|step| step.action == Action::Keep)
    }

    /// What is not managed by cast-spot and is not expected either.
    pub fn unexpected(&self) -> impl Iterator<Item = &Unmanaged> {
        self.unmanaged.iter().filter(|unmanaged| !unmanaged.is_expected)
    }

    /// Whether anything is neither managed by cast-spot nor expected.
    #[must_use]
    pub fn has_unexpected(&self) -> bool {
        self.unexpected().next().is_some()
    }

    /// What stands in the way.
    pub fn conflicts(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| matches!(step.action, Action::Conflict { .. }))
    }
}

/// Compares. With `adopt`, what is not ours becomes ours; without, it is a conflict.
#[must_use]
pub fn diff(desired: &Desired, observed: &Observed, adopt: bool) -> Plan {
    let kept = desired.kept.iter().filter(|resource| observed.contains_key(&resource.id()));
    let mut steps: Vec<Step> =
        desired.present.iter().chain(kept).map(|resource| present(resource, observed, adopt)).collect();
    // A principal that is recreated has another unique id, and access entries go by that ("Access entries" in the
    // EKS User Guide).
    let made: BTreeSet<Id> = steps
        .iter()
        .filter(|step| matches!(step.action, Action::Create | Action::Replace { .. }))
        .map(|step| step.id.clone())
        .collect();
    for step in &mut steps {
        if let Resource::AccessEntry(AccessEntry { principal, .. }) = &step.resource
            && made.contains(&principal.id())
            && matches!(step.action, Action::Keep | Action::Update { .. })
        {
            step.action = Action::Replace { why: "its principal is recreated".to_owned() };
        }
    }
    steps.extend(desired.absent.iter().filter_map(|resource| absent(resource, desired, observed)));
    let unmanaged = unmanaged::unmanaged(desired, observed, &steps);
    Plan { unmanaged, ..order(steps) }
}

fn present(wanted: &Resource, observed: &Observed, adopt: bool) -> Step {
    let id = wanted.id();
    let found = observed.get(&id);
    let action = match found {
        None => Action::Create,
        Some(found) => match foreign(wanted, found) {
            Some(Foreign::NotManaged(_)) if adopt && is_recreated(wanted) => {
                Action::Replace { why: RECREATE_REASON.to_owned() }
            }
            Some(Foreign::NotManaged(_)) if adopt || recreated_by_lambda(wanted, found, observed) => {
                compare(wanted, found, observed)
            }
            Some(Foreign::NotManaged(why) | Foreign::OtherCluster(why)) => Action::Conflict { why },
            None => compare(wanted, found, observed),
        },
    };
    let revision = found.and_then(|found| found.revision.clone());
    Step { id, action, resource: wanted.clone(), after: Vec::new(), revision }
}

fn is_recreated(wanted: &Resource) -> bool {
    matches!(wanted, Resource::Manifest(manifest) if manifest.is_recreated())
}

fn compare(wanted: &Resource, found: &Found, observed: &Observed) -> Action {
    if let Resource::AccessEntry(AccessEntry { principal, .. }) = wanted
        && let Some(role) = observed.get(&principal.id())
        && role.created > found.created
    {
        return Action::Replace { why: "its principal was recreated since".to_owned() };
    }
    let changes = wanted.changes(&found.resource);
    if changes.is_empty() {
        return Action::Keep;
    }
    match wanted.immutable_change(&changes) {
        Some(why) => Action::Replace { why },
        None => Action::Update { changes },
    }
}

/// Goes only if it is ours: by its tags, or as a part of something that is. A whole of the same name may be another
/// cluster's, so it is held against what ours would be; what all clusters share is held against nothing but our tag.
fn absent(unwanted: &Resource, desired: &Desired, observed: &Observed) -> Option<Step> {
    let id = unwanted.id();
    let found = observed.get(&id)?;
    let is_part = unwanted.tags().is_none() && unwanted.owner_label().is_none();
    if is_part {
        let whole = unwanted.needs().into_iter().next();
        let owner = whole.as_ref().and_then(|whole| observed.get(whole));
        let ours = desired.all().find(|resource| Some(resource.id()) == whole);
        if owner.is_some_and(|owner| foreign(ours.unwrap_or(&owner.resource), owner).is_some()) {
            return None;
        }
    } else if foreign(unwanted, found).is_some() {
        return None;
    }
    Some(Step {
        id,
        action: Action::Delete,
        resource: found.resource.clone(),
        after: Vec::new(),
        revision: found.revision.clone(),
    })
}

/// Fills in what each step waits for and sorts by it.
fn order(mut steps: Vec<Step>) -> Plan {
    let writes = steps.iter().filter(|step| step.action.writes());
    let writes: BTreeMap<Id, (bool, Vec<Id>)> = writes
        .map(|step| (step.id.clone(), (step.action == Action::Delete, step.resource.needs())))
        .collect();
    for step in steps.iter_mut().filter(|step| step.action.writes()) {
        let (id, (goes, needs), follows) = (&step.id, &writes[&step.id], step.resource.follows());
        let is_first = |other: &Id, other_goes: bool, other_needs: &[Id]| match (goes, other_goes) {
            (true, true) => other_needs.contains(id),
            // A function lets go of a cluster before the cluster is struck off the register.
            (true, false) => true,
            // A key is shown once: nothing may fail after it.
            (false, false) => {
                needs.contains(other) || follows.contains(&other.kind) || id.kind == Kind::AccessKey
            }
            (false, true) => false,
        };
        let first =
            writes.iter().filter(|(other, (goes, needs))| *other != id && is_first(other, *goes, needs));
        step.after = first.map(|(other, _)| other.clone()).collect();
    }
    Plan { steps: sorted(steps), ..Plan::default() }
}

/// Each step after those that it waits for; else in the order given.
fn sorted(steps: Vec<Step>) -> Vec<Step> {
    let (mut sorted, mut rest): (Vec<Step>, Vec<Step>) = (Vec::new(), steps);
    while !rest.is_empty() {
        let waiting: BTreeSet<Id> = rest.iter().map(|step| step.id.clone()).collect();
        let next = rest.iter().position(|step| !step.after.iter().any(|id| waiting.contains(id)));
        // A circle cannot be: needs go from parts to wholes. If there were one, the order given would do.
        sorted.push(rest.remove(next.unwrap_or(0)));
    }
    sorted
}

#[cfg(test)]
mod tests;
