//! ClusterRoles of Kubernetes.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Changes, Describe, Service};
use crate::names::LABEL_NAME;

mod commands;
pub(super) mod kubernetes;

/// Kubernetes ClusterRole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterRole {
    pub name: String,
    pub manifest: Value,
}

impl Describe for ClusterRole {
    const LABEL: &'static str = "ClusterRole";
    const SERVICE: Service = Service::Kubernetes;

    fn id_name(&self) -> String {
        self.name.clone()
    }

    fn owner_label(&self) -> Option<(&'static str, &str)> {
        Some((LABEL_NAME, self.manifest["metadata"]["labels"][LABEL_NAME].as_str().unwrap_or_default()))
    }

    fn compare(&self, found: &Self, changes: &mut Changes) {
        rbac(&self.manifest, &found.manifest, changes);
    }
}

/// The differences of an object of RBAC.
pub(super) fn rbac(wanted: &Value, found: &Value, changes: &mut Changes) {
    for part in ["rules", "roleRef", "subjects"] {
        changes.field(&format!("manifest.{part}"), &wanted[part], &found[part]);
    }
    // Other than ours only on an adopted object: else it is a conflict.
    let label = |manifest: &Value| manifest["metadata"]["labels"][LABEL_NAME].clone();
    changes.field(&format!("manifest.metadata.labels.{LABEL_NAME}"), &label(wanted), &label(found));
}
