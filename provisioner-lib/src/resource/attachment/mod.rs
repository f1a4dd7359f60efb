//! Managed policies on roles and users.

use serde::{Deserialize, Serialize};

use super::{Describe, Id, Kind, Principal, compared, last};

pub(crate) mod aws;
pub(crate) mod commands;

/// Managed policy on a role or user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    pub principal: Principal,
    pub policy_arn: String,
}

impl Describe for Attachment {
    fn id_name(&self) -> String {
        Self::id_of(&self.principal, &self.policy_arn).name
    }

    fn needs(&self) -> Vec<Id> {
        vec![self.principal.id(), Id::new(Kind::Policy, last(&self.policy_arn))]
    }

    compared!(principal: field, policy_arn: field);
}

impl Attachment {
    /// Id of a managed policy on a role or user.
    #[must_use]
    pub fn id_of(principal: &Principal, policy_arn: &str) -> Id {
        // A user may have the name of a role.
        let whole = match principal {
            Principal::Role(name) => name.clone(),
            Principal::User(name) => format!("user/{name}"),
        };
        Id::new(Kind::Attachment, format!("{whole}/{}", last(policy_arn)))
    }
}
