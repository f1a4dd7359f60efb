//! `aws iam` about roles.

use super::Role;
use crate::resource::{
    Change, Commands, Context, Principal, Shell, attachment::commands::detach_all, retag, touches,
};

impl Commands for Role {
    fn create(&self, _: &Context) -> Vec<Shell> {
        vec![
            Shell::aws("iam", "create-role")
                .with("--role-name", &self.name)
                .with("--description", &self.description)
                .listed(&self.tags)
                .document("--assume-role-policy-document", &self.trust),
        ]
    }

    fn update(&self, changes: &[Change], _: &Context) -> Vec<Shell> {
        let mut shells = Vec::new();
        if touches(changes, "trust") {
            let update = Shell::aws("iam", "update-assume-role-policy").with("--role-name", &self.name);
            shells.push(update.document("--policy-document", &self.trust));
        }
        shells.extend(retag("iam", "role", "--role-name", &self.name, Shell::listed, changes));
        shells
    }

    fn delete(&self) -> Vec<Shell> {
        let delete = Shell::aws("iam", "delete-role").with("--role-name", &self.name);
        vec![detach_all(&Principal::Role(self.name.clone())), delete]
    }
}
