//! Users of IAM.

use aws_sdk_iam::Client;
use futures_util::future::{join_all, join3};

use super::User;
use crate::{
    observed::Beside,
    provider::{
        iam::{boundary, tags_in, tags_out},
        live::prelude::*,
    },
    resource::{AccessKey, InlinePolicy, Principal, attachment::aws::detach_all},
};

impl Live<Client> for User {
    /// With the names of all inline policies of those that exist.
    async fn observe(wanted: &[&Self], client: &Client, sight: &Sight<'_>) -> Vec<Result<Found, Error>> {
        let found = wanted.iter().map(async |wanted| {
            let user = match wanted.find(client, sight).await {
                Ok(Some(user)) => user,
                other => return other.transpose().into_iter().collect(),
            };
            let (inline, beside) = tokio::join!(wanted.inline(client), wanted.beside(client));
            let user = beside.map(|beside| Found { beside, ..user });
            let named = |name| Ok(Found::from(InlinePolicy::named(format!("user/{}", wanted.name), name)));
            let inline =
                inline.map_or_else(|error| vec![Err(error)], |names| names.into_iter().map(named).collect());
            [user].into_iter().chain(inline).collect::<Vec<_>>()
        });
        join_all(found).await.into_iter().flatten().collect()
    }

    async fn find(&self, client: &Client, _: &Sight<'_>) -> Result<Option<Found>, Error> {
        let answer = error::optional("iam:GetUser", client.get_user().user_name(&self.name).send().await)?;
        let Some(user) = answer.and_then(|answer| answer.user) else { return Ok(None) };
        let boundary = boundary(user.permissions_boundary.as_ref());
        let found = Self { name: self.name.clone(), boundary, tags: tags_out(user.tags.as_deref()) };
        Ok(Some(Found { created: Some(user.create_date.secs()), ..Found::from(found) }))
    }

    async fn create(&self, client: &Client) -> Result<Made, Error> {
        let call = client.create_user().user_name(&self.name).set_tags(Some(tags_in(&self.tags)));
        let call = call.set_permissions_boundary(self.boundary.clone());
        call.send().await.map(Made::alone).map_err(error::from_sdk("iam:CreateUser"))
    }

    async fn update(&self, client: &Client, changes: &[Change], _: Option<&str>) -> Result<Made, Error> {
        if let (Some(boundary), true) = (&self.boundary, touches(changes, "boundary")) {
            let call = client.put_user_permissions_boundary().user_name(&self.name);
            let answer = call.permissions_boundary(boundary).send().await;
            answer.map_err(error::from_sdk("iam:PutUserPermissionsBoundary"))?;
        }
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
    /// Rights and ways to sign in that no resource of ours is.
    async fn beside(&self, client: &Client) -> Result<Vec<Beside>, Error> {
        let key = AccessKey { user: self.name.clone(), rotate: false };
        let login = client.get_login_profile().user_name(&self.name).send();
        let (groups, login, keys) = join3(self.groups(client), login, key.disabled(client)).await;
        let groups = groups?.into_iter();
        let groups =
            groups.map(|group| (format!("it is in the group {group}, and has the group's rights"), false));
        let login = error::optional("iam:GetLoginProfile", login)?;
        let login = login.map(|_| ("it has a password for the console".to_owned(), false));
        let keys = keys?.into_iter();
        let keys = keys.map(|id| {
            (format!("its access key {id} is disabled, as --rotate-key leaves the one before"), true)
        });
        let beside = groups.chain(login).chain(keys);
        Ok(beside.map(|(what, is_expected)| Beside { what, is_expected }).collect())
    }

    async fn groups(&self, client: &Client) -> Result<Vec<String>, Error> {
        let answer = client.list_groups_for_user().user_name(&self.name).send().await;
        let groups = error::optional("iam:ListGroupsForUser", answer)?.map(|page| page.groups);
        Ok(groups.unwrap_or_default().into_iter().map(|group| group.group_name).collect())
    }

    async fn inline(&self, client: &Client) -> Result<Vec<String>, Error> {
        let pages = client.list_user_policies().user_name(&self.name).into_paginator().items().send();
        error::listed("iam:ListUserPolicies", pages.collect().await)
    }

    async fn delete_inline(&self, client: &Client) -> Result<(), Error> {
        let name = &self.name;
        let names = self.inline(client).await?;
        let deleted = names.iter().map(async |policy| {
            let call = client.delete_user_policy().user_name(name).policy_name(policy);
            error::ok_if_absent("iam:DeleteUserPolicy", call.send().await)
        });
        join_all(deleted).await.into_iter().collect()
    }

    async fn leave_groups(&self, client: &Client) -> Result<(), Error> {
        let name = &self.name;
        let groups = self.groups(client).await?;
        let left = groups.iter().map(async |group| {
            let call = client.remove_user_from_group().user_name(name).group_name(group);
            error::ok_if_absent("iam:RemoveUserFromGroup", call.send().await)
        });
        join_all(left).await.into_iter().collect()
    }
}

#[cfg(test)]
mod tests;
