//! Roles of IAM.

use aws_sdk_iam::Client;
use futures_util::future::join_all;

use super::Role;
use crate::{
    provider::{
        iam::{boundary, document, inline_policies, profiles_of, tags_in, tags_out},
        live::prelude::*,
    },
    resource::{InlinePolicy, InstanceProfile, Principal, attachment::aws::detach_all},
};

/// A new principal is not known yet where trust policies are checked.
fn is_unknown_principal(code: &str, message: &str) -> bool {
    code == "NoSuchEntity" || (code == "MalformedPolicyDocument" && message.contains("Invalid principal"))
}

impl Live<Client> for Role {
    /// With the names of all inline policies of those that exist.
    async fn observe(wanted: &[&Self], client: &Client, sight: &Sight<'_>) -> Vec<Result<Found, Error>> {
        let found = wanted.iter().map(async |wanted| {
            let role = wanted.find(client, sight).await;
            let inline = match &role {
                Ok(Some(_)) => inline_policies(client, &wanted.name).await,
                _ => Ok(Vec::new()),
            };
            let named = |name| Ok(Found::from(InlinePolicy::named(wanted.name.clone(), name)));
            let inline =
                inline.map_or_else(|error| vec![Err(error)], |names| names.into_iter().map(named).collect());
            role.transpose().into_iter().chain(inline).collect::<Vec<_>>()
        });
        join_all(found).await.into_iter().flatten().collect()
    }

    async fn find(&self, client: &Client, _: &Sight<'_>) -> Result<Option<Found>, Error> {
        let call = "iam:GetRole";
        let answer = error::optional(call, client.get_role().role_name(&self.name).send().await)?;
        let Some(role) = answer.and_then(|answer| answer.role) else { return Ok(None) };
        let created = Some(role.create_date.secs());
        let found = Self {
            name: self.name.clone(),
            trust: document(call, role.assume_role_policy_document())?,
            boundary: boundary(role.permissions_boundary.as_ref()),
            tags: tags_out(role.tags.as_deref()),
            description: role.description.unwrap_or_default(),
        };
        Ok(Some(Found { created, ..Found::from(found) }))
    }

    async fn create(&self, client: &Client) -> Result<Made, Error> {
        let call = client
            .create_role()
            .role_name(&self.name)
            .description(&self.description)
            .assume_role_policy_document(self.trust.to_string())
            .set_permissions_boundary(self.boundary.clone())
            .set_tags(Some(tags_in(&self.tags)));
        retry_until_consistent("iam:CreateRole", KNOWN_TO_IAM, is_unknown_principal, || call.clone().send())
            .await
            .map(Made::alone)
    }

    async fn update(&self, client: &Client, changes: &[Change], _: Option<&str>) -> Result<Made, Error> {
        let name = &self.name;
        // An administrator may have the right to the rest within the boundary alone.
        if let (Some(boundary), true) = (&self.boundary, touches(changes, "boundary")) {
            let call = client.put_role_permissions_boundary().role_name(name).permissions_boundary(boundary);
            call.send().await.map_err(error::from_sdk("iam:PutRolePermissionsBoundary"))?;
        }
        if touches(changes, "trust") {
            let call = client.update_assume_role_policy().role_name(name);
            let call = call.policy_document(self.trust.to_string());
            let call_name = "iam:UpdateAssumeRolePolicy";
            retry_until_consistent(call_name, KNOWN_TO_IAM, is_unknown_principal, || call.clone().send())
                .await?;
        }
        let set = |tags| client.tag_role().role_name(name).set_tags(Some(tags_in(&tags))).send();
        let unset = |keys| client.untag_role().role_name(name).set_tag_keys(Some(keys)).send();
        TagChanges::of(changes).apply(("iam:TagRole", set), ("iam:UntagRole", unset)).await
    }

    /// A role goes only when nothing is in it and it is in nothing ("DeleteRole" in the IAM API reference).
    async fn delete(&self, client: &Client) -> Result<Made, Error> {
        let name = &self.name;
        let principal = Principal::Role(name.clone());
        let (detached, inline, profiles) = tokio::join!(
            detach_all(client, &principal),
            inline_policies(client, name),
            profiles_of(client, name)
        );
        detached?;
        let (inline, profiles) = (inline?, profiles?);
        let inline = join_all(inline.iter().map(|policy| InlinePolicy::remove(client, name, policy)));
        let profiles = join_all(
            profiles
                .iter()
                .map(|profile| InstanceProfile::take_out(client, &profile.instance_profile_name, name)),
        );
        let (inline, profiles) = tokio::join!(inline, profiles);
        inline.into_iter().chain(profiles).collect::<Result<(), Error>>()?;
        let call = client.delete_role().role_name(name);
        delete_when_free("iam:DeleteRole", FORGOTTEN, is_still_seen, || call.clone().send()).await
    }
}
