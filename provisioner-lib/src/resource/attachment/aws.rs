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
        let found = join_all(principals.into_iter().map(async |principal| {
            let arns = attached(client, principal).await?.into_iter();
            let attachment = |policy_arn| Self { principal: principal.clone(), policy_arn };
            Ok(arns.map(|policy_arn| Found::from(attachment(policy_arn))).collect::<Vec<_>>())
        }));
        let split = |found: Result<Vec<Found>, Error>| match found {
            Ok(found) => found.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        };
        found.await.into_iter().flat_map(split).collect()
    }

    async fn create(&self, client: &Client) -> Result<Made, Error> {
        match &self.principal {
            Principal::Role(name) => {
                let call = client.attach_role_policy().role_name(name).policy_arn(&self.policy_arn);
                retry_until_consistent("iam:AttachRolePolicy", KNOWN_TO_IAM, is_unseen, || {
                    call.clone().send()
                })
                .await?;
            }
            Principal::User(name) => {
                let call = client.attach_user_policy().user_name(name).policy_arn(&self.policy_arn);
                retry_until_consistent("iam:AttachUserPolicy", KNOWN_TO_IAM, is_unseen, || {
                    call.clone().send()
                })
                .await?;
            }
        }
        Ok(Made::default())
    }

    async fn delete(&self, client: &Client) -> Result<Made, Error> {
        detach(client, &self.principal, &self.policy_arn).await.map(|()| Made::default())
    }
}

/// ARNs of the managed policies of a principal; none of one that is not there.
async fn attached(client: &Client, principal: &Principal) -> Result<Vec<String>, Error> {
    let (mut arns, mut marker) = (Vec::new(), None);
    loop {
        let page = match principal {
            Principal::Role(name) => {
                let call = client.list_attached_role_policies().role_name(name).set_marker(marker);
                error::optional("iam:ListAttachedRolePolicies", call.send().await)?
                    .map(|page| (page.attached_policies, page.marker))
            }
            Principal::User(name) => {
                let call = client.list_attached_user_policies().user_name(name).set_marker(marker);
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
