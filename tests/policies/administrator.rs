//! The administrator, who plans, onboards, verifies and offboards one cluster.

use std::collections::BTreeMap;

use cast_spot_provisioner::{names, policy};
use policy::AdminMode;

use crate::{
    access_entries,
    calls::{A, ACCOUNT, Cluster, FAR, FUNCTION, LAMBDA_ROLE, RULE, SELF_TEST, aws_policy},
    evaluation::{Caller, Request},
    proof::table::Table,
};

const LOG_GROUP: &str = "log-group:/aws/lambda/cast-spot";
const LAYER: &str = "layer:cast-spot-endpoints";
const QUEUE: &str = "cast-spot-dlq";

pub(crate) fn administrator(mode: AdminMode, cluster: &Cluster) -> Caller {
    Caller {
        arn: format!("arn:aws:iam::{ACCOUNT}:user/administrator"),
        tags: BTreeMap::new(),
        policies: vec![policy::admin(mode, &cluster.scope())],
        of_aws: Vec::new(),
    }
}

pub(crate) fn cluster_arn(c: &Cluster) -> String {
    c.arn("eks", &format!("cluster/{}", c.name))
}

pub(crate) fn iam(kind: &str, name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:{kind}/{name}")
}

pub(crate) fn all(resource: &str, actions: &[&str]) -> Vec<Request> {
    actions.iter().map(|action| Request::new(action, resource)).collect()
}

const OF_NODES: [&str; 3] =
    ["AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryReadOnly", "AmazonEKS_CNI_Policy"];

const ROLES: [&str; 10] = [
    "iam:GetRole",
    "iam:PutRolePermissionsBoundary",
    "iam:ListAttachedRolePolicies",
    "iam:ListRolePolicies",
    "iam:CreateRole",
    "iam:TagRole",
    "iam:ListInstanceProfilesForRole",
    "iam:UntagRole",
    "iam:UpdateAssumeRolePolicy",
    "iam:DeleteRole",
];

const INLINE: [&str; 3] = ["iam:GetRolePolicy", "iam:PutRolePolicy", "iam:DeleteRolePolicy"];

/// Calls that attach and detach policies.
fn attach(kind: &str, resource: &str, policies: &[String]) -> Vec<Request> {
    let actions = [format!("iam:Attach{kind}Policy"), format!("iam:Detach{kind}Policy")];
    let request =
        |action: &String, policy: &String| Request::new(action, resource).with("iam:PolicyARN", &policy[..]);
    actions.iter().flat_map(|action| policies.iter().map(|policy| request(action, policy))).collect()
}

