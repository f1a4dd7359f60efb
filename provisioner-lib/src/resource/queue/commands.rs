//! `aws sqs`.

use serde_json::{Value, json};

use super::Queue;
use crate::resource::{Change, Commands, Context, Shell, quoted};

impl Commands for Queue {
    fn create(&self, _: &Context) -> Vec<Shell> {
        let create = Shell::aws("sqs", "create-queue").with("--queue-name", &self.name).mapped(&self.tags);
        vec![create.document("--attributes", &self.attributes())]
    }

    fn update(&self, _: &[Change], _: &Context) -> Vec<Shell> {
        let set = Shell::aws("sqs", "set-queue-attributes").raw(self.url_option());
        vec![set.document("--attributes", &self.attributes())]
    }

    fn delete(&self) -> Vec<Shell> {
        vec![Shell::aws("sqs", "delete-queue").raw(self.url_option())]
    }
}

impl Queue {
    fn attributes(&self) -> Value {
        json!({ "MessageRetentionPeriod": self.retention_seconds.to_string(), "Policy": self.policy.to_string() })
    }

    fn url_option(&self) -> String {
        format!(
            "--queue-url \"$(aws sqs get-queue-url --queue-name {} --query QueueUrl --output text)\"",
            quoted(&self.name)
        )
    }
}
