//! What belongs to a cluster: the promise of docs/permissions.md. A write of its principal touches nothing else.

use super::{
    cases::Pattern,
    expression::{Expression, Over, all, not, present, test},
    promise::{ALL, Rule, has, is, named, resource, rule, sets},
};
use crate::calls::{Cluster, LAMBDA_ROLE};

pub(crate) const CLUSTER: &str = "cast-spot:cluster";
pub(crate) const MANAGED: &str = "cast-spot:managed";
const CREATIONS: &[&str] = &["ec2:CreateSecurityGroup", "ec2:CreateKeyPair", "ec2:ImportKeyPair"];

fn vpc(c: &Cluster) -> String {
    format!("arn:aws:ec2:{}:*:vpc/{}", c.region, c.vpc)
}

pub(crate) fn in_the_vpc(c: &Cluster) -> Expression {
    test("ec2:Vpc", Over::One, vec![Pattern::arn(&vpc(c))])
}

/// What bears a mark of the cluster: a tag, a name with its hash, an ARN with its name, its VPC.
pub(crate) fn marked(c: &Cluster) -> Vec<Rule> {
    let (key, here) = (c.key(), resource(&[c.arn("*", "*")]));
    let node_role = resource(&[named("role", c.node_role), named("instance-profile", c.node_role)]);
    let owned = all([here.clone(), has(&key, &["owned"])]);
    let ours = all([here.clone(), has(CLUSTER, &[c.name])]);
    let used = all([here, has(&key, &["owned", "shared"])]);
    let of_eks = [format!("cluster/{}", c.name), format!("nodegroup/{}/*", c.name)];
    let of_eks = resource(&of_eks.map(|name| c.arn("eks", &name)));
    vec![
        rule("instances, volumes, groups by tag", ALL, &["instance", "volume", "autoScalingGroup"], owned),
        rule("security groups and key pairs by tag", ALL, &["security-group", "key-pair"], ours),
        rule("node role and profile by name", ALL, &["role", "instance-profile"], node_role),
        rule("the cluster and its node groups by ARN", ALL, &["cluster", "nodegroup"], of_eks),
        rule("subnets of the VPC", ALL, &["subnet"], in_the_vpc(c)),
        rule("the VPC", ALL, &["vpc"], resource(&[vpc(c)])),
        rule(
            "groups and templates that a launch uses, by tag",
            &["ec2:RunInstances"],
            &["security-group", "launch-template"],
            used,
        ),
    ]
}

/// What the request makes, with a mark of the cluster.
pub(crate) fn made(c: &Cluster) -> Vec<Rule> {
    let here = resource(&[c.arn("*", "*")]);
    let of_a_launch = all([here.clone(), sets(&c.key(), "owned")]);
    let ours = all([here.clone(), sets(CLUSTER, c.name)]);
    let creation = ["RunInstances", "CreateSecurityGroup", "CreateKeyPair", "ImportKeyPair"];
    let tagged = all([is("aws:RequestedRegion", &[c.region]), is("ec2:CreateAction", &creation)]);
    vec![
        rule(
            "instances and interfaces that a launch makes, by tag",
            &["ec2:RunInstances"],
            &["instance", "network-interface"],
            of_a_launch,
        ),
        rule("volumes that a launch makes", &["ec2:RunInstances"], &["volume"], here),
        rule(
            "security groups and key pairs that are made, by tag",
            CREATIONS,
            &["security-group", "key-pair"],
            ours,
        ),
        rule("what one of these calls makes, while it makes it", &["ec2:CreateTags"], &[], tagged),
    ]
}

/// What has no cluster.
pub(crate) fn shared(c: &Cluster) -> Vec<Rule> {
    let images = resource(&[format!("arn:aws:ec2:{}::image/*", c.region)]);
    let linked = [
        "aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot",
        "aws-service-role/eks-nodegroup.amazonaws.com/AWSServiceRoleForAmazonEKSNodegroup",
    ];
    let linked = resource(&linked.map(|name| named("role", name)));
    vec![
        rule("images of the region", &["ec2:RunInstances"], &["image"], images),
        rule("service-linked roles of the account", &["iam:CreateServiceLinkedRole"], &["role"], linked),
    ]
}

/// What the documented privilege adds: the function of the region, while it is this cluster's, the cluster's instance
/// profile, and the role of functions, which is one for the account. A function without a mark of ours may be claimed.
pub(crate) fn documented(c: &Cluster) -> Vec<Rule> {
    let here = resource(&[c.arn("lambda", "function:cast-spot")]);
    let marked = [sets(CLUSTER, c.name), sets(MANAGED, "cast-spot")];
    let free = not(present(&format!("aws:ResourceTag/{MANAGED}")));
    let claimed = all([here.clone(), free].into_iter().chain(marked.clone()));
    vec![
        rule("the function by tag", ALL, &["function"], all([here.clone(), has(CLUSTER, &[c.name])])),
        rule(
            "the function that is made, by tag",
            &["lambda:CreateFunction"],
            &["function"],
            all([here].into_iter().chain(marked)),
        ),
        rule("the function that has no mark, by tag", &["lambda:TagResource"], &["function"], claimed),
        rule("the role of functions", &["iam:PassRole"], &["role"], resource(&[named("role", LAMBDA_ROLE)])),
    ]
}
