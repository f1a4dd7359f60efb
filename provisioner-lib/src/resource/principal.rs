//! IAM principals that can have policies.

use serde::{Deserialize, Serialize};

use super::kind::{Id, Kind};

/// A role or user.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Principal {
    /// A role, by name.
    Role(String),
    /// A user, by name.
    User(String),
}

impl Principal {
    /// `role` or `user`, as in the names of IAM calls.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Role(_) => "role",
            Self::User(_) => "user",
        }
    }

    /// Name of the role or user.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Role(name) | Self::User(name) => name,
        }
    }

    /// Id of the role or user.
    #[must_use]
    pub fn id(&self) -> Id {
        match self {
            Self::Role(name) => Id::new(Kind::Role, name),
            Self::User(name) => Id::new(Kind::User, name),
        }
    }

    /// Its ARN in an account.
    #[must_use]
    pub fn arn(&self, partition: &str, account: &str) -> String {
        format!("arn:{partition}:iam::{account}:{}/{}", self.word(), self.name())
    }
}
