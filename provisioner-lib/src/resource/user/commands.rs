//! `aws iam` about users.

use super::User;
use crate::resource::{Change, Commands, Context, Principal, Shell, attachment::commands::detach_all, retag};

impl Commands for User {
    fn create(&self, _: &Context) -> Vec<Shell> {
        vec![Shell::aws("iam", "create-user").with("--user-name", &self.name).listed(&self.tags)]
    }

    fn update(&self, changes: &[Change], _: &Context) -> Vec<Shell> {
        retag("iam", "user", "--user-name", &self.name, Shell::listed, changes)
    }

    fn delete(&self) -> Vec<Shell> {
        let delete = Shell::aws("iam", "delete-user").with("--user-name", &self.name);
        vec![detach_all(&Principal::User(self.name.clone())), delete]
    }
}
