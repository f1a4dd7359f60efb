//! `aws lambda` about asynchronous invocations.

use super::InvokeConfig;
use crate::resource::{Commands, Context, Shell};

impl Commands for InvokeConfig {
    fn create(&self, _: &Context) -> Vec<Shell> {
        vec![
            Shell::aws("lambda", "put-function-event-invoke-config")
                .with("--function-name", &self.function)
                .with("--maximum-event-age-in-seconds", self.maximum_event_age_seconds.to_string())
                .with("--maximum-retry-attempts", self.maximum_retry_attempts.to_string()),
        ]
    }

    fn delete(&self) -> Vec<Shell> {
        let delete = Shell::aws("lambda", "delete-function-event-invoke-config");
        vec![delete.with("--function-name", &self.function)]
    }
}
