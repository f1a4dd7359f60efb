//! `aws iam`.

use super::{listed, shell::Shell, tag_changes, touches};
use crate::{
    plan::Change,
    resource::{
        AccessKey, Attachment, InlinePolicy, InstanceProfile, Policy, Principal, Resource, Role, User,
    },
};

fn aws(operation: &str) -> Shell {
    Shell::aws("iam", operation)
}

/// `--role-name NAME`, or that of a user.
fn of(principal: &Principal) -> (&'static str, String) {
    match principal {
        Principal::Role(name) => ("role", name.clone()),
        Principal::User(name) => ("user", name.clone()),
    }
}

pub(super) fn create(resource: &Resource) -> Option<Vec<Shell>> {
    Some(match resource {
        Resource::Policy(Policy { name, description, document, tags, .. }) => vec![
            aws("create-policy")
                .with("--policy-name", name)
                .with("--description", description)
                .all("--tags", &listed(tags))
                .document("--policy-document", document),
        ],
        Resource::Role(Role { name, description, trust, tags }) => vec![
            aws("create-role")
                .with("--role-name", name)
                .with("--description", description)
                .all("--tags", &listed(tags))
                .document("--assume-role-policy-document", trust),
        ],
        Resource::User(User { name, tags }) => {
            vec![aws("create-user").with("--user-name", name).all("--tags", &listed(tags))]
        }
        Resource::Attachment(Attachment { principal, policy_arn }) => {
            let (kind, name) = of(principal);
            let attach = aws(&format!("attach-{kind}-policy"));
            vec![attach.with(&format!("--{kind}-name"), name).with("--policy-arn", policy_arn)]
        }
        Resource::InlinePolicy(InlinePolicy { role, name, document }) => vec![
            aws("put-role-policy")
                .with("--role-name", role)
                .with("--policy-name", name)
                .document("--policy-document", document),
        ],
        Resource::InstanceProfile(InstanceProfile { name, role, tags }) => vec![
            aws("create-instance-profile").with("--instance-profile-name", name).all("--tags", &listed(tags)),
            add_to_profile(name, role),
        ],
        Resource::AccessKey(AccessKey { user, .. }) => vec![
            Shell::comment("shows the secret, now and never again"),
            aws("create-access-key").with("--user-name", user),
        ],
        _ => return None,
    })
}

fn add_to_profile(name: &str, role: &str) -> Shell {
    aws("add-role-to-instance-profile").with("--instance-profile-name", name).with("--role-name", role)
}

pub(super) fn update(resource: &Resource, changes: &[Change]) -> Option<Vec<Shell>> {
    let mut shells = match resource {
        Resource::Policy(Policy { arn, document, .. }) if touches(changes, &["document"]) => vec![
            Shell::comment(
                "IAM keeps five versions: if it says LimitExceeded, delete-policy-version the oldest first",
            ),
            aws("create-policy-version")
                .with("--policy-arn", arn)
                .raw("--set-as-default")
                .document("--policy-document", document),
        ],
        Resource::Role(Role { name, trust, .. }) if touches(changes, &["trust"]) => {
            vec![
                aws("update-assume-role-policy")
                    .with("--role-name", name)
                    .document("--policy-document", trust),
            ]
        }
        Resource::InstanceProfile(InstanceProfile { name, role, .. }) => {
            match changes.iter().find(|change| change.field == "role") {
                Some(change) if !change.from.is_empty() => {
                    vec![remove_from_profile(name, &change.from), add_to_profile(name, role)]
                }
                Some(_) => vec![add_to_profile(name, role)],
                None => Vec::new(),
            }
        }
        Resource::AccessKey(AccessKey { user, .. }) => rotate(user),
        Resource::InlinePolicy(_) | Resource::Attachment(_) => return create(resource),
        Resource::Policy(_) | Resource::Role(_) | Resource::User(_) => Vec::new(),
        _ => return None,
    };
    shells.extend(retag(resource, changes));
    Some(shells)
}

