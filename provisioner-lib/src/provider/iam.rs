//! AWS Identity and Access Management: the register of clusters, and what policies and roles have in common.

use std::collections::BTreeSet;

use aws_sdk_iam::{
    Client,
    types::{AttachedPermissionsBoundary, InstanceProfile, Tag},
};
use serde_json::Value;

use super::{Error, ErrorKind, error};
use crate::{names, resource::Tags};

pub(crate) mod simulate;

/// What the function's role tells.
#[derive(Default)]
pub(super) struct Register {
    pub(super) clusters: BTreeSet<(String, String)>,
    pub(super) by_hash: BTreeSet<(String, String)>,
    pub(super) role_tags: Tags,
}

/// Registered clusters of the account: the names of the inline policies of the function's role.
pub(super) async fn register(client: &Client) -> Result<Register, Error> {
    let role = client.get_role().role_name(names::LAMBDA_ROLE).send();
    let (names, role) = tokio::join!(inline_policies(client, names::LAMBDA_ROLE), role);
    let (names, role) = (names?, error::optional("iam:GetRole", role)?);
    let role_tags = role.and_then(|answer| answer.role).map(|role| tags_out(role.tags.as_deref()));
    let mut register = Register { role_tags: role_tags.unwrap_or_default(), ..Register::default() };
    for found in names.iter().filter_map(|name| names::registered(name)) {
        let cluster = (found.region.to_owned(), found.cluster.to_owned());
        if found.by_hash {
            register.by_hash.insert(cluster.clone());
        }
        register.clusters.insert(cluster);
    }
    Ok(register)
}

/// Names of a role's inline policies; none of one that is not there.
pub(crate) async fn inline_policies(client: &Client, role: &str) -> Result<Vec<String>, Error> {
    let pages = client.list_role_policies().role_name(role).into_paginator().items().send();
    error::listed("iam:ListRolePolicies", pages.collect().await)
}

/// Instance profiles that a role is in; none of a role that is not there.
pub(crate) async fn profiles_of(client: &Client, role: &str) -> Result<Vec<InstanceProfile>, Error> {
    let pages = client.list_instance_profiles_for_role().role_name(role).into_paginator().items().send();
    error::listed("iam:ListInstanceProfilesForRole", pages.collect().await)
}

/// Tags for a call. Both fields are always there, and nothing else can be missing.
pub(crate) fn tags_in(tags: &Tags) -> Vec<Tag> {
    tags.iter().flat_map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

/// Tags of an answer.
pub(crate) fn tags_out(tags: Option<&[Tag]>) -> Tags {
    tags.unwrap_or_default().iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect()
}

/// ARN of a permissions boundary.
pub(crate) fn boundary(found: Option<&AttachedPermissionsBoundary>) -> Option<String> {
    found.and_then(|boundary| boundary.permissions_boundary_arn.clone())
}

/// A policy document, which the API shows with the encoding of URLs (RFC 3986).
pub(crate) fn document(call: &str, encoded: Option<&str>) -> Result<Value, Error> {
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
