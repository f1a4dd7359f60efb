//! `aws lambda`, `sqs`, `logs`, `events` and `ec2`.

use serde_json::json;

use super::{
    Context, arn, layer, listed, mapped,
    shell::{Shell, quoted},
    tag_changes, touches,
};
use crate::{
    names::{PREVIOUS, PREVIOUS_DESCRIPTION, SECURITY_GROUP},
    plan::{Change, Step},
    resource::{
        Function, Ingress, InvokeConfig, Kind, Layer, LogGroup, Network, Permission, Queue, Resource, Rule,
        SecurityGroup, Target, input_paths,
    },
};

pub(super) fn create(resource: &Resource, step: &Step, context: Context) -> Option<Vec<Shell>> {
    Some(match resource {
        Resource::LogGroup(LogGroup { name, retention_days, tags }) => {
            let create = Shell::aws("logs", "create-log-group").with("--log-group-name", name);
            let mut shells = vec![create.with("--tags", mapped(tags))];
            if *retention_days != 0 {
                shells.push(retention(name, *retention_days));
            }
            shells
        }
        Resource::Queue(Queue { name, tags, .. }) => {
            let create = Shell::aws("sqs", "create-queue").with("--queue-name", name);
            vec![create.with("--tags", mapped(tags)).document("--attributes", &attributes(resource))]
        }
        Resource::SecurityGroup(SecurityGroup { name, vpc_id, description, tags }) => {
            let tags: Vec<String> = listed(tags).into_iter().map(|tag| format!("{{{tag}}}")).collect();
            let create = Shell::aws("ec2", "create-security-group").with("--group-name", name);
            vec![create.with("--vpc-id", vpc_id).with("--description", description).with(
                "--tag-specifications",
                format!("ResourceType=security-group,Tags=[{}]", tags.join(",")),
            )]
        }
        Resource::Ingress(Ingress { vpc_id, to, port, .. }) => vec![ingress("authorize", vpc_id, to, *port)],
        Resource::Function(_) => create_function(resource, step, context),
        Resource::Layer(Layer { name, code }) => layer::publish(name, code),
        Resource::InvokeConfig(InvokeConfig {
            function,
            maximum_event_age_seconds,
            maximum_retry_attempts,
        }) => vec![
            Shell::aws("lambda", "put-function-event-invoke-config")
                .with("--function-name", function)
                .with("--maximum-event-age-in-seconds", maximum_event_age_seconds.to_string())
                .with("--maximum-retry-attempts", maximum_retry_attempts.to_string()),
        ],
        Resource::Permission(Permission { function, statement_id, principal, source_arn }) => vec![
            Shell::aws("lambda", "add-permission")
                .with("--function-name", function)
                .with("--statement-id", statement_id)
                .with("--action", "lambda:InvokeFunction")
                .with("--principal", principal)
                .with("--source-arn", source_arn),
        ],
        Resource::Rule(Rule { tags, .. }) => {
            vec![on(put_rule(resource)?.all("--tags", &listed(tags)), resource)?]
        }
        Resource::Target(Target { rule, target_id, arn, dead_letter_arn, input }) => {
            let mut target = json!([{
                "Id": target_id,
                "Arn": arn,
                "DeadLetterConfig": { "Arn": dead_letter_arn },
                "RetryPolicy": { "MaximumEventAgeInSeconds": 120, "MaximumRetryAttempts": 8 },
            }]);
            if let Some(input) = input {
                target[0]["InputTransformer"] =
                    json!({ "InputPathsMap": input_paths(), "InputTemplate": input.to_string() });
            }
            vec![Shell::aws("events", "put-targets").with("--rule", rule).document("--targets", &target)]
        }
        _ => return None,
    })
}

fn retention(name: &str, days: i32) -> Shell {
    let group = |operation| Shell::aws("logs", operation).with("--log-group-name", name);
    match days {
        0 => group("delete-retention-policy"),
        days => group("put-retention-policy").with("--retention-in-days", days.to_string()),
    }
}

fn attributes(queue: &Resource) -> serde_json::Value {
    let Resource::Queue(Queue { retention_seconds, policy, .. }) = queue else { return json!({}) };
    json!({ "MessageRetentionPeriod": retention_seconds.to_string(), "Policy": policy.to_string() })
}

fn queue_url(name: &str) -> String {
    format!(
        "--queue-url \"$(aws sqs get-queue-url --queue-name {} --query QueueUrl --output text)\"",
        quoted(name)
    )
}

fn group_id(vpc_id: &str) -> String {
    format!(
        "\"$(aws ec2 describe-security-groups --filters Name=group-name,Values={SECURITY_GROUP} Name=vpc-id,Values={vpc_id} \
         --query 'SecurityGroups[0].GroupId' --output text)\""
    )
}

