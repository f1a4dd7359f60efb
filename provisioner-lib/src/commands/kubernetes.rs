//! `aws eks` and `kubectl`.

use serde_json::Value;

use super::{mapped, shell::Shell, tag_changes, touches};
use crate::{
    names::FIELD_MANAGER,
    plan::Change,
    resource::{
        AccessEntry, AwsAuth, ClusterRole, ClusterRoleBinding, HIDDEN, Manifest, MappingFields, Resource,
    },
};

fn entry(operation: &str, cluster: &str, principal_arn: &str) -> Shell {
    Shell::aws("eks", operation).with("--cluster-name", cluster).with("--principal-arn", principal_arn)
}

fn associate(cluster: &str, principal_arn: &str, policies: &[String]) -> Vec<Shell> {
    let associate = |policy: &String| {
        let associate = entry("associate-access-policy", cluster, principal_arn);
        associate.with("--policy-arn", policy).raw("--access-scope type=cluster")
    };
    policies.iter().map(associate).collect()
}

pub(super) fn create(resource: &Resource) -> Option<Vec<Shell>> {
    Some(match resource {
        Resource::AccessEntry(AccessEntry {
            cluster,
            principal_arn,
            entry_type,
            groups,
            policies,
            tags,
            ..
        }) => {
            let mut create = entry("create-access-entry", cluster, principal_arn).with("--type", entry_type);
            if !groups.is_empty() {
                create = create.all("--kubernetes-groups", groups);
            }
            let mut shells = vec![create.with("--tags", mapped(tags))];
            shells.extend(associate(cluster, principal_arn, policies));
            shells
        }
        Resource::AwsAuth(AwsAuth { mapping, .. }) => edit(mapping, "add this entry to"),
        Resource::ClusterRole(ClusterRole { manifest, .. })
        | Resource::ClusterRoleBinding(ClusterRoleBinding { manifest, .. }) => {
            vec![apply(manifest)]
        }
        Resource::Manifest(manifest) => server_side(manifest),
        _ => return None,
    })
}

fn apply(manifest: &Value) -> Shell {
    Shell::kubectl("apply -f -").reading(manifest)
}

fn server_side(manifest: &Manifest) -> Vec<Shell> {
    let words = format!("apply --server-side --force-conflicts --field-manager={FIELD_MANAGER} -f -");
    let apply = Shell::kubectl(&words).reading(&manifest.public());
    if manifest.is_secret() {
        return vec![Shell::comment(&format!("put the values in for {HIDDEN}, in base64")), apply];
    }
    vec![apply]
}

/// By hand, so that entries of others stay as they are.
fn edit(mapping: &MappingFields, what: &str) -> Vec<Shell> {
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

pub(super) fn update(resource: &Resource, changes: &[Change]) -> Option<Vec<Shell>> {
    Some(match resource {
        Resource::AccessEntry(AccessEntry { cluster, principal_arn, groups, policies, .. }) => {
            let mut shells = Vec::new();
            if touches(changes, &["groups"]) {
                let update = entry("update-access-entry", cluster, principal_arn);
                shells.push(update.all("--kubernetes-groups", groups));
            }
            if let Some(change) = changes.iter().find(|change| change.field == "policies") {
                let there: Vec<String> = serde_json::from_str(&change.from).unwrap_or_default();
                let missing: Vec<String> =
                    policies.iter().filter(|arn| !there.contains(arn)).cloned().collect();
                shells.extend(associate(cluster, principal_arn, &missing));
                let gone = there.iter().filter(|arn| !policies.contains(arn));
                shells.extend(gone.map(|arn| {
                    entry("disassociate-access-policy", cluster, principal_arn).with("--policy-arn", arn)
                }));
            }
            let (set, _) = tag_changes(changes);
            if !set.is_empty() {
                let arn = format!(
                    "--resource-arn \"$(aws eks describe-access-entry --cluster-name {cluster} --principal-arn {principal_arn} \
                     --query accessEntry.accessEntryArn --output text)\""
                );
                shells.push(Shell::aws("eks", "tag-resource").raw(arn).with("--tags", mapped(&set)));
            }
            shells
        }
        Resource::AwsAuth(AwsAuth { mapping, .. }) => edit(mapping, "make this the entry in"),
        Resource::ClusterRole(_) | Resource::ClusterRoleBinding(_) | Resource::Manifest(_) => {
            return create(resource);
        }
        _ => return None,
    })
}

pub(super) fn delete(resource: &Resource) -> Option<Vec<Shell>> {
    Some(match resource {
        Resource::AccessEntry(AccessEntry { cluster, principal_arn, .. }) => {
            vec![entry("delete-access-entry", cluster, principal_arn)]
        }
        Resource::AwsAuth(AwsAuth { mapping, .. }) => edit(mapping, "take this entry out of"),
        Resource::ClusterRole(ClusterRole { name, .. }) => {
            vec![Shell::kubectl(&format!("delete clusterrole {name}"))]
        }
        Resource::ClusterRoleBinding(ClusterRoleBinding { name, .. }) => {
            vec![Shell::kubectl(&format!("delete clusterrolebinding {name}"))]
        }
        Resource::Manifest(manifest) => {
            let namespace = manifest.namespace().map(|name| format!("-n {name} ")).unwrap_or_default();
            let (kind, name) = (manifest.kind().to_lowercase(), manifest.name());
            vec![Shell::kubectl(&format!("{namespace}delete {kind} {name}"))]
        }
        _ => return None,
    })
}
