//! Settings of asynchronous invocations.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Describe, TemplateValues, compared, named, needs};

mod aws;

/// Settings of a function's asynchronous invocations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvokeConfig {
    pub function: String,
    pub maximum_event_age_seconds: i32,
    pub maximum_retry_attempts: i32,
    /// Settings beyond these, by name. None is wanted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub others: BTreeMap<String, String>,
}

impl Describe for InvokeConfig {
    named!(function);

    needs!(Function: function);

    compared!(maximum_event_age_seconds: field, maximum_retry_attempts: field, others: named);
}

impl TemplateValues for InvokeConfig {}
