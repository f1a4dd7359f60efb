//! `aws iam` about instance profiles.

use serde_json::{Value, json};

use super::InstanceProfile;
use crate::resource::{Change, TemplateValues};

impl TemplateValues for InstanceProfile {
    fn extra_values(&self, changes: &[Change]) -> Value {
        let was = changes.iter().find(|change| change.field == "role").map(|change| &change.from);
        let is_role = |role: &&String| !role.is_empty();
        json!({ "was": was.filter(is_role), "in_it": Some(&self.role).filter(is_role) })
    }
}
