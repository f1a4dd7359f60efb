//! The function's role, the trust policies, and the policy of the dead-letter queue.

use std::collections::BTreeMap;

use cast_spot_provisioner::policy;
use serde_json::{Value, json};

use crate::{
    calls::{A, ACCOUNT, B, Cluster, FAR, FUNCTION, GROUP, LAMBDA_ROLE, RULE, SELF_TEST, role},
    evaluation::{Caller, Request},
};

fn caller(arn: &str, policies: Vec<Value>) -> Caller {
    Caller { arn: arn.to_owned(), tags: BTreeMap::new(), policies, of_aws: Vec::new() }
}

/// The function's role with A and FAR onboarded.
fn function_role() -> Caller {
    let policies = vec![
        policy::handler_reads(&A.scope()),
        policy::handler_cluster(&A.scope()),
        policy::handler_cluster(&FAR.scope()),
    ];
    caller(&format!("arn:aws:sts::{ACCOUNT}:assumed-role/{LAMBDA_ROLE}/cast-spot"), policies)
}

const REPLACE: &str = "autoscaling:DetachInstances";

fn from(caller: &Cluster, request: Request) -> Request {
    request.with("lambda:SourceFunctionArn", caller.arn("lambda", FUNCTION))
}

#[test]
fn the_function_may_replace_in_the_groups_of_its_clusters_only() {
    let role = function_role();
    assert!(role.may(&from(&A, A.on(REPLACE, "autoscaling", GROUP))));
    assert!(role.may(&from(&FAR, FAR.on(REPLACE, "autoscaling", GROUP))));
    assert!(!role.may(&from(&A, B.on(REPLACE, "autoscaling", GROUP))));
    assert!(!role.may(&from(&A, Request::new(REPLACE, &A.arn("autoscaling", GROUP)))));
}

#[test]
fn the_function_may_not_launch_or_end_instances() {
    let role = function_role();
    for action in ["autoscaling:LaunchInstances", "autoscaling:TerminateInstanceInAutoScalingGroup"] {
        assert!(!role.may(&from(&A, A.on(action, "autoscaling", GROUP))), "{action}");
    }
}

#[test]
fn a_function_gains_nothing_in_the_region_of_another() {
    let role = function_role();
    assert!(!role.may(&from(&A, FAR.on(REPLACE, "autoscaling", GROUP))));
    assert!(!role.may(&A.on(REPLACE, "autoscaling", GROUP)), "outside of a function");
    let other = A.on(REPLACE, "autoscaling", GROUP);
    let other = other.with("lambda:SourceFunctionArn", A.arn("lambda", "function:billing"));
    assert!(!role.may(&other), "from another function");
}

#[test]
fn the_function_may_read_log_and_keep_what_it_could_not_handle() {
    let role = function_role();
    let anywhere = |action: &str| Request::new(action, "arn:aws:ec2:eu-west-1:123456789012:*");
    for action in [
        "ec2:DescribeInstances",
        "autoscaling:DescribeAutoScalingInstances",
        "autoscaling:DescribeScalingActivities",
    ] {
        assert!(role.may(&anywhere(action)), "{action}");
    }
    for cluster in [A, FAR] {
        let on = |action: &str, service: &str, resource: &str| {
            role.may(&Request::new(action, &cluster.arn(service, resource)))
        };
        assert!(on("eks:DescribeCluster", "eks", "cluster/a"));
        assert!(!on("eks:DescribeCluster", "eks", "cluster/b"));
        for action in ["logs:CreateLogStream", "logs:PutLogEvents"] {
            assert!(on(action, "logs", "log-group:/aws/lambda/cast-spot:log-stream:2026/01/01/[$LATEST]0a"));
            assert!(!on(action, "logs", "log-group:/aws/lambda/billing:log-stream:a"));
        }
        assert!(!on("logs:DeleteLogGroup", "logs", "log-group:/aws/lambda/cast-spot"));
        assert!(on("sqs:SendMessage", "sqs", "cast-spot-dlq"));
        assert!(!on("sqs:SendMessage", "sqs", "orders"));
        assert!(!on("lambda:InvokeFunction", "lambda", FUNCTION));
    }
    let documented =
        caller("arn:aws:iam::123456789012:role/r", vec![policy::handler_dead_letter(&A.scope())]);
    assert!(documented.may(&Request::new("sqs:SendMessage", &FAR.arn("sqs", "cast-spot-dlq"))));
    assert!(!documented.may(&Request::new("sqs:SendMessage", &A.arn("sqs", "orders"))));
}

