//! `aws sqs`.

use serde_json::{Map, Value, json};

use super::Queue;
use crate::resource::{Change, TemplateValues, quoted};

impl TemplateValues for Queue {
    fn extra_values(&self, changes: &[Change]) -> Value {
        let name = &self.name;
        let attributes: Map<_, _> =
            self.attributes(changes).map(|(name, value)| (name.to_owned(), value.into())).collect();
        let get_url =
            format!("aws sqs get-queue-url --queue-name {} --query QueueUrl --output text", quoted(name));
        json!({ "attributes": attributes, "url": format!("\"$({get_url})\"") })
    }
}
