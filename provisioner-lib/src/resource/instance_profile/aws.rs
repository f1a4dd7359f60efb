//! Instance profiles, each with its one role.

use aws_sdk_iam::Client;

use super::InstanceProfile;
use crate::provider::{
    iam::{tags_in, tags_out},
    live::prelude::*,
};

impl Live<Client> for InstanceProfile {
    async fn find(&self, client: &Client, _: &Sight<'_>) -> Result<Option<Found>, Error> {
        Ok(self.there(client).await?.map(Found::from))
    }

    async fn create(&self, client: &Client) -> Result<Made, Error> {
        let call = client.create_instance_profile().instance_profile_name(&self.name);
        let call = call.set_tags(Some(tags_in(&self.tags)));
        call.send().await.map_err(error::from_sdk("iam:CreateInstanceProfile"))?;
        self.put_in(client).await
    }

    async fn update(&self, client: &Client, changes: &[Change], _: Option<&str>) -> Result<Made, Error> {
        let name = &self.name;
        if touches(changes, "role") {
            match self.role_in(client).await? {
                Some(there) if there == self.role => {}
                other => {
                    if let Some(other) = other {
                        Self::take_out(client, name, &other).await?;
                    }
                    self.put_in(client).await?;
                }
            }
        }
        let set = |tags| {
            client.tag_instance_profile().instance_profile_name(name).set_tags(Some(tags_in(&tags))).send()
        };
        let unset = |keys| {
            client.untag_instance_profile().instance_profile_name(name).set_tag_keys(Some(keys)).send()
        };
        TagChanges::of(changes)
            .apply(("iam:TagInstanceProfile", set), ("iam:UntagInstanceProfile", unset))
            .await
    }

    async fn delete(&self, client: &Client) -> Result<Made, Error> {
        if let Some(role) = self.role_in(client).await? {
            Self::take_out(client, &self.name, &role).await?;
        }
        let call = client.delete_instance_profile().instance_profile_name(&self.name);
        let call_name = "iam:DeleteInstanceProfile";
        delete_when_free(call_name, FORGOTTEN, is_still_seen, || call.clone().send()).await
    }
}

impl InstanceProfile {
    async fn there(&self, client: &Client) -> Result<Option<Self>, Error> {
        let call = client.get_instance_profile().instance_profile_name(&self.name);
        let answer = error::optional("iam:GetInstanceProfile", call.send().await)?;
        Ok(answer.and_then(|answer| answer.instance_profile).map(|profile| Self {
            name: self.name.clone(),
            role: profile.roles.first().map(|role| role.role_name.clone()).unwrap_or_default(),
            tags: tags_out(profile.tags.as_deref()),
        }))
    }

    async fn role_in(&self, client: &Client) -> Result<Option<String>, Error> {
        Ok(self.there(client).await?.map(|found| found.role).filter(|role| !role.is_empty()))
    }

    async fn put_in(&self, client: &Client) -> Result<Made, Error> {
        let call = client.add_role_to_instance_profile();
        let call = call.instance_profile_name(&self.name).role_name(&self.role);
        let put = retry_until_consistent("iam:AddRoleToInstanceProfile", KNOWN_TO_IAM, is_unseen, || {
            call.clone().send()
        })
        .await;
        match put {
            // A profile takes one role. It may be this one, put in by an attempt whose answer was lost.
            Err(full) if full.reason == ErrorKind::Limit => match self.role_in(client).await? {
                Some(there) if there == self.role => Ok(Made::default()),
                _ => Err(full),
            },
            other => other.map(Made::alone),
        }
    }

    pub(in crate::resource) async fn take_out(
        client: &Client,
        profile: &str,
        role: &str,
    ) -> Result<(), Error> {
        let call = client.remove_role_from_instance_profile().instance_profile_name(profile).role_name(role);
        error::ok_if_absent("iam:RemoveRoleFromInstanceProfile", call.send().await)
    }
}
