//! Users of IAM.

use aws_sdk_iam::Client;
use futures_util::future::join_all;

use super::User;
use crate::{
    provider::{
        iam::{tags_in, tags_out},
        live::prelude::*,
    },
    resource::{AccessKey, Principal, attachment::aws::detach_all},
};

impl Live<Client> for User {
    async fn find(&self, client: &Client, _: &Sight<'_>) -> Result<Option<Found>, Error> {
        let answer = error::optional("iam:GetUser", client.get_user().user_name(&self.name).send().await)?;
        let Some(user) = answer.and_then(|answer| answer.user) else { return Ok(None) };
        let found = Self { name: self.name.clone(), tags: tags_out(user.tags.as_deref()) };
        Ok(Some(Found { created: Some(user.create_date.secs()), ..Found::from(found) }))
    }

    async fn create(&self, client: &Client) -> Result<Made, Error> {
        let call = client.create_user().user_name(&self.name).set_tags(Some(tags_in(&self.tags)));
        call.send().await.map(Made::alone).map_err(error::from_sdk("iam:CreateUser"))
    }

    async fn update(&self, client: &Client, changes: &[Change], _: Option<&str>) -> Result<Made, Error> {
        let set = |tags| client.tag_user().user_name(&self.name).set_tags(Some(tags_in(&tags))).send();
        let unset = |keys| client.untag_user().user_name(&self.name).set_tag_keys(Some(keys)).send();
        TagChanges::of(changes).apply(("iam:TagUser", set), ("iam:UntagUser", unset)).await
    }

    /// A user goes only when it has nothing ("DeleteUser" in the IAM API reference). What onboarding never gives,
    /// such as an MFA device, has been added by others; IAM then names it and the user stays.
    async fn delete(&self, client: &Client) -> Result<Made, Error> {
        let principal = Principal::User(self.name.clone());
        let key = AccessKey { user: self.name.clone(), rotate: false };
        let (keys, detached, inline, groups, login) = tokio::join!(
            key.delete_all(client),
            detach_all(client, &principal),
            self.delete_inline(client),
            self.leave_groups(client),
            async {
                let call = client.delete_login_profile().user_name(&self.name);
                error::ok_if_absent("iam:DeleteLoginProfile", call.send().await)
            }
        );
        [keys, detached, inline, groups, login].into_iter().collect::<Result<(), Error>>()?;
        let call = client.delete_user().user_name(&self.name);
        delete_when_free("iam:DeleteUser", FORGOTTEN, is_still_seen, || call.clone().send()).await
    }
}

impl User {
    async fn delete_inline(&self, client: &Client) -> Result<(), Error> {
        let name = &self.name;
        let answer = client.list_user_policies().user_name(name).send().await;
        let names = error::optional("iam:ListUserPolicies", answer)?
            .map(|page| page.policy_names)
            .unwrap_or_default();
        let deleted = names.iter().map(async |policy| {
            let call = client.delete_user_policy().user_name(name).policy_name(policy);
            error::ok_if_absent("iam:DeleteUserPolicy", call.send().await)
        });
        join_all(deleted).await.into_iter().collect()
    }

    async fn leave_groups(&self, client: &Client) -> Result<(), Error> {
        let name = &self.name;
        let answer = client.list_groups_for_user().user_name(name).send().await;
        let groups =
            error::optional("iam:ListGroupsForUser", answer)?.map(|page| page.groups).unwrap_or_default();
        let left = groups.iter().map(async |group| {
            let call = client.remove_user_from_group().user_name(name).group_name(&group.group_name);
            error::ok_if_absent("iam:RemoveUserFromGroup", call.send().await)
        });
        join_all(left).await.into_iter().collect()
    }
}
