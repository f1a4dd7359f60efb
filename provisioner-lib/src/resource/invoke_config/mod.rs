//! Settings of asynchronous invocations.

use serde::{Deserialize, Serialize};

use super::{Changes, Describe, Id, Kind};

mod aws;
mod commands;

/// Settings of a function's asynchronous invocations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvokeConfig {
    pub function: String,
    pub maximum_event_age_seconds: i32,
    pub maximum_retry_attempts: i32,
}

impl Describe for InvokeConfig {
    fn id_name(&self) -> String {
        self.function.clone()
    }

    fn needs(&self) -> Vec<Id> {
        vec![Id::new(Kind::Function, &self.function)]
    }

    fn compare(&self, found: &Self, changes: &mut Changes) {
        changes.field(
            "maximum_event_age_seconds",
            &self.maximum_event_age_seconds,
            &found.maximum_event_age_seconds,
        );
        changes.field("maximum_retry_attempts", &self.maximum_retry_attempts, &found.maximum_retry_attempts);
    }
}
