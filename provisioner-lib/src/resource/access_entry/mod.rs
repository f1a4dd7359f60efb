//! Access entries of EKS.

use serde::{Deserialize, Serialize};

use super::{Changes, Describe, Id, Principal, Tags, compared, tagged};

mod aws;
mod commands;

/// EKS access entry, with the access policies (ARNs) that it has on the whole cluster. One that is on namespaces, as none
/// of ours is, names them behind the ARN.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessEntry {
    pub cluster: String,
    pub principal: Principal,
    pub principal_arn: String,
    pub entry_type: String,
    /// None: the one that EKS gives.
    #[serde(default)]
    pub username: Option<String>,
    pub groups: Vec<String>,
    pub policies: Vec<String>,
    pub tags: Tags,
}

impl Describe for AccessEntry {
    tagged!();

    fn id_name(&self) -> String {
        format!("{}/{}", self.cluster, self.principal.name())
    }

    fn needs(&self) -> Vec<Id> {
        vec![self.principal.id()]
    }

    fn compare(&self, found: &Self, changes: &mut Changes) {
        compared!(changes, self, found; principal: field, entry_type: field, groups: unordered, policies: unordered);
        if self.username.is_some() {
            compared!(changes, self, found; username: field);
        }
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["entry_type"]
    }
}

impl AccessEntry {
    /// ARNs of those of its policies that are not wanted.
    fn unwanted<'p>(&self, there: &'p [String]) -> Vec<&'p str> {
        let arns = there.iter().filter_map(|policy| policy.split(' ').next());
        arns.filter(|arn| !self.policies.iter().any(|wanted| wanted == arn)).collect()
    }
}
