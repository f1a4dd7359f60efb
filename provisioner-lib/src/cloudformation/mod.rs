//! The desired state as CloudFormation templates. Pure.
//!
//! ```text
//! frame ─► inputs ─► desired, in every case ─► merge ─► template
//! ```
//!
//! docs/architecture.md, "The templates", explains the stages.

use std::collections::BTreeMap;

use cast_spot_infra::cloudformation;
use serde_json::{Map, Value, json};

use self::{cases::Case, frame::Frame, inputs::Inputs, merge::merged, template::made, yaml::yaml};
use crate::{
    names::registered,
    resource::{Id, Resource},
};

mod cases;
mod frame;
mod inputs;
mod merge;
mod template;
mod yaml;

/// The stacks that make what onboarding makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stack {
    /// What all clusters of an account and a region share.
    Account,
    /// What one cluster has of its own.
    Cluster,
}

/// The template of a stack (docs/cloudformation.md).
#[must_use]
pub fn template(stack: Stack) -> String {
    let (name, text, cluster, cases) = match stack {
        Stack::Account => ("account", cloudformation::ACCOUNT, "${Cluster}", &cases::ACCOUNT[..]),
        Stack::Cluster => ("cluster", cloudformation::CLUSTER, "${ClusterName}", &cases::CLUSTER[..]),
    };
    let frame = Frame::new(text);
    let made = |(conditions, choose): &Case| {
        let mut inputs = Inputs::new(cluster, frame.settings());
        choose(&mut inputs);
        (*conditions, resources(&frame.logical_ids(), &inputs))
    };
    let made: Vec<_> = cases.iter().map(made).collect();
    let variants: Vec<_> = made.iter().map(|(conditions, made)| (*conditions, Some(made))).collect();
    let resources = merged(&variants);
    let template = frame.filled(|logical| yaml(logical, &frame.expressed(&conditional(&resources[logical]))));
    format!(
        "# Generated from {name}.frame.yaml. Do not edit: docs/architecture.md, \"The templates\".\n{template}"
    )
}

/// The desired resources, by their logical ids.
fn resources(listed: &BTreeMap<&str, &str>, inputs: &Inputs) -> Value {
    let resources = inputs.resources();
    let logical = |name: String| {
        let name = inputs.filled(name.into());
        listed.get(name.as_str()?).map(ToString::to_string)
    };
    let ids = resources.iter().map(Resource::id);
    let ids: BTreeMap<_, _> =
        ids.filter_map(|id| logical(id.to_string()).map(|logical| (id, logical))).collect();
    let mut all = Map::new();
    for resource in &resources {
        let id = resource.id();
        let parts = resources.iter().filter(|part| part.needs().first() == Some(&id) && is_part(part, &ids));
        let parts: Vec<_> =
            parts.flat_map(|part| made(part, &ids)).filter(|(list, _)| !is_type(list)).collect();
        // The second type of a kind is its resource policy.
        let names = [id.to_string(), format!("{id} policy")];
        let types = made(resource, &ids).into_iter().filter(|(kind, _)| is_type(kind));
        for (name, (kind, properties)) in names.into_iter().zip(types) {
            if let Some(logical) = logical(name) {
                let properties = parts.iter().cloned().fold(properties, with_item);
                all.insert(logical, json!({ "Type": kind, "Properties": properties }));
            }
        }
    }
    inputs.filled(all.into())
}

fn is_type(name: &str) -> bool {
    name.starts_with("AWS::")
}

/// Whether the resource is an item in a list of its whole. A registration is not: it is in its cluster's stack, and its role
/// is in the account's.
fn is_part(resource: &Resource, ids: &BTreeMap<Id, String>) -> bool {
    let is_registration = matches!(resource, Resource::InlinePolicy(it) if registered(&it.name).is_some());
    !is_registration && !ids.contains_key(&resource.id())
}

/// Appends an item to a list property.
fn with_item(mut properties: Value, (list, item): (String, Value)) -> Value {
    match &mut properties[list] {
        Value::Array(items) => items.push(item),
        none => *none = json!([item]),
    }
    properties
}

/// The resource with the condition that it exists.
fn conditional(resource: &Value) -> Value {
    let (condition, resource) = match &resource["Fn::If"] {
        Value::Array(parts) => (&parts[0], &parts[1]),
        _ => (&Value::Null, resource),
    };
    json!({ "Type": resource["Type"], "Condition": condition, "Properties": resource["Properties"] })
}

#[cfg(test)]
mod tests;
