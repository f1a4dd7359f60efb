//! Statements of resource policies of functions.

use serde::{Deserialize, Serialize};

use super::{Changes, Describe, Id, Kind};

mod aws;
mod commands;

/// Statement of a function's resource policy: a rule may invoke it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permission {
    pub function: String,
    pub statement_id: String,
    pub principal: String,
    pub source_arn: String,
}

impl Describe for Permission {
    fn id_name(&self) -> String {
        format!("{}/{}", self.function, self.statement_id)
    }

    fn needs(&self) -> Vec<Id> {
        vec![Id::new(Kind::Function, &self.function)]
    }

    fn compare(&self, found: &Self, changes: &mut Changes) {
        changes.field("principal", &self.principal, &found.principal);
        changes.field("source_arn", &self.source_arn, &found.source_arn);
    }

    /// Statements are added and removed, not changed.
    fn immutable(&self) -> &'static [&'static str] {
        &["principal", "source_arn"]
    }
}