fn ingress(verb: &str, vpc_id: &str, to: &str, port: u16) -> Shell {
    Shell::aws("ec2", &format!("{verb}-security-group-ingress"))
        .with("--group-id", to)
        .raw("--protocol tcp")
        .with("--port", port.to_string())
        .raw(format!("--source-group {}", group_id(vpc_id)))
}

fn put_rule(rule: &Resource) -> Option<Shell> {
    let Resource::Rule(Rule { name, description, .. }) = rule else { return None };
    let put = Shell::aws("events", "put-rule").with("--name", name).with("--description", description);
    Some(put.raw("--state ENABLED"))
}

/// With the rule's schedule, or its pattern from the standard input.
fn on(put: Shell, rule: &Resource) -> Option<Shell> {
    let Resource::Rule(Rule { pattern, schedule, .. }) = rule else { return None };
    Some(match schedule {
        Some(schedule) => put.with("--schedule-expression", schedule),
        None => put.raw("--event-pattern file:///dev/stdin").reading(pattern),
    })
}

fn vpc_config(network: &Network) -> String {
    let subnets = network.subnet_ids.join(",");
    format!("--vpc-config SubnetIds={subnets},SecurityGroupIds={}", group_id(&network.vpc_id))
}

fn create_function(resource: &Resource, step: &Step, context: Context) -> Vec<Shell> {
    let Resource::Function(Function {
        name,
        role_arn,
        runtime,
        architecture,
        handler,
        memory_mb,
        timeout_seconds,
        environment,
        dead_letter_arn,
        network,
        layer,
        tags,
        ..
    }) = resource
    else {
        return Vec::new();
    };
    let mut shells = Vec::new();
    if step.after.iter().any(|id| id.kind == Kind::Role) {
        shells.push(Shell::Verbatim("sleep 15  # until Lambda knows the new role".to_owned()));
    }
    let mut create = Shell::aws("lambda", "create-function")
        .with("--function-name", name)
        .with("--role", role_arn)
        .with("--runtime", runtime)
        .with("--handler", handler)
        .with("--memory-size", memory_mb.to_string())
        .with("--timeout", timeout_seconds.to_string())
        .with("--zip-file", format!("fileb://{}", context.zip))
        .with("--dead-letter-config", format!("TargetArn={dead_letter_arn}"))
        .with("--tags", mapped(tags));
    if let Some(architecture) = architecture {
        create = create.with("--architectures", architecture);
    }
    if let Some(network) = network {
        create = create.raw(vpc_config(network));
    }
    if layer.is_some() {
        create = create.raw(format!("--layers {}", layer::latest()));
    }
    shells.push(create.document("--environment", &json!({ "Variables": environment })));
    shells.push(Shell::aws("lambda", "wait function-active-v2").with("--function-name", name));
    shells
}

pub(super) fn update(resource: &Resource, changes: &[Change], context: Context) -> Option<Vec<Shell>> {
    Some(match resource {
        Resource::LogGroup(LogGroup { name, retention_days, .. }) => {
            let group = arn(context.facts, "logs", &format!("log-group:{name}"));
            let mut shells = Vec::new();
            if touches(changes, &["retention_days"]) {
                shells.push(retention(name, *retention_days));
            }
            shells.extend(retag("logs", "--resource-arn", &group, changes));
            shells
        }
        Resource::Queue(Queue { name, .. }) => {
            let set = Shell::aws("sqs", "set-queue-attributes").raw(queue_url(name));
            vec![set.document("--attributes", &attributes(resource))]
        }
        Resource::Rule(Rule { name, .. }) => {
            let rule = arn(context.facts, "events", &format!("rule/{name}"));
            let mut shells = Vec::new();
            if touches(changes, &["pattern", "schedule"]) {
                shells.push(on(put_rule(resource)?, resource)?);
            }
            let (set, gone) = tag_changes(changes);
            if !set.is_empty() {
                let tag = Shell::aws("events", "tag-resource").with("--resource-arn", &rule);
                shells.push(tag.all("--tags", &listed(&set)));
            }
            if !gone.is_empty() {
                let untag = Shell::aws("events", "untag-resource").with("--resource-arn", &rule);
                shells.push(untag.all("--tag-keys", &gone));
            }
            shells
        }
        Resource::SecurityGroup(SecurityGroup { vpc_id, .. }) => {
            let (set, _) = tag_changes(changes);
            let tag = Shell::aws("ec2", "create-tags").raw(format!("--resources {}", group_id(vpc_id)));
            vec![tag.all("--tags", &listed(&set))]
        }
        Resource::Function(_) => update_function(resource, changes, context),
        Resource::InvokeConfig(_) | Resource::Target(_) | Resource::Ingress(_) => {
            let step = Step {
                id: resource.id(),
                action: crate::plan::Action::Create,
                resource: resource.clone(),
                after: Vec::new(),
                revision: None,
            };
            create(resource, &step, context)?
        }
        _ => return None,
    })
}

