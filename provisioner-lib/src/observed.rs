//! What there is. Pure.

use std::collections::BTreeMap;

use crate::resource::{Id, Resource};

/// A resource as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its state.
    pub resource: Resource,
    /// When it was made, in seconds since 1970, where that matters: of roles and access entries.
    pub created: Option<i64>,
    /// What a change has to name, so that it changes nothing that somebody else has changed since.
    pub revision: Option<String>,
}

impl From<Resource> for Found {
    fn from(resource: Resource) -> Self {
        Self { resource, created: None, revision: None }
    }
}

/// Everything that was looked for and is there.
pub type Observed = BTreeMap<Id, Found>;
