//! Log groups of CloudWatch Logs.

use serde::{Deserialize, Serialize};

use super::{Changes, Describe, Tags, describe::tagged};

mod aws;
mod commands;

/// CloudWatch Logs log group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogGroup {
    pub name: String,
    /// 0: for ever.
    pub retention_days: i32,
    pub tags: Tags,
}

impl Describe for LogGroup {
    tagged!();

    fn id_name(&self) -> String {
        self.name.clone()
    }

    fn compare(&self, found: &Self, changes: &mut Changes) {
        changes.field("retention_days", &self.retention_days, &found.retention_days);
    }
}
