//! Policies inside of roles.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Describe, Id, Kind, TemplateValues, compared, named};

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

    /// That of a user, which none of ours is, names it as `user/NAME`.
    fn needs(&self) -> Vec<Id> {
        let user = self.role.strip_prefix("user/").map(|user| Id::new(Kind::User, user));
        vec![user.unwrap_or_else(|| Id::new(Kind::Role, &self.role))]
    }

    compared!(document: document);
}

impl InlinePolicy {
    /// One of which only the name was read.
    pub(super) fn named(role: String, name: String) -> Self {
        Self { role, name, document: Value::Null }
    }
}

impl TemplateValues for InlinePolicy {}
