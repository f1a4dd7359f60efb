//! Roles of IAM.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Describe, Tags, TemplateValues, compared, named, tagged};

mod aws;

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

    named!(name);

    compared!(trust: document);
}

impl TemplateValues for Role {}
