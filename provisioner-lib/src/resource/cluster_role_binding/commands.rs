//! `kubectl` about ClusterRoleBindings.

use super::ClusterRoleBinding;
use crate::resource::shell::{Commands, Context, Shell};

impl Commands for ClusterRoleBinding {
    fn create(&self, _: &Context) -> Vec<Shell> {
        vec![Shell::kubectl("apply -f -").reading(&self.manifest)]
    }

    fn delete(&self) -> Vec<Shell> {
        vec![Shell::kubectl(&format!("delete clusterrolebinding {}", self.name))]
    }
}
