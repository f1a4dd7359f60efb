//! The documented calls of a cluster's principal, each with every authorization that AWS requires.

use std::collections::BTreeMap;

use cast_spot_provisioner::policy::{self, Scope};

use crate::evaluation::{Caller, Request};

pub(crate) const ACCOUNT: &str = "123456789012";
pub(crate) const LAMBDA_ROLE: &str = "CastLambdaRoleForSpot";
const WORKER_POLICIES: [&str; 3] =
    ["AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryReadOnly", "AmazonEKS_CNI_Policy"];

/// A cluster and its resources.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cluster {
    pub(crate) name: &'static str,
    pub(crate) region: &'static str,
    pub(crate) vpc: &'static str,
    pub(crate) node_role: &'static str,
}

pub(crate) const A: Cluster =
    Cluster { name: "a", region: "eu-west-1", vpc: "vpc-0a", node_role: "cast-a-eks-aaaaaaa" };
/// A cluster in the VPC of [`A`].
pub(crate) const B: Cluster = Cluster { name: "b", node_role: "cast-b-eks-bbbbbbb", ..A };
/// A cluster of the same name as [`A`], in another region.
pub(crate) const FAR: Cluster =
    Cluster { region: "us-east-1", vpc: "vpc-0f", node_role: "cast-a-eks-fffffff", ..A };

/// One call, and its authorizations.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) what: &'static str,
    pub(crate) requests: Vec<Request>,
}

impl Cluster {
    pub(crate) fn scope(&self) -> Scope<'static> {
        let Self { name, region, vpc, node_role } = *self;
        Scope {
            partition: "aws",
            region,
            account: ACCOUNT,
            cluster: name,
            vpc_id: vpc,
            node_role,
            image_owners: &[],
        }
    }

    pub(crate) fn principal(&self) -> Caller {
        let tags = [("managed", "cast-spot"), ("cluster", self.name), ("region", self.region)];
        let tags = tags.into_iter().chain([("node-role", self.node_role)]);
        Caller {
            arn: format!("arn:aws:iam::{ACCOUNT}:role/cast-eks-{}", self.name),
            tags: tags
                .map(|(tag, value)| (format!("cast-spot:{tag}"), value.to_owned()))
                .collect::<BTreeMap<_, _>>(),
            policies: vec![policy::cast_eks(&self.scope()), policy::restricted(&self.scope())],
            of_aws: Vec::new(),
        }
    }

    /// The principal with the documented privilege.
    pub(crate) fn documented_principal(&self) -> Caller {
        let mut principal = self.principal();
        principal.policies.push(policy::documented(&self.scope()));
        principal
    }

    pub(crate) fn boundary(&self) -> String {
        format!("arn:aws:iam::{ACCOUNT}:policy/{}", self.node_role)
    }

    pub(crate) fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:aws:{service}:{}:{ACCOUNT}:{resource}", self.region)
    }

    pub(crate) fn vpc_arn(&self) -> String {
        self.arn("ec2", &format!("vpc/{}", self.vpc))
    }

    pub(crate) fn key(&self) -> String {
        format!("kubernetes.io/cluster/{}", self.name)
    }

    /// An action on a resource that belongs to the cluster by the tag of Kubernetes.
    pub(crate) fn on(&self, action: &str, service: &str, resource: &str) -> Request {
        Request::new(action, &self.arn(service, resource)).has(&self.key(), "owned")
    }

    /// An action on a resource that belongs to the cluster by our tag.
    pub(crate) fn on_ours(&self, action: &str, service: &str, resource: &str) -> Request {
        let request = Request::new(action, &self.arn(service, resource));
        request.has("cast-spot:managed", "cast-spot").has("cast-spot:cluster", self.name)
    }

    /// An action that creates a resource with the cluster's tags.
    pub(crate) fn makes(&self, action: &str, service: &str, resource: &str) -> Request {
        let request = Request::new(action, &self.arn(service, resource)).sets("cast-spot:cluster", self.name);
        if service == "ec2" {
            request.sets(&self.key(), "owned")
        } else {
            request.sets("cast-spot:managed", "cast-spot")
        }
    }

    /// The authorization of tags that another action sets.
    pub(crate) fn tags_of(&self, action: &str, resource: &str) -> Request {
        self.makes("ec2:CreateTags", "ec2", resource).with("ec2:CreateAction", action)
    }

    pub(crate) fn on_role(&self, action: &str) -> Request {
        role(action, self.node_role)
    }

    pub(crate) fn on_profile(&self, action: &str) -> Request {
        Request::new(action, &format!("arn:aws:iam::{ACCOUNT}:instance-profile/{}", self.node_role))
    }

    pub(crate) fn pass(&self, service: &str) -> Request {
        self.on_role("iam:PassRole").with("iam:PassedToService", service)
    }
}

pub(crate) fn role(action: &str, name: &str) -> Request {
    Request::new(action, &format!("arn:aws:iam::{ACCOUNT}:role/{name}"))
}

