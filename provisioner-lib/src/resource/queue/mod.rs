//! Queues of SQS.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Changes, Describe, Tags, describe::tagged};

mod aws;
mod commands;

/// SQS queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    pub name: String,
    pub retention_seconds: u32,
    pub policy: Value,
    pub tags: Tags,
}

impl Describe for Queue {
    tagged!();

    fn id_name(&self) -> String {
        self.name.clone()
    }

    fn compare(&self, found: &Self, changes: &mut Changes) {
        changes.field("retention_seconds", &self.retention_seconds, &found.retention_seconds);
        changes.document("policy", &self.policy, &found.policy);
    }
}