#[test]
fn both_parts_of_the_functions_policy_equal_the_handlers() {
    let whole = policy::handler(&A.scope());
    let mut parts = policy::handler_reads(&A.scope());
    let reads = parts["Statement"].as_array_mut().unwrap();
    reads.truncate(1);
    reads.extend(policy::handler_cluster(&A.scope())["Statement"].as_array().unwrap().clone());
    // The only addition of a policy for several clusters.
    let condition = reads[1]["Condition"].as_object_mut().unwrap().remove("ArnEquals").unwrap();
    assert_eq!(condition, json!({ "lambda:SourceFunctionArn": A.arn("lambda", FUNCTION) }));
    assert!(policy::same(&whole, &parts), "{whole:#}\n{parts:#}");
}

#[test]
fn the_cluster_role_needs_its_principal_and_external_id() {
    let console = "arn:aws:iam::210987654321:user/console";
    let trust = policy::principal_trust(console, "0a1b");
    // A trust policy has no Resource: it applies to its role.
    let mut trust = trust;
    trust["Statement"][0]["Resource"] = "*".into();
    let may = |who: &str, request: Request| caller(who, vec![trust.clone()]).may(&request);
    let assume = || role("sts:AssumeRole", "cast-eks-a");
    assert!(may(console, assume().with("sts:ExternalId", "0a1b")));
    assert!(!may(console, assume()));
    assert!(!may(console, assume().with("sts:ExternalId", "")));
    assert!(!may(console, assume().with("sts:ExternalId", "0a1B")));
    assert!(!may("arn:aws:iam::210987654321:user/other", assume().with("sts:ExternalId", "0a1b")));
    // Session tags would replace those of the role.
    let tag = role("sts:TagSession", "cast-eks-a").with("sts:ExternalId", "0a1b");
    assert!(!may(console, tag.with("aws:RequestTag/cast-spot:cluster", "b")));
}

#[test]
fn roles_of_services_are_assumed_by_these_alone() {
    for (mut trust, service) in [
        (policy::lambda_trust(), "lambda.amazonaws.com"),
        (policy::node_trust("aws"), "ec2.amazonaws.com"),
        (policy::node_trust("aws-cn"), "ec2.amazonaws.com.cn"),
        (policy::node_trust("aws-eusc"), "ec2.amazonaws.com"),
        (policy::node_trust("aws-iso"), "ec2.c2s.ic.gov"),
    ] {
        trust["Statement"][0]["Resource"] = "*".into();
        let may = |who: &str| caller(who, vec![trust.clone()]).may(&role("sts:AssumeRole", "r"));
        assert!(may(service));
        assert!(!may("events.amazonaws.com") && !may("arn:aws:iam::123456789012:user/a"), "{service}");
    }
}

#[test]
fn the_dead_letter_queue_takes_messages_of_our_rules_only() {
    let events = caller("events.amazonaws.com", vec![policy::dead_letter_queue(&A.scope())]);
    let send = || Request::new("sqs:SendMessage", &A.arn("sqs", "cast-spot-dlq"));
    assert!(events.may(&send().with("aws:SourceArn", A.arn("events", RULE))));
    assert!(events.may(&send().with("aws:SourceArn", A.arn("events", SELF_TEST))));
    assert!(!events.may(&send()));
    assert!(!events.may(&send().with("aws:SourceArn", A.arn("events", "rule/billing"))));
    assert!(!events.may(&send().with("aws:SourceArn", FAR.arn("events", RULE))));
    let in_the_clear = send().with("aws:SourceArn", A.arn("events", RULE)).with("aws:SecureTransport", false);
    assert!(!events.may(&in_the_clear));
    let read = Request::new("sqs:ReceiveMessage", &A.arn("sqs", "cast-spot-dlq"));
    assert!(!events.may(&read.with("aws:SourceArn", A.arn("events", RULE))));
    let lambda = caller("lambda.amazonaws.com", vec![policy::dead_letter_queue(&A.scope())]);
    assert!(!lambda.may(&send().with("aws:SourceArn", A.arn("events", RULE))));
}
