//! Amazon EKS: the cluster and its access entries.

use aws_sdk_eks::{
    Client,
    types::{AccessScope, AccessScopeType},
};
use futures_util::future::join_all;

use super::{
    Error, Made, error,
    propagation::{KNOWN_EVERYWHERE, retry_until_consistent},
    tags::{TagChanges, touches},
};
use crate::{
    facts::AuthenticationMode,
    observed::Found,
    resource::Change,
    resource::{AccessEntry, Resource, Tags},
};

/// The only type of entry that has groups and policies of its own ("Access entries" in the EKS User Guide).
const STANDARD: &str = "STANDARD";

/// EKS of the region.
pub(super) struct Eks {
    pub(super) client: Client,
}

impl Eks {
    /// A cluster that does not look at access entries has none, and says so with an error: it is not asked.
    pub(super) async fn observe(
        &self,
        mode: AuthenticationMode,
        wanted: &[&Resource],
    ) -> Vec<Result<Found, Error>> {
        if !mode.has_api() {
            return Vec::new();
        }
        let found = join_all(wanted.iter().map(|resource| self.entry(resource))).await;
        found.into_iter().filter_map(Result::transpose).collect()
    }

    async fn entry(&self, wanted: &Resource) -> Result<Option<Found>, Error> {
        let Resource::AccessEntry(AccessEntry { cluster, principal, principal_arn, .. }) = wanted else {
            return Ok(None);
        };
        let answer = self
            .client
            .describe_access_entry()
            .cluster_name(cluster)
            .principal_arn(principal_arn)
            .send()
            .await;
        let Some(entry) =
            error::optional("eks:DescribeAccessEntry", answer)?.and_then(|answer| answer.access_entry)
        else {
            return Ok(None);
        };
        let is_standard = entry.r#type() == Some(STANDARD);
        let policies = if is_standard { self.policies(cluster, principal_arn).await? } else { Vec::new() };
        let resource = Resource::AccessEntry(AccessEntry {
            cluster: cluster.clone(),
            principal: principal.clone(),
            principal_arn: principal_arn.clone(),
            entry_type: entry.r#type().unwrap_or_default().to_owned(),
            groups: if is_standard { entry.kubernetes_groups().to_vec() } else { Vec::new() },
            policies,
            tags: entry.tags.unwrap_or_default().into_iter().collect(),
        });
        let created = entry.created_at.map(|date| date.secs());
        Ok(Some(Found { resource, created, revision: None }))
    }

