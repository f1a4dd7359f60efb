//! `aws iam` about access keys.

use super::AccessKey;
use crate::resource::{Change, Commands, Context, Shell, quoted};

impl Commands for AccessKey {
    fn create(&self, _: &Context) -> Vec<Shell> {
        vec![
            Shell::comment("shows the secret, now and never again"),
            Shell::aws("iam", "create-access-key").with("--user-name", &self.user),
        ]
    }

    fn update(&self, _: &[Change], context: &Context) -> Vec<Shell> {
        let user = quoted(&self.user);
        let mut shells = vec![Shell::Verbatim(format!(
            "OLD=$(aws iam list-access-keys --user-name {user} --query 'AccessKeyMetadata[].AccessKeyId' --output text)"
        ))];
        shells.extend(self.create(context));
        shells.push(Shell::Verbatim(format!(
            "for key in $OLD; do\n  aws iam update-access-key --user-name {user} --access-key-id \"$key\" --status Inactive\ndone"
        )));
        shells
    }

    fn delete(&self) -> Vec<Shell> {
        let user = quoted(&self.user);
        vec![Shell::Verbatim(format!(
            "for key in $(aws iam list-access-keys --user-name {user} --query 'AccessKeyMetadata[].AccessKeyId' \
             --output text); do\n  aws iam delete-access-key --user-name {user} --access-key-id \"$key\"\ndone"
        ))]
    }
}
