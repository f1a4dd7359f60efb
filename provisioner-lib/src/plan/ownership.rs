//! Whether a resource belongs to this cluster: by its tags, or its label in Kubernetes. A foreign one is a conflict.

use crate::{
    names::{MANAGED, TAG_CLUSTER, TAG_MANAGED, TAG_REGION},
    observed::{Found, Observed},
    resource::{Kind, Resource, Tags},
};

/// Ownership of a resource that does not belong to this cluster, with the evidence.
pub(super) enum Foreign {
    /// Not managed by cast-spot: it can be adopted.
    NotManaged(String),
    /// Managed for another cluster, which would lose it.
    OtherCluster(String),
}

/// Lambda creates the log group of a function that runs, without tags; so a last line that comes after the offboarding
/// recreates it. As long as there is no function of this name, no other one writes there.
pub(super) fn recreated_by_lambda(wanted: &Resource, found: &Found, observed: &Observed) -> bool {
    matches!(wanted, Resource::LogGroup(_))
        && found.resource.tags().is_some_and(Tags::is_empty)
        && !observed.keys().any(|id| id.kind == Kind::Function)
}

/// Why `found` may not be changed: not managed by cast-spot, or owned by another cluster. `None` if it is ours.
pub(super) fn foreign(wanted: &Resource, found: &Found) -> Option<Foreign> {
    if let (Some(label), Resource::Manifest(there)) = (wanted.owner_label(), &found.resource) {
        return (there.label(label) != Some(MANAGED))
            .then(|| Foreign::NotManaged(format!("it lacks the label {label}={MANAGED}")));
    }
    let tags = found.resource.tags()?;
    // What bears a cluster's tag, the cluster's principal may have made and may change.
    let is_shared = wanted.tags().is_some_and(|wanted| !wanted.contains_key(TAG_CLUSTER));
    if let (true, false, Some(theirs)) = (is_shared, wanted.kind().serves_all(), tags.get(TAG_CLUSTER)) {
        let why = format!(
            "its tag {TAG_CLUSTER} says {theirs}: the principal of that cluster may change it, so it serves no other one, \
             and is not adopted. Delete it first"
        );
        return Some(Foreign::OtherCluster(why));
    }
    if tags.get(TAG_MANAGED).map(String::as_str) != Some(MANAGED) {
        return Some(Foreign::NotManaged(format!("it lacks the tag {TAG_MANAGED}={MANAGED}")));
    }
    // The tag of one that serves all clusters names the cluster if it is the only one.
    if wanted.kind().serves_all() {
        return None;
    }
    for tag in [TAG_CLUSTER, TAG_REGION] {
        let (ours, theirs) = (wanted.tags().and_then(|tags| tags.get(tag)), tags.get(tag));
        if let (Some(ours), Some(theirs)) = (ours, theirs)
            && ours != theirs
        {
            let why = format!(
                "its tag {tag} says {theirs}: it is another cluster's, and is not adopted. Once that one is onboarded, \
                 offboarding and onboarding this one gives it a name of its own"
            );
            return Some(Foreign::OtherCluster(why));
        }
    }
    None
}
