//! Attacks: calls of cluster A's principal on other clusters, each different from an allowed call in one respect. All
//! must be denied. The gaps of the policies in CAST AI's documentation are among them.

use crate::{
    calls::{A, ACCOUNT, B, Cluster, FAR, FUNCTION, GROUP, LAMBDA_ROLE, RULE, aws_policy, role},
    evaluation::Request,
};

/// Named requests of A's principal.
pub(crate) fn attacks() -> Vec<(&'static str, Request)> {
    [launches(), tags(), roles(), functions(), groups()].concat()
}

fn arn(service: &str, resource: &str) -> String {
    A.arn(service, resource)
}

fn launches() -> Vec<(&'static str, Request)> {
    let run = |resource: &str| Request::new("ec2:RunInstances", &arn("ec2", resource));
    let elsewhere = Cluster { vpc: "vpc-0e", ..A };
    vec![
        ("launch without a tag", run("instance/*")),
        ("launch with another cluster's tag", run("instance/*").sets(&B.key(), "owned")),
        ("launch shared", run("instance/*").sets(&A.key(), "shared")),
        (
            "launch in another region",
            A.makes("ec2:RunInstances", "ec2", "instance/*").with("aws:RequestedRegion", FAR.region),
        ),
        (
            "launch with an image of another region",
            Request::new("ec2:RunInstances", &format!("arn:aws:ec2:{}::image/ami-0a", FAR.region)),
        ),
        ("launch in another VPC", run("subnet/subnet-0e").with("ec2:Vpc", elsewhere.vpc_arn())),
        ("launch with an interface that is there already", run("network-interface/eni-0b")),
        ("launch with an unowned security group", run("security-group/sg-0e").with("ec2:Vpc", A.vpc_arn())),
        ("launch with another cluster's template", B.on("ec2:RunInstances", "ec2", "launch-template/lt-0b")),
        ("launch with an unowned template", run("launch-template/lt-0e")),
        ("launch with a snapshot", run("snapshot/snap-0b")),
        ("start an unowned instance", Request::new("ec2:StartInstances", &arn("ec2", "instance/i-0e"))),
        (
            "terminate what is shared with the cluster",
            Request::new("ec2:TerminateInstances", &arn("ec2", "instance/i-0b")).has(&A.key(), "shared"),
        ),
        (
            "create a security group in another VPC",
            Request::new("ec2:CreateSecurityGroup", &elsewhere.vpc_arn()),
        ),
        ("create a key pair without a tag", Request::new("ec2:CreateKeyPair", &arn("ec2", "key-pair/*"))),
        ("delete an unowned key pair", Request::new("ec2:DeleteKeyPair", &arn("ec2", "key-pair/admin"))),
        (
            "create a key pair in another region",
            FAR.makes("ec2:CreateKeyPair", "ec2", "key-pair/*").sets("cast-spot:cluster", A.name),
        ),
        (
            "open the security group of EKS",
            A.on("ec2:AuthorizeSecurityGroupIngress", "ec2", "security-group/sg-0c"),
        ),
    ]
}

fn tags() -> Vec<(&'static str, Request)> {
    let tag = |resource: &str| Request::new("ec2:CreateTags", &arn("ec2", resource));
    let at_launch = |resource: &str| tag(resource).with("ec2:CreateAction", "RunInstances");
    let (own, ours) = (
        || A.on("ec2:CreateTags", "ec2", "instance/i-0a"),
        || A.on_ours("ec2:CreateTags", "ec2", "security-group/sg-0a"),
    );
    vec![
        ("tag an instance into the cluster", tag("instance/i-0e").sets(&A.key(), "owned")),
        ("name an unowned instance", tag("instance/i-0e").sets("Name", "a")),
        ("tag a group into the cluster", tag("security-group/sg-0e").sets("cast-spot:cluster", A.name)),
        ("name an unowned group", tag("security-group/sg-0e").sets("Name", "a")),
        ("tag a subnet", tag("subnet/subnet-0a").sets("Name", "a")),
        ("give an instance to another cluster", own().sets(&B.key(), "owned")),
        ("give an instance to another cluster by our tag", own().sets("cast-spot:cluster", B.name)),
        ("write the cluster's tag in another case", own().sets("Kubernetes.io/cluster/a", "owned")),
        ("hide a scope tag among others", own().sets("Name", "a").sets(&B.key(), "owned")),
        ("give a group to another cluster", ours().sets("cast-spot:cluster", B.name)),
        ("make a group ours for Kubernetes", ours().sets(&A.key(), "owned")),
        ("take all tags off an instance", A.on("ec2:DeleteTags", "ec2", "instance/i-0a")),
        (
            "take the cluster's tag off an instance",
            A.on("ec2:DeleteTags", "ec2", "instance/i-0a").sets(&A.key(), "owned"),
        ),
        ("take all tags off a group", A.on_ours("ec2:DeleteTags", "ec2", "security-group/sg-0a")),
        ("launch for two clusters", at_launch("instance/*").sets(&A.key(), "owned").sets(&B.key(), "owned")),
        ("launch with our tag of another cluster", at_launch("instance/*").sets("cast-spot:cluster", B.name)),
        ("launch in another case", at_launch("instance/*").sets("Kubernetes.io/Cluster/b", "owned")),
        ("tag by another creation", A.tags_of("CreateVolume", "volume/*")),
        (
            "tag a creation in another region",
            FAR.tags_of("RunInstances", "instance/*").sets("cast-spot:cluster", A.name),
        ),
    ]
}

