//! What a write of a cluster's principal may hand over, set or take away.

use super::{
    belongs::{CLUSTER, MANAGED},
    expression::{all, any, not, present},
    promise::{Rule, each, is, named, resource, rule, sets},
};
use crate::calls::{Cluster, LAMBDA_ROLE, aws_policy};

/// EC2 in all partitions, and EKS.
pub(crate) const EC2: [&str; 5] =
    ["ec2.amazonaws.com", "ec2.amazonaws.com.cn", "ec2.c2s.ic.gov", "ec2.sc2s.sgov.gov", "eks.amazonaws.com"];

pub(crate) fn handed_over(c: &Cluster) -> Vec<Rule> {
    let workers = ["AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryReadOnly", "AmazonEKS_CNI_Policy"];
    let workers = workers.map(aws_policy);
    let role = |name: &str| resource(&[named("role", name)]);
    let passed = [
        all([role(c.node_role), is("iam:PassedToService", &EC2)]),
        all([role(LAMBDA_ROLE), is("iam:PassedToService", &["lambda.amazonaws.com"])]),
    ];
    vec![
        rule(
            "passes the node role to EC2 and EKS, the function's role to Lambda",
            &["iam:PassRole"],
            &[],
            any(passed),
        ),
        rule(
            "attaches the three policies of nodes",
            &["iam:AttachRolePolicy", "iam:DetachRolePolicy"],
            &[],
            is("iam:PolicyARN", &workers.each_ref().map(|policy| &policy[..])),
        ),
        rule(
            "makes service-linked roles of Spot and node groups",
            &["iam:CreateServiceLinkedRole"],
            &[],
            is("iam:AWSServiceName", &["spot.amazonaws.com", "eks-nodegroup.amazonaws.com"]),
        ),
        rule(
            "launches from images of Amazon",
            &["ec2:RunInstances"],
            &["image"],
            is("ec2:Owner", &["amazon"]),
        ),
        // It has no tags.
        rule(
            "gives a group no launch configuration",
            &["autoscaling:UpdateAutoScalingGroup"],
            &[],
            not(present("autoscaling:LaunchConfigurationName")),
        ),
    ]
}

/// Tags make resources the cluster's, so what a principal may tag is bound as what it may write. EC2 asks for
/// `ec2:CreateTags` beside each creation with tags ("Grant permission to tag Amazon EC2 resources during creation"); of the
/// other services, creations and tag writes are both bound.
pub(crate) fn tags(c: &Cluster) -> Vec<Rule> {
    const ADDS: &[&str] = &["iam:Create*", "iam:Tag*", "eks:Create*", "lambda:Create*", "*:TagResource"];
    const REMOVES: &[&str] = &["*:DeleteTags", "*:Untag*"];
    let key = c.key();
    let new = each("aws:TagKeys", &["Name", "cast:*", CLUSTER, MANAGED, &key]);
    let existing = each("aws:TagKeys", &["Name", "cast:*"]);
    let own = any([not(present(&format!("aws:RequestTag/{CLUSTER}"))), sets(CLUSTER, c.name)]);
    vec![
        rule("sets tags of the list", ADDS, &[], new.clone()),
        rule(
            "sets tags of the list on what exists, scope tags on what it makes",
            &["ec2:CreateTags"],
            &[],
            any([existing.clone(), all([present("ec2:CreateAction"), new])]),
        ),
        // It would be taken for what all clusters share.
        rule(
            "marks nothing of EC2 and EKS as ours",
            &["ec2:CreateTags", "eks:*"],
            &[],
            not(present(&format!("aws:RequestTag/{MANAGED}"))),
        ),
        rule("names no other cluster by tag", ADDS, &[], own.clone()),
        rule("names no other cluster by tag, whatever EC2 makes", &["ec2:CreateTags"], &[], own),
        // Without a key, DeleteTags takes all.
        rule("takes away Name and cast:* alone", REMOVES, &[], all([existing, present("aws:TagKeys")])),
    ]
}

/// The function and the node role are what `onboard` makes them.
pub(crate) fn of_the_function(c: &Cluster) -> Vec<Rule> {
    vec![
        rule(
            "marks the node role and its profile",
            &["iam:CreateRole", "iam:CreateInstanceProfile", "iam:Tag*"],
            &[],
            all([sets(CLUSTER, c.name), sets(MANAGED, "cast-spot")]),
        ),
        rule(
            "makes the node role within its boundary, and takes no inline policy of another one",
            &["iam:CreateRole", "iam:DeleteRolePolicy"],
            &[],
            is("iam:PermissionsBoundary", &[&named("policy", c.node_role)]),
        ),
        rule(
            "puts the function into no VPC",
            &["lambda:CreateFunction", "lambda:UpdateFunctionConfiguration"],
            &[],
            not(present("lambda:VpcIds")),
        ),
    ]
}
