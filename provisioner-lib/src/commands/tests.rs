use std::collections::BTreeMap;

use insta::assert_snapshot;
use serde_json::json;

use super::*;
use crate::{
    desired::{desired, without},
    facts::{AuthenticationMode, Cluster, Identity, PreviousRuns},
    plan::{Change, Found, Observed, Step, diff},
    resource::{AccessKey, CodeRecord, Function, Kind, Layer, Resource, Role, Tags, User, Values},
    spec::Request,
};

fn facts(mode: AuthenticationMode) -> Facts {
    let identity = Identity { partition: "aws".to_owned(), account: "1".repeat(12), arn: String::new() };
    let mut cluster = Cluster::gone("prod", "arn:aws:eks:eu-west-1:111111111111:cluster/prod".to_owned());
    cluster.status = "ACTIVE".to_owned();
    cluster.authentication_mode = mode;
    cluster.vpc_id = "vpc-1".to_owned();
    cluster.subnet_ids = vec!["subnet-1".to_owned(), "subnet-2".to_owned()];
    cluster.security_group_id = "sg-1".to_owned();
    let (region, earlier) = ("eu-west-1".to_owned(), PreviousRuns::default());
    Facts { identity, region, cluster, function: None, register: [].into(), earlier }
}

fn request(mode: &str) -> Request {
    let role = mode == "role";
    Request {
        cluster: "prod".to_owned(),
        mode: mode.to_owned(),
        principal: role.then(|| "arn:aws:iam::222222222222:user/console".to_owned()),
        external_id: role.then(|| "it's".replace('\'', "-")),
        package: Some(crate::package::sample("bootstrap", 0x3e)),
        ..Request::default()
    }
}

/// The script that onboards an empty account.
fn script(mode: &str, facts: &Facts) -> String {
    let desired = desired(&request(mode).validate().unwrap(), facts).unwrap();
    commands(&diff(&desired, &Observed::new(), false), facts, "a folder/bootstrap.zip")
}

/// The commands of a script, each on one line, documents left out.
fn lines(script: &str) -> Vec<String> {
    let joined = script.replace(" \\\n ", "");
    let (mut lines, mut inside) = (Vec::new(), false);
    for line in joined.lines() {
        if !inside && !line.is_empty() {
            lines.push(line.to_owned());
        }
        inside = line.ends_with("<<'JSON'") || (inside && line != "JSON");
    }
    lines
}

