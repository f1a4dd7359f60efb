//! Users of IAM.

use serde::{Deserialize, Serialize};

use super::{Changes, Describe, Tags, describe::tagged};

mod aws;
mod commands;

/// IAM user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    pub name: String,
    pub tags: Tags,
}

impl Describe for User {
    tagged!();

    fn id_name(&self) -> String {
        self.name.clone()
    }

    fn compare(&self, _: &Self, _: &mut Changes) {}
}
