use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::{
    facts::AuthenticationMode,
    names::CLUSTERS_VARIABLE,
    provider::wire::{self, Asked},
    resource::{Id, InvokeConfig, Kind, Permission, SecurityGroup},
};

mod statements;

const MODE: AuthenticationMode = AuthenticationMode::Api;
const SIGHT: Sight = Sight { mode: MODE, seen: &[] };

fn lambda(answer: impl FnMut(&str) -> (u16, Value) + Send + 'static) -> (Services, Asked) {
    let mut answer = answer;
    let (config, asked) = wire::config(move |asked| {
        let (status, body) = answer(asked);
        (status, body.to_string())
    });
    (Services::of(&config), asked)
}

fn function(clusters: &str) -> Resource {
    Resource::Function(Function {
        name: "cast-spot".into(),
        role_arn: "arn:aws:iam::123456789012:role/CastLambdaRoleForSpot".into(),
        runtime: "provided.al2023".into(),
        architecture: Some("arm64".into()),
        handler: "bootstrap".into(),
        memory_mb: 512,
        timeout_seconds: 150,
        environment: BTreeMap::from([(CLUSTERS_VARIABLE.to_owned(), clusters.to_owned())]),
        code: Some(Code { sha256: "new".into(), zip: b"zip".to_vec() }),
        dead_letter_arn: "arn:aws:sqs:eu-west-1:123456789012:cast-spot-dlq".into(),
        network: None,
        layer: None,
        record: CodeRecord { code: Some("old".into()), previous: None },
        other_layers: Vec::new(),
        others: BTreeMap::new(),
        tags: BTreeMap::new(),
    })
}

fn named() -> Function {
    let Resource::Function(function) = function("a") else { panic!("not a function") };
    function
}

fn as_it_is(revision: &str, state: &str, update: &str) -> Value {
    json!({
        "FunctionName": "cast-spot",
        "FunctionArn": "arn:aws:lambda:eu-west-1:123456789012:function:cast-spot",
        "RevisionId": revision,
        "State": state,
        "LastUpdateStatus": update,
        "CodeSha256": "old",
        "Environment": { "Variables": { "AWS_ENDPOINT_URL_EKS": "https://evil.example", CLUSTERS_VARIABLE: "old" } },
    })
}

fn change(field: &str) -> Change {
    Change { field: field.into(), from: String::new(), to: String::new() }
}

const CONFIGURATION: &str = "/2015-03-31/functions/cast-spot/configuration";
const CODE: &str = "/2015-03-31/functions/cast-spot/code";
const VERSIONS: &str = "/2015-03-31/functions/cast-spot/versions";
const ALIASES: &str = "/2015-03-31/functions/cast-spot/aliases";

#[tokio::test(start_paused = true)]
async fn each_change_names_its_revision_and_waits_for_the_last() {
    let mut reads = 0;
    let (lambda, asked) = lambda(move |asked| {
        if asked.starts_with(&format!("GET {VERSIONS}")) {
            return (200, json!({ "Versions": [] }));
        }
        if asked.starts_with(&format!("POST {VERSIONS}")) {
            return (201, json!({ "Version": "7" }));
        }
        let answer = if asked.starts_with("GET") {
            reads += 1;
            match reads {
                1 => as_it_is("r1", "Active", "Successful"),
                2 => as_it_is("published", "Active", "Successful"),
                3 | 5 => as_it_is("busy", "Active", "InProgress"),
                4 => as_it_is("r2", "Active", "Successful"),
                _ => as_it_is("r3", "Active", "Successful"),
            }
        } else {
            as_it_is("busy", "Active", "InProgress")
        };
        (200, answer)
    });
    let changes = [change("environment.CAST_SPOT_CLUSTERS"), change("code")];
    lambda.update(&function("a,b"), &changes, Some("r1")).await.unwrap();
    let read = format!("GET {CONFIGURATION}");
    let (publish, versions) = (format!("POST {VERSIONS}"), format!("GET {VERSIONS}"));
    let alias = format!("PUT {ALIASES}/previous");
    let (configure, replace) = (format!("PUT {CONFIGURATION}"), format!("PUT {CODE}"));
    let expected =
        [&read, &publish, &read, &alias, &configure, &read, &read, &replace, &read, &read, &versions];
    assert_eq!(wire::calls(&asked), expected.map(String::clone));
    let asked = asked.lock().unwrap();
    let body = |index: usize| -> Value {
        serde_json::from_str(asked[index].splitn(3, ' ').last().unwrap()).unwrap()
    };
    assert_eq!((&body(1)["RevisionId"], &body(1)["CodeSha256"]), (&json!("r1"), &json!("old")));
    assert_eq!(body(3)["FunctionVersion"], "7");
    assert_eq!(body(4)["RevisionId"], "published");
    assert_eq!(body(4)["Environment"]["Variables"], json!({ CLUSTERS_VARIABLE: "a,b" }), "exactly");
    assert_eq!((&body(7)["RevisionId"], &body(7)["Architectures"]), (&json!("r2"), &json!(["arm64"])));
}

