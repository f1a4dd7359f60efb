//! Access entries of EKS.

use serde::{Deserialize, Serialize};

use super::{Changes, Describe, Id, Principal, Tags, describe::tagged};

mod aws;
mod commands;

/// EKS access entry, with the access policies (ARNs) that it has on the whole cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessEntry {
    pub cluster: String,
    pub principal: Principal,
    pub principal_arn: String,
    pub entry_type: String,
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
        changes.field("principal", &self.principal, &found.principal);
        changes.field("entry_type", &self.entry_type, &found.entry_type);
        changes.unordered("groups", &self.groups, &found.groups);
        changes.unordered("policies", &self.policies, &found.policies);
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["entry_type"]
    }
}
