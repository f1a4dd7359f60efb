//! What differs between a manifest and the object that is there. A field that the manifest does not have differs, unless
//! the API server has filled it in or it is of those that others may set (`defaults`). Of the latter, what an earlier
//! apply of ours has set differs, too ("Server-Side Apply" in the Kubernetes documentation).

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use self::defaults::may_stay;
use super::{HIDDEN, Manifest};
use crate::{
    names::FIELD_MANAGER,
    resource::{
        Change,
        changes::{Changes, text},
    },
};

mod defaults;

/// Compared as a whole: here, a field that is left out means something.
const ATOMIC_FIELDS: [&str; 4] = ["rules", "roleRef", "subjects", "spec.selector"];
/// Given by the path of an object.
const IDENTITY_FIELDS: [&str; 4] = ["apiVersion", "kind", "metadata.name", "metadata.namespace"];

/// Why an object that is adopted is replaced.
pub const RECREATE_REASON: &str = "another tool created it, and fields that it set would stay";

/// All differences: fields of the manifest, and fields that are there and may not be.
pub(super) fn compare(wanted: &Manifest, found: &Manifest, changes: &mut Changes) {
    let mut differences = Differences { secret: wanted.is_secret(), changes: Vec::new() };
    differences.walk("", wanted.value(), found.value());
    differences.left_over(wanted.value(), found.value());
    changes.0.extend(differences.changes);
}

/// Fields of its kind that cannot be changed (their descriptions in the Kubernetes API reference).
pub(super) fn immutable(kind: &str) -> &'static [&'static str] {
    match kind {
        "Deployment" | "ReplicaSet" | "DaemonSet" | "StatefulSet" => &["spec.selector"],
        "ClusterRoleBinding" | "RoleBinding" => &["roleRef"],
        "Secret" => &["type"],
        _ => &[],
    }
}

/// The object to write as a whole: wanted fields in the place of those found, and beyond them what may stay. Of a list,
/// only what is wanted stays.
pub(crate) fn merged(wanted: &Value, found: &Value) -> Value {
    merge("", wanted, found)
}

fn merge(path: &str, wanted: &Value, found: &Value) -> Value {
    match (wanted, found) {
        _ if ATOMIC_FIELDS.contains(&path) => wanted.clone(),
        (Value::Object(wanted), Value::Object(found)) => {
            let mut object = found.clone();
            object.retain(|key, value| wanted.contains_key(key) || may_stay(&join(path, key), value));
            for (key, value) in wanted {
                let there = found.get(key).unwrap_or(&Value::Null);
                object.insert(key.clone(), merge(&join(path, key), value, there));
            }
            Value::Object(object)
        }
        (Value::Array(items), Value::Array(there)) => {
            let same_length = items.len() == there.len();
            let item = |(index, item): (usize, &Value)| {
                let twin = name(item).map_or_else(
                    || there.get(index).filter(|_| same_length),
                    |own| there.iter().find(|other| name(other) == Some(own)),
                );
                merge(&format!("{path}[]"), item, twin.unwrap_or(&Value::Null))
            };
            items.iter().enumerate().map(item).collect()
        }
        _ => wanted.clone(),
    }
}

struct Differences {
    secret: bool,
    changes: Vec<Change>,
}

impl Differences {
    fn differs(&mut self, path: &str, from: &Value, to: &Value) {
        let is_hidden = self.secret && (path.starts_with("data") || path.starts_with("stringData"));
        let shown = |value: &Value, hidden: &str| match value {
            Value::Null => String::new(),
            _ if is_hidden => hidden.to_owned(),
            value => text(value),
        };
        let (from, to) = (shown(from, HIDDEN), shown(to, "(another secret)"));
        let said = |change: &Change| change.field == path || path.starts_with(&format!("{}.", change.field));
        if !self.changes.iter().any(said) {
            self.changes.push(Change { field: path.to_owned(), from, to });
        }
    }

