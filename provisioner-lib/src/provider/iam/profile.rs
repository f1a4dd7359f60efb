//! Instance profiles, each with its one role.

use aws_sdk_iam::types::InstanceProfile;

use super::{Iam, principal::tags, tags_in};
use crate::{
    observed::Found,
    provider::{
        Error, ErrorKind, error,
        propagation::{FORGOTTEN, KNOWN_TO_IAM, is_still_seen, is_unseen, retry_until_consistent},
        tags::{TagChanges, touches},
    },
    resource::Change,
    resource::{self, Resource, Tags},
};

impl Iam {
    pub(super) async fn profile(&self, name: &str) -> Result<Option<Found>, Error> {
        let call = self.client.get_instance_profile().instance_profile_name(name);
        let answer = error::optional("iam:GetInstanceProfile", call.send().await)?;
        let Some(profile) = answer.and_then(|answer| answer.instance_profile) else { return Ok(None) };
        Ok(Some(Found::from(Resource::InstanceProfile(resource::InstanceProfile {
            name: name.to_owned(),
            role: profile.roles.first().map(|role| role.role_name.clone()).unwrap_or_default(),
            tags: tags(profile.tags.as_deref()),
        }))))
    }

    pub(super) async fn create_profile(&self, name: &str, role: &str, tags: &Tags) -> Result<(), Error> {
        let call =
            self.client.create_instance_profile().instance_profile_name(name).set_tags(Some(tags_in(tags)));
        call.send().await.map_err(error::from_sdk("iam:CreateInstanceProfile"))?;
        self.put_in(name, role).await
    }

    pub(super) async fn update_profile(
        &self,
        name: &str,
        role: &str,
        changes: &[Change],
        tags: &TagChanges,
    ) -> Result<(), Error> {
        if touches(changes, "role") {
            match self.role_in(name).await? {
                Some(there) if there == role => {}
                Some(other) => {
                    self.take_out(name, &other).await?;
                    self.put_in(name, role).await?;
                }
                None => self.put_in(name, role).await?,
            }
        }
        if !tags.set.is_empty() {
            let call = self
                .client
                .tag_instance_profile()
                .instance_profile_name(name)
                .set_tags(Some(tags_in(&tags.set)));
            call.send().await.map_err(error::from_sdk("iam:TagInstanceProfile"))?;
        }
        if !tags.removed.is_empty() {
            let call = self.client.untag_instance_profile().instance_profile_name(name);
            let call = call.set_tag_keys(Some(tags.removed.clone()));
            call.send().await.map_err(error::from_sdk("iam:UntagInstanceProfile"))?;
        }
        Ok(())
    }

    pub(super) async fn delete_profile(&self, name: &str) -> Result<(), Error> {
        if let Some(role) = self.role_in(name).await? {
            self.take_out(name, &role).await?;
        }
        let call = self.client.delete_instance_profile().instance_profile_name(name);
        let deleted =
            retry_until_consistent("iam:DeleteInstanceProfile", FORGOTTEN, is_still_seen, || async {
                match call.clone().send().await {
                    Err(failure) if error::is_absent(error::code_and_message(&failure).0) => Ok(()),
                    other => other.map(drop),
                }
            });
        deleted.await
    }

    /// Profiles that a role is in; none of a role that is not there.
    pub(super) async fn names_of_profiles(&self, role: &str) -> Result<Vec<String>, Error> {
        let profiles = self.in_profiles(role).await?;
        Ok(profiles.into_iter().map(|profile| profile.instance_profile_name).collect())
    }

    /// Their ARNs.
    pub(in crate::provider) async fn profiles_of(&self, role: &str) -> Result<Vec<String>, Error> {
        Ok(self.in_profiles(role).await?.into_iter().map(|profile| profile.arn).collect())
    }

    async fn in_profiles(&self, role: &str) -> Result<Vec<InstanceProfile>, Error> {
        let pages = self.client.list_instance_profiles_for_role().role_name(role).into_paginator();
        let profiles = pages.items().send().collect::<Result<Vec<_>, _>>().await;
        let profiles = error::optional("iam:ListInstanceProfilesForRole", profiles)?;
        Ok(profiles.unwrap_or_default())
    }

    pub(super) async fn take_out(&self, profile: &str, role: &str) -> Result<(), Error> {
        let call =
            self.client.remove_role_from_instance_profile().instance_profile_name(profile).role_name(role);
        error::ok_if_absent("iam:RemoveRoleFromInstanceProfile", call.send().await)
    }

    async fn put_in(&self, profile: &str, role: &str) -> Result<(), Error> {
        let call = self.client.add_role_to_instance_profile().instance_profile_name(profile).role_name(role);
        let put = retry_until_consistent("iam:AddRoleToInstanceProfile", KNOWN_TO_IAM, is_unseen, || {
            call.clone().send()
        })
        .await;
        match put {
            // A profile takes one role. It may be this one, put in by an attempt whose answer was lost.
            Err(full) if full.reason == ErrorKind::Limit => match self.role_in(profile).await? {
                Some(there) if there == role => Ok(()),
                _ => Err(full),
            },
            other => other.map(drop),
        }
    }

    async fn role_in(&self, profile: &str) -> Result<Option<String>, Error> {
        let found = self.profile(profile).await?;
        Ok(found.and_then(|found| match found.resource {
            Resource::InstanceProfile(resource::InstanceProfile { role, .. }) if !role.is_empty() => {
                Some(role)
            }
            _ => None,
        }))
    }
}
