//! Changes a function under the eyes of others: each call names the revision that it goes by, and Lambda refuses it
//! where somebody has been faster (`RevisionId` in the Lambda API reference).

use aws_sdk_lambda::{
    operation::get_function_configuration::GetFunctionConfigurationOutput,
    primitives::Blob,
    types::{DeadLetterConfig, Runtime},
};

use super::{
    Lambda,
    function::{architectures, is_early, variables, vpc},
};
use crate::{
    provider::{
        Error, ErrorKind, error,
        propagation::{KNOWN_EVERYWHERE, retry_until_consistent},
        tags::{TagChanges, touches},
    },
    resource::Change,
    resource::{Function, Resource},
};

/// What UpdateFunctionCode takes; tags go another way, and the rest is configuration.
const CODE: [&str; 2] = ["code", "architecture"];

impl Lambda {
    /// Settings first: among them is the list of clusters, which must not be changed by what is outdated.
    pub(super) async fn update_function(
        &self,
        resource: &Resource,
        changes: &[Change],
        revision: Option<&str>,
        security_group: Option<String>,
    ) -> Result<(), Error> {
        let Resource::Function(Function { name, .. }) = resource else {
            return Err(error::wrong_service(resource));
        };
        let before = self.settled(name).await?;
        let arn = before.function_arn().unwrap_or(name).to_owned();
        if revision.is_some() && before.revision_id() != revision {
            let message = format!("function {name} has been changed since it was looked at");
            return Err(Error::new(ErrorKind::Changed, "lambda:GetFunctionConfiguration", message)
                .hint("look again: run the same command once more"));
        }
        let mut revision = before.revision_id().map(str::to_owned);
        let is_code = CODE.iter().any(|field| touches(changes, field));
        let mut previous = None;
        if is_code {
            let published = self.publish(name, &before).await?;
            self.set_previous(name, &published.version).await?;
            revision = published.revision;
            previous = Some(published.version);
        }
        let is_setting =
            |change: &Change| !change.field.starts_with("tags.") && !CODE.contains(&change.field.as_str());
        if changes.iter().any(is_setting) {
            self.configure(resource, changes, &before, revision, security_group).await?;
            revision = self.updated(name).await?.revision_id;
        }
        if is_code {
            if let Resource::Function(Function { architecture, code: Some(code), .. }) = resource {
                self.replace_code(name, architecture.as_deref(), code.zip.clone(), revision).await?;
            }
            self.updated(name).await?;
        }
        self.tag(&arn, &TagChanges::of(resource, changes)).await?;
        if let Some(previous) = previous {
            // The function is as wanted: the next change deletes what is left.
            let _ = self.delete_versions_but(name, &previous).await;
        }
        Ok(())
    }

    /// All settings that are ours. Variables and layers of others stay. Lambda asks for rights on each layer that is
    /// named, so they are named only where ours changes.
    async fn configure(
        &self,
        resource: &Resource,
        changes: &[Change],
        before: &GetFunctionConfigurationOutput,
        revision: Option<String>,
        security_group: Option<String>,
    ) -> Result<(), Error> {
        let Resource::Function(Function {
            name,
            role_arn,
            runtime,
            handler,
            memory_mb,
            timeout_seconds,
            environment: wanted,
            dead_letter_arn,
            network,
            layer,
            ..
        }) = resource
        else {
            return Err(error::wrong_service(resource));
        };
        let there = before.environment().and_then(|environment| environment.variables()).cloned();
        let mut environment = there.unwrap_or_default();
        let layers = if touches(changes, "layer") {
            Some(self.layers_with(before.layers(), layer.as_deref()).await?)
        } else {
            None
        };
        environment.extend(wanted.clone());
        let call = self
            .client
            .update_function_configuration()
            .function_name(name)
            .set_revision_id(revision)
            .role(role_arn)
            .runtime(Runtime::from(runtime.as_str()))
            .handler(handler)
            .memory_size(*memory_mb)
            .timeout(*timeout_seconds)
            .environment(variables(environment))
            .dead_letter_config(DeadLetterConfig::builder().target_arn(dead_letter_arn).build())
            .set_layers(layers)
            .set_vpc_config(network.as_ref().map(|network| vpc(network, security_group)));
        let call_name = "lambda:UpdateFunctionConfiguration";
        retry_until_consistent(call_name, KNOWN_EVERYWHERE, is_early, || call.clone().send()).await.map(drop)
    }

    pub(super) async fn replace_code(
        &self,
        name: &str,
        architecture: Option<&str>,
        zip: Vec<u8>,
        revision: Option<String>,
    ) -> Result<(), Error> {
        let call = self
            .client
            .update_function_code()
            .function_name(name)
            .set_revision_id(revision)
            .set_architectures(architectures(architecture))
            .zip_file(Blob::new(zip));
        call.send().await.map_err(error::from_sdk("lambda:UpdateFunctionCode")).map(drop)
    }

    async fn tag(&self, arn: &str, tags: &TagChanges) -> Result<(), Error> {
        if !tags.set.is_empty() {
            let call = self
                .client
                .tag_resource()
                .resource(arn)
                .set_tags(Some(tags.set.clone().into_iter().collect()));
            call.send().await.map_err(error::from_sdk("lambda:TagResource"))?;
        }
        if !tags.removed.is_empty() {
            let call = self.client.untag_resource().resource(arn).set_tag_keys(Some(tags.removed.clone()));
            call.send().await.map_err(error::from_sdk("lambda:UntagResource"))?;
        }
        Ok(())
    }
}
