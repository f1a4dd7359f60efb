//! What roles and users have in common: policies that are attached, policies that are written into them.

use aws_sdk_iam::types::Tag;
use futures_util::future::join_all;
use serde_json::Value;

use super::{Iam, document, tags_out};
use crate::{
    observed::Found,
    provider::{
        Error, error,
        propagation::{KNOWN_TO_IAM, is_unseen, retry_until_consistent},
    },
    resource::{Attachment, InlinePolicy, Principal, Resource, Tags},
};

/// A role or user as the API shows it.
pub(super) struct Whole {
    pub(super) resource: Resource,
    pub(super) created: i64,
}

impl Iam {
    /// A principal with all that it has of what is `wanted`. What one that is not there has, is not asked.
    pub(super) async fn principal(
        &self,
        principal: &Principal,
        wanted: &[&Resource],
    ) -> Vec<Result<Found, Error>> {
        let mut seen = Vec::new();
        if wanted.iter().any(|resource| resource.id() == principal.id()) {
            let whole = match principal {
                Principal::Role(name) => self.role(name).await,
                Principal::User(name) => self.user(name).await,
            };
            match whole {
                Ok(None) => return seen,
                Ok(Some(Whole { resource, created })) => {
                    seen.push(Ok(Found { resource, created: Some(created), revision: None }));
                }
                Err(error) => return vec![Err(error)],
            }
        }
        let (attached, inline, key) = tokio::join!(
            self.attached(principal, wanted),
            self.inline(principal, wanted),
            self.key(principal, wanted)
        );
        match attached {
            Ok(attached) => seen.extend(attached.into_iter().map(Ok)),
            Err(error) => seen.push(Err(error)),
        }
        seen.extend(inline);
        seen.extend(key.transpose());
        seen
    }

    /// All of them, those that nobody asks for too: they count towards a quota.
    async fn attached(&self, principal: &Principal, wanted: &[&Resource]) -> Result<Vec<Found>, Error> {
        let is_of_this = |resource: &&Resource| matches!(resource, Resource::Attachment(Attachment { principal: of, .. }) if of == principal);
        if !wanted.iter().any(is_of_this) {
            return Ok(Vec::new());
        }
        let attached = self.attached_policies(principal).await?.into_iter();
        let attachment =
            |policy_arn| Resource::Attachment(Attachment { principal: principal.clone(), policy_arn });
        Ok(attached.map(|policy_arn| Found::from(attachment(policy_arn))).collect())
    }

    async fn inline(&self, principal: &Principal, wanted: &[&Resource]) -> Vec<Result<Found, Error>> {
        let names = wanted.iter().filter_map(|resource| match resource {
            Resource::InlinePolicy(InlinePolicy { role, name, .. })
                if *principal == Principal::Role(role.clone()) =>
            {
                Some((role, name))
            }
            _ => None,
        });
        let found = names.map(async |(role, name)| {
            let call = "iam:GetRolePolicy";
            let answer = self.client.get_role_policy().role_name(role).policy_name(name).send().await;
            let Some(answer) = error::optional(call, answer)? else { return Ok(None) };
            let document = document(call, Some(&answer.policy_document))?;
            Ok(Some(Found::from(Resource::InlinePolicy(InlinePolicy {
                role: role.clone(),
                name: name.clone(),
                document,
            }))))
        });
        join_all(found).await.into_iter().filter_map(Result::transpose).collect()
    }

    /// ARNs of the managed policies of a principal; none of one that is not there.
    pub(super) async fn attached_policies(&self, principal: &Principal) -> Result<Vec<String>, Error> {
        let (mut arns, mut marker) = (Vec::new(), None);
        loop {
            let page = match principal {
                Principal::Role(name) => {
                    let call = self.client.list_attached_role_policies().role_name(name).set_marker(marker);
                    error::optional("iam:ListAttachedRolePolicies", call.send().await)?
                        .map(|page| (page.attached_policies, page.marker))
                }
                Principal::User(name) => {
                    let call = self.client.list_attached_user_policies().user_name(name).set_marker(marker);
                    error::optional("iam:ListAttachedUserPolicies", call.send().await)?
                        .map(|page| (page.attached_policies, page.marker))
                }
            };
            let Some((policies, next)) = page else { return Ok(arns) };
            arns.extend(policies.into_iter().flatten().filter_map(|policy| policy.policy_arn));
            marker = next;
            if marker.is_none() {
                return Ok(arns);
            }
        }
    }

    pub(super) async fn attach(&self, principal: &Principal, policy_arn: &str) -> Result<(), Error> {
        match principal {
            Principal::Role(name) => {
                let call = self.client.attach_role_policy().role_name(name).policy_arn(policy_arn);
                retry_until_consistent("iam:AttachRolePolicy", KNOWN_TO_IAM, is_unseen, || {
                    call.clone().send()
                })
                .await
                .map(drop)
            }
            Principal::User(name) => {
                let call = self.client.attach_user_policy().user_name(name).policy_arn(policy_arn);
                retry_until_consistent("iam:AttachUserPolicy", KNOWN_TO_IAM, is_unseen, || {
                    call.clone().send()
                })
                .await
                .map(drop)
            }
        }
    }

    pub(super) async fn detach(&self, principal: &Principal, policy_arn: &str) -> Result<(), Error> {
        match principal {
            Principal::Role(name) => {
                let call = self.client.detach_role_policy().role_name(name).policy_arn(policy_arn);
                error::ok_if_absent("iam:DetachRolePolicy", call.send().await)
            }
            Principal::User(name) => {
                let call = self.client.detach_user_policy().user_name(name).policy_arn(policy_arn);
                error::ok_if_absent("iam:DetachUserPolicy", call.send().await)
            }
        }
    }

    pub(super) async fn detach_all(&self, principal: &Principal) -> Result<(), Error> {
        let attached = self.attached_policies(principal).await?;
        join_all(attached.iter().map(|arn| self.detach(principal, arn))).await.into_iter().collect()
    }

    pub(super) async fn put_inline(&self, role: &str, name: &str, document: &Value) -> Result<(), Error> {
        let call = self
            .client
            .put_role_policy()
            .role_name(role)
            .policy_name(name)
            .policy_document(document.to_string());
        retry_until_consistent("iam:PutRolePolicy", KNOWN_TO_IAM, is_unseen, || call.clone().send())
            .await
            .map(drop)
    }

    pub(super) async fn delete_inline(&self, role: &str, name: &str) -> Result<(), Error> {
        let call = self.client.delete_role_policy().role_name(role).policy_name(name);
        error::ok_if_absent("iam:DeleteRolePolicy", call.send().await)
    }

    /// Names of a role's inline policies; none of one that is not there.
    pub(super) async fn inline_policies(&self, role: &str) -> Result<Vec<String>, Error> {
        let (mut names, mut marker) = (Vec::new(), None);
        loop {
            let answer = self.client.list_role_policies().role_name(role).set_marker(marker).send().await;
            let Some(page) = error::optional("iam:ListRolePolicies", answer)? else { return Ok(names) };
            names.extend(page.policy_names);
            marker = page.marker;
            if marker.is_none() {
                return Ok(names);
            }
        }
    }
}

pub(super) fn tags(tags: Option<&[Tag]>) -> Tags {
    tags_out(tags.unwrap_or_default())
}
