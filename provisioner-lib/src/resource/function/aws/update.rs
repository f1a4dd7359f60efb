//! Updates under concurrent changes of others: each call names the revision that it is based on, and Lambda refuses it
//! if another one was faster (`RevisionId` in the Lambda API reference).

use aws_sdk_lambda::{
    Client,
    types::{DeadLetterConfig, Runtime, VpcConfig},
};

use super::{
    is_early, logging,
    settled::{settled, updated},
    variables,
    versions::{publish, replace_code, set_previous, tidied},
};
use crate::{
    provider::live::prelude::*,
    resource::{Function, layer},
};

/// What UpdateFunctionCode takes; tags go another way, and the rest is configuration.
const CODE: [&str; 2] = ["code", "architecture"];

impl Function {
    /// Settings before code: among them is the list of clusters, which must not be changed by what is outdated.
    pub(super) async fn change(
        &self,
        client: &Client,
        changes: &[Change],
        revision: Option<&str>,
        vpc: Option<VpcConfig>,
    ) -> Result<Made, Error> {
        let name = &self.name;
        let before = settled(client, name).await?;
        // Tags are no part of a revision.
        let is_tagged_alone = changes.iter().all(|change| change.field.starts_with("tags."));
        if !is_tagged_alone && revision.is_some() && before.revision_id() != revision {
            let message = format!("function {name} has been changed since it was looked at");
            return Err(Error::changed("lambda:GetFunctionConfiguration", message));
        }
        let mut revision = before.revision_id().map(str::to_owned);
        let arn = before.function_arn().unwrap_or(name);
        self.tag(client, arn, changes).await?;
        let is_code = CODE.iter().any(|field| touches(changes, field));
        let mut previous = None;
        if is_code && before.code_sha256().is_some_and(|running| self.record.has(running)) {
            let published = publish(client, name, &before).await?;
            set_previous(client, name, &published.version).await?;
            revision = published.revision;
            previous = Some(published.version);
        }
        let is_setting =
            |change: &Change| !change.field.starts_with("tags.") && !CODE.contains(&change.field.as_str());
        if changes.iter().any(is_setting) {
            self.configure(client, changes, revision, vpc).await?;
            revision = updated(client, name).await?.revision_id;
        }
        if is_code {
            if let Some(code) = &self.code {
                let zip = code.zip.clone();
                replace_code(client, name, self.architecture.as_deref(), zip, revision).await?;
            }
            updated(client, name).await?;
        }
        let warning = match previous {
            Some(previous) => tidied(client, name, &previous).await,
            None => None,
        };
        Ok(Made { warning, ..Made::default() })
    }

    /// Before code and settings: by its tags the cluster's principal may change the function.
    async fn tag(&self, client: &Client, arn: &str, changes: &[Change]) -> Result<Made, Error> {
        let set = |tags: Tags| {
            client.tag_resource().resource(arn).set_tags(Some(tags.into_iter().collect())).send()
        };
        let unset = |keys| client.untag_resource().resource(arn).set_tag_keys(Some(keys)).send();
        TagChanges::of(changes).apply(("lambda:TagResource", set), ("lambda:UntagResource", unset)).await
    }

    /// All settings. Lambda asks for rights on each layer that is named, so none is named where none changes.
    async fn configure(
        &self,
        client: &Client,
        changes: &[Change],
        revision: Option<String>,
        vpc: Option<VpcConfig>,
    ) -> Result<(), Error> {
        let layers = if touches(changes, "layer") || touches(changes, "other_layers") {
            Some(layer::aws::exactly(client, self.layer.as_deref()).await?)
        } else {
            None
        };
        let call = client
            .update_function_configuration()
            .function_name(&self.name)
            .set_revision_id(revision)
            .role(&self.role_arn)
            .runtime(Runtime::from(self.runtime.as_str()))
            .handler(&self.handler)
            .memory_size(self.memory_mb)
            .timeout(self.timeout_seconds)
            .environment(variables(self.environment.clone().into_iter().collect()))
            .dead_letter_config(DeadLetterConfig::builder().target_arn(&self.dead_letter_arn).build())
            .set_layers(layers)
            .set_logging_config(touches(changes, "others.logging").then(logging))
            .set_file_system_configs(touches(changes, "others.file_systems").then(Vec::new))
            .set_vpc_config(vpc);
        let name = "lambda:UpdateFunctionConfiguration";
        retry_until_consistent(name, KNOWN_EVERYWHERE, is_early, || call.clone().send()).await.map(drop)
    }
}
