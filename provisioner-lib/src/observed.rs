//! Resources as they are. Pure.

use std::collections::BTreeMap;

use crate::resource::{Id, Resource};

/// A resource as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its state.
    pub resource: Resource,
    /// Creation time in seconds since 1970, where it matters: for roles and access entries.
    pub created: Option<i64>,
    /// Revision that a write names, so that it fails after a concurrent change.
    pub revision: Option<String>,
    /// What it has that no resource of ours is.
    pub beside: Vec<Beside>,
}

/// What a resource has beside what cast-spot gives it, and never changes: a user's groups, for example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beside {
    /// In words.
    pub what: String,
    /// Whether it is common and gives no rights.
    pub is_expected: bool,
}

impl<T: Into<Resource>> From<T> for Found {
    fn from(resource: T) -> Self {
        Self { resource: resource.into(), created: None, revision: None, beside: Vec::new() }
    }
}

/// All resources that were looked for and exist.
pub type Observed = BTreeMap<Id, Found>;
