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
    /// Id of a managed policy on a role or user: by the policy's name, if it is AWS's or ours. Another one of the account may
    /// have the name of AWS's.
    #[must_use]
    pub fn id_of(principal: &Principal, policy_arn: &str) -> Id {
        // A user may have the name of a role.
        let whole = match principal {
            Principal::Role(name) => name.clone(),
            Principal::User(name) => format!("user/{name}"),
        };
        let is_known = policy_arn.contains(":iam::aws:") || policy_arn.contains(":policy/CastEKS");
        let policy = policy_arn.split_once("::").filter(|_| !is_known).map(|(_, of_account)| of_account);
        Id::new(Kind::Attachment, format!("{whole}/{}", policy.unwrap_or_else(|| last(policy_arn))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_of_one_name_have_ids_of_their_own() {
        let principal = Principal::User("cast-eks-prod".to_owned());
        let name = |policy: &str| Attachment::id_of(&principal, &format!("arn:aws:iam::{policy}")).name;
        for (policy, expected) in [
            ("aws:policy/IAMReadOnlyAccess", "IAMReadOnlyAccess"),
            ("aws:policy/service-role/AWSLambdaRole", "AWSLambdaRole"),
            ("123456789012:policy/CastEKSPolicy", "CastEKSPolicy"),
            ("123456789012:policy/IAMReadOnlyAccess", "123456789012:policy/IAMReadOnlyAccess"),
            ("123456789012:policy/team/CastEKSPolicy", "123456789012:policy/team/CastEKSPolicy"),
        ] {
            assert_eq!(name(policy), format!("user/cast-eks-prod/{expected}"), "{policy}");
        }
    }
}