pub(crate) fn aws_policy(name: &str) -> String {
    format!("arn:aws:iam::aws:policy/{name}")
}

pub(crate) const FUNCTION: &str = "function:cast-spot";
pub(crate) const RULE: &str = "rule/cast-spot-interruption";
pub(crate) const SELF_TEST: &str = "rule/cast-spot-self-test";
pub(crate) const GROUP: &str = "autoScalingGroup:0c5a:autoScalingGroupName/nodes";

fn call(what: &'static str, requests: impl IntoIterator<Item = Request>) -> Call {
    Call { what, requests: requests.into_iter().collect() }
}

/// All documented calls, in this cluster.
pub(crate) fn calls(c: &Cluster) -> Vec<Call> {
    [launch(c), instances(c), groups_and_keys(c), groups(c)].concat()
}

fn launch(c: &Cluster) -> Vec<Call> {
    let common = vec![
        c.makes("ec2:RunInstances", "ec2", "instance/*"),
        c.makes("ec2:RunInstances", "ec2", "network-interface/*"),
        Request::new("ec2:RunInstances", &c.arn("ec2", "volume/*")),
        Request::new("ec2:RunInstances", &c.arn("ec2", "subnet/subnet-0a")).with("ec2:Vpc", c.vpc_arn()),
        Request::new("ec2:RunInstances", &format!("arn:aws:ec2:{}::image/ami-0a", c.region))
            .with("ec2:Owner", "amazon"),
        c.pass("ec2.amazonaws.com"),
        c.tags_of("RunInstances", "instance/*"),
        c.tags_of("RunInstances", "volume/*"),
        c.tags_of("RunInstances", "network-interface/*"),
        c.tags_of("RunInstances", "spot-instances-request/*"),
    ];
    let with = |requests: Vec<Request>| [common.clone(), requests].concat();
    vec![
        call(
            "launch with the security group of EKS",
            with(vec![c.on("ec2:RunInstances", "ec2", "security-group/sg-0c")]),
        ),
        call(
            "launch with a security group and a key of its own",
            with(vec![
                c.on_ours("ec2:RunInstances", "ec2", "security-group/sg-0a"),
                c.on_ours("ec2:RunInstances", "ec2", "key-pair/nodes"),
            ]),
        ),
        call(
            "launch from a template of the cluster",
            with(vec![
                c.on("ec2:RunInstances", "ec2", "security-group/sg-0c"),
                c.on("ec2:RunInstances", "ec2", "launch-template/lt-0a"),
            ]),
        ),
        call("launch in China", [c.pass("ec2.amazonaws.com.cn")]),
        call("launch in a secret region", ["ec2.c2s.ic.gov", "ec2.sc2s.sgov.gov"].map(|ec2| c.pass(ec2))),
        call(
            "first Spot launch of an account",
            [role(
                "iam:CreateServiceLinkedRole",
                "aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot",
            )
            .with("iam:AWSServiceName", "spot.amazonaws.com")],
        ),
    ]
}

fn instances(c: &Cluster) -> Vec<Call> {
    let mut calls: Vec<Call> = ["ec2:StartInstances", "ec2:StopInstances", "ec2:TerminateInstances"]
        .map(|action| call("manage an instance", [c.on(action, "ec2", "instance/i-0a")]))
        .into();
    for action in ["ec2:CreateTags", "ec2:DeleteTags"] {
        for resource in ["instance/i-0a", "volume/vol-0a"] {
            let request = c.on(action, "ec2", resource).sets("Name", "a").sets("cast:note", "a");
            calls.push(call("tag an instance or its volume", [request]));
        }
    }
    calls
}

fn groups_and_keys(c: &Cluster) -> Vec<Call> {
    let mut calls = vec![
        call(
            "create a security group",
            [
                c.makes("ec2:CreateSecurityGroup", "ec2", "security-group/*"),
                Request::new("ec2:CreateSecurityGroup", &c.vpc_arn()),
                c.tags_of("CreateSecurityGroup", "security-group/*"),
            ],
        ),
        call(
            "create a key pair",
            [c.makes("ec2:CreateKeyPair", "ec2", "key-pair/*"), c.tags_of("CreateKeyPair", "key-pair/*")],
        ),
        call(
            "import a key pair",
            [c.makes("ec2:ImportKeyPair", "ec2", "key-pair/*"), c.tags_of("ImportKeyPair", "key-pair/*")],
        ),
        call("delete a key pair", [c.on_ours("ec2:DeleteKeyPair", "ec2", "key-pair/nodes")]),
    ];
    for action in [
        "ec2:AuthorizeSecurityGroupEgress",
        "ec2:AuthorizeSecurityGroupIngress",
        "ec2:RevokeSecurityGroupEgress",
        "ec2:RevokeSecurityGroupIngress",
        "ec2:DeleteSecurityGroup",
    ] {
        calls.push(call("manage a security group", [c.on_ours(action, "ec2", "security-group/sg-0a")]));
    }
    for action in ["ec2:CreateTags", "ec2:DeleteTags"] {
        for resource in ["security-group/sg-0a", "key-pair/nodes"] {
            let request = c.on_ours(action, "ec2", resource).sets("Name", "a").sets("cast:note", "a");
            calls.push(call("tag a security group or a key pair", [request]));
        }
    }
    calls
}

