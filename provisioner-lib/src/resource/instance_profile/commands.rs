//! `aws iam` about instance profiles.

use super::InstanceProfile;
use crate::resource::{Change, Commands, Context, Shell, retag};

impl Commands for InstanceProfile {
    fn create(&self, _: &Context) -> Vec<Shell> {
        let create = self.shell("create-instance-profile").listed(&self.tags);
        vec![create, self.with_role("add-role-to-instance-profile", &self.role)]
    }

    fn update(&self, changes: &[Change], _: &Context) -> Vec<Shell> {
        let mut shells = Vec::new();
        if let Some(change) = changes.iter().find(|change| change.field == "role") {
            if !change.from.is_empty() {
                shells.push(self.with_role("remove-role-from-instance-profile", &change.from));
            }
            shells.push(self.with_role("add-role-to-instance-profile", &self.role));
        }
        let option = "--instance-profile-name";
        shells.extend(retag("iam", "instance-profile", option, &self.name, Shell::listed, changes));
        shells
    }

    fn delete(&self) -> Vec<Shell> {
        let mut shells = Vec::new();
        if !self.role.is_empty() {
            shells.push(self.with_role("remove-role-from-instance-profile", &self.role));
        }
        shells.push(self.shell("delete-instance-profile"));
        shells
    }
}

impl InstanceProfile {
    fn shell(&self, operation: &str) -> Shell {
        Shell::aws("iam", operation).with("--instance-profile-name", &self.name)
    }

    fn with_role(&self, operation: &str, role: &str) -> Shell {
        self.shell(operation).with("--role-name", role)
    }
}
