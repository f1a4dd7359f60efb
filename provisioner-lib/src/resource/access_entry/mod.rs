//! Access entries of EKS.

use serde::{Deserialize, Serialize};

use super::{Describe, Id, Principal, Tags, compared, tagged};

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

    compared!(principal: field, entry_type: field, groups: unordered, policies: unordered);

    fn immutable(&self) -> &'static [&'static str] {
        &["entry_type"]
    }
}
