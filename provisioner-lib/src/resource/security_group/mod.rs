//! Security groups of EC2.

use serde::{Deserialize, Serialize};

use super::{Changes, Describe, Id, Kind, Tags, named, tagged};
use crate::names::{LAMBDA_ROLE, VPC_ACCESS};

pub(crate) mod aws;
pub(crate) mod commands;

/// EC2 security group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityGroup {
    pub name: String,
    pub vpc_id: String,
    pub description: String,
    pub tags: Tags,
}

impl Describe for SecurityGroup {
    tagged!();

    named!(vpc_id / name);

    /// Lambda frees its network interfaces by the role's rights, and only then can the group go ("Giving Lambda
    /// functions access to resources in an Amazon VPC" in the Lambda developer guide).
    fn needs(&self) -> Vec<Id> {
        vec![Id::new(Kind::Attachment, format!("{LAMBDA_ROLE}/{VPC_ACCESS}"))]
    }

    fn compare(&self, _: &Self, _: &mut Changes) {}
}
