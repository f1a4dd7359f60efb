//! Queues of SQS.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Describe, Tags, compared, named, tagged};

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

    named!(name);

    compared!(retention_seconds: field, policy: document);
}
