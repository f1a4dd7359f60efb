//! What an update leaves: what is wanted, and what others have added.

use cast_spot_provisioner::{
    names::TAG_MANAGED,
    resource::{Resource, Tags},
};

/// As it is to be, with the tags and variables of others, and what is not said as it was.
pub(crate) fn merged(wanted: &Resource, there: &Resource) -> Resource {
    let mut merged = wanted.clone();
    if let (
        Resource::Function { environment, code, architecture, network, .. },
        Resource::Function {
            environment: old,
            code: old_code,
            architecture: old_architecture,
            network: old_network,
            ..
        },
    ) = (&mut merged, there)
    {
        for (name, value) in old {
            environment.entry(name.clone()).or_insert_with(|| value.clone());
        }
        *code = code.take().or_else(|| old_code.clone());
        *architecture = architecture.take().or_else(|| old_architecture.clone());
        *network = network.take().or_else(|| old_network.clone());
    }
    if let Some(old) = there.tags() {
        let foreign = old.iter().filter(|(key, _)| !key.starts_with("cast-spot:"));
        let foreign: Vec<_> = foreign.map(|(key, value)| (key.clone(), value.clone())).collect();
        if let Some(tags) = tags_mut(&mut merged) {
            tags.extend(foreign);
        }
    }
    if let Resource::AccessKey { rotate, .. } = &mut merged {
        *rotate = false;
    }
    merged
}

/// Tags of a resource, to be changed.
pub(crate) fn tags_mut(resource: &mut Resource) -> Option<&mut Tags> {
    match resource {
        Resource::Policy { tags, .. }
        | Resource::Role { tags, .. }
        | Resource::User { tags, .. }
        | Resource::InstanceProfile { tags, .. }
        | Resource::LogGroup { tags, .. }
        | Resource::Queue { tags, .. }
        | Resource::SecurityGroup { tags, .. }
        | Resource::Function { tags, .. }
        | Resource::Rule { tags, .. }
        | Resource::AccessEntry { tags, .. } => Some(tags),
        _ => None,
    }
}

/// Whether it carries our tag.
pub(crate) fn is_ours(resource: &Resource) -> bool {
    resource.tags().is_some_and(|tags| tags.contains_key(TAG_MANAGED))
}