#[test]
fn typed_onboarding_creates_every_resource_after_its_needs() {
    let script = script("role", &facts(AuthenticationMode::Api));
    let lines = lines(&script);
    let place = |start: &str| {
        lines.iter().position(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{start}\n{script}"))
    };
    for (first, then) in [
        (
            "aws iam create-policy --policy-name CastEKSPolicy",
            "aws iam attach-role-policy --role-name cast-eks-prod --policy-arn arn:aws:iam::111111111111:policy/CastEKSPolicy",
        ),
        (
            "aws iam create-role --role-name cast-eks-prod",
            "aws iam attach-role-policy --role-name cast-eks-prod",
        ),
        (
            "aws iam create-role --role-name CastLambdaRoleForSpot",
            "aws lambda create-function --function-name cast-spot",
        ),
        (
            "aws logs create-log-group",
            "aws logs put-retention-policy --log-group-name /aws/lambda/cast-spot --retention-in-days 30",
        ),
        ("aws sqs create-queue --queue-name cast-spot-dlq", "aws lambda create-function"),
        ("sleep 15", "aws lambda create-function"),
        ("aws lambda create-function", "aws lambda wait function-active-v2 --function-name cast-spot"),
        ("aws lambda wait function-active-v2", "aws lambda add-permission --function-name cast-spot"),
        (
            "aws events put-rule --name cast-spot-interruption",
            "aws events put-targets --rule cast-spot-interruption",
        ),
        (
            "aws events put-rule --name cast-spot-self-test",
            "aws events put-targets --rule cast-spot-self-test",
        ),
        (
            "aws iam create-role --role-name CastLambdaRoleForSpot",
            "aws eks create-access-entry --cluster-name prod --principal-arn arn:aws:iam::111111111111:role/CastLambdaRoleForSpot --type STANDARD",
        ),
        ("aws iam create-instance-profile", "aws iam add-role-to-instance-profile"),
    ] {
        assert!(place(first) < place(then), "{first} before {then}\n{script}");
    }
    assert_snapshot!("onboarding_with_a_role", lines.join("\n"));
    assert_eq!(script.matches("\"InputTemplate\"").count(), 1, "of the self-test alone\n{script}");
    assert_eq!(
        script.matches("\"kind\": \"ClusterRole").count(),
        3,
        "the role, its binding, the binding's reference\n{script}"
    );
}

#[test]
fn a_user_gets_its_key_last_and_aws_auth_an_edit_by_hand() {
    let script = script("user", &facts(AuthenticationMode::ConfigMap));
    let lines = lines(&script);
    assert_eq!(lines.last().unwrap(), "aws iam create-access-key --user-name cast-eks-prod");
    assert_snapshot!("onboarding_with_a_user_and_aws_auth", lines.join("\n"));
}

#[test]
fn a_private_cluster_gets_its_security_group() {
    let mut facts = facts(AuthenticationMode::Api);
    (facts.cluster.public_access, facts.cluster.private_access) = (false, true);
    let script = script("role", &facts);
    let mut lines = lines(&script);
    lines.retain(|line| line.starts_with("aws ec2 ") || line.contains("--vpc-config"));
    assert_snapshot!("network_of_a_private_cluster", lines.join("\n"));
}

#[test]
fn typed_offboarding_deletes_parts_before_wholes() {
    let facts = facts(AuthenticationMode::Api);
    let wanted = desired(&request("user").validate().unwrap(), &facts).unwrap();
    let found = |resource: &Resource| Found::from(resource.clone());
    let observed: Observed = wanted.present.iter().map(|resource| (resource.id(), found(resource))).collect();
    let script = commands(&diff(&without("prod", &facts), &observed, false), &facts, "");
    let lines = lines(&script);
    let place = |start: &str| {
        lines.iter().position(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{start}\n{script}"))
    };
    for (first, then) in [
        ("aws events remove-targets", "aws events delete-rule"),
        ("aws lambda remove-permission", "aws lambda delete-function --"),
        ("aws iam detach-user-policy", "aws iam delete-user --"),
        ("for key in $(aws iam list-access-keys", "aws iam delete-user --"),
        ("aws iam remove-role-from-instance-profile", "aws iam delete-instance-profile"),
        ("aws iam delete-instance-profile", "aws iam delete-role --role-name cast-prod-eks-"),
        ("kubectl delete clusterrolebinding", "kubectl delete clusterrole "),
    ] {
        assert!(place(first) < place(then), "{first} before {then}\n{script}");
    }
    assert_eq!(script.matches("\n# remove ").count(), observed.len(), "{script}");
}

fn change(field: &str, from: &str, to: &str) -> Change {
    Change { field: field.to_owned(), from: from.to_owned(), to: to.to_owned() }
}

/// The script of one step.
fn of(resource: Resource, action: Action) -> String {
    let step = Step { id: resource.id(), action, resource, after: Vec::new(), revision: None };
    commands(&Plan { steps: vec![step], ..Plan::default() }, &facts(AuthenticationMode::Api), "b.zip")
}

#[test]
fn changes_touch_what_changes_only() {
    let key = Resource::AccessKey(AccessKey { user: "u".to_owned(), rotate: true });
    let script = of(key, Action::Update { changes: vec![change("rotate", "false", "true")] });
    assert_snapshot!("rotated_key", script);

    let role = Resource::Role(Role {
        name: "r".to_owned(),
        description: String::new(),
        trust: json!({}),
        boundary: None,
        tags: Tags::new(),
    });
    let script = of(
        role,
        Action::Update {
            changes: vec![
                change("tags.cast-spot:cluster", "", "prod"),
                change("tags.cast-spot:old", "x", ""),
            ],
        },
    );
    assert_snapshot!("changed_tags", script);
}

#[test]
fn a_function_keeps_the_variables_of_others() {
    let function = Resource::Function(Function {
        name: "cast-spot".to_owned(),
        role_arn: String::new(),
        runtime: String::new(),
        architecture: None,
        handler: String::new(),
        memory_mb: 512,
        timeout_seconds: 150,
        environment: BTreeMap::new(),
        code: None,
        dead_letter_arn: String::new(),
        network: None,
        layer: None,
        record: CodeRecord { code: Some("x".to_owned()), previous: None },
        other_layers: Vec::new(),
        others: BTreeMap::new(),
        tags: Tags::new(),
    });
    let changes = vec![
        change("environment.CAST_SPOT_CLUSTERS", "a", "a,b"),
        change("memory_mb", "128", "512"),
        change("code", "x", "y"),
    ];
    let update = Action::Update { changes };
    assert_snapshot!("changed_function", of(function.clone(), update.clone()));
    // Code that is not on record is not kept.
    let Resource::Function(unrecorded) = function else { panic!() };
    let unrecorded = Function { record: CodeRecord::default(), ..unrecorded };
    let text = of(unrecorded.into(), update);
    assert!(text.contains("update-function-code") && !text.contains("version"), "{text}");
}

#[test]
fn a_layer_that_is_published_is_the_one_that_is_attached() {
    let code = crate::resource::Code { sha256: String::new(), zip: b"zip".to_vec() };
    let layer = Resource::Layer(Layer { name: "cast-spot-endpoints".to_owned(), code });
    assert_snapshot!("new_layer", of(layer, Action::Create));
}

#[test]
fn a_conflict_and_an_empty_plan_are_comments() {
    let user = || Resource::User(User { name: "u".to_owned(), boundary: None, tags: Tags::new() });
    assert_snapshot!("conflict", of(user(), Action::Conflict { why: "it lacks a tag".to_owned() }));
    assert_snapshot!("nothing_to_do", of(user(), Action::Keep));
}

#[test]
fn every_kind_has_commands_and_knows_what_they_name() {
    let mut private = facts(AuthenticationMode::Api);
    (private.cluster.public_access, private.cluster.private_access) = (false, true);
    let mut kinds = std::collections::BTreeSet::<Kind>::new();
    for (mode, facts) in [("role", private), ("user", facts(AuthenticationMode::ConfigMap))] {
        let desired = desired(&request(mode).validate().unwrap(), &facts).unwrap();
        for resource in desired.all() {
            kinds.insert(resource.id().kind);
            let unknown = Values::unknown(resource, &context(&facts, "", &[]));
            assert_eq!(unknown, Vec::<String>::new(), "{}", resource.id());
            for action in [Action::Create, Action::Delete] {
                let script = of(resource.clone(), action);
                assert!(
                    script.contains("\naws ") || script.contains("\nkubectl ") || script.contains("\nfor "),
                    "{script}"
                );
            }
        }
    }
    assert_eq!(kinds.len(), 19, "{kinds:?}");
}

#[test]
fn objects_are_applied_by_the_server_secrets_entered_by_hand() {
    let object = |kind: &str, namespace: &str, data: &str| {
        let metadata = json!({ "name": "o", "namespace": namespace });
        let value =
            json!({ "apiVersion": "v1", "kind": kind, "metadata": metadata, "data": { "key": data } });
        Resource::Manifest(crate::resource::Manifest::new(value))
    };
    assert_snapshot!("new_object", of(object("ConfigMap", "n", "value"), Action::Create));
    assert_snapshot!("new_secret", of(object("Secret", "n", "c2VjcmV0"), Action::Create));
    assert_snapshot!("deleted_object", of(object("ConfigMap", "n", "value"), Action::Delete));
}
