//! Foreign resources: one of each kind, and those that others attach to ours.

use std::collections::BTreeMap;

use cast_spot_infra::events::{SELF_TEST_RULE, SPOT_INTERRUPTION};
use cast_spot_provisioner::{
    names::{FUNCTION, LAMBDA_ROLE},
    resource::{
        AccessEntry, AccessKey, Attachment, AwsAuth, CodeRecord, Function, Id, Ingress, InlinePolicy,
        InstanceProfile, InvokeConfig, Kind, LogGroup, Manifest, Mapping, Network, Permission, Policy,
        Principal, Queue, Resource, Role, Rule, SecurityGroup, Tags, Target, User,
    },
};
use serde_json::{Value, json};

use crate::account::Account;

fn tags() -> Tags {
    Tags::from([("team".to_owned(), "theirs".to_owned())])
}

fn document() -> Value {
    json!({ "Version": "2012-10-17", "Statement": [] })
}

fn manifest(kind: &str) -> Value {
    json!({ "kind": kind, "metadata": { "name": "theirs", "annotations": { "by": "hand" } } })
}

/// Creates foreign resources whose names begin like ours.
pub(crate) fn seed_foreign(account: &Account) {
    let role = Principal::Role("cast-eks-production".to_owned());
    let own = "arn:aws:iam::123456789012:policy/CastEKSPolicyOfOthers".to_owned();
    let arn = role.arn("aws", "123456789012");
    let whole = [
        Resource::Policy(Policy {
            arn: own.clone(),
            name: "CastEKSPolicyOfOthers".to_owned(),
            description: String::new(),
            document: document(),
            tags: tags(),
        }),
        Resource::Role(Role {
            name: role.name().to_owned(),
            description: String::new(),
            trust: document(),
            boundary: None,
            tags: tags(),
        }),
        Resource::User(User { name: "cast-eks-production".to_owned(), boundary: None, tags: tags() }),
        Resource::LogGroup(LogGroup {
            name: "/aws/lambda/cast-spot-theirs".to_owned(),
            retention_days: 0,
            tags: tags(),
        }),
        Resource::Queue(Queue {
            name: "cast-spot-dlq-theirs".to_owned(),
            retention_seconds: 60,
            encrypted: false,
            policy: Value::Null,
            tags: tags(),
        }),
        Resource::SecurityGroup(SecurityGroup {
            name: "cast-spot-handler-theirs".to_owned(),
            vpc_id: "vpc-1".to_owned(),
            description: String::new(),
            tags: tags(),
        }),
        function("cast-spot-theirs"),
        Resource::Rule(Rule {
            name: "cast-spot-interruption-theirs".to_owned(),
            pattern: json!({ "source": ["theirs"] }),
            schedule: None,
            description: String::new(),
            tags: tags(),
        }),
    ];
    let parts = [
        Resource::Attachment(Attachment { principal: role.clone(), policy_arn: own }),
        Resource::InlinePolicy(InlinePolicy {
            role: role.name().to_owned(),
            name: "cast-spot.eu-west-1.prod".to_owned(),
            document: document(),
        }),
        Resource::InstanceProfile(InstanceProfile {
            name: "cast-eks-production".to_owned(),
            role: role.name().to_owned(),
            tags: tags(),
        }),
        Resource::AccessKey(AccessKey { user: "cast-eks-production".to_owned(), rotate: false }),
        Resource::Ingress(Ingress {
            from: "cast-spot-handler-theirs".to_owned(),
            vpc_id: "vpc-1".to_owned(),
            to: "sg-prod".to_owned(),
            port: 443,
        }),
        Resource::InvokeConfig(InvokeConfig {
            function: "cast-spot-theirs".to_owned(),
            maximum_event_age_seconds: 60,
            maximum_retry_attempts: 0,
            others: BTreeMap::new(),
        }),
        permission("cast-spot-theirs"),
        target("cast-spot-interruption-theirs"),
        Resource::AccessEntry(AccessEntry {
            cluster: "prod".to_owned(),
            principal: role.clone(),
            principal_arn: arn.clone(),
            entry_type: "STANDARD".to_owned(),
            username: Some("theirs".to_owned()),
            groups: vec!["theirs".to_owned()],
            policies: Vec::new(),
            tags: tags(),
        }),
        Resource::AwsAuth(AwsAuth {
            principal: role,
            mapping: Mapping {
                users: false,
                arn,
                username: "theirs".to_owned(),
                groups: vec!["system:masters".to_owned()],
            },
        }),
        Resource::Manifest(Manifest::new(manifest("ClusterRole"))),
        Resource::Manifest(Manifest::new(manifest("ClusterRoleBinding"))),
    ];
    for resource in whole.into_iter().chain(parts) {
        account.put(resource);
    }
}

fn function(name: &str) -> Resource {
    Resource::Function(Function {
        name: name.to_owned(),
        role_arn: "arn:aws:iam::123456789012:role/theirs".to_owned(),
        runtime: "python3.13".to_owned(),
        architecture: Some("arm64".to_owned()),
        handler: "main.handler".to_owned(),
        memory_mb: 128,
        timeout_seconds: 3,
        environment: [("CAST_SPOT_CLUSTERS".to_owned(), "prod".to_owned())].into(),
        code: None,
        dead_letter_arn: String::new(),
        network: Some(Network {
            vpc_id: "vpc-1".to_owned(),
            subnet_ids: Vec::new(),
            security_group: "cast-spot-handler-theirs".to_owned(),
        }),
        layer: None,
        record: CodeRecord::default(),
        other_layers: Vec::new(),
        others: BTreeMap::new(),
        tags: tags(),
    })
}

pub(crate) fn permission(function: &str) -> Resource {
    Resource::Permission(Permission {
        function: function.to_owned(),
        statement_id: "theirs".to_owned(),
        principal: "s3.amazonaws.com".to_owned(),
        source_arn: "arn:aws:s3:::theirs".to_owned(),
    })
}

pub(crate) fn target(rule: &str) -> Resource {
    Resource::Target(Target {
        rule: rule.to_owned(),
        target_id: "theirs".to_owned(),
        arn: "arn:aws:lambda:eu-west-1:123456789012:function:cast-spot-theirs".to_owned(),
        dead_letter_arn: String::new(),
        input: None,
        others: BTreeMap::new(),
    })
}

/// Attaches foreign resources to what clusters share.
pub(crate) fn attach_foreign(account: &Account) {
    account.put(Resource::Attachment(Attachment {
        principal: Principal::Role(LAMBDA_ROLE.to_owned()),
        policy_arn: "arn:aws:iam::123456789012:policy/CastEKSPolicyOfOthers".to_owned(),
    }));
    account.put(Resource::InlinePolicy(InlinePolicy {
        role: LAMBDA_ROLE.to_owned(),
        name: "theirs".to_owned(),
        document: document(),
    }));
    account.put(permission(FUNCTION));
    account.put(target(SPOT_INTERRUPTION.rule));
    account.put(target(SELF_TEST_RULE));
    account.change(&Id::new(Kind::Function, FUNCTION), |resource| {
        if let Resource::Function(Function { tags: there, .. }) = resource {
            there.extend(tags());
        }
    });
    account.change(&Id::new(Kind::Role, LAMBDA_ROLE), |resource| {
        if let Resource::Role(Role { tags: there, .. }) = resource {
            there.extend(tags());
        }
    });
}
