//! Customer managed policies of IAM.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Describe, Tags, TemplateValues, compared, named, tagged};

mod aws;

/// Customer managed IAM policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    pub arn: String,
    pub name: String,
    pub description: String,
    pub document: Value,
    pub tags: Tags,
}

impl Describe for Policy {
    tagged!();

    named!(name);

    compared!(arn: field, document: document);
}

impl TemplateValues for Policy {}
