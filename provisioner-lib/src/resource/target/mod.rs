//! Targets of rules.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Describe, Id, Kind, compared, named};

pub(crate) mod aws;
mod commands;

/// How long EventBridge tries to deliver a notice, in seconds: it is worth nothing afterwards.
const MAXIMUM_EVENT_AGE: i32 = 120;
/// As often as it can in this time; EventBridge spaces the attempts by itself.
const RETRIES: i32 = 8;

/// Target of a rule. It receives its input, with `<id>`, `<time>`, `<account>` and `<region>` filled in from the event;
/// without one, the event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    pub rule: String,
    pub target_id: String,
    pub arn: String,
    pub dead_letter_arn: String,
    pub input: Option<Value>,
    /// Settings beyond these, by name. None is wanted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub others: BTreeMap<String, String>,
}

impl Describe for Target {
    named!(rule / target_id);

    fn needs(&self) -> Vec<Id> {
        let function = self.arn.rsplit(':').next().unwrap_or_default();
        let queue = self.dead_letter_arn.rsplit(':').next().unwrap_or_default();
        vec![
            Id::new(Kind::Rule, &self.rule),
            Id::new(Kind::Function, function),
            Id::new(Kind::Permission, format!("{function}/{}", self.rule)),
            Id::new(Kind::Queue, queue),
        ]
    }

    compared!(arn: field, dead_letter_arn: field, input: field, others: named);
}

/// Fields of an event that an input can name as `<field>`, and their paths in the event.
#[must_use]
pub fn input_paths() -> BTreeMap<String, String> {
    ["account", "id", "region", "time"].map(|field| (field.to_owned(), format!("$.{field}"))).into()
}
