//! Users of IAM.

use serde::{Deserialize, Serialize};

use super::{Commands, Describe, Tags, named, tagged};

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
}

impl Commands for User {}
