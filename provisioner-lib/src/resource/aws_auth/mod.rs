//! Entries of the ConfigMap `aws-auth`.

use serde::{Deserialize, Serialize};

use super::{Changes, Describe, Id, Principal};
use crate::aws_auth::{Mapping, Section};

mod commands;
mod kubernetes;

/// Entry of the ConfigMap `aws-auth`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwsAuth {
    pub principal: Principal,
    pub mapping: MappingFields,
}

impl Describe for AwsAuth {
    fn id_name(&self) -> String {
        self.principal.name().to_owned()
    }

    fn needs(&self) -> Vec<Id> {
        vec![self.principal.id()]
    }

    fn compare(&self, found: &Self, changes: &mut Changes) {
        let (wanted, there) = (&self.mapping, &found.mapping);
        changes.field("principal", &self.principal, &found.principal);
        changes.field("users", &wanted.users, &there.users);
        changes.field("arn", &wanted.arn, &there.arn);
        changes.field("username", &wanted.username, &there.username);
        changes.unordered("groups", &wanted.groups, &there.groups);
    }
}

/// [`Mapping`], as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappingFields {
    pub users: bool,
    pub arn: String,
    pub username: String,
    pub groups: Vec<String>,
}

impl From<&MappingFields> for Mapping {
    fn from(fields: &MappingFields) -> Self {
        Self {
            section: if fields.users { Section::MapUsers } else { Section::MapRoles },
            arn: fields.arn.clone(),
            username: fields.username.clone(),
            groups: fields.groups.clone(),
        }
    }
}
