//! Managed policies on roles and users.

use std::collections::BTreeSet;

use aws_sdk_iam::Client;
use futures_util::future::join_all;

use super::Attachment;
use crate::{provider::live::prelude::*, resource::Principal};

impl Live<Client> for Attachment {
    const IS_PART: bool = true;

    /// All of a principal, also those that are not wanted: they count towards a quota.
    async fn observe(wanted: &[&Self], client: &Client, _: &Sight<'_>) -> Vec<Result<Found, Error>> {
        let principals: BTreeSet<&Principal> = wanted.iter().map(|wanted| &wanted.principal).collect();
        let found = principals.into_iter().map(async |principal| match attached(client, principal).await {
            Ok(arns) => {
                let attachment = |policy_arn| Self { principal: principal.clone(), policy_arn };
                arns.into_iter().map(|arn| Ok(Found::from(attachment(arn)))).collect()
            }
            Err(error) => vec![Err(error)],
        });
        join_all(found).await.into_iter().flatten().collect()
    }

    async fn create(&self, client: &Client) -> Result<Made, Error> {
        let arn = &self.policy_arn;
        match &self.principal {
            Principal::Role(name) => {
                let attach = || client.attach_role_policy().role_name(name).policy_arn(arn).send();
                retry_until_consistent("iam:AttachRolePolicy", KNOWN_TO_IAM, is_unseen, attach)
                    .await
                    .map(Made::alone)
            }
            Principal::User(name) => {
                let attach = || client.attach_user_policy().user_name(name).policy_arn(arn).send();
                retry_until_consistent("iam:AttachUserPolicy", KNOWN_TO_IAM, is_unseen, attach)
                    .await
                    .map(Made::alone)
            }
        }
    }

    async fn delete(&self, client: &Client) -> Result<Made, Error> {
        detach(client, &self.principal, &self.policy_arn).await.map(Made::alone)
    }
}

/// ARNs of the managed policies of a principal; none of one that is not there.
async fn attached(client: &Client, principal: &Principal) -> Result<Vec<String>, Error> {
    let attached = match principal {
        Principal::Role(name) => {
            let pages = client.list_attached_role_policies().role_name(name).into_paginator().items().send();
            error::listed("iam:ListAttachedRolePolicies", pages.collect().await)?
        }
        Principal::User(name) => {
            let pages = client.list_attached_user_policies().user_name(name).into_paginator().items().send();
            error::listed("iam:ListAttachedUserPolicies", pages.collect().await)?
        }
    };
    Ok(attached.into_iter().filter_map(|policy| policy.policy_arn).collect())
}

async fn detach(client: &Client, principal: &Principal, policy_arn: &str) -> Result<(), Error> {
    match principal {
        Principal::Role(name) => {
            let call = client.detach_role_policy().role_name(name).policy_arn(policy_arn);
            error::ok_if_absent("iam:DetachRolePolicy", call.send().await)
        }
        Principal::User(name) => {
            let call = client.detach_user_policy().user_name(name).policy_arn(policy_arn);
            error::ok_if_absent("iam:DetachUserPolicy", call.send().await)
        }
    }
}

/// Detaches all managed policies of a principal.
pub(in crate::resource) async fn detach_all(client: &Client, principal: &Principal) -> Result<(), Error> {
    let attached = attached(client, principal).await?;
    join_all(attached.iter().map(|arn| detach(client, principal, arn))).await.into_iter().collect()
}
