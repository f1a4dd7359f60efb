//! `aws iam` about policies inside of roles.

use super::InlinePolicy;
use crate::resource::{Commands, Context, Shell};

impl Commands for InlinePolicy {
    fn create(&self, _: &Context) -> Vec<Shell> {
        let put = Shell::aws("iam", "put-role-policy").with("--role-name", &self.role);
        vec![put.with("--policy-name", &self.name).document("--policy-document", &self.document)]
    }

    fn delete(&self) -> Vec<Shell> {
        let delete = Shell::aws("iam", "delete-role-policy").with("--role-name", &self.role);
        vec![delete.with("--policy-name", &self.name)]
    }
}
