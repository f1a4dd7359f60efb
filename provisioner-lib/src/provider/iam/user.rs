//! Users.

use futures_util::future::join_all;

use super::{
    Iam,
    principal::{Whole, tags},
    tags_in,
};
use crate::{
    provider::{
        Error, error,
        propagation::{FORGOTTEN, is_still_seen, retry_until_consistent},
        tags::TagChanges,
    },
    resource::{Principal, Resource, Tags, User},
};

impl Iam {
    pub(super) async fn user(&self, name: &str) -> Result<Option<Whole>, Error> {
        let answer = error::optional("iam:GetUser", self.client.get_user().user_name(name).send().await)?;
        let Some(user) = answer.and_then(|answer| answer.user) else { return Ok(None) };
        let resource = Resource::User(User { name: name.to_owned(), tags: tags(user.tags.as_deref()) });
        Ok(Some(Whole { resource, created: user.create_date.secs() }))
    }

    pub(super) async fn create_user(&self, name: &str, tags: &Tags) -> Result<(), Error> {
        let call = self.client.create_user().user_name(name).set_tags(Some(tags_in(tags)));
        call.send().await.map_err(error::from_sdk("iam:CreateUser")).map(drop)
    }

    pub(super) async fn update_user(&self, name: &str, tags: &TagChanges) -> Result<(), Error> {
        if !tags.set.is_empty() {
            let call = self.client.tag_user().user_name(name).set_tags(Some(tags_in(&tags.set)));
            call.send().await.map_err(error::from_sdk("iam:TagUser"))?;
        }
        if !tags.removed.is_empty() {
            let call = self.client.untag_user().user_name(name).set_tag_keys(Some(tags.removed.clone()));
            call.send().await.map_err(error::from_sdk("iam:UntagUser"))?;
        }
        Ok(())
    }

    /// A user goes only when it has nothing ("DeleteUser" in the IAM API reference). What onboarding never gives,
    /// such as an MFA device, somebody has added; IAM then names it and the user stays.
    pub(super) async fn delete_user(&self, name: &str) -> Result<(), Error> {
        let principal = Principal::User(name.to_owned());
        let (keys, detached, inline, groups, login) = tokio::join!(
            self.delete_keys(name),
            self.detach_all(&principal),
            self.delete_user_inline(name),
            self.leave_groups(name),
            async {
                let call = self.client.delete_login_profile().user_name(name);
                error::ok_if_absent("iam:DeleteLoginProfile", call.send().await)
            }
        );
        [keys, detached, inline, groups, login].into_iter().collect::<Result<(), Error>>()?;
        let call = self.client.delete_user().user_name(name);
        let deleted = retry_until_consistent("iam:DeleteUser", FORGOTTEN, is_still_seen, || async {
            match call.clone().send().await {
                Err(failure) if error::is_absent(error::code_and_message(&failure).0) => Ok(()),
                other => other.map(drop),
            }
        });
        deleted.await
    }

    async fn delete_user_inline(&self, name: &str) -> Result<(), Error> {
        let answer = self.client.list_user_policies().user_name(name).send().await;
        let names = error::optional("iam:ListUserPolicies", answer)?
            .map(|page| page.policy_names)
            .unwrap_or_default();
        let deleted = names.iter().map(async |policy| {
            let call = self.client.delete_user_policy().user_name(name).policy_name(policy);
            error::ok_if_absent("iam:DeleteUserPolicy", call.send().await)
        });
        join_all(deleted).await.into_iter().collect()
    }

    async fn leave_groups(&self, name: &str) -> Result<(), Error> {
        let answer = self.client.list_groups_for_user().user_name(name).send().await;
        let groups =
            error::optional("iam:ListGroupsForUser", answer)?.map(|page| page.groups).unwrap_or_default();
        let left = groups.iter().map(async |group| {
            let call = self.client.remove_user_from_group().user_name(name).group_name(&group.group_name);
            error::ok_if_absent("iam:RemoveUserFromGroup", call.send().await)
        });
        join_all(left).await.into_iter().collect()
    }
}
