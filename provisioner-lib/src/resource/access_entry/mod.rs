//! Access entries of EKS.

use serde::{Deserialize, Serialize};

use super::{Changes, Describe, Id, Principal, Tags, compared, tagged};

mod aws;
mod commands;

/// EKS access entry, with the access policies (ARNs) that it has on the whole cluster.
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
