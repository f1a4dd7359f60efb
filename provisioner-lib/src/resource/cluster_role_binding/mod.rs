//! ClusterRoleBindings of Kubernetes.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Changes, Describe, Id, Kind, Service, cluster_role::rbac};
use crate::names::LABEL_NAME;

mod commands;
mod kubernetes;

/// Kubernetes ClusterRoleBinding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterRoleBinding {
    pub name: String,
    pub manifest: Value,
}

impl Describe for ClusterRoleBinding {
    const LABEL: &'static str = "ClusterRoleBinding";
    const SERVICE: Service = Service::Kubernetes;

    fn id_name(&self) -> String {
        self.name.clone()
    }

    fn owner_label(&self) -> Option<(&'static str, &str)> {
        Some((LABEL_NAME, self.manifest["metadata"]["labels"][LABEL_NAME].as_str().unwrap_or_default()))
    }

    fn needs(&self) -> Vec<Id> {
        vec![Id::new(Kind::ClusterRole, &self.name)]
    }

    fn compare(&self, found: &Self, changes: &mut Changes) {
        rbac(&self.manifest, &found.manifest, changes);
    }

    fn immutable(&self) -> &'static [&'static str] {
        &["manifest.roleRef"]
    }
}
