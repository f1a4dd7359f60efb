//! The ConfigMap `kube-system/aws-auth`, edited in its text.
//!
//! People and tools have left `mapUsers` and `mapRoles` in many forms, and one bad byte locks everybody out of the
//! cluster. So nothing is rewritten: an entry is put in, changed or cut out where it stands, and every other
//! byte stays. What comes out is parsed again and held against what was wanted; a text that is too clever for the
//! editor is refused, with the entry to write by hand.
//!
//! ```text
//! text ──► entries (parsed) ──► what is wanted ─────────────────────┐
//!   │                                                               ├── equal? ──► new text
//!   └────► document (lines) ──► block | flow: splices ──► parsed ───┘
//! ```
//!
//! Read as aws-iam-authenticator reads it (its `pkg/mapper/configmap/configmap.go`): names of fields in any case,
//! ARNs that differ in case are one, the last of several entries wins. Role ARNs stand there without their
//! path, which is the caller's to take out ("aws-auth ConfigMap does not grant access to the cluster" in the EKS
//! User Guide).

mod block;
mod document;
mod edit;
mod entries;
mod error;
mod flow;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::error::{AwsAuthError, Problem};
use error::EDIT;

/// Data of the ConfigMap.
pub type Data = BTreeMap<String, String>;

/// A list of the ConfigMap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// IAM users.
    MapUsers,
    /// IAM roles.
    MapRoles,
}

impl Section {
    /// Key of the ConfigMap.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::MapUsers => "mapUsers",
            Self::MapRoles => "mapRoles",
        }
    }

    /// Field of an entry that holds the ARN.
    #[must_use]
    pub fn arn_field(self) -> &'static str {
        match self {
            Self::MapUsers => "userarn",
            Self::MapRoles => "rolearn",
        }
    }
}

/// An entry: who an IAM principal is in the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    /// Whether it stands in the list of users, else in that of roles.
    pub users: bool,
    /// ARN of the user or role, without a path.
    pub arn: String,
    /// Kubernetes user; empty where none is named.
    pub username: String,
    /// Kubernetes groups.
    pub groups: Vec<String>,
}

impl Mapping {
    /// The list that it stands in.
    #[must_use]
    pub fn section(&self) -> Section {
        if self.users { Section::MapUsers } else { Section::MapRoles }
    }
}

/// What the ConfigMap says of an ARN.
pub fn find(data: &Data, section: Section, arn: &str) -> Result<Option<Mapping>, AwsAuthError> {
    let text = data.get(section.key()).map_or("", String::as_str);
    let found = entries::parse(text).and_then(|entries| entries::find(&entries, section, arn));
    found
        .map_err(|problem| AwsAuthError::new(section, problem, format!("mend {} with {EDIT}", section.key())))
}

/// The data with the mapping added or changed; `None` where it says so already.
pub fn add(data: &Data, mapping: &Mapping) -> Result<Option<Data>, AwsAuthError> {
    let section = mapping.section();
    let edited = edit::each(data, section, |text| edit::added(text, mapping));
    edited.map_err(|problem| {
        let entry = block::entry(mapping, 0, 1, "\n");
        let hint = format!("see to it with {EDIT} that {} has this entry:\n{entry}", section.key());
        AwsAuthError::new(section, problem, hint)
    })
}

/// The data without the entry of an ARN; `None` where there is none. The list stays, though it be empty.
pub fn remove(data: &Data, section: Section, arn: &str) -> Result<Option<Data>, AwsAuthError> {
    let edited = edit::each(data, section, |text| edit::removed(text, section, arn));
    edited.map_err(|problem| {
        let hint = format!("take the entry of {arn} out of {} with {EDIT}", section.key());
        AwsAuthError::new(section, problem, hint)
    })
}