fn retag(service: &str, option: &str, name: &str, changes: &[Change]) -> Vec<Shell> {
    let (set, gone) = tag_changes(changes);
    let mut shells = Vec::new();
    if !set.is_empty() {
        shells.push(Shell::aws(service, "tag-resource").with(option, name).with("--tags", mapped(&set)));
    }
    if !gone.is_empty() {
        shells.push(Shell::aws(service, "untag-resource").with(option, name).all("--tag-keys", &gone));
    }
    shells
}

fn update_function(resource: &Resource, changes: &[Change], context: Context) -> Vec<Shell> {
    let Resource::Function(Function { name, network, layer, .. }) = resource else { return Vec::new() };
    let wait = || Shell::aws("lambda", "wait function-updated-v2").with("--function-name", name);
    let mut shells = Vec::new();
    if touches(changes, &["code", "architecture"]) {
        shells.push(Shell::comment("the version to go back to"));
        let alias = |verb| format!("aws lambda {verb}-alias --function-name {name} --name {PREVIOUS}");
        shells.push(Shell::Verbatim(format!(
            "version=$(aws lambda publish-version --function-name {name} --description {} --query Version --output text)\n\
             {} --function-version \"$version\" || {} --function-version \"$version\"",
            quoted(PREVIOUS_DESCRIPTION),
            alias("update"),
            alias("create"),
        )));
    }
    let variables: serde_json::Map<String, serde_json::Value> = changes
        .iter()
        .filter_map(|change| Some((change.field.strip_prefix("environment.")?.to_owned(), json!(change.to))))
        .collect();
    let mut configure = Shell::aws("lambda", "update-function-configuration").with("--function-name", name);
    let bare = configure.clone();
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
    if let Some(network) =
        network.as_ref().filter(|_| touches(changes, &["vpc_id", "subnet_ids", "security_group"]))
    {
        configure = configure.raw(vpc_config(network));
    }
    if touches(changes, &["layer"]) {
        configure = configure.raw(layer::beside_others(name, layer.is_some()));
    }
    if !variables.is_empty() {
        let merged = quoted(&format!("{{Variables: ((.Variables // {{}}) + {})}}", json!(variables)));
        shells.push(Shell::comment("other variables stay as they are; this takes jq"));
        configure = configure.raw(format!(
            "--environment \"$(aws lambda get-function-configuration --function-name {name} --query Environment | jq -c {merged})\""
        ));
    }
    if configure != bare {
        shells.extend([configure, wait()]);
    }
    if touches(changes, &["code", "architecture"]) {
        let mut update = Shell::aws("lambda", "update-function-code").with("--function-name", name);
        if let Some(change) = changes.iter().find(|change| change.field == "architecture") {
            update = update.with("--architectures", &change.to);
        }
        shells.extend([update.with("--zip-file", format!("fileb://{}", context.zip)), wait()]);
    }
    let function = arn(context.facts, "lambda", &format!("function:{name}"));
    let (set, gone) = tag_changes(changes);
    if !set.is_empty() {
        let tag = Shell::aws("lambda", "tag-resource").with("--resource", &function);
        shells.push(tag.with("--tags", mapped(&set)));
    }
    if !gone.is_empty() {
        let untag = Shell::aws("lambda", "untag-resource").with("--resource", &function);
        shells.push(untag.all("--tag-keys", &gone));
    }
    shells
}

pub(super) fn delete(resource: &Resource, _: Context) -> Option<Vec<Shell>> {
    let of_function =
        |operation, function: &str| Shell::aws("lambda", operation).with("--function-name", function);
    Some(vec![match resource {
        Resource::Layer(Layer { name, code }) => layer::delete(name, &code.sha256),
        Resource::LogGroup(LogGroup { name, .. }) => {
            Shell::aws("logs", "delete-log-group").with("--log-group-name", name)
        }
        Resource::Queue(Queue { name, .. }) => Shell::aws("sqs", "delete-queue").raw(queue_url(name)),
        Resource::SecurityGroup(SecurityGroup { vpc_id, .. }) => {
            Shell::aws("ec2", "delete-security-group").raw(format!("--group-id {}", group_id(vpc_id)))
        }
        Resource::Ingress(Ingress { vpc_id, to, port, .. }) => ingress("revoke", vpc_id, to, *port),
        Resource::Function(Function { name, .. }) => of_function("delete-function", name),
        Resource::InvokeConfig(InvokeConfig { function, .. }) => {
            of_function("delete-function-event-invoke-config", function)
        }
        Resource::Permission(Permission { function, statement_id, .. }) => {
            of_function("remove-permission", function).with("--statement-id", statement_id)
        }
        Resource::Rule(Rule { name, .. }) => Shell::aws("events", "delete-rule").with("--name", name),
        Resource::Target(Target { rule, target_id, .. }) => {
            Shell::aws("events", "remove-targets").with("--rule", rule).with("--ids", target_id)
        }
        _ => return None,
    }])
}
