//! `aws events` about targets.

use serde_json::json;

use super::{MAXIMUM_EVENT_AGE, RETRIES, Target, input_paths};
use crate::resource::{Commands, Context, Shell};

impl Commands for Target {
    fn create(&self, _: &Context) -> Vec<Shell> {
        let mut target = json!([{
            "Id": self.target_id,
            "Arn": self.arn,
            "DeadLetterConfig": { "Arn": self.dead_letter_arn },
            "RetryPolicy": { "MaximumEventAgeInSeconds": MAXIMUM_EVENT_AGE, "MaximumRetryAttempts": RETRIES },
        }]);
        if let Some(input) = &self.input {
            target[0]["InputTransformer"] =
                json!({ "InputPathsMap": input_paths(), "InputTemplate": input.to_string() });
        }
        let put = Shell::aws("events", "put-targets").with("--rule", &self.rule);
        vec![put.document("--targets", &target)]
    }

    fn delete(&self) -> Vec<Shell> {
        let remove = Shell::aws("events", "remove-targets").with("--rule", &self.rule);
        vec![remove.with("--ids", &self.target_id)]
    }
}
