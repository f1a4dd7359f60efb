//! The fields in which a resource differs.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::kind::Tags;
use crate::{
    names::{ADMIN_GROUP, ADMIN_POLICY},
    policy,
};

/// Prefix of the tags that cast-spot sets. Others are left alone.
const OURS: &str = "cast-spot:";

/// One field that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Its name; `tags.x` of a tag.
    pub field: String,
    /// The value found; empty if there is none.
    pub from: String,
    /// The value wanted; empty if there is none.
    pub to: String,
}

impl Change {
    /// Whether it ends that a principal is administrator of the cluster.
    #[must_use]
    pub fn ends_cluster_admin(&self) -> bool {
        let is_admin = |text: &str| [ADMIN_GROUP, ADMIN_POLICY].iter().any(|name| text.contains(name));
        ["groups", "policies"].contains(&self.field.as_str()) && is_admin(&self.from) && !is_admin(&self.to)
    }
}

/// The differences of one resource. Each comparison takes what is wanted, then what was found.
#[derive(Debug, Default)]
pub struct Changes(pub(in crate::resource) Vec<Change>);

impl Changes {
    pub(super) fn add(&mut self, field: impl Into<String>, wanted: &Value, found: &Value) {
        let shown = |value: &Value| if value.is_null() { String::new() } else { text(value) };
        self.0.push(Change { field: field.into(), from: shown(found), to: shown(wanted) });
    }

    /// A field as a whole.
    pub(super) fn field<T: PartialEq + Serialize>(&mut self, field: &str, wanted: &T, found: &T) {
        if wanted != found {
            self.add(field, &value(wanted), &value(found));
        }
    }

    /// A list whose order means nothing.
    pub(super) fn unordered(&mut self, field: &str, wanted: &[String], found: &[String]) {
        if sorted(wanted) != sorted(found) {
            self.add(field, &value(wanted), &value(found));
        }
    }

    /// A policy document, which can be written in several ways.
    pub(super) fn document(&mut self, field: &str, wanted: &Value, found: &Value) {
        if !policy::same(found, wanted) {
            self.add(field, wanted, found);
        }
    }

    /// Values by name, each a field of its own.
    pub(super) fn named(&mut self, field: &str, wanted: &Tags, found: &Tags) {
        for name in wanted.keys().chain(found.keys()).collect::<BTreeSet<_>>() {
            self.field(&format!("{field}.{name}"), &wanted.get(name), &found.get(name));
        }
    }

    /// Those of our tags that are on either side.
    pub(super) fn tags(&mut self, wanted: &Tags, found: &Tags) {
        let mut found = found.clone();
        found.retain(|key, _| wanted.contains_key(key) || key.starts_with(OURS));
        self.named("tags", wanted, &found);
    }
}

/// Those of the values that are there, by name.
pub(super) fn by_name<const N: usize>(values: [(&str, Option<String>); N]) -> BTreeMap<String, String> {
    values.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

fn value<T: Serialize + ?Sized>(field: &T) -> Value {
    serde_json::to_value(field).unwrap_or_default()
}

fn sorted(list: &[String]) -> Vec<&String> {
    let mut items: Vec<_> = list.iter().collect();
    items.sort();
    items
}

/// A field's value without what depends on the order of writing.
pub(in crate::resource) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Whether one of `changes` is in `field`, or in a part of it.
#[must_use]
pub fn touches(changes: &[Change], field: &str) -> bool {
    changes.iter().any(|change| {
        change.field.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

/// The changes of tags among others.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct TagChanges {
    /// Added, or changed.
    pub set: Tags,
    /// Removed.
    pub removed: Vec<String>,
}

impl TagChanges {
    /// Those among `changes`.
    #[must_use]
    pub fn of(changes: &[Change]) -> Self {
        let mut tags = Self::default();
        for change in changes {
            let Some(key) = change.field.strip_prefix("tags.") else { continue };
            if change.to.is_empty() {
                tags.removed.push(key.to_owned());
            } else {
                tags.set.insert(key.to_owned(), change.to.clone());
            }
        }
        tags
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_that_are_not_among_the_changes_stay() {
        let change =
            |field: &str, to: &str| Change { field: field.into(), from: String::new(), to: to.into() };
        let found = TagChanges::of(&[
            change("tags.cast-spot:region", "r"),
            change("tags.cast-spot:old", ""),
            change("trust", "t"),
        ]);
        assert_eq!(found.set, Tags::from([("cast-spot:region".to_owned(), "r".to_owned())]));
        assert_eq!(found.removed, ["cast-spot:old"]);
        let rules = change("manifest.rules", "");
        assert!(touches(&[rules], "manifest") && !touches(&[change("policies", "")], "policy"));
    }
}
