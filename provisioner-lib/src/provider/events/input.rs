//! What a target is sent in place of the event ("Amazon EventBridge input transformation" in the EventBridge User
//! Guide): a template with placeholders for fields of the event.

use std::collections::HashMap;

use aws_sdk_eventbridge::{
    error::BuildError,
    types::{InputTransformer, Target},
};
use serde_json::Value;

use crate::resource::input_paths;

pub(super) fn transformer(input: &Value) -> Result<InputTransformer, BuildError> {
    let paths = input_paths().into_iter().collect();
    InputTransformer::builder().set_input_paths_map(Some(paths)).input_template(input.to_string()).build()
}

/// None where the target is sent the event itself. What is not made as ours are, is shown as it is.
pub(super) fn found(target: &Target) -> Option<Value> {
    if let Some(transformer) = &target.input_transformer {
        let template = transformer.input_template();
        let same_paths =
            transformer.input_paths_map() == Some(&input_paths().into_iter().collect::<HashMap<_, _>>());
        let parsed = serde_json::from_str(template).ok().filter(|_| same_paths);
        return Some(parsed.unwrap_or_else(|| Value::String(template.to_owned())));
    }
    target.input.clone().or_else(|| target.input_path.clone()).map(Value::String)
}