#[tokio::test]
async fn old_versions_that_stay_do_not_fail_an_update() {
    let (lambda, asked) = lambda(|asked| {
        if asked.starts_with(&format!("GET {VERSIONS}")) {
            return (403, json!({ "__type": "AccessDeniedException", "message": "no" }));
        }
        (200, as_it_is("r1", "Active", "Successful"))
    });
    let mut wanted = function("a");
    if let Resource::Function(Function { tags, .. }) = &mut wanted {
        tags.insert("cast-spot:managed".to_owned(), "cast-spot".to_owned());
    }
    let tag = Change { to: "cast-spot".into(), ..change("tags.cast-spot:managed") };
    lambda.update(&wanted, &[change("code"), tag], Some("r1")).await.unwrap();
    let calls = wire::calls(&asked);
    let [_, tagged, .., listed] = &calls[..] else { panic!("{calls:?}") };
    assert!(tagged.starts_with("POST /2017-03-31/tags/"), "tags first: {calls:?}");
    assert_eq!(listed, &format!("GET {VERSIONS}"));
}

#[tokio::test]
async fn a_function_that_has_changed_since_is_not_touched() {
    let (lambda, asked) = lambda(|_| (200, as_it_is("r2", "Active", "Successful")));
    let changes = [change("environment.CAST_SPOT_CLUSTERS")];
    let error = lambda.update(&function("a"), &changes, Some("r1")).await.unwrap_err();
    assert_eq!(error.reason, ErrorKind::Changed);
    assert_eq!(wire::calls(&asked), [format!("GET {CONFIGURATION}")]);
}