/// Calls about the user or role that manages the cluster.
fn of_the_principal(mode: AdminMode, c: &Cluster) -> Vec<Request> {
    let arn = cluster_arn(c);
    let restricted = iam("policy", &names::restricted_policy(c.name, &arn));
    let of_principal = [
        aws_policy("AmazonEC2ReadOnlyAccess"),
        aws_policy("IAMReadOnlyAccess"),
        iam("policy", "CastEKSPolicy"),
        iam("policy", "CastEKSDocumentedPolicy"),
        restricted,
    ];
    let mut calls = Vec::new();
    // The second name is used if a cluster of the same name in another region has the first.
    for name in [names::principal(c.name, &arn), names::principal_by_hash(c.name, &arn)] {
        let (role, user) = (iam("role", &name), iam("user", &name));
        match mode {
            AdminMode::Role => {
                calls.extend(all(&role, &ROLES));
                calls.extend(all(&role, &["iam:SimulatePrincipalPolicy"]));
                calls.extend(attach("Role", &role, &of_principal));
            }
            AdminMode::User => {
                calls.extend(all(
                    &user,
                    &[
                        "iam:CreateUser",
                        "iam:PutUserPermissionsBoundary",
                        "iam:TagUser",
                        "iam:UntagUser",
                        "iam:DeleteUserPolicy",
                        "iam:DeleteLoginProfile",
                        "iam:DeleteUser",
                        "iam:CreateAccessKey",
                        "iam:UpdateAccessKey",
                        "iam:DeleteAccessKey",
                        "iam:SimulatePrincipalPolicy",
                    ],
                ));
                calls.extend(attach("User", &user, &of_principal));
            }
        }
        // Both modes read what the other one may have left.
        calls.extend(all(
            &user,
            &[
                "iam:GetUser",
                "iam:ListAttachedUserPolicies",
                "iam:ListUserPolicies",
                "iam:ListGroupsForUser",
                "iam:GetLoginProfile",
                "iam:ListAccessKeys",
            ],
        ));
        calls.extend(all(&role, &["iam:GetRole", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies"]));
    }
    calls
}

/// Calls about this cluster alone.
fn of_the_cluster(mode: AdminMode, c: &Cluster) -> Vec<Request> {
    let arn = cluster_arn(c);
    let restricted = iam("policy", &names::restricted_policy(c.name, &arn));
    let node = iam("role", c.node_role);
    let profile = iam("instance-profile", c.node_role);
    let mut calls = all(&node, &ROLES);
    calls.extend(all(&node, &INLINE));
    calls.extend(of_the_principal(mode, c));
    calls.extend(attach("Role", &node, &OF_NODES.map(aws_policy)));
    calls.push(c.pass("ec2.amazonaws.com"));
    calls.extend(all(&restricted, &POLICIES));
    calls.extend(all(&iam("policy", c.node_role), &POLICIES));
    calls.extend(all(
        &profile,
        &[
            "iam:GetInstanceProfile",
            "iam:CreateInstanceProfile",
            "iam:TagInstanceProfile",
            "iam:UntagInstanceProfile",
            "iam:AddRoleToInstanceProfile",
            "iam:RemoveRoleFromInstanceProfile",
            "iam:DeleteInstanceProfile",
        ],
    ));
    calls.extend(all(&arn, &["eks:DescribeCluster"]));
    // Whether the function, which serves it as well, has to be in a VPC.
    calls.push(c.on("eks:DescribeCluster", "eks", "cluster/another"));
    calls.extend(access_entries::calls(mode, c));
    for action in ["ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress"] {
        calls.push(c.on(action, "ec2", "security-group/sg-0c"));
    }
    calls
}

const POLICIES: [&str; 10] = [
    "iam:GetPolicy",
    "iam:GetPolicyVersion",
    "iam:ListPolicyVersions",
    "iam:ListEntitiesForPolicy",
    "iam:CreatePolicy",
    "iam:TagPolicy",
    "iam:UntagPolicy",
    "iam:CreatePolicyVersion",
    "iam:DeletePolicyVersion",
    "iam:DeletePolicy",
];

/// Calls about what all clusters of the account, or of the region, share.
fn shared(c: &Cluster) -> Vec<Request> {
    let lambda = iam("role", LAMBDA_ROLE);
    let mut calls = all(&iam("policy", "CastEKSPolicy"), &POLICIES);
    calls.extend(all(&iam("policy", "CastEKSDocumentedPolicy"), &POLICIES));
    calls.extend(all(
        &lambda,
        &[
            "iam:GetRole",
            "iam:CreateRole",
            "iam:PutRolePermissionsBoundary",
            "iam:TagRole",
            "iam:UntagRole",
            "iam:ListInstanceProfilesForRole",
            "iam:UpdateAssumeRolePolicy",
            "iam:DeleteRole",
            "iam:ListAttachedRolePolicies",
            "iam:ListRolePolicies",
            "iam:SimulatePrincipalPolicy",
        ],
    ));
    calls.extend(all(&lambda, &INLINE));
    calls.push(Request::new("iam:PassRole", &lambda).with("iam:PassedToService", "lambda.amazonaws.com"));
    for policy in [
        "CloudWatchLogsFullAccess",
        "AmazonEC2ReadOnlyAccess",
        "service-role/AWSLambdaRole",
        "service-role/AWSLambdaVPCAccessExecutionRole",
    ] {
        for action in ["iam:AttachRolePolicy", "iam:DetachRolePolicy"] {
            calls.push(Request::new(action, &lambda).with("iam:PolicyARN", aws_policy(policy)));
        }
    }
    for resource in [LOG_GROUP.to_owned(), format!("{LOG_GROUP}:*")] {
        calls.extend(all(
            &c.arn("logs", &resource),
            &[
                "logs:CreateLogGroup",
                "logs:TagResource",
                "logs:ListTagsForResource",
                "logs:PutRetentionPolicy",
                "logs:DeleteRetentionPolicy",
                "logs:UntagResource",
                "logs:DeleteLogGroup",
            ],
        ));
    }
    calls.extend(all(
        &c.arn("sqs", QUEUE),
        &[
            "sqs:GetQueueUrl",
            "sqs:GetQueueAttributes",
            "sqs:ListQueueTags",
            "sqs:CreateQueue",
            "sqs:TagQueue",
            "sqs:UntagQueue",
            "sqs:SetQueueAttributes",
            "sqs:DeleteQueue",
        ],
    ));
    let lambda_actions = "GetFunction GetFunctionConfiguration GetFunctionConcurrency GetFunctionEventInvokeConfig \
        GetPolicy ListTags CreateFunction TagResource UntagResource PublishVersion ListVersionsByFunction CreateAlias UpdateAlias UpdateFunctionCode UpdateFunctionConfiguration \
        PutFunctionEventInvokeConfig DeleteFunctionEventInvokeConfig AddPermission RemovePermission \
        InvokeFunction DeleteFunction";
    for action in lambda_actions.split_whitespace() {
        calls.push(Request::new(&format!("lambda:{action}"), &c.arn("lambda", FUNCTION)));
    }
    for (action, version) in [("lambda:GetFunction", "previous"), ("lambda:DeleteFunction", "7")] {
        calls.push(Request::new(action, &c.arn("lambda", &format!("{FUNCTION}:{version}"))));
    }
    calls.push(Request::new("lambda:PublishLayerVersion", &c.arn("lambda", LAYER)));
    for action in ["lambda:GetLayerVersion", "lambda:DeleteLayerVersion"] {
        calls.push(Request::new(action, &c.arn("lambda", &format!("{LAYER}:7"))));
    }
    let events_actions = "DescribeRule ListTargetsByRule ListTagsForResource PutRule TagResource UntagResource \
        PutTargets RemoveTargets DeleteRule";
    for action in events_actions.split_whitespace() {
        let on = |rule| Request::new(&format!("events:{action}"), &c.arn("events", rule));
        calls.extend([RULE, SELF_TEST].map(on));
    }
    let ours = |request: Request| request.sets("cast-spot:managed", "cast-spot");
    let group = c.arn("ec2", "security-group/*");
    calls.push(ours(Request::new("ec2:CreateSecurityGroup", &group)));
    calls.push(ours(Request::new("ec2:CreateTags", &group)).with("ec2:CreateAction", "CreateSecurityGroup"));
    calls.push(Request::new("ec2:CreateSecurityGroup", &c.vpc_arn()));
    for action in ["ec2:DeleteSecurityGroup", "ec2:CreateTags", "ec2:DeleteTags"] {
        calls.push(c.on_ours(action, "ec2", "security-group/sg-0f"));
    }
    calls
}

/// All calls, in this cluster.
pub(crate) fn calls(mode: AdminMode, c: &Cluster) -> Vec<Request> {
    let reads = [
        "ec2:DescribeInstances",
        "ec2:DescribeRouteTables",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
    ];
    let reads = all(&c.arn("ec2", "*"), &reads)
        .into_iter()
        .chain(all(&c.arn("logs", "*"), &["logs:DescribeLogGroups"]))
        .chain(all(&c.arn("lambda", "*"), &["lambda:ListLayerVersions"]));
    [of_the_cluster(mode, c), shared(c), reads.collect()].concat()
}

pub(crate) const MODES: [AdminMode; 2] = [AdminMode::Role, AdminMode::User];

/// By AWS's tables: writes that know the boundary of whom they are about, but for those that take rights away.
#[test]
fn a_bounded_administrator_gives_rights_in_the_boundary_alone() {
    const KEY: &str = "iam:PermissionsBoundary";
    let (table, boundary) = (Table::read(), iam("policy", "boundary"));
    let gives = |request: &Request| {
        let takes = ["iam:Delete", "iam:Detach"].iter().any(|verb| request.action.starts_with(verb));
        let mut pairs = table.pairs(&request.action, "aws").into_iter();
        !takes && pairs.any(|pair| pair.writes && pair.carries(&KEY.to_ascii_lowercase()))
    };
    for mode in MODES {
        let mut administrator = administrator(mode, &A);
        administrator.policies = vec![policy::bounded(policy::admin(mode, &A.scope()), &boundary)];
        for request in calls(mode, &A) {
            let with = |boundary: &str| administrator.may(&request.clone().with(KEY, boundary));
            let free = [administrator.may(&request), with(&iam("policy", "another"))];
            assert_eq!(free, [!gives(&request); 2], "{mode:?}: {request:#?}");
            assert!(with(&boundary), "{mode:?}: {request:#?}");
        }
    }
}

#[test]
fn the_administrator_may_make_every_call_of_both_workflows() {
    for mode in MODES {
        for cluster in [A, FAR] {
            let administrator = administrator(mode, &cluster);
            let calls = calls(mode, &cluster);
            let refused = crate::refused(&administrator, &calls);
            assert!(refused.is_empty(), "{mode:?}: {refused:#?}");
        }
    }
}
