//! Users of IAM.

use serde::{Deserialize, Serialize};

use super::{Changes, Describe, Tags, TemplateValues, named, tagged};

mod aws;

/// IAM user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    pub name: String,
    pub tags: Tags,
}

impl Describe for User {
    tagged!();

    named!(name);

    fn compare(&self, _: &Self, _: &mut Changes) {}
}

impl TemplateValues for User {}
