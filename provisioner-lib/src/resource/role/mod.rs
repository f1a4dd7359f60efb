//! Roles of IAM.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Changes, Describe, Id, Kind, Tags, TemplateValues, compared, last, named, tagged};

mod aws;

/// IAM role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    pub name: String,
    pub description: String,
    pub trust: Value,
    /// ARN of the permissions boundary. None: the one found is right.
    pub boundary: Option<String>,
    pub tags: Tags,
}

impl Describe for Role {
    tagged!();

    named!(name);

    /// IAM makes no role whose boundary is not there, and deletes no policy that is a boundary ("DeletePolicy" in the IAM
    /// API reference).
    fn needs(&self) -> Vec<Id> {
        self.boundary.iter().map(|boundary| Id::new(Kind::Policy, last(boundary))).collect()
    }

    /// The boundary that has the role's name is for new roles: on an older one it could cut what was attached since.
    fn compare(&self, found: &Self, changes: &mut Changes) {
        compared!(changes, self, found; trust: document);
        if self.boundary.as_ref().is_some_and(|boundary| last(boundary) != self.name) {
            compared!(changes, self, found; boundary: field);
        }
    }
}

impl TemplateValues for Role {}
