//! Updates of single fields: only those that the plan names.

use cast_spot_provisioner::{
    plan::Change,
    resource::{
        AccessEntry, Function, InstanceProfile, LogGroup, Policy, Queue, Resource, Role, Rule, SecurityGroup,
        Tags, User,
    },
};

/// Whether a change concerns a field, or a part of it.
pub(super) fn touches(changes: &[Change], field: &str) -> bool {
    changes.iter().any(|change| {
        change.field.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

/// Tags to set, and keys of tags to remove.
pub(super) fn tags(wanted: &Resource, changes: &[Change]) -> (Tags, Vec<String>) {
    let (mut set, mut removed) = (Tags::new(), Vec::new());
    for key in changes.iter().filter_map(|change| change.field.strip_prefix("tags.")) {
        match wanted.tags().and_then(|tags| tags.get(key)) {
            Some(value) => drop(set.insert(key.to_owned(), value.clone())),
            None => removed.push(key.to_owned()),
        }
    }
    (set, removed)
}

/// Tags of a resource, mutable.
pub(crate) fn tags_of(resource: &mut Resource) -> Option<&mut Tags> {
    match resource {
        Resource::Policy(Policy { tags, .. })
        | Resource::Role(Role { tags, .. })
        | Resource::User(User { tags, .. })
        | Resource::InstanceProfile(InstanceProfile { tags, .. })
        | Resource::LogGroup(LogGroup { tags, .. })
        | Resource::Queue(Queue { tags, .. })
        | Resource::SecurityGroup(SecurityGroup { tags, .. })
        | Resource::Function(Function { tags, .. })
        | Resource::Rule(Rule { tags, .. })
        | Resource::AccessEntry(AccessEntry { tags, .. }) => Some(tags),
        _ => None,
    }
}

/// The effect of UpdateFunctionConfiguration. Foreign variables stay, and so does the network if none is given.
pub(super) fn configure(there: &mut Resource, wanted: &Resource) {
    let mut configured = wanted.clone();
    let (
        Resource::Function(Function { environment, code, architecture, network, tags, .. }),
        Resource::Function(Function {
            environment: old,
            code: old_code,
            architecture: old_architecture,
            network: old_network,
            tags: old_tags,
            ..
        }),
    ) = (&mut configured, &*there)
    else {
        return;
    };
    for (name, value) in old {
        environment.entry(name.clone()).or_insert_with(|| value.clone());
    }
    code.clone_from(old_code);
    architecture.clone_from(old_architecture);
    tags.clone_from(old_tags);
    *network = network.take().or_else(|| old_network.clone());
    *there = configured;
}

/// The effect of UpdateFunctionCode.
pub(super) fn replace_code(there: &mut Resource, wanted: &Resource) {
    if let (
        Resource::Function(Function { code, architecture, .. }),
        Resource::Function(Function { code: new_code, architecture: new_architecture, .. }),
    ) = (there, wanted)
    {
        code.clone_from(new_code);
        architecture.clone_from(new_architecture);
    }
}
