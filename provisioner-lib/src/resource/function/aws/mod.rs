//! Functions of Lambda.

use std::collections::HashMap;

use aws_sdk_lambda::{
    primitives::Blob,
    types::{
        ApplicationLogLevel, Architecture, DeadLetterConfig, Environment, FileSystemConfig, FunctionCode,
        FunctionConfiguration, LogFormat, LoggingConfig, Runtime, SystemLogLevel, VpcConfig,
    },
};

use super::{Function, Network};
use crate::{
    names::LOG_GROUP,
    provider::{Services, live::prelude::*},
    resource::{Code, CodeRecord, Resource, changes::by_name, layer, security_group::aws::group_id},
};

mod settled;
mod update;
pub(crate) mod versions;

/// Separates the security groups of a function that has more than one.
const SEPARATOR: &str = ",";

impl Live<Services> for Function {
    /// In its network stands the id of the security group, not its name: see [`name_security_groups`].
    async fn find(&self, services: &Services, _: &Sight<'_>) -> Result<Option<Found>, Error> {
        let call = "lambda:GetFunction";
        let answer = services.lambda.get_function().function_name(&self.name).send().await;
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
        let layer = layer::aws::attached(&services.lambda, &configuration).await?;
        let other_layers = layer::aws::others(&configuration);
        let found = Self { layer, other_layers, ..self.described(configuration, tags) };
        Ok(Some(Found { revision, ..Found::from(found) }))
    }

    async fn create(&self, services: &Services) -> Result<Made, Error> {
        let Some(code) = &self.code else {
            let message = "there is no function yet, and no zip to make it from";
            return Err(Error::new(ErrorKind::Other, "lambda:CreateFunction", message)
                .hint("`cargo build-lambda --output-format zip` builds it"));
        };
        let client = &services.lambda;
        let vpc = self.vpc(services).await?;
        let layers = match &self.layer {
            Some(sha256) => Some(layer::aws::exactly(client, Some(sha256)).await?),
            None => None,
        };
        let call = client
            .create_function()
            .function_name(&self.name)
            .role(&self.role_arn)
            .runtime(Runtime::from(self.runtime.as_str()))
            .set_architectures(architectures(self.architecture.as_deref()))
            .handler(&self.handler)
            .memory_size(self.memory_mb)
            .timeout(self.timeout_seconds)
            .environment(variables(self.environment.clone().into_iter().collect()))
            .code(FunctionCode::builder().zip_file(Blob::new(code.zip.clone())).build())
            .dead_letter_config(DeadLetterConfig::builder().target_arn(&self.dead_letter_arn).build())
            .set_vpc_config(vpc)
            .set_layers(layers)
            .set_tags(Some(self.tags.clone().into_iter().collect()));
        let (name, again) = ("lambda:CreateFunction", || call.clone().send());
        let created = retry_until_consistent(name, KNOWN_EVERYWHERE, is_early, again).await;
        if created.is_ok() || matches!(&created, Err(error) if error.reason == ErrorKind::Changed) {
            // Others build on it: it is there when it can be called.
            settled::settled(client, &self.name).await?;
        }
        created.map(Made::alone)
    }

    async fn update(
        &self,
        services: &Services,
        changes: &[Change],
        revision: Option<&str>,
    ) -> Result<Made, Error> {
        let is_moved = Network::FIELDS.iter().any(|field| touches(changes, field));
        let out =
            || VpcConfig::builder().set_subnet_ids(Some(Vec::new())).set_security_group_ids(Some(Vec::new()));
        let vpc = self.vpc(services).await?.or_else(|| is_moved.then(|| out().build()));
        self.change(&services.lambda, changes, revision, vpc).await
    }

    async fn delete(&self, services: &Services) -> Result<Made, Error> {
        let answer = services.lambda.delete_function().function_name(&self.name).send().await;
        error::ok_if_absent("lambda:DeleteFunction", answer).map(Made::alone)
    }
}

impl Function {
    /// Its place, with the id of the security group.
    async fn vpc(&self, services: &Services) -> Result<Option<VpcConfig>, Error> {
        let Some(Network { vpc_id, subnet_ids, security_group }) = &self.network else { return Ok(None) };
        let group = group_id(&services.ec2, security_group, vpc_id).await?;
        let vpc = VpcConfig::builder().set_subnet_ids(Some(subnet_ids.clone())).security_group_ids(group);
        Ok(Some(vpc.build()))
    }

