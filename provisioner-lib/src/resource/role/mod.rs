//! Roles of IAM.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Changes, Describe, Tags, describe::tagged};

mod aws;
mod commands;

/// IAM role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    pub name: String,
    pub description: String,
    pub trust: Value,
    pub tags: Tags,
}

impl Describe for Role {
    tagged!();

    fn id_name(&self) -> String {
        self.name.clone()
    }

    fn compare(&self, found: &Self, changes: &mut Changes) {
        changes.document("trust", &self.trust, &found.trust);
    }
}
