//! Log groups of CloudWatch Logs.

use serde::{Deserialize, Serialize};

use super::{Describe, Tags, compared, named, tagged};

mod aws;
mod commands;

/// CloudWatch Logs log group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogGroup {
    pub name: String,
    /// 0: forever.
    pub retention_days: i32,
    pub tags: Tags,
}

impl Describe for LogGroup {
    tagged!();

    named!(name);

    compared!(retention_days: field);
}