    fn described(&self, found: FunctionConfiguration, tags: Tags) -> Self {
        let others = [
            ("logging", found.logging_config.as_ref().and_then(logging_of_others)),
            ("file_systems", mounted(found.file_system_configs())),
        ];
        let network = found.vpc_config.filter(|vpc| vpc.vpc_id().is_some_and(|id| !id.is_empty()));
        let architecture = found.architectures.unwrap_or_default().into_iter().next();
        let environment = found.environment.and_then(|found| found.variables).unwrap_or_default();
        let dead_letter = found.dead_letter_config.and_then(|config| config.target_arn);
        Self {
            name: self.name.clone(),
            role_arn: found.role.unwrap_or_default(),
            runtime: found.runtime.as_ref().map(Runtime::as_str).unwrap_or_default().to_owned(),
            architecture: architecture.map(|found| found.as_str().to_owned()),
            handler: found.handler.unwrap_or_default(),
            memory_mb: found.memory_size.unwrap_or_default(),
            timeout_seconds: found.timeout.unwrap_or_default(),
            environment: environment.into_iter().collect(),
            code: found.code_sha256.map(Code::known),
            record: CodeRecord::default(),
            dead_letter_arn: dead_letter.unwrap_or_default(),
            network: network.map(|vpc| Network {
                security_group: vpc.security_group_ids().join(SEPARATOR),
                vpc_id: vpc.vpc_id.unwrap_or_default(),
                subnet_ids: vpc.subnet_ids.unwrap_or_default(),
            }),
            layer: None,
            other_layers: Vec::new(),
            others: by_name(others),
            tags,
        }
    }
}

/// Lambda checks the role and its rights when a function is written.
fn is_early(code: &str, message: &str) -> bool {
    code == "InvalidParameterValueException"
        && (message.contains("cannot be assumed by Lambda")
            || message.contains("execution role does not have permissions"))
}

/// Where the log goes and what is left out of it, if that is not what [`logging`] says.
fn logging_of_others(found: &LoggingConfig) -> Option<String> {
    let format = found.log_format().map(LogFormat::as_str);
    let levels = [
        found.application_log_level().map(ApplicationLogLevel::as_str),
        found.system_log_level().map(SystemLogLevel::as_str),
    ];
    let set: Vec<&str> = [format].into_iter().chain(levels).chain([found.log_group()]).flatten().collect();
    let is_ours = set.iter().all(|value| [LogFormat::Text.as_str(), LOG_GROUP].contains(value));
    (!is_ours).then(|| set.join(" "))
}

fn logging() -> LoggingConfig {
    LoggingConfig::builder().log_format(LogFormat::Text).log_group(LOG_GROUP).build()
}

/// File systems that are mounted: code may be read from them.
fn mounted(found: &[FileSystemConfig]) -> Option<String> {
    let arns: Vec<&str> = found.iter().map(FileSystemConfig::arn).collect();
    (!arns.is_empty()).then(|| arns.join(" "))
}

fn architectures(wanted: Option<&str>) -> Option<Vec<Architecture>> {
    wanted.map(|name| vec![Architecture::from(name)])
}

fn variables(variables: HashMap<String, String>) -> Environment {
    Environment::builder().set_variables(Some(variables)).build()
}

/// Puts the names of security groups that were found in the place of their ids.
pub(crate) fn name_security_groups(seen: &mut [Result<Found, Error>]) {
    let groups: Vec<(String, String)> = seen
        .iter()
        .flatten()
        .filter_map(|found| match &found.resource {
            Resource::SecurityGroup(group) => Some((found.revision.clone()?, group.name.clone())),
            _ => None,
        })
        .collect();
    for found in seen.iter_mut().flatten() {
        if let Resource::Function(Function { network: Some(network), .. }) = &mut found.resource {
            let name_of = |own: &str| groups.iter().find(|(id, _)| id == own).map(|(_, name)| name.clone());
            let own = network.security_group.split(SEPARATOR);
            let own: Vec<String> = own.map(|id| name_of(id).unwrap_or_else(|| id.to_owned())).collect();
            network.security_group = own.join(SEPARATOR);
        }
    }
}

#[cfg(test)]
mod tests;
