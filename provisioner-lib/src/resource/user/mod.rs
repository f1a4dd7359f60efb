//! Users of IAM.

use serde::{Deserialize, Serialize};

use super::{Describe, Tags, named, tagged};

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

    named!(name);
}
