//! The IAM policies: the documents of `infra/iam/`, filled in for one cluster. Pure.
//!
//! Two of them go on the principal that manages a cluster. [`cast_eks`] is one policy for all clusters of an
//! account: it tells clusters apart by the tags of the principal (`${aws:PrincipalTag/cast-spot:cluster}`), which
//! IAM allows in the last part of an ARN and in the values of conditions, but neither in the region of an ARN nor
//! in the names of condition keys. What needs those is in [`restricted`], one policy for each cluster. What every
//! statement grants, and what IAM cannot say, is in docs/permissions.md.

use std::mem;

use cast_spot_infra::{iam, partitions::Partition};
use serde_json::{Value, json};

pub(crate) use self::document::fill;
use self::document::{distinct, merge, parse};
use crate::names;

mod document;
mod place;

pub(crate) use self::document::{narrows, texts};
pub use self::{
    document::{minified, same, size, split},
    place::{Place, trust_of},
};

/// Largest managed policy, in characters without white space ("IAM and AWS STS quotas" in the IAM User Guide).
pub const MANAGED_LIMIT: usize = 6_144;

/// What the placeholders of the policies stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope<'a> {
    /// Name of the partition, such as `aws`.
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
    /// Owners of the images that instances may be launched from, beside Amazon: account ids.
    pub image_owners: &'a [String],
}

impl Scope<'_> {
    fn cluster_arn(&self) -> String {
        let Self { partition, region, account, cluster, .. } = self;
        format!("arn:{partition}:eks:{region}:{account}:cluster/{cluster}")
    }

    fn fill(&self, text: &str) -> Value {
        let arn = self.cluster_arn();
        let filled = fill(
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
        );
        // A long name is the one by hash.
        distinct(filled)
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
    let mut policy = scope.fill(iam::RESTRICTED);
    for owners in policy["Statement"]
        .as_array_mut()
        .into_iter()
        .flatten()
        .filter_map(|statement| statement.pointer_mut(IMAGE_OWNERS)?.as_array_mut())
    {
        owners.retain(|owner| owner != "<image-owners>");
        owners.extend(scope.image_owners.iter().map(|owner| owner.as_str().into()));
    }
    policy
}

/// Owners of images in a statement of [`restricted`].
pub(crate) const IMAGE_OWNERS: &str = "/Condition/StringEquals/ec2:Owner";

/// `CastEKSDocumentedPolicy`, the same for all clusters of an account: what CAST AI's documentation grants beyond
/// [`cast_eks`] and [`restricted`]. It lets the principal replace the function's code, which acts as the function's role.
#[must_use]
pub fn documented(scope: &Scope) -> Value {
    scope.fill(iam::DOCUMENTED)
}

/// Permissions boundary of a new node role. It grants all that the role's policies grant, but for network interfaces
/// outside of the cluster's VPC, over which `AmazonEKS_CNI_Policy` has no bounds.
#[must_use]
pub fn node_boundary(scope: &Scope) -> Value {
    scope.fill(iam::NODE_BOUNDARY)
}

/// What keeps the nodes to the network interfaces of their VPC, whatever boundary their role has: the denials of
/// [`node_boundary`].
#[must_use]
pub fn node_vpc(scope: &Scope) -> Value {
    let mut policy = node_boundary(scope);
    if let Some(statements) = policy["Statement"].as_array_mut() {
        statements.retain(|statement| statement["Effect"] == "Deny");
    }
    policy
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

/// What keeps the function's code from the network interfaces that Lambda may manage with the function's role ("Security
/// best practices" of "Giving Lambda functions access to resources in an Amazon VPC", Lambda Developer Guide), and from the
/// logs of others.
#[must_use]
pub fn handler_vpc(scope: &Scope) -> Value {
    scope.fill(iam::HANDLER_VPC)
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
    let service = Partition::named(partition).map_or("ec2.amazonaws.com", |partition| partition.ec2_service);
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

/// Actions that give a role or user rights, of those whose condition key `iam:PermissionsBoundary` is ("Actions, resources,
/// and condition keys for AWS Identity and Access Management" in the Service Authorization Reference).
const GIVING: [&str; 8] = [
    "iam:AttachRolePolicy",
    "iam:AttachUserPolicy",
    "iam:CreateRole",
    "iam:CreateUser",
    "iam:PutRolePermissionsBoundary",
    "iam:PutRolePolicy",
    "iam:PutUserPermissionsBoundary",
    "iam:UpdateAssumeRolePolicy",
];

/// The policy of an administrator who may give rights only to roles and users with the permissions boundary `arn`.
#[must_use]
pub fn bounded(mut policy: Value, arn: &str) -> Value {
    let statements = policy["Statement"].as_array_mut().map(mem::take).unwrap_or_default();
    let part = |statement: &Value, giving: bool| {
        let mut part = statement.clone();
        let actions = texts(&statement["Action"]).filter(|action| GIVING.contains(action) == giving);
        let actions: Vec<&str> = actions.collect();
        part["Action"] = json!(actions);
        if giving {
            part["Sid"] = format!("{}WithBoundary", statement["Sid"].as_str().unwrap_or_default()).into();
            part["Condition"]["ArnEquals"]["iam:PermissionsBoundary"] = arn.into();
        }
        (!actions.is_empty()).then_some(part)
    };
    policy["Statement"] = statements
        .iter()
        .flat_map(|statement| [part(statement, false), part(statement, true)])
        .flatten()
        .collect();
    policy
}

#[cfg(test)]
mod tests;
