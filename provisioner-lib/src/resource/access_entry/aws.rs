//! Access entries of EKS.

use aws_sdk_eks::{
    Client,
    types::{AccessScope, AccessScopeType},
};

use super::AccessEntry;
use crate::provider::live::prelude::*;

/// The only type of entry that has groups and policies of its own ("Access entries" in the EKS User Guide).
const STANDARD: &str = "STANDARD";

impl Live<Client> for AccessEntry {
    /// A cluster that does not use access entries has none, and answers with an error: it is not asked.
    async fn find(&self, client: &Client, sight: &Sight<'_>) -> Result<Option<Found>, Error> {
        if !sight.mode.has_api() {
            return Ok(None);
        }
        let (cluster, principal_arn) = (&self.cluster, &self.principal_arn);
        let call = client.describe_access_entry().cluster_name(cluster).principal_arn(principal_arn);
        let answer = error::optional("eks:DescribeAccessEntry", call.send().await)?;
        let Some(entry) = answer.and_then(|answer| answer.access_entry) else { return Ok(None) };
        let is_standard = entry.r#type() == Some(STANDARD);
        let found = Self {
            entry_type: entry.r#type().unwrap_or_default().to_owned(),
            username: entry.username().map(str::to_owned),
            groups: if is_standard { entry.kubernetes_groups().to_vec() } else { Vec::new() },
            policies: if is_standard { self.policies_there(client).await? } else { Vec::new() },
            tags: entry.tags.unwrap_or_default().into_iter().collect(),
            ..self.clone()
        };
        Ok(Some(Found { created: entry.created_at.map(|date| date.secs()), ..Found::from(found) }))
    }

    async fn create(&self, client: &Client) -> Result<Made, Error> {
        let call = client
            .create_access_entry()
            .cluster_name(&self.cluster)
            .principal_arn(&self.principal_arn)
            .r#type(&self.entry_type)
            .set_username(self.username.clone())
            .set_kubernetes_groups((!self.groups.is_empty()).then(|| self.groups.clone()))
            .set_tags(Some(self.tags.clone().into_iter().collect()));
        retry_until_consistent("eks:CreateAccessEntry", KNOWN_EVERYWHERE, is_early, || call.clone().send())
            .await?;
        self.associate_all(client, &self.policies).await.map(Made::alone)
    }

    async fn update(&self, client: &Client, changes: &[Change], _: Option<&str>) -> Result<Made, Error> {
        let (cluster, principal_arn) = (&self.cluster, &self.principal_arn);
        if touches(changes, "groups") || touches(changes, "username") {
            let call = client.update_access_entry().cluster_name(cluster).principal_arn(principal_arn);
            let call = call.set_username(self.username.clone());
            let call = call.set_kubernetes_groups(Some(self.groups.clone()));
            call.send().await.map_err(error::from_sdk("eks:UpdateAccessEntry"))?;
        }
        if touches(changes, "policies") {
            let there = self.policies_there(client).await?;
            let missing: Vec<_> = self.policies.iter().filter(|arn| !there.contains(arn)).cloned().collect();
            self.associate_all(client, &missing).await?;
            for arn in self.unwanted(&there) {
                let call = client.disassociate_access_policy().cluster_name(cluster);
                let answer = call.principal_arn(principal_arn).policy_arn(arn).send().await;
                error::ok_if_absent("eks:DisassociateAccessPolicy", answer)?;
            }
        }
        self.tag(client, TagChanges::of(changes)).await
    }

    async fn delete(&self, client: &Client) -> Result<Made, Error> {
        let call = client.delete_access_entry().cluster_name(&self.cluster);
        let answer = call.principal_arn(&self.principal_arn).send().await;
        error::ok_if_absent("eks:DeleteAccessEntry", answer).map(Made::alone)
    }
}

impl AccessEntry {
    /// Access policies that it has, see [`AccessEntry`].
    async fn policies_there(&self, client: &Client) -> Result<Vec<String>, Error> {
        let call = client.list_associated_access_policies().cluster_name(&self.cluster);
        let pages = call.principal_arn(&self.principal_arn).into_paginator().items().send();
        let policies = error::listed("eks:ListAssociatedAccessPolicies", pages.collect().await)?;
        let named = policies.into_iter().filter_map(|policy| {
            let scope =
                policy.access_scope.filter(|scope| scope.r#type() == Some(&AccessScopeType::Namespace));
            let on = scope.map(|scope| format!(" on namespaces {}", scope.namespaces().join(", ")));
            Some(policy.policy_arn? + &on.unwrap_or_default())
        });
        Ok(named.collect())
    }

    /// An entry's ARN has a part that only EKS knows.
    async fn tag(&self, client: &Client, tags: TagChanges) -> Result<Made, Error> {
        if tags == TagChanges::default() {
            return Ok(Made::default());
        }
        let call = client.describe_access_entry().cluster_name(&self.cluster);
        let answer = call.principal_arn(&self.principal_arn).send().await;
        let entry = answer.map_err(error::from_sdk("eks:DescribeAccessEntry"))?.access_entry;
        let arn = entry.and_then(|entry| entry.access_entry_arn).unwrap_or_default();
        let set = |tags: Tags| {
            client.tag_resource().resource_arn(&arn).set_tags(Some(tags.into_iter().collect())).send()
        };
        let unset = |keys| client.untag_resource().resource_arn(&arn).set_tag_keys(Some(keys)).send();
        tags.apply(("eks:TagResource", set), ("eks:UntagResource", unset)).await
    }

    async fn associate_all(&self, client: &Client, policies: &[String]) -> Result<(), Error> {
        for arn in policies {
            let scope = AccessScope::builder().r#type(AccessScopeType::Cluster).build();
            let call = client.associate_access_policy().cluster_name(&self.cluster);
            let call = call.principal_arn(&self.principal_arn).policy_arn(arn).access_scope(scope);
            let name = "eks:AssociateAccessPolicy";
            retry_until_consistent(name, KNOWN_EVERYWHERE, is_early, || call.clone().send()).await?;
        }
        Ok(())
    }
}

/// EKS looks the principal up in IAM, where it may be new; and the entry is new to the calls that add to it.
fn is_early(code: &str, message: &str) -> bool {
    let principal = code == "InvalidParameterException" && message.to_lowercase().contains("principal");
    principal || (code == "ResourceNotFoundException" && !message.to_lowercase().contains("cluster"))
}

#[cfg(test)]
mod tests;