    /// Access policies on the whole cluster.
    async fn policies(&self, cluster: &str, principal_arn: &str) -> Result<Vec<String>, Error> {
        let (mut arns, mut token) = (Vec::new(), None);
        loop {
            let call = self
                .client
                .list_associated_access_policies()
                .cluster_name(cluster)
                .principal_arn(principal_arn);
            let answer = call.set_next_token(token).send().await;
            let Some(page) = error::optional("eks:ListAssociatedAccessPolicies", answer)? else {
                return Ok(arns);
            };
            let whole = page.associated_access_policies.into_iter().flatten().filter(|policy| {
                policy.access_scope().is_some_and(|scope| scope.r#type() == Some(&AccessScopeType::Cluster))
            });
            arns.extend(whole.filter_map(|policy| policy.policy_arn));
            token = page.next_token;
            if token.is_none() {
                return Ok(arns);
            }
        }
    }

    pub(super) async fn create(&self, resource: &Resource) -> Result<Made, Error> {
        let Resource::AccessEntry(AccessEntry {
            cluster,
            principal_arn,
            entry_type,
            groups,
            policies,
            tags,
            ..
        }) = resource
        else {
            return Err(error::wrong_service(resource));
        };
        let call = self
            .client
            .create_access_entry()
            .cluster_name(cluster)
            .principal_arn(principal_arn)
            .r#type(entry_type)
            .set_kubernetes_groups((!groups.is_empty()).then(|| groups.clone()))
            .set_tags(Some(sdk(tags)));
        retry_until_consistent("eks:CreateAccessEntry", KNOWN_EVERYWHERE, is_early, || call.clone().send())
            .await?;
        self.associate(cluster, principal_arn, policies).await?;
        Ok(Made::default())
    }

    pub(super) async fn update(&self, resource: &Resource, changes: &[Change]) -> Result<Made, Error> {
        let Resource::AccessEntry(AccessEntry { cluster, principal_arn, groups, policies, .. }) = resource
        else {
            return Err(error::wrong_service(resource));
        };
        if touches(changes, "groups") {
            let call = self.client.update_access_entry().cluster_name(cluster).principal_arn(principal_arn);
            let call = call.set_kubernetes_groups(Some(groups.clone()));
            call.send().await.map_err(error::from_sdk("eks:UpdateAccessEntry"))?;
        }
        if touches(changes, "policies") {
            let there = self.policies(cluster, principal_arn).await?;
            let missing: Vec<String> = policies.iter().filter(|arn| !there.contains(arn)).cloned().collect();
            self.associate(cluster, principal_arn, &missing).await?;
            for arn in there.iter().filter(|arn| !policies.contains(arn)) {
                let call = self.client.disassociate_access_policy().cluster_name(cluster);
                let answer = call.principal_arn(principal_arn).policy_arn(arn).send().await;
                error::ok_if_absent("eks:DisassociateAccessPolicy", answer)?;
            }
        }
        let tags = TagChanges::of(resource, changes);
        if !tags.is_empty() {
            self.tag(cluster, principal_arn, &tags).await?;
        }
        Ok(Made::default())
    }

    /// An entry's ARN has a part that only EKS knows.
    async fn tag(&self, cluster: &str, principal_arn: &str, tags: &TagChanges) -> Result<(), Error> {
        let call = self.client.describe_access_entry().cluster_name(cluster).principal_arn(principal_arn);
        let answer = call.send().await.map_err(error::from_sdk("eks:DescribeAccessEntry"))?;
        let arn = answer.access_entry.and_then(|entry| entry.access_entry_arn).unwrap_or_default();
        if !tags.set.is_empty() {
            let call = self.client.tag_resource().resource_arn(&arn).set_tags(Some(sdk(&tags.set)));
            call.send().await.map_err(error::from_sdk("eks:TagResource"))?;
        }
        if !tags.removed.is_empty() {
            let call =
                self.client.untag_resource().resource_arn(&arn).set_tag_keys(Some(tags.removed.clone()));
            call.send().await.map_err(error::from_sdk("eks:UntagResource"))?;
        }
        Ok(())
    }

    async fn associate(&self, cluster: &str, principal_arn: &str, policies: &[String]) -> Result<(), Error> {
        for arn in policies {
            let scope = AccessScope::builder().r#type(AccessScopeType::Cluster).build();
            let call =
                self.client.associate_access_policy().cluster_name(cluster).principal_arn(principal_arn);
            let call = call.policy_arn(arn).access_scope(scope);
            let call_name = "eks:AssociateAccessPolicy";
            retry_until_consistent(call_name, KNOWN_EVERYWHERE, is_early, || call.clone().send()).await?;
        }
        Ok(())
    }

    pub(super) async fn delete(&self, resource: &Resource) -> Result<Made, Error> {
        let Resource::AccessEntry(AccessEntry { cluster, principal_arn, .. }) = resource else {
            return Err(error::wrong_service(resource));
        };
        let call = self.client.delete_access_entry().cluster_name(cluster).principal_arn(principal_arn);
        error::ok_if_absent("eks:DeleteAccessEntry", call.send().await)?;
        Ok(Made::default())
    }
}

/// EKS looks the principal up in IAM, where it may be new; and the entry is new to whoever adds to it.
fn is_early(code: &str, message: &str) -> bool {
    let principal = code == "InvalidParameterException" && message.to_lowercase().contains("principal");
    principal || (code == "ResourceNotFoundException" && !message.to_lowercase().contains("cluster"))
}

fn sdk(tags: &Tags) -> std::collections::HashMap<String, String> {
    tags.clone().into_iter().collect()
}

#[cfg(test)]
mod tests;
