//! Queues of SQS.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Change, Describe, Tags, compared, named, tagged, touches};

mod aws;
mod commands;

/// SQS queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    pub name: String,
    pub retention_seconds: u32,
    /// By SQS's own key or one of KMS.
    #[serde(default)]
    pub encrypted: bool,
    pub policy: Value,
    pub tags: Tags,
}

impl Queue {
    /// Its attributes as SQS takes them: for a new queue without `changes`, else for these changes.
    fn attributes(&self, changes: &[Change]) -> impl Iterator<Item = (&'static str, String)> {
        // A queue with a key of KMS keeps it: SQS takes one kind of encryption only.
        let encrypts = self.encrypted && (changes.is_empty() || touches(changes, "encrypted"));
        let attributes = [
            ("MessageRetentionPeriod", self.retention_seconds.to_string()),
            ("Policy", self.policy.to_string()),
        ];
        attributes.into_iter().chain(encrypts.then(|| ("SqsManagedSseEnabled", "true".to_owned())))
    }
}

impl Describe for Queue {
    tagged!();

    named!(name);

    compared!(retention_seconds: field, encrypted: field, policy: document);
}
