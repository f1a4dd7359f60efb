//! Users of IAM.

use serde::{Deserialize, Serialize};

use super::{Changes, Describe, Tags, TemplateValues, compared, named, tagged};

mod aws;

/// IAM user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    pub name: String,
    /// ARN of the permissions boundary. None: the one found is right.
    pub boundary: Option<String>,
    pub tags: Tags,
}

impl Describe for User {
    tagged!();

    named!(name);

    fn compare(&self, found: &Self, changes: &mut Changes) {
        if self.boundary.is_some() {
            compared!(changes, self, found; boundary: field);
        }
    }
}

impl TemplateValues for User {}
