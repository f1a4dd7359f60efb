//! The IAM policies: the documents of `infra/iam/`, filled in for one cluster. Pure.
//!
//! Two of them go on the principal that manages a cluster. [`cast_eks`] is one policy for all clusters of an
//! account: it tells clusters apart by the tags of the principal (`${aws:PrincipalTag/cast-spot:cluster}`), which
//! IAM allows in the last part of an ARN and in the values of conditions, but neither in the region of an ARN nor
//! in the names of condition keys. What needs those is in [`restricted`], one policy for each cluster. What every
//! statement grants, and what IAM cannot say, is in docs/permissions.md.

use cast_spot_infra::iam;
use serde_json::Value;

pub(crate) use self::document::fill;
use self::document::{merge, parse};
use crate::names;

mod document;

pub(crate) use self::document::texts;
pub use self::document::{minified, same, size, split};

/// Largest managed policy, in characters without white space ("IAM and AWS STS quotas" in the IAM User Guide).
pub const MANAGED_LIMIT: usize = 6_144;

/// What the placeholders of the policies stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope<'a> {
    /// `aws`, `aws-us-gov` or `aws-cn`.
    pub partition: &'a str,
    /// Region of the cluster.
    pub region: &'a str,
    /// Account id.
    pub account: &'a str,
    /// Name of the cluster.
    pub cluster: &'a str,
    /// Its VPC.
    pub vpc_id: &'a str,
    /// Name of the role of its nodes, which is that of their instance profile, too.
    pub node_role: &'a str,
}

impl Scope<'_> {
    fn cluster_arn(&self) -> String {
        let Self { partition, region, account, cluster, .. } = self;
        format!("arn:{partition}:eks:{region}:{account}:cluster/{cluster}")
    }

    fn fill(&self, text: &str) -> Value {
        let arn = self.cluster_arn();
        fill(
            parse(text),
            &[
                ("<partition>", self.partition),
                ("<region>", self.region),
                ("<account>", self.account),
                ("<cluster>", self.cluster),
                ("<vpc>", self.vpc_id),
                ("<node-role>", self.node_role),
                ("<name>", &names::principal(self.cluster, &arn)),
                ("<name-by-hash>", &names::principal_by_hash(self.cluster, &arn)),
                ("<restricted>", &names::restricted_policy(self.cluster, &arn)),
            ],
        )
    }
}

/// How the principal of the cluster is made, and so which calls an administrator needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdminMode {
    /// A role that another account may assume.
    Role,
    /// A user with an access key.
    User,
}

/// `CastEKSPolicy`, the same for all clusters of an account: of `scope` only partition and account are used.
#[must_use]
pub fn cast_eks(scope: &Scope) -> Value {
    scope.fill(iam::CAST_EKS)
}

/// The policy of one cluster, beside [`cast_eks`].
#[must_use]
pub fn restricted(scope: &Scope) -> Value {
    scope.fill(iam::RESTRICTED)
}

/// All that the handler calls for one cluster, as one policy.
#[must_use]
pub fn handler(scope: &Scope) -> Value {
    scope.fill(iam::HANDLER)
}

/// What the handler needs for no cluster in particular. One inline policy for all clusters and regions of the
/// account, so it is the same for each of them.
#[must_use]
pub fn handler_reads(scope: &Scope) -> Value {
    scope.fill(iam::HANDLER_READS)
}

/// What the handler needs for one cluster: the writes of [`handler`], for the function in the cluster's region
/// alone. The role is one for the account, and a right to change a function in one region must grant nothing in
/// another.
#[must_use]
pub fn handler_cluster(scope: &Scope) -> Value {
    scope.fill(iam::HANDLER_CLUSTER)
}

/// What the role lacks when it has the documented AWS managed policies in place of [`handler_reads`]: Lambda
/// sends with the function's role what the function could not handle. The same for all clusters and regions.
#[must_use]
pub fn handler_dead_letter(scope: &Scope) -> Value {
    scope.fill(iam::HANDLER_DEAD_LETTER)
}

/// What `cast-spot savings` reads of AWS for one cluster; it writes nothing.
#[must_use]
pub fn savings(scope: &Scope) -> Value {
    scope.fill(iam::SAVINGS)
}

/// Who may assume `CastLambdaRoleForSpot`: functions.
#[must_use]
pub fn lambda_trust() -> Value {
    parse(iam::LAMBDA_TRUST)
}

/// Who may assume the node role: instances.
#[must_use]
pub fn node_trust(partition: &str) -> Value {
    // The one service of ours whose principal has another name in China ("Amazon EKS node IAM role" in the
    // EKS User Guide for China).
    let service = if partition == "aws-cn" { "ec2.amazonaws.com.cn" } else { "ec2.amazonaws.com" };
    fill(parse(iam::NODE_TRUST), &[("<ec2-service>", service)])
}

/// Who may assume the cluster's role: `principal_arn`, who says `external_id`. Session tags cannot be passed
/// (`sts:TagSession`): they would take the place of the role's tags, by which [`cast_eks`] knows the cluster.
#[must_use]
pub fn principal_trust(principal_arn: &str, external_id: &str) -> Value {
    let trust = parse(iam::PRINCIPAL_TRUST);
    fill(trust, &[("<principal>", principal_arn), ("<external-id>", external_id)])
}

/// Policy of the dead-letter queue: our rule may send what it could not deliver.
#[must_use]
pub fn dead_letter_queue(scope: &Scope) -> Value {
    scope.fill(iam::DEAD_LETTER_QUEUE)
}

/// Least privileges of the administrator who plans, onboards, verifies and offboards this cluster. It may exceed
/// [`MANAGED_LIMIT`]; [`split`] makes managed policies of it, and an inline policy of a role has room for all.
#[must_use]
pub fn admin(mode: AdminMode, scope: &Scope) -> Value {
    let principal = match mode {
        AdminMode::Role => iam::ADMIN_ROLE,
        AdminMode::User => iam::ADMIN_USER,
    };
    merge(scope.fill(principal), scope.fill(iam::ADMIN))
}

#[cfg(test)]
mod tests;
