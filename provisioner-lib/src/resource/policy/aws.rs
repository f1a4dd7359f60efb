//! Customer managed policies and their versions.

use aws_sdk_iam::{Client, types::PolicyVersion};

use super::Policy;
use crate::provider::{
    iam::{document, tags_in, tags_out},
    live::prelude::*,
};

/// Versions that a policy can have ("IAM and AWS STS quotas" in the IAM User Guide).
const MOST_VERSIONS: usize = 5;

impl Live<Client> for Policy {
    async fn find(&self, client: &Client, _: &Sight<'_>) -> Result<Option<Found>, Error> {
        let arn = &self.arn;
        let answer = client.get_policy().policy_arn(arn).send().await;
        let Some(policy) = error::optional("iam:GetPolicy", answer)?.and_then(|answer| answer.policy) else {
            return Ok(None);
        };
        let call = "iam:GetPolicyVersion";
        let version = policy.default_version_id.unwrap_or_default();
        let answer = client.get_policy_version().policy_arn(arn).version_id(version).send().await;
        let Some(version) = error::optional(call, answer)?.and_then(|answer| answer.policy_version) else {
            return Ok(None);
        };
        Ok(Some(Found::from(Self {
            arn: arn.clone(),
            name: self.name.clone(),
            description: policy.description.unwrap_or_default(),
            document: document(call, version.document())?,
            tags: tags_out(policy.tags.as_deref()),
        })))
    }

    async fn create(&self, client: &Client) -> Result<Made, Error> {
        let call = client
            .create_policy()
            .policy_name(&self.name)
            .description(&self.description)
            .policy_document(self.document.to_string())
            .set_tags(Some(tags_in(&self.tags)));
        call.send().await.map(Made::alone).map_err(error::from_sdk("iam:CreatePolicy"))
    }

    async fn update(&self, client: &Client, changes: &[Change], _: Option<&str>) -> Result<Made, Error> {
        let arn = &self.arn;
        if touches(changes, "document") {
            self.make_room(client).await?;
            let call = client.create_policy_version().policy_arn(arn);
            let call = call.policy_document(self.document.to_string()).set_as_default(true);
            call.send().await.map_err(error::from_sdk("iam:CreatePolicyVersion"))?;
        }
        let set = |tags| client.tag_policy().policy_arn(arn).set_tags(Some(tags_in(&tags))).send();
        let unset = |keys| client.untag_policy().policy_arn(arn).set_tag_keys(Some(keys)).send();
        TagChanges::of(changes).apply(("iam:TagPolicy", set), ("iam:UntagPolicy", unset)).await
    }

    /// A policy goes only when it has one version and is attached to nothing ("DeletePolicy" in the IAM API
    /// reference).
    async fn delete(&self, client: &Client) -> Result<Made, Error> {
        for version in self.versions(client).await?.iter().filter(|version| !version.is_default_version) {
            self.delete_version(client, version).await?;
        }
        let call = client.delete_policy().policy_arn(&self.arn);
        let deleted =
            delete_when_free("iam:DeletePolicy", FORGOTTEN, is_still_seen, || call.clone().send()).await;
        match deleted {
            Err(attached) if attached.reason == ErrorKind::Changed => {
                Err(self.attached_to(client).await?.unwrap_or(attached))
            }
            other => other,
        }
    }
}

impl Policy {
    /// Of five versions, the oldest that is not in force goes.
    async fn make_room(&self, client: &Client) -> Result<(), Error> {
        let versions = self.versions(client).await?;
        if versions.len() < MOST_VERSIONS {
            return Ok(());
        }
        let oldest =
            versions.iter().filter(|version| !version.is_default_version).min_by_key(|version| age(version));
        match oldest {
            Some(oldest) => self.delete_version(client, oldest).await,
            None => Ok(()),
        }
    }

    async fn versions(&self, client: &Client) -> Result<Vec<PolicyVersion>, Error> {
        let answer = client.list_policy_versions().policy_arn(&self.arn).send().await;
        Ok(error::optional("iam:ListPolicyVersions", answer)?
            .and_then(|page| page.versions)
            .unwrap_or_default())
    }

    async fn delete_version(&self, client: &Client, version: &PolicyVersion) -> Result<(), Error> {
        let id = version.version_id().unwrap_or_default();
        let call = client.delete_policy_version().policy_arn(&self.arn).version_id(id);
        error::ok_if_absent("iam:DeletePolicyVersion", call.send().await)
    }

    /// The principals that still have it.
    async fn attached_to(&self, client: &Client) -> Result<Option<Error>, Error> {
        let arn = &self.arn;
        let answer = client.list_entities_for_policy().policy_arn(arn).send().await;
        let Some(page) = error::optional("iam:ListEntitiesForPolicy", answer)? else { return Ok(None) };
        let roles = page.policy_roles.into_iter().flatten().filter_map(|role| role.role_name);
        let users = page.policy_users.into_iter().flatten().filter_map(|user| user.user_name);
        let groups = page.policy_groups.into_iter().flatten().filter_map(|group| group.group_name);
        let roles = roles.map(|name| format!("role {name}"));
        let users = users.map(|name| format!("user {name}"));
        let groups = groups.map(|name| format!("group {name}"));
        let names: Vec<String> = roles.chain(users).chain(groups).collect();
        if names.is_empty() {
            return Ok(None);
        }
        let message = format!("{arn} is still attached to {}", names.join(", "));
        let hint = "another principal has it attached: detach it there, then run this again";
        Ok(Some(Error::new(ErrorKind::Other, "iam:DeletePolicy", message).hint(hint)))
    }
}

/// Versions are numbered; their times are equal when two are created within a second.
fn age(version: &PolicyVersion) -> u64 {
    let number = version.version_id().and_then(|id| id.strip_prefix('v'));
    number.and_then(|number| number.parse().ok()).unwrap_or(u64::MAX)
}
