//! Entries of the ConfigMap `aws-auth`.

use serde::{Deserialize, Serialize};

use super::{Changes, Describe, Id, Principal, compared};
use crate::aws_auth::Mapping;

mod commands;
mod kubernetes;

/// Entry of the ConfigMap `aws-auth`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwsAuth {
    pub principal: Principal,
    pub mapping: Mapping,
}

impl Describe for AwsAuth {
    fn id_name(&self) -> String {
        self.principal.name().to_owned()
    }

    fn needs(&self) -> Vec<Id> {
        vec![self.principal.id()]
    }

    fn compare(&self, found: &Self, changes: &mut Changes) {
        compared!(changes, self, found; principal: field);
        let (wanted, there) = (&self.mapping, &found.mapping);
        compared!(changes, wanted, there; users: field, arn: field, username: field, groups: unordered);
    }
}
