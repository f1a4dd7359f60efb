//! `kubectl` about ClusterRoles.

use super::ClusterRole;
use crate::resource::shell::{Commands, Context, Shell};

impl Commands for ClusterRole {
    fn create(&self, _: &Context) -> Vec<Shell> {
        vec![Shell::kubectl("apply -f -").reading(&self.manifest)]
    }

    fn delete(&self) -> Vec<Shell> {
        vec![Shell::kubectl(&format!("delete clusterrole {}", self.name))]
    }
}
