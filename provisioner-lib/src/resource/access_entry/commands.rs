//! `aws eks`.

use super::AccessEntry;
use crate::resource::{Change, Commands, Context, Shell, TagChanges, touches};

impl Commands for AccessEntry {
    fn create(&self, _: &Context) -> Vec<Shell> {
        let mut create = self.shell("create-access-entry").with("--type", &self.entry_type);
        if !self.groups.is_empty() {
            create = create.all("--kubernetes-groups", &self.groups);
        }
        let mut shells = vec![create.mapped(&self.tags)];
        shells.extend(self.policies.iter().map(|arn| self.associate(arn)));
        shells
    }

    fn update(&self, changes: &[Change], _: &Context) -> Vec<Shell> {
        let mut shells = Vec::new();
        if touches(changes, "groups") {
            shells.push(self.shell("update-access-entry").all("--kubernetes-groups", &self.groups));
        }
        if let Some(change) = changes.iter().find(|change| change.field == "policies") {
            let there: Vec<String> = serde_json::from_str(&change.from).unwrap_or_default();
            let missing = self.policies.iter().filter(|arn| !there.contains(arn));
            shells.extend(missing.map(|arn| self.associate(arn)));
            let removed = there.iter().filter(|arn| !self.policies.contains(arn));
            shells.extend(
                removed.map(|arn| self.shell("disassociate-access-policy").with("--policy-arn", arn)),
            );
        }
        let tags = TagChanges::of(changes);
        if !tags.set.is_empty() {
            let arn = format!(
                "--resource-arn \"$(aws eks describe-access-entry --cluster-name {} --principal-arn {} \
                 --query accessEntry.accessEntryArn --output text)\"",
                self.cluster, self.principal_arn
            );
            shells.push(Shell::aws("eks", "tag-resource").raw(arn).mapped(&tags.set));
        }
        shells
    }

    fn delete(&self) -> Vec<Shell> {
        vec![self.shell("delete-access-entry")]
    }
}

impl AccessEntry {
    fn shell(&self, operation: &str) -> Shell {
        let shell = Shell::aws("eks", operation).with("--cluster-name", &self.cluster);
        shell.with("--principal-arn", &self.principal_arn)
    }

    fn associate(&self, policy_arn: &str) -> Shell {
        let associate = self.shell("associate-access-policy").with("--policy-arn", policy_arn);
        associate.raw("--access-scope type=cluster")
    }
}
