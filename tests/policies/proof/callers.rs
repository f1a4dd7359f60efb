//! The promises of all callers.

use std::slice;

use cast_spot_provisioner::names;

use super::{
    belongs::{documented, in_the_vpc, made, marked, shared},
    bounds::{EC2, handed_over, of_the_function, tags},
    cases::Pattern,
    expression::{Over, all, any, not, present, test, yes},
    promise::{ALL, Promise, each, has, is, named, resource, rule, sets},
};
use crate::calls::{ACCOUNT, Cluster, LAMBDA_ROLE, aws_policy};

/// The principal of a cluster, with the privilege that CAST AI documents or without.
pub(crate) fn principal(c: &Cluster, is_documented: bool) -> Promise {
    let documented = if is_documented { documented(c) } else { Vec::new() };
    Promise {
        belongs: [marked(c), made(c), shared(c), documented].concat(),
        bounds: [handed_over(c), tags(c), of_the_function(c)].concat(),
    }
}

/// The administrator writes what has a name or a tag of ours, and the cluster's access entries.
pub(crate) fn administrator(c: &Cluster) -> Promise {
    let cluster = c.arn("eks", &format!("cluster/{}", c.name));
    let restricted = named("policy", &names::restricted_policy(c.name, &cluster));
    let principals = [names::principal(c.name, &cluster), names::principal_by_hash(c.name, &cluster)];
    let principals: Vec<String> =
        ["role", "user"].iter().flat_map(|kind| principals.iter().map(|name| named(kind, name))).collect();
    let (node_role, lambda_role) = (named("role", c.node_role), named("role", LAMBDA_ROLE));
    let ours = [node_role.clone(), lambda_role.clone(), restricted.clone()].into_iter().chain([
        named("instance-profile", c.node_role),
        named("policy", "CastEKSPolicy"),
        named("policy", "CastEKSDocumentedPolicy"),
        named("policy", c.node_role),
        c.arn("logs", "log-group:/aws/lambda/cast-spot"),
        c.arn("logs", "log-group:/aws/lambda/cast-spot:*"),
        c.arn("sqs", "cast-spot-dlq"),
        c.arn("lambda", "function:cast-spot"),
        c.arn("lambda", "function:cast-spot:*"),
        c.arn("lambda", "layer:cast-spot-endpoints"),
        c.arn("lambda", "layer:cast-spot-endpoints:*"),
        c.arn("events", "rule/cast-spot-interruption"),
        c.arn("events", "rule/cast-spot-self-test"),
    ]);
    let ours: Vec<String> = ours.chain(principals.clone()).collect();
    let here = resource(&[c.arn("ec2", "security-group/*")]);
    let group = &["security-group"];
    let belongs = vec![
        rule("what has a name of ours", ALL, &[], resource(&ours)),
        rule("the cluster, whose tags are not ours", &["eks:*"], &["cluster"], resource(&[cluster])),
        rule(
            "the cluster's access entries",
            ALL,
            &["access-entry"],
            resource(&[c.arn("eks", &format!("access-entry/{}/*", c.name))]),
        ),
        rule(
            "the VPC",
            &["ec2:CreateSecurityGroup"],
            &["vpc"],
            resource(&[format!("arn:aws:ec2:{}:*:vpc/{}", c.region, c.vpc)]),
        ),
        rule(
            "security groups by tag",
            ALL,
            group,
            all([here.clone(), has("cast-spot:managed", &["cast-spot"])]),
        ),
        rule(
            "security groups that are made, by tag",
            &["ec2:CreateSecurityGroup"],
            group,
            all([here.clone(), sets("cast-spot:managed", "cast-spot")]),
        ),
        rule(
            "security groups while they are made",
            &["ec2:CreateTags"],
            group,
            all([here.clone(), is("ec2:CreateAction", &["CreateSecurityGroup"])]),
        ),
        rule(
            "ways into the cluster's security groups",
            &["ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress"],
            group,
            all([here, has(&c.key(), &["owned"])]),
        ),
    ];
    let policies = |names: &[&str]| names.iter().map(|name| aws_policy(name)).collect::<Vec<_>>();
    let attaches = |to: &[String], policies: &[String]| {
        let policies: Vec<&str> = policies.iter().map(String::as_str).collect();
        all([resource(to), is("iam:PolicyARN", &policies)])
    };
    let of_principals = [
        policies(&["AmazonEC2ReadOnlyAccess", "IAMReadOnlyAccess"]),
        vec![named("policy", "CastEKSPolicy"), named("policy", "CastEKSDocumentedPolicy"), restricted],
    ]
    .concat();
    let of_nodes = policies(&[
        "AmazonEKSWorkerNodePolicy",
        "AmazonEC2ContainerRegistryReadOnly",
        "AmazonEKS_CNI_Policy",
    ]);
    let of_functions = policies(&[
        "CloudWatchLogsFullAccess",
        "AmazonEC2ReadOnlyAccess",
        "service-role/AWSLambdaRole",
        "service-role/AWSLambdaVPCAccessExecutionRole",
    ]);
    let entered = [
        node_role.clone(),
        lambda_role.clone(),
        named("user", &names::principal(c.name, &c.arn("eks", &format!("cluster/{}", c.name)))),
        named("user", &names::principal_by_hash(c.name, &c.arn("eks", &format!("cluster/{}", c.name)))),
    ];
    let bounds = vec![
        rule(
            "attaches to each role or user the policies that are meant for it",
            &["iam:Attach*", "iam:Detach*"],
            &[],
            any([
                attaches(&principals, &of_principals),
                attaches(slice::from_ref(&node_role), &of_nodes),
                attaches(slice::from_ref(&lambda_role), &of_functions),
            ]),
        ),
        rule(
            "passes each role to its service",
            &["iam:PassRole"],
            &[],
            any([
                all([resource(&[node_role]), is("iam:PassedToService", &EC2)]),
                all([resource(&[lambda_role]), is("iam:PassedToService", &["lambda.amazonaws.com"])]),
            ]),
        ),
        rule(
            "lets our principals into the cluster alone, as our groups",
            &["eks:CreateAccessEntry", "eks:UpdateAccessEntry", "eks:DeleteAccessEntry"],
            &[],
            all([
                is("eks:principalArn", &entered.each_ref().map(|arn| &arn[..])),
                each("eks:kubernetesGroups", &["cast-spot:handler", "cast-spot:manager"]),
            ]),
        ),
        rule(
            "makes no principal more than an administrator of the cluster",
            &["eks:AssociateAccessPolicy", "eks:DisassociateAccessPolicy"],
            &[],
            is("eks:policyArn", &["arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"]),
        ),
    ];
    Promise { belongs, bounds }
}