fn roles() -> Vec<(&'static str, Request)> {
    let own = format!("cast-eks-{}", A.name);
    let on_policy =
        |action: &str| Request::new(action, &format!("arn:aws:iam::{ACCOUNT}:policy/CastEKSPolicy"));
    let on_user =
        |action: &str, name: &str| Request::new(action, &format!("arn:aws:iam::{ACCOUNT}:user/{name}"));
    let linked = "aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot";
    vec![
        ("create any role", role("iam:CreateRole", "admin")),
        (
            "make the node role an administrator",
            A.on_role("iam:AttachRolePolicy").with("iam:PolicyARN", aws_policy("AdministratorAccess")),
        ),
        (
            "give the node role the policy of principals",
            A.on_role("iam:AttachRolePolicy")
                .with("iam:PolicyARN", format!("arn:aws:iam::{ACCOUNT}:policy/CastEKSPolicy")),
        ),
        ("give the node role a policy of its own", A.on_role("iam:PutRolePolicy")),
        ("change who may assume the node role", A.on_role("iam:UpdateAssumeRolePolicy")),
        (
            "name the node role after another cluster",
            A.on_role("iam:TagRole").sets("cast-spot:cluster", B.name),
        ),
        ("pass the node role to a function", A.pass("lambda.amazonaws.com")),
        (
            "pass the function's role to an instance",
            role("iam:PassRole", LAMBDA_ROLE).with("iam:PassedToService", "ec2.amazonaws.com"),
        ),
        (
            "pass any role to an instance",
            role("iam:PassRole", "admin").with("iam:PassedToService", "ec2.amazonaws.com"),
        ),
        (
            "pass any role to a function",
            role("iam:PassRole", "admin").with("iam:PassedToService", "lambda.amazonaws.com"),
        ),
        ("rewrite the shared policy", on_policy("iam:CreatePolicyVersion")),
        ("change the default of the shared policy", on_policy("iam:SetDefaultPolicyVersion")),
        ("tag oneself into another cluster", role("iam:TagRole", &own).sets("cast-spot:cluster", B.name)),
        (
            "tag one's user into another cluster",
            on_user("iam:TagUser", &own).sets("cast-spot:cluster", B.name),
        ),
        (
            "make oneself an administrator",
            role("iam:AttachRolePolicy", &own).with("iam:PolicyARN", aws_policy("AdministratorAccess")),
        ),
        (
            "make one's user an administrator",
            on_user("iam:AttachUserPolicy", &own).with("iam:PolicyARN", aws_policy("AdministratorAccess")),
        ),
        ("take the key of another user", on_user("iam:CreateAccessKey", "cast-eks-b")),
        ("widen the function's role", role("iam:PutRolePolicy", LAMBDA_ROLE)),
        ("delete the function's role", role("iam:DeleteRole", LAMBDA_ROLE)),
        ("become another role", role("sts:AssumeRole", "admin")),
        (
            "make a role of another name for a service",
            role("iam:CreateServiceLinkedRole", "aws-service-role/spot.amazonaws.com/Other")
                .with("iam:AWSServiceName", "spot.amazonaws.com"),
        ),
        (
            "make any service's role",
            role("iam:CreateServiceLinkedRole", linked)
                .with("iam:AWSServiceName", "autoscaling.amazonaws.com"),
        ),
    ]
}

