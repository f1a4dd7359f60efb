//! What differs, field by field.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{
    endpoints::{ENDPOINTS_VARIABLE, Endpoints},
    policy,
    resource::{CLUSTERS_VARIABLE, Kind, Resource},
};

mod manifest;

pub(crate) use manifest::merged;

/// Label that says who has made a Kubernetes object ("Recommended Labels" in the Kubernetes documentation).
pub(crate) const LABEL: &str = "app.kubernetes.io/name";

/// Prefix of our tags. Others are no business of ours.
const OURS: &str = "cast-spot:";

/// One field that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Its name; `tags.x` of a tag.
    pub field: String,
    /// What it says; empty where there is nothing.
    pub from: String,
    /// What it is to say; empty where nothing is to be.
    pub to: String,
}

/// All that differs between what is wanted and what there is.
pub(crate) fn between(wanted: &Resource, found: &Resource) -> Vec<Change> {
    if let (Resource::Manifest { manifest: wanted }, Resource::Manifest { manifest: found }) = (wanted, found)
    {
        return manifest::between(wanted, found);
    }
    let (wanted, found) = (fields(wanted), fields(found));
    let mut changes = Vec::new();
    for (field, to) in &wanted {
        compare(field, found.get(field).unwrap_or(&Value::Null), to, &mut changes);
    }
    changes
}

/// Whether what there is, is what is wanted, in all that can be changed.
pub(crate) fn is_as_wanted(wanted: &Resource, found: &Resource) -> bool {
    between(wanted, found).is_empty()
}

/// Why it has to be made anew, if one of the changes is in what cannot be changed.
pub(crate) fn fixed(wanted: &Resource, changes: &[Change]) -> Option<String> {
    let fixed: &[&str] = match wanted.id().kind {
        Kind::AccessEntry => &["entry_type"],
        Kind::ClusterRoleBinding => &["manifest.roleRef"],
        // Statements of a resource policy are added and removed, not changed.
        Kind::Permission => &["principal", "source_arn"],
        Kind::Manifest => manifest::fixed(wanted),
        _ => &[],
    };
    let change = changes.iter().find(|change| fixed.contains(&change.field.as_str()))?;
    Some(format!("{} cannot be changed from {} to {}", change.field, change.from, change.to))
}

fn compare(field: &str, from: &Value, to: &Value, changes: &mut Vec<Change>) {
    let mut differs = |field: String, from: &Value, to: &Value| {
        let shown = |value: &Value| if value.is_null() { String::new() } else { text(value) };
        changes.push(Change { field, from: shown(from), to: shown(to) });
    };
    match field {
        // Cannot be changed and says nothing about rights.
        "description" | "kind" | "principal_arn" => {}
        "document" | "trust" | "policy" => {
            if !policy::same(from, to) {
                differs(field.to_owned(), from, to);
            }
        }
        "tags" | "environment" => {
            for key in keys(field, from, to) {
                if !same_variable(&key, from.get(&key), to.get(&key)) {
                    let value = |side: &Value| side.get(&key).cloned().unwrap_or_default();
                    differs(format!("{field}.{key}"), &value(from), &value(to));
                }
            }
        }
        "code" => {
            if !to.is_null() && from["sha256"] != to["sha256"] {
                differs("code".to_owned(), &from["sha256"], &to["sha256"]);
            }
        }
        "manifest" => {
            for part in ["rules", "roleRef", "subjects"] {
                if from[part] != to[part] {
                    differs(format!("manifest.{part}"), &from[part], &to[part]);
                }
            }
            // Other than ours only of what is adopted: else it is a conflict.
            let label = |manifest: &Value| manifest["metadata"]["labels"][LABEL].clone();
            if label(from) != label(to) {
                differs(format!("manifest.metadata.labels.{LABEL}"), &label(from), &label(to));
            }
        }
        "architecture" if to.is_null() => {}
        "groups" | "policies" | "subnet_ids" => {
            if sorted(from) != sorted(to) {
                differs(field.to_owned(), from, to);
            }
        }
        _ => {
            if from != to {
                differs(field.to_owned(), from, to);
            }
        }
    }
}

/// Endpoints can be written in several ways. What is malformed equals nothing, so that it is mended.
fn same_variable(name: &str, from: Option<&Value>, to: Option<&Value>) -> bool {
    let endpoints = |value: Option<&Value>| value.and_then(Value::as_str).and_then(Endpoints::all_valid);
    from == to
        || (name == ENDPOINTS_VARIABLE && endpoints(from).is_some() && endpoints(from) == endpoints(to))
}

/// Tags that are ours, on both sides; variables that are wanted. What else stands there stays.
fn keys(field: &str, from: &Value, to: &Value) -> Vec<String> {
    let keys = |value: &Value| value.as_object().map(|object| object.keys().cloned().collect::<Vec<_>>());
    let mut all = keys(to).unwrap_or_default();
    if field == "tags" {
        all.extend(keys(from).unwrap_or_default().into_iter().filter(|key| key.starts_with(OURS)));
    } else {
        all.push(CLUSTERS_VARIABLE.to_owned());
    }
    all.sort();
    all.dedup();
    all
}

fn sorted(list: &Value) -> Vec<String> {
    let mut items: Vec<String> = list.as_array().into_iter().flatten().map(text).collect();
    items.sort();
    items
}

fn fields(resource: &Resource) -> Map<String, Value> {
    // The network is compared by its parts, so that the order of subnets does not matter.
    let mut fields = match serde_json::to_value(resource) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    if let Some(Value::Object(network)) = fields.remove("network") {
        fields.extend(network);
    }
    if let Some(mapping) = fields.remove("mapping") {
        fields.extend(mapping.as_object().cloned().unwrap_or_default());
    }
    fields.entry("kind").or_insert(json!(null));
    fields
}

/// A field's value without what depends on the order of writing.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
