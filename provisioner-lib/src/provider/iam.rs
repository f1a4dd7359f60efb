//! AWS Identity and Access Management: policies, roles, users, instance profiles, keys.

use std::collections::BTreeSet;

use aws_sdk_iam::{Client, types::Tag};
use futures_util::future::join_all;
use serde_json::Value;

use super::{Error, ErrorKind, Made, error, tags::TagChanges};
use crate::{
    names,
    observed::Found,
    resource::Change,
    resource::{
        AccessKey, Attachment, InlinePolicy, InstanceProfile, Policy, Principal, Resource, Role, Tags, User,
    },
};

mod key;
mod policy;
mod principal;
mod profile;
mod role;
mod simulate;
mod user;

/// What the function's role tells.
#[derive(Default)]
pub(super) struct Register {
    pub(super) clusters: BTreeSet<(String, String)>,
    pub(super) by_hash: BTreeSet<(String, String)>,
}

/// IAM of the account.
pub(super) struct Iam {
    pub(super) client: Client,
}

impl Iam {
    /// Registered clusters of the account: the names of the inline policies of the function's role.
    pub(super) async fn register(&self) -> Result<Register, Error> {
        let names = self.inline_policies(names::LAMBDA_ROLE).await?;
        let mut register = Register::default();
        for found in names.iter().filter_map(|name| names::registered(name)) {
            let cluster = (found.region.to_owned(), found.cluster.to_owned());
            if found.by_hash {
                register.by_hash.insert(cluster.clone());
            }
            register.clusters.insert(cluster);
        }
        Ok(register)
    }

    /// Looks at policies and profiles one by one, and at each principal with all that it has.
    pub(super) async fn observe(&self, wanted: &[&Resource]) -> Vec<Result<Found, Error>> {
        let principals: BTreeSet<Principal> = wanted.iter().filter_map(|resource| owner(resource)).collect();
        let principals = join_all(principals.iter().map(|principal| self.principal(principal, wanted)));
        let others = join_all(wanted.iter().map(|resource| async move {
            match resource {
                Resource::Policy(Policy { arn, name, .. }) => self.policy(arn, name).await,
                Resource::InstanceProfile(InstanceProfile { name, .. }) => self.profile(name).await,
                _ => Ok(None),
            }
        }));
        let (principals, others) = tokio::join!(principals, others);
        principals.into_iter().flatten().chain(others.into_iter().filter_map(Result::transpose)).collect()
    }

    pub(super) async fn create(&self, resource: &Resource) -> Result<Made, Error> {
        match resource {
            Resource::Policy(Policy { name, description, document, tags, .. }) => {
                self.create_policy(name, description, document, tags).await?;
            }
            Resource::Role(Role { name, description, trust, tags }) => {
                self.create_role(name, description, trust, tags).await?;
            }
            Resource::User(User { name, tags }) => self.create_user(name, tags).await?,
            Resource::Attachment(Attachment { principal, policy_arn }) => {
                self.attach(principal, policy_arn).await?
            }
            Resource::InlinePolicy(InlinePolicy { role, name, document }) => {
                self.put_inline(role, name, document).await?
            }
            Resource::InstanceProfile(InstanceProfile { name, role, tags }) => {
                self.create_profile(name, role, tags).await?
            }
            Resource::AccessKey(AccessKey { user, .. }) => return self.create_key(user).await,
            other => return Err(error::wrong_service(other)),
        }
        Ok(Made::default())
    }

    pub(super) async fn update(&self, resource: &Resource, changes: &[Change]) -> Result<Made, Error> {
        let tags = TagChanges::of(resource, changes);
        match resource {
            Resource::Policy(Policy { arn, document, .. }) => {
                self.update_policy(arn, document, changes, &tags).await?;
            }
            Resource::Role(Role { name, trust, .. }) => self.update_role(name, trust, changes, &tags).await?,
            Resource::User(User { name, .. }) => self.update_user(name, &tags).await?,
            Resource::InstanceProfile(InstanceProfile { name, role, .. }) => {
                self.update_profile(name, role, changes, &tags).await?;
            }
            Resource::AccessKey(AccessKey { user, .. }) => return self.rotate_key(user).await,
            other => return self.create(other).await,
        }
        Ok(Made::default())
    }

    pub(super) async fn delete(&self, resource: &Resource) -> Result<Made, Error> {
        match resource {
            Resource::Policy(Policy { arn, .. }) => self.delete_policy(arn).await?,
            Resource::Role(Role { name, .. }) => self.delete_role(name).await?,
            Resource::User(User { name, .. }) => Box::pin(self.delete_user(name)).await?,
            Resource::Attachment(Attachment { principal, policy_arn }) => {
                self.detach(principal, policy_arn).await?
            }
            Resource::InlinePolicy(InlinePolicy { role, name, .. }) => self.delete_inline(role, name).await?,
            Resource::InstanceProfile(InstanceProfile { name, .. }) => self.delete_profile(name).await?,
            Resource::AccessKey(AccessKey { user, .. }) => self.delete_keys(user).await?,
            other => return Err(error::wrong_service(other)),
        }
        Ok(Made::default())
    }
}

/// The role or user that has it, or that it is.
fn owner(resource: &Resource) -> Option<Principal> {
    match resource {
        Resource::Role(Role { name, .. }) | Resource::InlinePolicy(InlinePolicy { role: name, .. }) => {
            Some(Principal::Role(name.clone()))
        }
        Resource::User(User { name, .. }) | Resource::AccessKey(AccessKey { user: name, .. }) => {
            Some(Principal::User(name.clone()))
        }
        Resource::Attachment(Attachment { principal, .. }) => Some(principal.clone()),
        _ => None,
    }
}

/// As the API takes them. Both fields are always there, and nothing else can be missing.
fn tags_in(tags: &Tags) -> Vec<Tag> {
    tags.iter().flat_map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

/// As the API shows them.
fn tags_out(tags: &[Tag]) -> Tags {
    tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect()
}

/// A policy document, which the API shows with the encoding of URLs (RFC 3986).
fn document(call: &str, encoded: Option<&str>) -> Result<Value, Error> {
    let text = decoded(encoded.unwrap_or_default());
    serde_json::from_str(&text).map_err(|problem| {
        Error::new(ErrorKind::Other, call, format!("the policy document is not JSON ({problem})"))
    })
}

fn decoded(text: &str) -> String {
    if text.starts_with('{') {
        return text.to_owned();
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = code.and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(|_| *first == b'%');
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests;
