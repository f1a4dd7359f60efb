//! `aws iam` about managed policies.

use super::Policy;
use crate::resource::{Change, Commands, Context, Shell, retag, touches};

impl Commands for Policy {
    fn create(&self, _: &Context) -> Vec<Shell> {
        vec![
            Shell::aws("iam", "create-policy")
                .with("--policy-name", &self.name)
                .with("--description", &self.description)
                .listed(&self.tags)
                .document("--policy-document", &self.document),
        ]
    }

    fn update(&self, changes: &[Change], _: &Context) -> Vec<Shell> {
        let mut shells = Vec::new();
        if touches(changes, "document") {
            shells.push(Shell::comment(
                "IAM keeps five versions: if it says LimitExceeded, delete-policy-version the oldest first",
            ));
            shells.push(
                Shell::aws("iam", "create-policy-version")
                    .with("--policy-arn", &self.arn)
                    .raw("--set-as-default")
                    .document("--policy-document", &self.document),
            );
        }
        shells.extend(retag("iam", "policy", "--policy-arn", &self.arn, Shell::listed, changes));
        shells
    }

    fn delete(&self) -> Vec<Shell> {
        let arn = &self.arn;
        vec![
            Shell::Verbatim(format!(
                "for version in $(aws iam list-policy-versions --policy-arn {arn} --query 'Versions[?!IsDefaultVersion].VersionId' \
                 --output text); do\n  aws iam delete-policy-version --policy-arn {arn} --version-id \"$version\"\ndone"
            )),
            Shell::aws("iam", "delete-policy").with("--policy-arn", arn),
        ]
    }
}
