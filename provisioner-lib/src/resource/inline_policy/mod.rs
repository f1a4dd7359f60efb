//! Policies inside of roles.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Changes, Describe, Id, Kind};

mod aws;
mod commands;

/// Inline policy of a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InlinePolicy {
    pub role: String,
    pub name: String,
    pub document: Value,
}

impl Describe for InlinePolicy {
    fn id_name(&self) -> String {
        format!("{}/{}", self.role, self.name)
    }

    fn needs(&self) -> Vec<Id> {
        vec![Id::new(Kind::Role, &self.role)]
    }

    fn compare(&self, found: &Self, changes: &mut Changes) {
        changes.document("document", &self.document, &found.document);
    }
}