/// The function's role, for one cluster.
pub(crate) fn function(c: &Cluster) -> Promise {
    let tagged = present(&format!("aws:ResourceTag/{}", c.key()));
    let by_our_function = is("lambda:SourceFunctionArn", &[&c.arn("lambda", "function:cast-spot")]);
    let group = all([resource(&[c.arn("autoscaling", "*")]), tagged, by_our_function]);
    let own = |service: &str, name: &str| resource(&[format!("arn:aws:{service}:*:{ACCOUNT}:{name}")]);
    let belongs = vec![
        rule("groups by tag, of the function in their region", ALL, &["autoScalingGroup"], group),
        rule("its queue", ALL, &["queue"], own("sqs", "cast-spot-dlq")),
        rule("its log", ALL, &["log-stream"], own("logs", "log-group:/aws/lambda/cast-spot:log-stream:*")),
    ];
    Promise { belongs, bounds: Vec::new() }
}

/// The same, where the function is in a VPC: Lambda manages its network interfaces and its code does not.
pub(crate) fn private_function(c: &Cluster) -> Promise {
    let ours = format!("arn:aws:lambda:*:{ACCOUNT}:function:cast-spot");
    let log = format!("arn:aws:logs:*:{ACCOUNT}:log-group:/aws/lambda/cast-spot:*");
    let by_the_code = test("lambda:SourceFunctionArn", Over::One, vec![Pattern::arn(&ours)]);
    let mut belongs = function(c).belongs;
    belongs.pop();
    belongs.extend([
        rule(
            "network interfaces, by Lambda itself",
            &["ec2:*"],
            &["network-interface", "security-group", "subnet"],
            not(by_the_code),
        ),
        rule("its log, with its group", &["logs:*"], &["log-group", "log-stream"], resource(&[log])),
    ]);
    Promise { belongs, bounds: Vec::new() }
}

/// The nodes' role, whatever its boundary: network interfaces of the VPC, and what EC2 lets these have.
pub(crate) fn nodes(c: &Cluster) -> Promise {
    let beside =
        &["ec2:AttachNetworkInterface", "ec2:DetachNetworkInterface", "ec2:ModifyNetworkInterfaceAttribute"];
    let belongs = vec![
        rule("network interfaces of the VPC", ALL, &["network-interface"], in_the_vpc(c)),
        rule("subnets of the VPC", &["ec2:CreateNetworkInterface"], &["subnet"], in_the_vpc(c)),
        rule(
            "interfaces that are made there",
            &["ec2:CreateNetworkInterface"],
            &["network-interface"],
            yes(),
        ),
        rule(
            "interfaces while they are made",
            &["ec2:CreateTags"],
            &["network-interface"],
            present("ec2:CreateAction"),
        ),
        rule(
            "security groups of a new interface",
            &["ec2:CreateNetworkInterface"],
            &["security-group"],
            yes(),
        ),
        rule(
            "what is named beside such an interface",
            beside,
            &["instance", "security-group", "subnet"],
            yes(),
        ),
    ];
    Promise { belongs, bounds: Vec::new() }
}