fn functions() -> Vec<(&'static str, Request)> {
    let shared = |action: &str, service: &str, resource: &str| {
        Request::new(action, &arn(service, resource)).has("cast-spot:managed", "cast-spot")
    };
    let claim =
        |request: Request| request.sets("cast-spot:managed", "cast-spot").sets("cast-spot:cluster", A.name);
    let events = "events.amazonaws.com";
    let target = || vec![arn("lambda", FUNCTION)];
    let point = || A.on_ours("events:PutTargets", "events", RULE);
    let allow = || A.on_ours("lambda:AddPermission", "lambda", FUNCTION);
    vec![
        ("create any function", A.makes("lambda:CreateFunction", "lambda", "function:billing")),
        ("create any rule", A.makes("events:PutRule", "events", "rule/billing")),
        ("change any rule", A.on_ours("events:PutRule", "events", "rule/billing")),
        (
            "let rules invoke any function",
            A.on_ours("lambda:AddPermission", "lambda", "function:billing").with("lambda:Principal", events),
        ),
        (
            "read the code of any function",
            Request::new("lambda:GetFunction", &arn("lambda", "function:billing")),
        ),
        ("read any rule", Request::new("events:DescribeRule", &arn("events", "rule/billing"))),
        ("change any function", A.on_ours("lambda:UpdateFunctionCode", "lambda", "function:billing")),
        ("change the function of several clusters", shared("lambda:UpdateFunctionCode", "lambda", FUNCTION)),
        ("claim the function of several clusters", claim(shared("lambda:TagResource", "lambda", FUNCTION))),
        ("claim the rule of several clusters", claim(shared("events:TagResource", "events", RULE))),
        (
            "change the rule of several clusters as if it were new",
            claim(shared("events:PutRule", "events", RULE)),
        ),
        ("delete the rule of several clusters", shared("events:DeleteRule", "events", RULE)),
        ("change a function in another region", FAR.on_ours("lambda:UpdateFunctionCode", "lambda", FUNCTION)),
        ("create a function in another region", FAR.makes("lambda:CreateFunction", "lambda", FUNCTION)),
        ("create a function without a tag", Request::new("lambda:CreateFunction", &arn("lambda", FUNCTION))),
        (
            "create a function that will look unowned",
            Request::new("lambda:CreateFunction", &arn("lambda", FUNCTION)).sets("cast-spot:cluster", A.name),
        ),
        ("create a function for another cluster", B.makes("lambda:CreateFunction", "lambda", FUNCTION)),
        ("let anybody invoke the function", allow().with("lambda:Principal", "*")),
        ("let S3 invoke the function", allow().with("lambda:Principal", "s3.amazonaws.com")),
        (
            "let rules invoke the function of several clusters",
            shared("lambda:AddPermission", "lambda", FUNCTION).with("lambda:Principal", events),
        ),
        (
            "point the rule at any function",
            point().with("events:TargetArn", vec![arn("lambda", "function:billing")]),
        ),
        (
            "point the rule at two functions",
            point()
                .with("events:TargetArn", vec![arn("lambda", FUNCTION), arn("lambda", "function:billing")]),
        ),
        ("point the rule at nothing", point()),
        (
            "point any rule at the function",
            A.on_ours("events:PutTargets", "events", "rule/billing").with("events:TargetArn", target()),
        ),
        (
            "point the rule of several clusters",
            shared("events:PutTargets", "events", RULE).with("events:TargetArn", target()),
        ),
        ("invoke the function", A.on_ours("lambda:InvokeFunction", "lambda", FUNCTION)),
    ]
}

fn groups() -> Vec<(&'static str, Request)> {
    let group = |action: &str| A.on(action, "autoscaling", GROUP);
    let eks = |action: &str, resource: &str| Request::new(action, &arn("eks", resource));
    vec![
        (
            "terminate in an unowned group",
            Request::new("autoscaling:TerminateInstanceInAutoScalingGroup", &arn("autoscaling", GROUP)),
        ),
        (
            "update an unowned group",
            Request::new("autoscaling:UpdateAutoScalingGroup", &arn("autoscaling", GROUP)),
        ),
        (
            "launch by another cluster's launch configuration",
            group("autoscaling:UpdateAutoScalingGroup")
                .with("autoscaling:LaunchConfigurationName", "nodes-of-b"),
        ),
        ("tag a group", group("autoscaling:CreateOrUpdateTags").sets(&B.key(), "owned")),
        ("take an instance into a group", group("autoscaling:AttachInstances")),
        ("delete the cluster", eks("eks:DeleteCluster", "cluster/a")),
        ("admit a principal to the cluster", eks("eks:CreateAccessEntry", "cluster/a")),
        ("create a node group in another cluster", eks("eks:CreateNodegroup", "cluster/b")),
        (
            "create a node group in a cluster whose name begins alike",
            eks("eks:CreateNodegroup", "cluster/ab"),
        ),
        ("delete a node group of another cluster", eks("eks:DeleteNodegroup", "nodegroup/b/nodes/0c5a")),
        ("tag the cluster", eks("eks:TagResource", "cluster/a").sets("a", "b")),
    ]
}