/// What the documented privilege adds: the node role and the function.
pub(crate) fn documented(c: &Cluster) -> Vec<Call> {
    [roles(c), function(c)].concat()
}

fn roles(c: &Cluster) -> Vec<Call> {
    let named =
        |request: Request| request.sets("cast-spot:managed", "cast-spot").sets("cast-spot:cluster", c.name);
    let mut calls = vec![
        call(
            "create the node role",
            [
                named(c.on_role("iam:CreateRole")).with("iam:PermissionsBoundary", c.boundary()),
                named(c.on_role("iam:TagRole")),
            ],
        ),
        call(
            "delete the node role",
            [
                c.on_role("iam:DeleteRolePolicy").with("iam:PermissionsBoundary", c.boundary()),
                c.on_role("iam:DeleteRole"),
            ],
        ),
        call(
            "create the instance profile",
            [named(c.on_profile("iam:CreateInstanceProfile")), named(c.on_profile("iam:TagInstanceProfile"))],
        ),
        call(
            "put the role in the instance profile",
            [c.on_profile("iam:AddRoleToInstanceProfile"), c.pass("ec2.amazonaws.com")],
        ),
        call("take the role out of it", [c.on_profile("iam:RemoveRoleFromInstanceProfile")]),
        call("delete the instance profile", [c.on_profile("iam:DeleteInstanceProfile")]),
    ];
    for policy in WORKER_POLICIES {
        for action in ["iam:AttachRolePolicy", "iam:DetachRolePolicy"] {
            let request = c.on_role(action).with("iam:PolicyARN", aws_policy(policy));
            calls.push(call("attach or detach a worker policy", [request]));
        }
    }
    calls
}

fn function(c: &Cluster) -> Vec<Call> {
    let pass = role("iam:PassRole", LAMBDA_ROLE).with("iam:PassedToService", "lambda.amazonaws.com");
    let mut calls = vec![call(
        "create the function",
        [
            c.makes("lambda:CreateFunction", "lambda", FUNCTION),
            c.makes("lambda:TagResource", "lambda", FUNCTION),
            pass,
        ],
    )];
    for action in [
        "lambda:UpdateFunctionCode",
        "lambda:UpdateFunctionConfiguration",
        "lambda:PutFunctionEventInvokeConfig",
        "lambda:DeleteFunctionEventInvokeConfig",
        "lambda:DeleteFunction",
        "lambda:GetFunction",
        "lambda:GetFunctionConfiguration",
        "lambda:GetFunctionEventInvokeConfig",
        "lambda:GetPolicy",
        "lambda:ListTags",
    ] {
        calls.push(call("manage the function", [c.on_ours(action, "lambda", FUNCTION)]));
    }
    calls
}

fn groups(c: &Cluster) -> Vec<Call> {
    let cluster = format!("cluster/{}", c.name);
    let group = format!("nodegroup/{}/nodes/0c5a", c.name);
    let on = |action: &str, resource: &str| Request::new(action, &c.arn("eks", resource));
    let mut calls = vec![
        call(
            "create a node group",
            [
                on("eks:CreateNodegroup", &cluster),
                on("eks:TagResource", &group).sets("Name", "a"),
                c.pass("eks.amazonaws.com"),
                c.on("ec2:RunInstances", "ec2", "launch-template/lt-0a"),
                role(
                    "iam:CreateServiceLinkedRole",
                    "aws-service-role/eks-nodegroup.amazonaws.com/AWSServiceRoleForAmazonEKSNodegroup",
                )
                .with("iam:AWSServiceName", "eks-nodegroup.amazonaws.com"),
            ],
        ),
        call("read the cluster", [on("eks:DescribeCluster", &cluster), on("eks:ListNodegroups", &cluster)]),
    ];
    for action in [
        "eks:DeleteNodegroup",
        "eks:UpdateNodegroupConfig",
        "eks:UpdateNodegroupVersion",
        "eks:DescribeNodegroup",
    ] {
        calls.push(call("manage a node group", [on(action, &group)]));
    }
    calls.push(call("untag a node group", [on("eks:UntagResource", &group).sets("Name", "a")]));
    for action in [
        "autoscaling:DeleteAutoScalingGroup",
        "autoscaling:ResumeProcesses",
        "autoscaling:SetDesiredCapacity",
        "autoscaling:SuspendProcesses",
        "autoscaling:TerminateInstanceInAutoScalingGroup",
        "autoscaling:UpdateAutoScalingGroup",
    ] {
        calls.push(call("manage an Auto Scaling group", [c.on(action, "autoscaling", GROUP)]));
    }
    calls
}
