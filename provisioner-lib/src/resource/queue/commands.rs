//! `aws sqs`.

use serde_json::{Value, json};

use super::Queue;
use crate::resource::{Change, TemplateValues, quoted};

impl TemplateValues for Queue {
    fn extra_values(&self, _: &[Change]) -> Value {
        let Self { name, retention_seconds, policy, .. } = self;
        let attributes =
            json!({ "MessageRetentionPeriod": retention_seconds.to_string(), "Policy": policy.to_string() });
        let get_url =
            format!("aws sqs get-queue-url --queue-name {} --query QueueUrl --output text", quoted(name));
        json!({ "attributes": attributes, "url": format!("\"$({get_url})\"") })
    }
}