#[tokio::test]
async fn a_lost_race_is_not_a_failure() {
    for (code, reason) in [
        ("PreconditionFailedException", ErrorKind::Changed),
        ("ResourceConflictException", ErrorKind::Changed),
        ("InvalidParameterValueException", ErrorKind::Other),
    ] {
        let (lambda, _) = lambda(move |asked| {
            if asked.starts_with("GET") {
                (200, as_it_is("r1", "Active", "Successful"))
            } else {
                (409, json!({ "__type": code, "message": "no" }))
            }
        });
        let changes = [change("memory_mb")];
        let error = lambda.update(&function("a"), &changes, Some("r1")).await.unwrap_err();
        assert_eq!(error.reason, reason, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn lambda_may_hear_late_of_the_role_and_of_its_rights() {
    let mut refusals = vec![
        "The provided execution role does not have permissions to call SendMessage on SQS",
        "The role defined for the function cannot be assumed by Lambda.",
    ];
    let (lambda, asked) = lambda(move |asked| {
        if asked.starts_with("GET") {
            return (200, as_it_is("r1", "Active", "Successful"));
        }
        match refusals.pop() {
            Some(message) => (400, json!({ "__type": "InvalidParameterValueException", "message": message })),
            None => (201, as_it_is("r1", "Pending", "Successful")),
        }
    });
    lambda.create(&function("a")).await.unwrap();
    let create = "POST /2015-03-31/functions".to_owned();
    assert_eq!(wire::calls(&asked), [create.clone(), create.clone(), create, format!("GET {CONFIGURATION}")]);
}

#[tokio::test(start_paused = true)]
async fn a_role_that_lambda_never_takes_is_an_error_within_the_limit() {
    let message = "The role defined for the function cannot be assumed by Lambda.";
    let (lambda, _) =
        lambda(move |_| (400, json!({ "__type": "InvalidParameterValueException", "message": message })));
    let begin = tokio::time::Instant::now();
    let error = lambda.create(&function("a")).await.unwrap_err();
    assert!(error.message.contains("cannot be assumed"), "{error}");
    assert!(begin.elapsed().as_secs() <= 60, "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_function_is_observed_with_its_revision() {
    let (lambda, _) = lambda(|_| {
        let mut configuration = as_it_is("r7", "Active", "Successful");
        configuration["CodeSha256"] = json!("abc");
        configuration["Architectures"] = json!(["x86_64"]);
        configuration["VpcConfig"] = json!({ "VpcId": "", "SubnetIds": [], "SecurityGroupIds": [] });
        (200, json!({ "Configuration": configuration, "Tags": { "cast-spot:managed": "cast-spot" } }))
    });
    let found = named().find(&lambda, &SIGHT).await.unwrap().unwrap();
    assert_eq!(found.revision.as_deref(), Some("r7"));
    let Resource::Function(Function { environment, code, network, architecture, tags, .. }) = found.resource
    else {
        panic!()
    };
    assert_eq!(environment["AWS_ENDPOINT_URL_EKS"], "https://evil.example");
    assert_eq!(
        (code.unwrap().sha256.as_str(), network, architecture.as_deref()),
        ("abc", None, Some("x86_64"))
    );
    assert_eq!(tags["cast-spot:managed"], "cast-spot");
}

#[tokio::test]
async fn tags_that_the_caller_may_not_see_are_not_taken_for_missing() {
    let (lambda, _) = lambda(|_| {
        let note = json!({ "ErrorCode": "AccessDeniedException", "Message": "no" });
        (200, json!({ "Configuration": as_it_is("r", "Active", "Successful"), "TagsError": note }))
    });
    let error = named().find(&lambda, &SIGHT).await.unwrap_err();
    assert_eq!(error.reason, ErrorKind::Denied { action: "lambda:ListTags".into() });
}

#[tokio::test]
async fn what_an_absent_function_has_is_not_asked() {
    let (lambda, asked) =
        lambda(|_| (404, json!({ "__type": "ResourceNotFoundException", "message": "no" })));
    let config = Resource::InvokeConfig(InvokeConfig {
        function: "cast-spot".into(),
        maximum_event_age_seconds: 1,
        maximum_retry_attempts: 1,
        others: BTreeMap::new(),
    });
    assert!(lambda.observe(MODE, &[&function("a"), &config]).await.is_empty());
    assert_eq!(wire::calls(&asked).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn code_without_a_record_is_not_published() {
    let (lambda, asked) = lambda(|asked| {
        let is_list = asked.starts_with(&format!("GET {VERSIONS}"));
        (200, if is_list { json!({ "Versions": [] }) } else { as_it_is("r1", "Active", "Successful") })
    });
    let unrecorded = Function { record: CodeRecord::default(), ..named() };
    lambda.update(&unrecorded.into(), &[change("code")], Some("r1")).await.unwrap();
    let writes: Vec<_> = wire::calls(&asked).into_iter().filter(|call| !call.starts_with("GET")).collect();
    assert_eq!(writes, [format!("PUT {CODE}")]);
}

#[tokio::test]
async fn where_the_log_goes_and_what_is_mounted_is_observed() {
    let logging =
        |format: &str, group: &str| json!({ "LoggingConfig": { "LogFormat": format, "LogGroup": group } });
    let ours = "/aws/lambda/cast-spot";
    let hidden = json!({ "LoggingConfig": {
        "LogFormat": "JSON", "ApplicationLogLevel": "FATAL", "SystemLogLevel": "WARN", "LogGroup": ours,
    } });
    let mounted = json!({ "FileSystemConfigs": [{ "Arn": "arn:access-point", "LocalMountPath": "/mnt/x" }] });
    for (more, fields) in [
        (json!({}), vec![]),
        (logging("Text", ours), vec![]),
        (logging("Text", "/theirs"), vec!["others.logging"]),
        (hidden, vec!["others.logging"]),
        (mounted, vec!["others.file_systems"]),
    ] {
        let seen = async |more: &Value| {
            let mut configuration = as_it_is("r", "Active", "Successful");
            configuration.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let (lambda, _) = lambda(move |_| (200, json!({ "Configuration": configuration })));
            named().find(&lambda, &SIGHT).await.unwrap().unwrap().resource
        };
        let changes = seen(&json!({})).await.changes(&seen(&more).await);
        assert_eq!(changes.iter().map(|change| &change.field[..]).collect::<Vec<_>>(), fields, "{more}");
    }
}

#[tokio::test]
async fn destinations_of_invocations_are_observed() {
    let config = |more: Value| {
        let mut config = json!({ "MaximumEventAgeInSeconds": 120, "MaximumRetryAttempts": 1 });
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        config
    };
    let wanted = InvokeConfig {
        function: "cast-spot".into(),
        maximum_event_age_seconds: 120,
        maximum_retry_attempts: 1,
        others: BTreeMap::new(),
    };
    for (more, fields) in [
        (json!({}), vec![]),
        (json!({ "DestinationConfig": { "OnSuccess": {}, "OnFailure": {} } }), vec![]),
        (
            json!({ "DestinationConfig": { "OnSuccess": { "Destination": "arn:theirs" } } }),
            vec!["others.on_success"],
        ),
        (
            json!({ "DestinationConfig": { "OnFailure": { "Destination": "arn:theirs" } } }),
            vec!["others.on_failure"],
        ),
    ] {
        let answer = config(more.clone());
        let (lambda, _) = lambda(move |_| (200, answer.clone()));
        let found = wanted.find(&lambda.lambda, &SIGHT).await.unwrap().unwrap().resource;
        let changes = Resource::from(wanted.clone()).changes(&found);
        assert_eq!(changes.iter().map(|change| &change.field[..]).collect::<Vec<_>>(), fields, "{more}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_function_leaves_a_vpc_by_empty_lists() {
    for (fields, expected) in [
        (vec!["vpc_id", "subnet_ids"], json!({ "SubnetIds": [], "SecurityGroupIds": [] })),
        (vec!["memory_mb"], Value::Null),
    ] {
        let (lambda, asked) = lambda(|_| (200, as_it_is("r1", "Active", "Successful")));
        let changes: Vec<Change> = fields.into_iter().map(change).collect();
        lambda.update(&function("a"), &changes, Some("r1")).await.unwrap();
        let asked = asked.lock().unwrap();
        let call = asked.iter().find(|call| call.starts_with(&format!("PUT {CONFIGURATION}"))).unwrap();
        let body: Value = serde_json::from_str(call.splitn(3, ' ').last().unwrap()).unwrap();
        assert_eq!(body["VpcConfig"], expected);
    }
}

#[test]
fn only_our_security_group_goes_by_its_name() {
    let network = |security_group: &str| {
        let network =
            Network { vpc_id: "vpc-1".into(), subnet_ids: Vec::new(), security_group: security_group.into() };
        Resource::from(Function { network: Some(network), ..named() })
    };
    let group = Resource::SecurityGroup(SecurityGroup {
        name: "cast-spot-handler".into(),
        vpc_id: "vpc-1".into(),
        description: String::new(),
        tags: BTreeMap::new(),
    });
    for (found, expected) in [("sg-1", "cast-spot-handler"), ("sg-1,sg-evil", "cast-spot-handler,sg-evil")] {
        let group = Found { revision: Some("sg-1".into()), ..Found::from(group.clone()) };
        let mut seen = [Ok(group), Ok(Found::from(network(found)))];
        name_security_groups(&mut seen);
        assert_eq!(seen[1].as_ref().unwrap().resource, network(expected));
    }
}
