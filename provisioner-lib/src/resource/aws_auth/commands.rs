//! `kubectl` about the ConfigMap `aws-auth`.

use super::{AwsAuth, Mapping};
use crate::resource::{Change, Commands, Context, Shell};

impl Commands for AwsAuth {
    fn create(&self, _: &Context) -> Vec<Shell> {
        edit(&self.mapping, "add this entry to")
    }

    fn update(&self, _: &[Change], _: &Context) -> Vec<Shell> {
        edit(&self.mapping, "make this the entry in")
    }

    fn delete(&self) -> Vec<Shell> {
        edit(&self.mapping, "take this entry out of")
    }
}

/// By hand, so that entries of others stay as they are.
fn edit(mapping: &Mapping, what: &str) -> Vec<Shell> {
    let (section, arn) = if mapping.users { ("mapUsers", "userarn") } else { ("mapRoles", "rolearn") };
    let mut shells = vec![
        Shell::comment(&format!("{what} {section}, and leave the others as they are:")),
        Shell::comment(&format!("  - {arn}: {}", mapping.arn)),
    ];
    if !mapping.username.is_empty() {
        shells.push(Shell::comment(&format!("    username: '{}'", mapping.username)));
        shells.push(Shell::comment("    groups:"));
        shells.extend(mapping.groups.iter().map(|group| Shell::comment(&format!("    - {group}"))));
    }
    shells.push(Shell::kubectl("-n kube-system edit configmap aws-auth"));
    shells
}
