//! The resources of a stack, as resources of the library.

use std::collections::BTreeMap;

use cast_spot_provisioner::{
    names::SECURITY_GROUP,
    resource::{
        AccessEntry, Attachment, AwsAuth, CodeRecord, Function, Ingress, InlinePolicy, InstanceProfile,
        InvokeConfig, LogGroup, Mapping, Network, Permission, Policy, Principal, Queue, Resource, Role, Rule,
        SecurityGroup, Tags, Target, User, input_paths, last,
    },
};
use serde_json::{Value, json};

use crate::stack::{MADE_GROUP, Stack};

/// All resources of the stacks, and the `aws-auth` entries that their outputs ask the user to add.
pub(crate) fn made(stacks: &[Stack]) -> Vec<Resource> {
    let mut made: Vec<_> = stacks.iter().flat_map(of_stack).collect();
    for (output, users) in [("AwsAuthMapRoles", false), ("AwsAuthMapUsers", true)] {
        let lines = stacks.iter().filter_map(|stack| stack.output(output));
        made.extend(lines.flat_map(|lines| mappings(&lines, users)));
    }
    made
}

fn of_stack(stack: &Stack) -> Vec<Resource> {
    let resources = stack.resources();
    let queue_policy = || {
        let policy = resources.iter().find(|(kind, _)| *kind == "AWS::SQS::QueuePolicy");
        document(&policy.unwrap().1["PolicyDocument"])
    };
    let group_vpc = || {
        let group = resources.iter().find(|(kind, _)| *kind == "AWS::EC2::SecurityGroup");
        text(&group.unwrap().1["VpcId"])
    };
    let mut made = Vec::new();
    for (kind, properties) in &resources {
        let name = |property: &str| text(&properties[property]);
        match *kind {
            "AWS::IAM::ManagedPolicy" => made.push(Resource::Policy(Policy {
                arn: String::new(),
                name: name("ManagedPolicyName"),
                description: name("Description"),
                document: document(&properties["PolicyDocument"]),
                tags: Tags::new(),
            })),
            "AWS::IAM::Role" => made.extend(role(properties)),
            "AWS::IAM::User" => {
                made.push(Resource::User(User {
                    name: name("UserName"),
                    boundary: properties.get("PermissionsBoundary").map(text),
                    tags: tags(properties),
                }));
                made.extend(attachments(&Principal::User(name("UserName")), properties));
            }
            "AWS::IAM::Policy" => made.push(inline(&text(&properties["Roles"][0]), properties)),
            "AWS::IAM::InstanceProfile" => made.push(Resource::InstanceProfile(InstanceProfile {
                name: name("InstanceProfileName"),
                role: text(&properties["Roles"][0]),
                tags: Tags::new(),
            })),
            "AWS::Logs::LogGroup" => made.push(Resource::LogGroup(LogGroup {
                name: name("LogGroupName"),
                retention_days: properties.get("RetentionInDays").map_or(0, number),
                tags: tags(properties),
            })),
            "AWS::SQS::Queue" => made.push(Resource::Queue(Queue {
                name: name("QueueName"),
                retention_seconds: number(&properties["MessageRetentionPeriod"]),
                encrypted: properties["SqsManagedSseEnabled"] == true,
                policy: queue_policy(),
                tags: tags(properties),
            })),
            "AWS::EC2::SecurityGroup" => made.push(Resource::SecurityGroup(SecurityGroup {
                name: name("GroupName"),
                vpc_id: name("VpcId"),
                description: name("GroupDescription"),
                tags: tags(properties),
            })),
            "AWS::EC2::SecurityGroupIngress" => made.push(ingress(properties)),
            "AWS::Lambda::Function" => made.push(function(properties, group_vpc)),
            "AWS::Lambda::EventInvokeConfig" => made.push(Resource::InvokeConfig(InvokeConfig {
                function: name("FunctionName"),
                maximum_event_age_seconds: number(&properties["MaximumEventAgeInSeconds"]),
                maximum_retry_attempts: number(&properties["MaximumRetryAttempts"]),
                others: BTreeMap::new(),
            })),
            "AWS::Events::Rule" => made.extend(rule(properties)),
            "AWS::Lambda::Permission" => made.push(permission(properties)),
            "AWS::EKS::AccessEntry" => made.push(entry(properties)),
            // In the queue.
            "AWS::SQS::QueuePolicy" => {}
            other => panic!("{other}"),
        }
    }
    made
}

fn role(properties: &Value) -> Vec<Resource> {
    let name = text(&properties["RoleName"]);
    let inlines = properties.get("Policies").and_then(Value::as_array).into_iter().flatten();
    let inlines: Vec<_> = inlines.map(|policy| inline(&name, policy)).collect();
    let principal = Principal::Role(name.clone());
    let role = Resource::Role(Role {
        name,
        description: text(&properties["Description"]),
        trust: document(&properties["AssumeRolePolicyDocument"]),
        boundary: properties.get("PermissionsBoundary").map(text),
        tags: tags(properties),
    });
    [role].into_iter().chain(inlines).chain(attachments(&principal, properties)).collect()
}

fn attachments(principal: &Principal, properties: &Value) -> Vec<Resource> {
    let attach =
        |arn| Resource::Attachment(Attachment { principal: principal.clone(), policy_arn: text(arn) });
    list(&properties["ManagedPolicyArns"]).iter().map(attach).collect()
}

fn inline(role: &str, policy: &Value) -> Resource {
    let (name, document) = (text(&policy["PolicyName"]), document(&policy["PolicyDocument"]));
    Resource::InlinePolicy(InlinePolicy { role: role.to_owned(), name, document })
}

