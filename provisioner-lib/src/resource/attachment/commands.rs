//! `aws iam` about managed policies on roles and users.

use super::Attachment;
use crate::resource::{Commands, Context, Principal, Shell};

impl Commands for Attachment {
    fn create(&self, _: &Context) -> Vec<Shell> {
        vec![self.shell("attach")]
    }

    fn delete(&self) -> Vec<Shell> {
        vec![self.shell("detach")]
    }
}

impl Attachment {
    fn shell(&self, verb: &str) -> Shell {
        let word = self.principal.word();
        Shell::aws("iam", &format!("{verb}-{word}-policy"))
            .with(&format!("--{word}-name"), self.principal.name())
            .with("--policy-arn", &self.policy_arn)
    }
}

/// Detaches whatever is still attached: IAM deletes no principal that has policies.
pub(in crate::resource) fn detach_all(principal: &Principal) -> Shell {
    let (word, name) = (principal.word(), principal.name());
    Shell::Verbatim(format!(
        "for policy in $(aws iam list-attached-{word}-policies --{word}-name {name} --query 'AttachedPolicies[].PolicyArn' \
         --output text); do\n  aws iam detach-{word}-policy --{word}-name {name} --policy-arn \"$policy\"\ndone"
    ))
}
