//! The desired state as CloudFormation templates. Pure.
//!
//! ```text
//! frame ─► request ─► desired, in every case ─► merge ─► template
//! ```
//!
//! A frame (`infra/cloudformation/*.frame.yaml`) has the parameters, conditions and outputs, and names the resources. The
//! request's values are its parameters as texts, `${VpcId}`, and so are those of the resources that follow. A template of
//! each kind says what CloudFormation makes of them. Where cases differ, the merge finds the condition that tells them
//! apart.

use std::collections::BTreeMap;

use cast_spot_infra::cloudformation;
use serde_json::{Map, Value, json};

use self::{cases::Case, frame::Frame, merge::merged, request::Request, template::made, yaml::yaml};
use crate::{
    names::registered,
    resource::{Id, Resource},
};

mod cases;
mod frame;
mod merge;
mod request;
mod template;
mod yaml;

/// The stacks in which CloudFormation makes what onboarding makes.
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
        let mut request = Request::new(cluster, frame.settings());
        choose(&mut request);
        (*conditions, resources(&frame.logical_ids(), &request))
    };
    let made: Vec<_> = cases.iter().map(made).collect();
    let variants: Vec<_> = made.iter().map(|(conditions, made)| (*conditions, Some(made))).collect();
    let resources = merged(&variants);
    let template = frame.filled(|logical| yaml(logical, &frame.expressed(&conditional(&resources[logical]))));
    format!("# Generated from {name}.frame.yaml and what the library makes.\n{template}")
}

/// The resources of a request, by their logical ids.
fn resources(listed: &BTreeMap<&str, &str>, request: &Request) -> Value {
    let resources = request.resources();
    let logical = |name: String| {
        let name = request.filled(name.into());
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
                let properties = parts.iter().cloned().fold(properties, with);
                all.insert(logical, json!({ "Type": kind, "Properties": properties }));
            }
        }
    }
    request.filled(all.into())
}

fn is_type(name: &str) -> bool {
    name.starts_with("AWS::")
}

/// Whether the resource stands in a list of its whole. A registration belongs to the stack of its cluster, and the role to
/// another one.
fn is_part(resource: &Resource, ids: &BTreeMap<Id, String>) -> bool {
    let is_registration = matches!(resource, Resource::InlinePolicy(it) if registered(&it.name).is_some());
    !is_registration && !ids.contains_key(&resource.id())
}

/// With one more item of a list.
fn with(mut properties: Value, (list, item): (String, Value)) -> Value {
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
