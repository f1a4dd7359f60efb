//! What was found among our resources and is not managed by cast-spot. It is shown and never changed.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{
    Action, Step,
    ownership::{Foreign, foreign},
};
use crate::{
    desired::Desired,
    names::{LAMBDA_ROLE, registered},
    observed::{Found, Observed},
    resource::{Attachment, Function, Id, InlinePolicy, Principal, Resource},
};

/// A resource that cast-spot does not manage, in the place or among the parts of one that it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unmanaged {
    /// The resource.
    pub id: Id,
    /// Why it is not managed.
    pub why: String,
    /// Whether it is common and harmless to the other clusters: further policies of the cluster's own nodes, access keys
    /// that are disabled.
    pub is_expected: bool,
}

/// Parts of our resources that are in no desired state, and resources that stand in the place of those that are deleted.
pub(super) fn unmanaged(desired: &Desired, observed: &Observed, steps: &[Step]) -> Vec<Unmanaged> {
    let known: BTreeSet<Id> = desired.all().map(Resource::id).collect();
    let goes = |id: &Id| steps.iter().any(|step| step.id == *id && step.action == Action::Delete);
    let is_ours = |id: &Id| {
        let wanted = desired.all().find(|resource| resource.id() == *id);
        wanted.zip(observed.get(id)).is_some_and(|(wanted, found)| foreign(wanted, found).is_none())
    };
    let parts = observed.iter().filter_map(|(id, found)| {
        let whole = found.resource.needs().into_iter().next()?;
        let counts =
            !known.contains(id) && !is_registration(&found.resource) && is_ours(&whole) && !goes(&whole);
        let why = "cast-spot has not made it".to_owned();
        counts.then(|| Unmanaged { id: id.clone(), why, is_expected: is_of_nodes(&found.resource, desired) })
    });
    let beside = observed.iter().flat_map(|(id, found)| {
        let counts = !found.beside.is_empty() && known.contains(id) && is_ours(id) && !goes(id);
        found.beside.iter().filter(move |_| counts).map(|beside| Unmanaged {
            id: id.clone(),
            why: beside.what.clone(),
            is_expected: beside.is_expected,
        })
    });
    let in_place = desired.absent.iter().filter_map(|unwanted| {
        let id = unwanted.id();
        let found = observed.get(&id).filter(|_| !goes(&id))?;
        let why = match foreign(unwanted, found)? {
            Foreign::OtherCluster(_) if desired.of_namesakes.contains(&id) => return None,
            Foreign::NotManaged(why) | Foreign::OtherCluster(why) => why,
        };
        Some(Unmanaged { id, why, is_expected: false })
    });
    let code = desired.kept.iter().filter_map(|wanted| code_of_others(wanted, observed.get(&wanted.id())?));
    parts.chain(beside).chain(in_place).chain(code).collect()
}

/// Code that is not on record, of a function that is kept without being given its code.
fn code_of_others(wanted: &Resource, found: &Found) -> Option<Unmanaged> {
    let (Resource::Function(Function { code: None, record, .. }), Resource::Function(there)) =
        (wanted, &found.resource)
    else {
        return None;
    };
    let code = there.code.as_ref().filter(|code| !record.has(&code.sha256))?;
    let why = format!("its code {} is not on record; `cast-spot onboard --zip` sets it", code.sha256);
    foreign(wanted, found).is_none().then(|| Unmanaged { id: wanted.id(), why, is_expected: false })
}

/// The inline policies of the function's role are the register of all clusters.
fn is_registration(resource: &Resource) -> bool {
    matches!(resource, Resource::InlinePolicy(InlinePolicy { role, name, .. })
        if role == LAMBDA_ROLE && registered(name).is_some())
}

/// Whether it is a policy of the cluster's node role, which an operator may add to.
fn is_of_nodes(resource: &Resource, desired: &Desired) -> bool {
    let (Resource::Attachment(Attachment { principal: Principal::Role(role), .. })
    | Resource::InlinePolicy(InlinePolicy { role, .. })) = resource
    else {
        return false;
    };
    desired
        .all()
        .any(|resource| matches!(resource, Resource::InstanceProfile(profile) if profile.role == *role))
}