fn ingress(properties: &Value) -> Resource {
    assert_eq!(properties["SourceSecurityGroupId"], MADE_GROUP);
    assert_eq!((&properties["IpProtocol"], &properties["FromPort"]), (&"tcp".into(), &properties["ToPort"]));
    Resource::Ingress(Ingress {
        from: SECURITY_GROUP.to_owned(),
        vpc_id: String::new(),
        to: text(&properties["GroupId"]),
        port: number(&properties["FromPort"]),
    })
}

fn function(properties: &Value, vpc: impl Fn() -> String) -> Resource {
    let network = properties.get("VpcConfig").map(|place| {
        assert_eq!(list(&place["SecurityGroupIds"]), [MADE_GROUP]);
        let subnet_ids = list(&place["SubnetIds"]).iter().map(text).collect();
        Network { vpc_id: vpc(), subnet_ids, security_group: SECURITY_GROUP.to_owned() }
    });
    let variables = properties["Environment"]["Variables"].as_object().unwrap();
    Resource::Function(Function {
        name: text(&properties["FunctionName"]),
        role_arn: text(&properties["Role"]),
        runtime: text(&properties["Runtime"]),
        architecture: Some(text(&properties["Architectures"][0])),
        handler: text(&properties["Handler"]),
        memory_mb: number(&properties["MemorySize"]),
        timeout_seconds: number(&properties["Timeout"]),
        environment: variables.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
        code: None,
        dead_letter_arn: text(&properties["DeadLetterConfig"]["TargetArn"]),
        network,
        layer: None,
        record: CodeRecord::default(),
        other_layers: Vec::new(),
        others: BTreeMap::new(),
        tags: tags(properties),
    })
}

fn rule(properties: &Value) -> Vec<Resource> {
    let name = text(&properties["Name"]);
    let target = |target: &Value| {
        let retries = json!({ "MaximumEventAgeInSeconds": 120, "MaximumRetryAttempts": 8 });
        assert_eq!(target["RetryPolicy"], retries);
        Resource::Target(Target {
            rule: name.clone(),
            target_id: text(&target["Id"]),
            arn: text(&target["Arn"]),
            dead_letter_arn: text(&target["DeadLetterConfig"]["Arn"]),
            input: target.get("InputTransformer").map(|transformer| {
                assert_eq!(transformer["InputPathsMap"], json!(input_paths()));
                document(&transformer["InputTemplate"])
            }),
            others: BTreeMap::new(),
        })
    };
    let targets: Vec<_> = list(&properties["Targets"]).iter().map(target).collect();
    let rule = Resource::Rule(Rule {
        name: name.clone(),
        pattern: properties["EventPattern"].clone(),
        schedule: properties.get("ScheduleExpression").map(text),
        description: text(&properties["Description"]),
        tags: tags(properties),
    });
    [rule].into_iter().chain(targets).collect()
}

fn permission(properties: &Value) -> Resource {
    assert_eq!(properties["Action"], "lambda:InvokeFunction");
    let source_arn = text(&properties["SourceArn"]);
    Resource::Permission(Permission {
        function: text(&properties["FunctionName"]),
        // CloudFormation generates one.
        statement_id: last(&source_arn).to_owned(),
        principal: text(&properties["Principal"]),
        source_arn,
    })
}

fn entry(properties: &Value) -> Resource {
    let arn = text(&properties["PrincipalArn"]);
    let (kind, name) = arn.rsplit(':').next().unwrap().split_once('/').unwrap();
    let principal =
        if kind == "user" { Principal::User(name.to_owned()) } else { Principal::Role(name.to_owned()) };
    let policies = properties.get("AccessPolicies").map(list).unwrap_or_default();
    assert!(policies.iter().all(|policy| policy["AccessScope"]["Type"] == "cluster"));
    Resource::AccessEntry(AccessEntry {
        cluster: text(&properties["ClusterName"]),
        principal,
        principal_arn: arn,
        entry_type: text(&properties["Type"]),
        username: properties.get("Username").map(text),
        groups: properties.get("KubernetesGroups").map(list).unwrap_or_default().iter().map(text).collect(),
        policies: policies.iter().map(|policy| text(&policy["PolicyArn"])).collect(),
        tags: tags(properties),
    })
}

fn mappings(lines: &str, users: bool) -> Vec<Resource> {
    let lines: Vec<BTreeMap<String, Value>> = serde_saphyr::from_str(lines).unwrap();
    let mapping = |line: &BTreeMap<String, Value>| {
        let arn = text(&line[if users { "userarn" } else { "rolearn" }]);
        let name = arn.rsplit('/').next().unwrap().to_owned();
        let groups = list(&line["groups"]).iter().map(text).collect();
        Resource::AwsAuth(AwsAuth {
            principal: if users { Principal::User(name) } else { Principal::Role(name) },
            mapping: Mapping { users, arn, username: text(&line["username"]), groups },
        })
    };
    lines.iter().map(mapping).collect()
}

/// CloudFormation takes a document as an object or as the text of one.
fn document(value: &Value) -> Value {
    value.as_str().map_or_else(|| value.clone(), |text| serde_json::from_str(text).unwrap())
}

fn tags(properties: &Value) -> Tags {
    list(&properties["Tags"]).iter().map(|tag| (text(&tag["Key"]), text(&tag["Value"]))).collect()
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().unwrap().clone()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is not a text")).to_owned()
}

fn number<N: std::str::FromStr>(value: &Value) -> N {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    text.parse().ok().unwrap_or_else(|| panic!("{value} is not a number"))
}
