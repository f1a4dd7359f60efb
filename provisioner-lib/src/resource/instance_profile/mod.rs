//! Instance profiles, each with its one role.

use serde::{Deserialize, Serialize};

use super::{Changes, Describe, Id, Kind, Tags, describe::tagged};

mod aws;
mod commands;

/// Instance profile with its one role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceProfile {
    pub name: String,
    pub role: String,
    pub tags: Tags,
}

impl Describe for InstanceProfile {
    tagged!();

    fn id_name(&self) -> String {
        self.name.clone()
    }

    fn needs(&self) -> Vec<Id> {
        vec![Id::new(Kind::Role, &self.role)]
    }

    fn compare(&self, found: &Self, changes: &mut Changes) {
        changes.field("role", &self.role, &found.role);
    }
}