    fn walk(&mut self, path: &str, wanted: &Value, found: &Value) {
        match (wanted, found) {
            _ if IDENTITY_FIELDS.contains(&path) || both_empty(wanted, found) => {}
            _ if wanted == found => {}
            _ if ATOMIC_FIELDS.contains(&path) => self.differs(path, found, wanted),
            (Value::Object(wanted), Value::Object(found)) => {
                for (key, value) in wanted {
                    self.walk(&join(path, key), value, found.get(key).unwrap_or(&Value::Null));
                }
                for (key, value) in found.iter().filter(|(key, _)| !wanted.contains_key(*key)) {
                    if !may_stay(&join(path, key), value) {
                        self.differs(&join(path, key), value, &Value::Null);
                    }
                }
            }
            (Value::Array(items), Value::Array(there)) => self.lists(path, wanted, found, items, there),
            _ => self.differs(path, found, wanted),
        }
    }

    /// The API server puts nothing into a list: what is there and not wanted is too much. Items that have names are
    /// known by them, in whatever order they stand.
    fn lists(&mut self, path: &str, wanted: &Value, found: &Value, items: &[Value], there: &[Value]) {
        if let (Some(names), Some(others)) = (names(items), names(there)) {
            let at = |list: &'_ [Value], own: &str| list.iter().find(|item| name(item) == Some(own)).cloned();
            for own in names.union(&others) {
                let path = format!("{path}[{own}]");
                match (at(items, own), at(there, own)) {
                    (Some(item), Some(other)) => self.walk(&path, &item, &other),
                    (item, other) => {
                        self.differs(&path, &other.unwrap_or_default(), &item.unwrap_or_default());
                    }
                }
            }
            return;
        }
        let mut inner = Self { secret: self.secret, changes: Vec::new() };
        for (item, other) in items.iter().zip(there) {
            inner.walk(&format!("{path}[]"), item, other);
        }
        if items.len() != there.len() || !inner.changes.is_empty() {
            self.differs(path, found, wanted);
        }
    }

    /// Fields that the API server has down as ours, and that are not wanted any more.
    fn left_over(&mut self, wanted: &Value, found: &Value) {
        let managers = found["metadata"]["managedFields"].as_array().into_iter().flatten();
        for entry in managers {
            let is_ours = entry["manager"] == FIELD_MANAGER && entry["operation"] == "Apply";
            if is_ours
                && entry["subresource"].is_null()
                && let Some(fields) = entry["fieldsV1"].as_object()
            {
                self.owned("", fields, wanted, found);
            }
        }
    }

    fn owned(&mut self, path: &str, fields: &Map<String, Value>, wanted: &Value, found: &Value) {
        for (field, within) in fields {
            let (path, wanted, found) = if let Some(key) = field.strip_prefix("f:") {
                (join(path, key), wanted.get(key), found.get(key))
            } else if let Some(keys) = field.strip_prefix("k:") {
                let keys: Map<String, Value> = serde_json::from_str(keys).unwrap_or_default();
                let has = |item: &&Value| keys.iter().all(|(key, value)| item.get(key) == Some(value));
                let item = |list: &'_ Value| list.as_array().and_then(|list| list.iter().find(has)).cloned();
                let name = keys.values().map(text).collect::<Vec<_>>().join("/");
                // Items that are too much are seen by themselves.
                if let (Some(wanted), Some(found), Some(within)) =
                    (item(wanted), item(found), within.as_object())
                {
                    self.owned(&format!("{path}[{name}]"), within, &wanted, &found);
                }
                continue;
            } else {
                continue;
            };
            match (wanted, found, within.as_object()) {
                (Some(Value::Null) | None, Some(found), _) => self.differs(&path, found, &Value::Null),
                (Some(wanted), Some(found), Some(within)) => self.owned(&path, within, wanted, found),
                _ => {}
            }
        }
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// The API server leaves out what is empty.
fn both_empty(wanted: &Value, found: &Value) -> bool {
    is_empty(wanted) && is_empty(found)
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(object) => object.values().all(is_empty),
        _ => false,
    }
}

fn name(item: &Value) -> Option<&str> {
    item["name"].as_str()
}

/// The names of a list's items, if each has one of its own.
fn names(items: &[Value]) -> Option<BTreeSet<&str>> {
    let names: BTreeSet<&str> = items.iter().map(name).collect::<Option<_>>()?;
    (names.len() == items.len()).then_some(names)
}

#[cfg(test)]
mod tests;
