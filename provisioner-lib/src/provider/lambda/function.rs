//! The function itself: as it is, and how it is made.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_lambda::{
    primitives::Blob,
    types::{
        Architecture, DeadLetterConfig, Environment, FunctionCode, FunctionConfiguration, Runtime, VpcConfig,
    },
};

use super::Lambda;
use crate::{
    observed::Found,
    provider::{
        Error, ErrorKind, error,
        propagation::{KNOWN_EVERYWHERE, retry_until_consistent},
    },
    resource::{Code, Function, Network, Resource},
};

/// What separates the security groups of a function that has more than one.
const SEPARATOR: &str = ",";

impl Lambda {
    /// The function. In its network stands the id of the security group, not its name.
    pub(super) async fn function(&self, name: &str) -> Result<Option<Found>, Error> {
        let call = "lambda:GetFunction";
        let answer = self.client.get_function().function_name(name).send().await;
        let Some(answer) = error::optional(call, answer)? else { return Ok(None) };
        // Lambda leaves out what the caller may not see, with a note ("GetFunction" in its API reference).
        if let Some(note) = answer.tags_error() {
            let action = "lambda:ListTags".to_owned();
            return Err(Error::new(ErrorKind::Denied { action }, call, note.message())
                .hint("`cast-spot policy admin` prints the policy that allows it"));
        }
        let Some(configuration) = answer.configuration else { return Ok(None) };
        if let Some(note) = configuration.environment().and_then(|environment| environment.error()) {
            let message = note.message().unwrap_or("the environment cannot be read");
            let action = "kms:Decrypt".to_owned();
            return Err(Error::new(ErrorKind::Denied { action }, call, message)
                .hint("the environment is encrypted with a key of your own: let the caller use it"));
        }
        let tags = answer.tags.unwrap_or_default().into_iter().collect();
        let revision = configuration.revision_id.clone();
        let layer = self.attached(configuration.layers()).await?;
        let resource = as_resource(name, configuration, layer, tags);
        Ok(Some(Found { resource, created: None, revision }))
    }

    pub(super) async fn create_function(
        &self,
        resource: &Resource,
        security_group: Option<String>,
    ) -> Result<(), Error> {
        let Resource::Function(Function {
            name,
            role_arn,
            runtime,
            architecture,
            handler,
            memory_mb,
            timeout_seconds,
            environment,
            code,
            dead_letter_arn,
            network,
            layer,
            tags,
        }) = resource
        else {
            return Err(error::wrong_service(resource));
        };
        let Some(code) = code else {
            let message = "there is no function yet, and no zip to make it from";
            return Err(Error::new(ErrorKind::Other, "lambda:CreateFunction", message)
                .hint("`cargo build-lambda --output-format zip` builds it"));
        };
        let layers = match layer {
            Some(sha256) => Some(self.layers_with(&[], Some(sha256)).await?),
            None => None,
        };
        let call = self
            .client
            .create_function()
            .function_name(name)
            .role(role_arn)
            .runtime(Runtime::from(runtime.as_str()))
            .set_architectures(architectures(architecture.as_deref()))
            .handler(handler)
            .memory_size(*memory_mb)
            .timeout(*timeout_seconds)
            .environment(variables(environment.clone().into_iter().collect()))
            .code(FunctionCode::builder().zip_file(Blob::new(code.zip.clone())).build())
            .dead_letter_config(DeadLetterConfig::builder().target_arn(dead_letter_arn).build())
            .set_vpc_config(network.as_ref().map(|network| vpc(network, security_group)))
            .set_layers(layers)
            .set_tags(Some(tags.clone().into_iter().collect()));
        let created = retry_until_consistent("lambda:CreateFunction", KNOWN_EVERYWHERE, is_early, || {
            call.clone().send()
        })
        .await;
        if created.is_ok() || matches!(&created, Err(error) if error.reason == ErrorKind::Changed) {
            // Others build on it: it is there when it can be called.
            self.settled(name).await?;
        }
        created.map(drop)
    }
}

/// Lambda tries the role and the role's rights when it takes a function.
pub(super) fn is_early(code: &str, message: &str) -> bool {
    code == "InvalidParameterValueException"
        && (message.contains("cannot be assumed by Lambda")
            || message.contains("execution role does not have permissions"))
}

pub(super) fn architectures(wanted: Option<&str>) -> Option<Vec<Architecture>> {
    wanted.map(|name| vec![Architecture::from(name)])
}

pub(super) fn variables(variables: HashMap<String, String>) -> Environment {
    Environment::builder().set_variables(Some(variables)).build()
}

pub(super) fn vpc(network: &Network, security_group: Option<String>) -> VpcConfig {
    VpcConfig::builder()
        .set_subnet_ids(Some(network.subnet_ids.clone()))
        .set_security_group_ids(Some(security_group.into_iter().collect()))
        .build()
}

fn as_resource(
    name: &str,
    found: FunctionConfiguration,
    layer: Option<String>,
    tags: BTreeMap<String, String>,
) -> Resource {
    let network = found.vpc_config.filter(|vpc| vpc.vpc_id().is_some_and(|id| !id.is_empty()));
    Resource::Function(Function {
        name: name.to_owned(),
        role_arn: found.role.unwrap_or_default(),
        runtime: found.runtime.as_ref().map(Runtime::as_str).unwrap_or_default().to_owned(),
        architecture: found.architectures.unwrap_or_default().first().map(|found| found.as_str().to_owned()),
        handler: found.handler.unwrap_or_default(),
        memory_mb: found.memory_size.unwrap_or_default(),
        timeout_seconds: found.timeout.unwrap_or_default(),
        environment: found
            .environment
            .and_then(|found| found.variables)
            .unwrap_or_default()
            .into_iter()
            .collect(),
        code: found.code_sha256.map(|sha256| Code { sha256, zip: Vec::new() }),
        dead_letter_arn: found.dead_letter_config.and_then(|config| config.target_arn).unwrap_or_default(),
        network: network.map(|vpc| Network {
            security_group: vpc.security_group_ids().join(SEPARATOR),
            vpc_id: vpc.vpc_id.unwrap_or_default(),
            subnet_ids: vpc.subnet_ids.unwrap_or_default(),
        }),
        layer,
        tags,
    })
}

/// Puts the name of a security group where its id stands: among others, it is enough that ours is there.
pub(in crate::provider) fn name_security_group(function: &mut Resource, groups: &[(String, String)]) {
    if let Resource::Function(Function { network: Some(network), .. }) = function
        && let Some((_, name)) =
            groups.iter().find(|(id, _)| network.security_group.split(SEPARATOR).any(|has| has == id))
    {
        network.security_group.clone_from(name);
    }
}
