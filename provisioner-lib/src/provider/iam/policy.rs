//! Customer managed policies and their versions.

use aws_sdk_iam::types::PolicyVersion;
use serde_json::Value;

use super::{Iam, document, principal::tags, tags_in};
use crate::{
    observed::Found,
    provider::{
        Error, ErrorKind, error,
        propagation::{FORGOTTEN, is_still_seen, retry_until_consistent},
        tags::{TagChanges, touches},
    },
    resource::Change,
    resource::{Policy, Resource, Tags},
};

/// Versions that a policy can have ("IAM and AWS STS quotas" in the IAM User Guide).
const MOST_VERSIONS: usize = 5;

impl Iam {
    pub(super) async fn policy(&self, arn: &str, name: &str) -> Result<Option<Found>, Error> {
        let answer = self.client.get_policy().policy_arn(arn).send().await;
        let Some(policy) = error::optional("iam:GetPolicy", answer)?.and_then(|answer| answer.policy) else {
            return Ok(None);
        };
        let call = "iam:GetPolicyVersion";
        let version = policy.default_version_id.unwrap_or_default();
        let answer = self.client.get_policy_version().policy_arn(arn).version_id(version).send().await;
        let Some(version) = error::optional(call, answer)?.and_then(|answer| answer.policy_version) else {
            return Ok(None);
        };
        Ok(Some(Found::from(Resource::Policy(Policy {
            arn: arn.to_owned(),
            name: name.to_owned(),
            description: policy.description.unwrap_or_default(),
            document: document(call, version.document())?,
            tags: tags(policy.tags.as_deref()),
        }))))
    }

    pub(super) async fn create_policy(
        &self,
        name: &str,
        description: &str,
        document: &Value,
        tags: &Tags,
    ) -> Result<(), Error> {
        let call = self
            .client
            .create_policy()
            .policy_name(name)
            .description(description)
            .policy_document(document.to_string())
            .set_tags(Some(tags_in(tags)));
        call.send().await.map_err(error::from_sdk("iam:CreatePolicy")).map(drop)
    }

    pub(super) async fn update_policy(
        &self,
        arn: &str,
        document: &Value,
        changes: &[Change],
        tags: &TagChanges,
    ) -> Result<(), Error> {
        if touches(changes, "document") {
            self.make_room(arn).await?;
            let call = self.client.create_policy_version().policy_arn(arn);
            let call = call.policy_document(document.to_string()).set_as_default(true);
            call.send().await.map_err(error::from_sdk("iam:CreatePolicyVersion"))?;
        }
        if !tags.set.is_empty() {
            let call = self.client.tag_policy().policy_arn(arn).set_tags(Some(tags_in(&tags.set)));
            call.send().await.map_err(error::from_sdk("iam:TagPolicy"))?;
        }
        if !tags.removed.is_empty() {
            let call = self.client.untag_policy().policy_arn(arn).set_tag_keys(Some(tags.removed.clone()));
            call.send().await.map_err(error::from_sdk("iam:UntagPolicy"))?;
        }
        Ok(())
    }

    /// Of five versions, the oldest that is not in force goes.
    async fn make_room(&self, arn: &str) -> Result<(), Error> {
        let versions = self.versions(arn).await?;
        if versions.len() < MOST_VERSIONS {
            return Ok(());
        }
        let oldest =
            versions.iter().filter(|version| !version.is_default_version).min_by_key(|version| age(version));
        match oldest {
            Some(oldest) => self.delete_version(arn, oldest).await,
            None => Ok(()),
        }
    }

    async fn versions(&self, arn: &str) -> Result<Vec<PolicyVersion>, Error> {
        let answer = self.client.list_policy_versions().policy_arn(arn).send().await;
        Ok(error::optional("iam:ListPolicyVersions", answer)?
            .and_then(|page| page.versions)
            .unwrap_or_default())
    }

    async fn delete_version(&self, arn: &str, version: &PolicyVersion) -> Result<(), Error> {
        let id = version.version_id().unwrap_or_default();
        let call = self.client.delete_policy_version().policy_arn(arn).version_id(id);
        error::ok_if_absent("iam:DeletePolicyVersion", call.send().await)
    }

    /// A policy goes only when it has one version and is attached to nothing ("DeletePolicy" in the IAM API
    /// reference).
    pub(super) async fn delete_policy(&self, arn: &str) -> Result<(), Error> {
        for version in self.versions(arn).await?.iter().filter(|version| !version.is_default_version) {
            self.delete_version(arn, version).await?;
        }
        let call = self.client.delete_policy().policy_arn(arn);
        let deleted = retry_until_consistent("iam:DeletePolicy", FORGOTTEN, is_still_seen, || async {
            match call.clone().send().await {
                Err(failure) if error::is_absent(error::code_and_message(&failure).0) => Ok(()),
                other => other.map(drop),
            }
        });
        match deleted.await {
            Err(attached) if attached.reason == ErrorKind::Changed => {
                Err(self.attached_to(arn).await?.unwrap_or(attached))
            }
            other => other,
        }
    }

    /// Who still has it, in words.
    async fn attached_to(&self, arn: &str) -> Result<Option<Error>, Error> {
        let answer = self.client.list_entities_for_policy().policy_arn(arn).send().await;
        let Some(page) = error::optional("iam:ListEntitiesForPolicy", answer)? else { return Ok(None) };
        let roles = page
            .policy_roles
            .into_iter()
            .flatten()
            .filter_map(|role| role.role_name)
            .map(|name| format!("role {name}"));
        let users = page
            .policy_users
            .into_iter()
            .flatten()
            .filter_map(|user| user.user_name)
            .map(|name| format!("user {name}"));
        let groups = page
            .policy_groups
            .into_iter()
            .flatten()
            .filter_map(|group| group.group_name)
            .map(|name| format!("group {name}"));
        let names: Vec<String> = roles.chain(users).chain(groups).collect();
        if names.is_empty() {
            return Ok(None);
        }
        let message = format!("{arn} is still attached to {}", names.join(", "));
        let hint = "somebody else has attached it: detach it there, then run this again";
        Ok(Some(Error::new(ErrorKind::Other, "iam:DeletePolicy", message).hint(hint)))
    }
}

/// Versions are numbered; times are not told apart when two are made within a second.
fn age(version: &PolicyVersion) -> u64 {
    let number = version.version_id().and_then(|id| id.strip_prefix('v'));
    number.and_then(|number| number.parse().ok()).unwrap_or(u64::MAX)
}
