//! Statements of resource policies of functions.

use serde::{Deserialize, Serialize};

use super::{Describe, TemplateValues, compared, named, needs};

mod aws;

/// Statement of a function's resource policy: a rule may invoke it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permission {
    pub function: String,
    pub statement_id: String,
    pub principal: String,
    pub source_arn: String,
}

impl Describe for Permission {
    named!(function / statement_id);

    needs!(Function: function);

    compared!(principal: field, source_arn: field);

    /// Statements are added and removed, not changed.
    fn immutable(&self) -> &'static [&'static str] {
        &["principal", "source_arn"]
    }
}

impl TemplateValues for Permission {}
