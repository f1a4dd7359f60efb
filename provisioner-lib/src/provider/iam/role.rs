//! Roles.

use futures_util::future::join_all;
use serde_json::Value;

use super::{
    Iam, document,
    principal::{Whole, tags},
    tags_in,
};
use crate::{
    provider::{
        Error, error,
        propagation::{FORGOTTEN, KNOWN_TO_IAM, is_still_seen, retry_until_consistent},
        tags::{TagChanges, touches},
    },
    resource::Change,
    resource::{Principal, Resource, Role, Tags},
};

/// A principal that has just been made is not known yet to whoever checks a trust policy.
fn is_unknown_principal(code: &str, message: &str) -> bool {
    code == "NoSuchEntity" || (code == "MalformedPolicyDocument" && message.contains("Invalid principal"))
}

impl Iam {
    pub(super) async fn role(&self, name: &str) -> Result<Option<Whole>, Error> {
        let call = "iam:GetRole";
        let answer = error::optional(call, self.client.get_role().role_name(name).send().await)?;
        let Some(role) = answer.and_then(|answer| answer.role) else { return Ok(None) };
        let resource = Resource::Role(Role {
            name: name.to_owned(),
            trust: document(call, role.assume_role_policy_document())?,
            tags: tags(role.tags.as_deref()),
            description: role.description.unwrap_or_default(),
        });
        Ok(Some(Whole { resource, created: role.create_date.secs() }))
    }

    pub(super) async fn create_role(
        &self,
        name: &str,
        description: &str,
        trust: &Value,
        tags: &Tags,
    ) -> Result<(), Error> {
        let call = self
            .client
            .create_role()
            .role_name(name)
            .description(description)
            .assume_role_policy_document(trust.to_string())
            .set_tags(Some(tags_in(tags)));
        retry_until_consistent("iam:CreateRole", KNOWN_TO_IAM, is_unknown_principal, || call.clone().send())
            .await
            .map(drop)
    }

    pub(super) async fn update_role(
        &self,
        name: &str,
        trust: &Value,
        changes: &[Change],
        tags: &TagChanges,
    ) -> Result<(), Error> {
        if touches(changes, "trust") {
            let call =
                self.client.update_assume_role_policy().role_name(name).policy_document(trust.to_string());
            let call_name = "iam:UpdateAssumeRolePolicy";
            retry_until_consistent(call_name, KNOWN_TO_IAM, is_unknown_principal, || call.clone().send())
                .await?;
        }
        if !tags.set.is_empty() {
            let call = self.client.tag_role().role_name(name).set_tags(Some(tags_in(&tags.set)));
            call.send().await.map_err(error::from_sdk("iam:TagRole"))?;
        }
        if !tags.removed.is_empty() {
            let call = self.client.untag_role().role_name(name).set_tag_keys(Some(tags.removed.clone()));
            call.send().await.map_err(error::from_sdk("iam:UntagRole"))?;
        }
        Ok(())
    }

    /// A role goes only when nothing is in it and it is in nothing ("DeleteRole" in the IAM API reference).
    pub(super) async fn delete_role(&self, name: &str) -> Result<(), Error> {
        let principal = Principal::Role(name.to_owned());
        let (detached, inline, profiles) = tokio::join!(
            self.detach_all(&principal),
            self.inline_policies(name),
            self.names_of_profiles(name)
        );
        detached?;
        let (inline, profiles) = (inline?, profiles?);
        let inline = join_all(inline.iter().map(|policy| self.delete_inline(name, policy)));
        let profiles = join_all(profiles.iter().map(|profile| self.take_out(profile, name)));
        let (inline, profiles) = tokio::join!(inline, profiles);
        inline.into_iter().chain(profiles).collect::<Result<(), Error>>()?;
        let call = self.client.delete_role().role_name(name);
        let deleted = retry_until_consistent("iam:DeleteRole", FORGOTTEN, is_still_seen, || async {
            match call.clone().send().await {
                Err(failure) if error::is_absent(error::code_and_message(&failure).0) => Ok(()),
                other => other.map(drop),
            }
        });
        deleted.await
    }
}
