//! `aws events` about targets.

use serde_json::{Value, json};

use super::{MAXIMUM_EVENT_AGE, RETRIES, Target, input_paths};
use crate::resource::{Change, TemplateValues};

impl TemplateValues for Target {
    fn extra_values(&self, _: &[Change]) -> Value {
        let mut target = json!({
            "Id": self.target_id,
            "Arn": self.arn,
            "DeadLetterConfig": { "Arn": self.dead_letter_arn },
            "RetryPolicy": { "MaximumEventAgeInSeconds": MAXIMUM_EVENT_AGE, "MaximumRetryAttempts": RETRIES },
        });
        if let Some(input) = &self.input {
            target["InputTransformer"] =
                json!({ "InputPathsMap": input_paths(), "InputTemplate": input.to_string() });
        }
        json!({ "targets": [target] })
    }
}
