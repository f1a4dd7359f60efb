//! `aws lambda` about functions.

use serde_json::{Map, Value, json};

use super::{Function, Network};
use crate::{
    names::{PREVIOUS, PREVIOUS_DESCRIPTION},
    resource::{
        Change, Commands, Context, Kind, Shell,
        layer::commands::{beside_others, latest},
        quoted, retag,
        security_group::commands::group_id,
        touches,
    },
};

impl Commands for Function {
    fn create(&self, context: &Context) -> Vec<Shell> {
        let mut shells = Vec::new();
        if context.after.iter().any(|id| id.kind == Kind::Role) {
            shells.push(Shell::Verbatim("sleep 15  # until Lambda knows the new role".to_owned()));
        }
        let mut create = self
            .shell("create-function")
            .with("--role", &self.role_arn)
            .with("--runtime", &self.runtime)
            .with("--handler", &self.handler)
            .with("--memory-size", self.memory_mb.to_string())
            .with("--timeout", self.timeout_seconds.to_string())
            .with("--zip-file", format!("fileb://{}", context.zip))
            .with("--dead-letter-config", format!("TargetArn={}", self.dead_letter_arn))
            .mapped(&self.tags);
        if let Some(architecture) = &self.architecture {
            create = create.with("--architectures", architecture);
        }
        if let Some(network) = &self.network {
            create = create.raw(vpc_config(network));
        }
        if self.layer.is_some() {
            create = create.raw(format!("--layers {}", latest()));
        }
        shells.push(create.document("--environment", &json!({ "Variables": self.environment })));
        shells.push(self.shell("wait function-active-v2"));
        shells
    }

    fn update(&self, changes: &[Change], context: &Context) -> Vec<Shell> {
        let mut shells = Vec::new();
        let is_code = touches(changes, "code") || touches(changes, "architecture");
        if is_code {
            shells.push(Shell::comment("the version to go back to"));
            shells.push(self.keep_version());
        }
        let (bare, configure) = (self.shell("update-function-configuration"), self.configuration(changes));
        if configure != bare {
            if touches(changes, "environment") {
                shells.push(Shell::comment("other variables stay as they are; this takes jq"));
            }
            shells.extend([configure, self.shell("wait function-updated-v2")]);
        }
        if is_code {
            let mut update = self.shell("update-function-code");
            if let Some(change) = changes.iter().find(|change| change.field == "architecture") {
                update = update.with("--architectures", &change.to);
            }
            shells.push(update.with("--zip-file", format!("fileb://{}", context.zip)));
            shells.push(self.shell("wait function-updated-v2"));
        }
        let arn = context.arn("lambda", &format!("function:{}", self.name));
        shells.extend(retag("lambda", "resource", "--resource", &arn, Shell::mapped, changes));
        shells
    }

    fn delete(&self) -> Vec<Shell> {
        vec![self.shell("delete-function")]
    }
}

impl Function {
    fn shell(&self, operation: &str) -> Shell {
        Shell::aws("lambda", operation).with("--function-name", &self.name)
    }

    /// Publishes the function as it is, under the alias for going back.
    fn keep_version(&self) -> Shell {
        let name = &self.name;
        let alias = |verb| format!("aws lambda {verb}-alias --function-name {name} --name {PREVIOUS}");
        Shell::Verbatim(format!(
            "version=$(aws lambda publish-version --function-name {name} --description {} --query Version --output text)\n\
             {} --function-version \"$version\" || {} --function-version \"$version\"",
            quoted(PREVIOUS_DESCRIPTION),
            alias("update"),
            alias("create"),
        ))
    }

    fn configuration(&self, changes: &[Change]) -> Shell {
        let mut configure = self.shell("update-function-configuration");
        for change in changes {
            let option = match change.field.as_str() {
                "role_arn" => "--role",
                "runtime" => "--runtime",
                "handler" => "--handler",
                "memory_mb" => "--memory-size",
                "timeout_seconds" => "--timeout",
                _ => continue,
            };
            configure = configure.with(option, &change.to);
        }
        if let Some(change) = changes.iter().find(|change| change.field == "dead_letter_arn") {
            configure = configure.with("--dead-letter-config", format!("TargetArn={}", change.to));
        }
        let is_moved = ["vpc_id", "subnet_ids", "security_group"].iter().any(|field| touches(changes, field));
        if let Some(network) = self.network.as_ref().filter(|_| is_moved) {
            configure = configure.raw(vpc_config(network));
        }
        if touches(changes, "layer") {
            configure = configure.raw(beside_others(&self.name, self.layer.is_some()));
        }
        let variable =
            |change: &Change| Some((change.field.strip_prefix("environment.")?.to_owned(), json!(change.to)));
        let variables: Map<String, Value> = changes.iter().filter_map(variable).collect();
        if !variables.is_empty() {
            let merged = quoted(&format!("{{Variables: ((.Variables // {{}}) + {})}}", json!(variables)));
            let get = format!("aws lambda get-function-configuration --function-name {}", self.name);
            configure =
                configure.raw(format!("--environment \"$({get} --query Environment | jq -c {merged})\""));
        }
        configure
    }
}

fn vpc_config(network: &Network) -> String {
    let subnets = network.subnet_ids.join(",");
    format!("--vpc-config SubnetIds={subnets},SecurityGroupIds={}", group_id(&network.vpc_id))
}
