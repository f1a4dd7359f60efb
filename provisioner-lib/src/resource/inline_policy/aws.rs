//! Policies inside of roles.

use aws_sdk_iam::Client;

use super::InlinePolicy;
use crate::provider::{iam::document, live::prelude::*};

impl Live<Client> for InlinePolicy {
    const IS_PART: bool = true;

    async fn find(&self, client: &Client, _: &Sight<'_>) -> Result<Option<Found>, Error> {
        let call = "iam:GetRolePolicy";
        let answer = client.get_role_policy().role_name(&self.role).policy_name(&self.name).send().await;
        let Some(answer) = error::optional(call, answer)? else { return Ok(None) };
        let document = document(call, Some(&answer.policy_document))?;
        Ok(Some(Found::from(Self { document, ..self.clone() })))
    }

    async fn create(&self, client: &Client) -> Result<Made, Error> {
        let call = client.put_role_policy().role_name(&self.role).policy_name(&self.name);
        let call = call.policy_document(self.document.to_string());
        retry_until_consistent("iam:PutRolePolicy", KNOWN_TO_IAM, is_unseen, || call.clone().send())
            .await
            .map(Made::alone)
    }

    async fn delete(&self, client: &Client) -> Result<Made, Error> {
        Self::remove(client, &self.role, &self.name).await.map(Made::alone)
    }
}

impl InlinePolicy {
    pub(in crate::resource) async fn remove(client: &Client, role: &str, name: &str) -> Result<(), Error> {
        let call = client.delete_role_policy().role_name(role).policy_name(name);
        error::ok_if_absent("iam:DeleteRolePolicy", call.send().await)
    }
}
