//! Policies inside of roles.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Describe, TemplateValues, compared, named, needs};

mod aws;

/// Inline policy of a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InlinePolicy {
    pub role: String,
    pub name: String,
    pub document: Value,
}

impl Describe for InlinePolicy {
    named!(role / name);

    needs!(Role: role);

    compared!(document: document);
}

impl TemplateValues for InlinePolicy {}