fn rotate(user: &str) -> Vec<Shell> {
    let user = super::shell::quoted(user);
    vec![
        Shell::Verbatim(format!(
            "OLD=$(aws iam list-access-keys --user-name {user} --query 'AccessKeyMetadata[].AccessKeyId' --output text)"
        )),
        Shell::comment("shows the secret, now and never again"),
        Shell::Verbatim(format!("aws iam create-access-key --user-name {user}")),
        Shell::Verbatim(format!(
            "for key in $OLD; do\n  aws iam update-access-key --user-name {user} --access-key-id \"$key\" --status Inactive\ndone"
        )),
    ]
}

fn retag(resource: &Resource, changes: &[Change]) -> Vec<Shell> {
    let (kind, option, name) = match resource {
        Resource::Policy(Policy { arn, .. }) => ("policy", "--policy-arn", arn),
        Resource::Role(Role { name, .. }) => ("role", "--role-name", name),
        Resource::User(User { name, .. }) => ("user", "--user-name", name),
        Resource::InstanceProfile(InstanceProfile { name, .. }) => {
            ("instance-profile", "--instance-profile-name", name)
        }
        _ => return Vec::new(),
    };
    let (set, gone) = tag_changes(changes);
    let mut shells = Vec::new();
    if !set.is_empty() {
        shells.push(aws(&format!("tag-{kind}")).with(option, name).all("--tags", &listed(&set)));
    }
    if !gone.is_empty() {
        shells.push(aws(&format!("untag-{kind}")).with(option, name).all("--tag-keys", &gone));
    }
    shells
}

fn remove_from_profile(name: &str, role: &str) -> Shell {
    aws("remove-role-from-instance-profile").with("--instance-profile-name", name).with("--role-name", role)
}

/// Whatever is still attached: IAM deletes nothing that has policies.
fn detach_all(kind: &str, name: &str) -> Shell {
    Shell::Verbatim(format!(
        "for policy in $(aws iam list-attached-{kind}-policies --{kind}-name {name} --query 'AttachedPolicies[].PolicyArn' \
         --output text); do\n  aws iam detach-{kind}-policy --{kind}-name {name} --policy-arn \"$policy\"\ndone"
    ))
}

pub(super) fn delete(resource: &Resource) -> Option<Vec<Shell>> {
    Some(match resource {
        Resource::Policy(Policy { arn, .. }) => vec![
            Shell::Verbatim(format!(
                "for version in $(aws iam list-policy-versions --policy-arn {arn} --query 'Versions[?!IsDefaultVersion].VersionId' \
                 --output text); do\n  aws iam delete-policy-version --policy-arn {arn} --version-id \"$version\"\ndone"
            )),
            aws("delete-policy").with("--policy-arn", arn),
        ],
        Resource::Role(Role { name, .. }) => {
            vec![detach_all("role", name), aws("delete-role").with("--role-name", name)]
        }
        Resource::User(User { name, .. }) => {
            vec![detach_all("user", name), aws("delete-user").with("--user-name", name)]
        }
        Resource::Attachment(Attachment { principal, policy_arn }) => {
            let (kind, name) = of(principal);
            let detach = aws(&format!("detach-{kind}-policy"));
            vec![detach.with(&format!("--{kind}-name"), name).with("--policy-arn", policy_arn)]
        }
        Resource::InlinePolicy(InlinePolicy { role, name, .. }) => {
            vec![aws("delete-role-policy").with("--role-name", role).with("--policy-name", name)]
        }
        Resource::InstanceProfile(InstanceProfile { name, role, .. }) => {
            let mut shells = Vec::new();
            if !role.is_empty() {
                shells.push(remove_from_profile(name, role));
            }
            shells.push(aws("delete-instance-profile").with("--instance-profile-name", name));
            shells
        }
        Resource::AccessKey(AccessKey { user, .. }) => {
            let user = super::shell::quoted(user);
            vec![Shell::Verbatim(format!(
                "for key in $(aws iam list-access-keys --user-name {user} --query 'AccessKeyMetadata[].AccessKeyId' \
                 --output text); do\n  aws iam delete-access-key --user-name {user} --access-key-id \"$key\"\ndone"
            ))]
        }
        _ => return None,
    })
}
