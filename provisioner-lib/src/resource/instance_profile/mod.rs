//! Instance profiles, each with its one role.

use serde::{Deserialize, Serialize};

use super::{Describe, Tags, compared, named, needs, tagged};

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

    named!(name);

    needs!(Role: role);

    compared!(role: field);
}
