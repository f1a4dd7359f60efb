//! Rules of EventBridge.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Describe, Tags, TemplateValues, compared, named, tagged};

mod aws;

/// EventBridge rule of the default bus: a pattern (else null) or a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    pub name: String,
    pub pattern: Value,
    pub schedule: Option<String>,
    pub description: String,
    pub tags: Tags,
}

impl Describe for Rule {
    const SERVES_ALL: bool = true;

    tagged!();

    named!(name);

    compared!(pattern: field, schedule: field);
}

impl TemplateValues for Rule {}
