//! Customer managed policies of IAM.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Changes, Describe, Tags, describe::tagged};

mod aws;
mod commands;

/// Customer managed IAM policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    pub arn: String,
    pub name: String,
    pub description: String,
    pub document: Value,
    pub tags: Tags,
}

impl Describe for Policy {
    tagged!();

    fn id_name(&self) -> String {
        self.name.clone()
    }

    fn compare(&self, found: &Self, changes: &mut Changes) {
        changes.field("arn", &self.arn, &found.arn);
        changes.document("document", &self.document, &found.document);
    }
}
