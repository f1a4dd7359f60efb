//! What everything is called. Names follow from the cluster alone, so that no state file is needed; a name that
//! would be too long is cut, and a hash keeps it distinct. The names of the rules are in `infra/src/events.rs`.

use sha2::{Digest, Sha256};

/// The policy that all clusters of an account share.
pub const CAST_EKS_POLICY: &str = "CastEKSPolicy";
/// The policy of the principals with the documented privilege, shared by all clusters of an account.
pub const DOCUMENTED_POLICY: &str = "CastEKSDocumentedPolicy";
/// The function's role, shared by all clusters of an account.
pub const LAMBDA_ROLE: &str = "CastLambdaRoleForSpot";
/// Inline policy of the function's role for what belongs to no cluster.
pub const LAMBDA_ROLE_SHARED: &str = "cast-spot";
/// Inline policy of the function's role that denies its code what Lambda needs for a VPC.
pub const LAMBDA_ROLE_VPC: &str = "cast-spot-vpc";
/// Inline policy of a node role: network interfaces of the cluster's VPC alone.
pub const NODE_ROLE_VPC: &str = "cast-spot-vpc";
/// The function, one in a region.
pub const FUNCTION: &str = "cast-spot";
/// Alias of the function's version that ran before its code was changed last.
pub const PREVIOUS: &str = "previous";
/// Description of that version, by which it is known as ours.
pub(crate) const PREVIOUS_DESCRIPTION: &str = "As it was before cast-spot changed its code";
/// The layer with the endpoints of its clusters, where they do not fit into its environment.
pub const LAYER: &str = "cast-spot-endpoints";
/// Its log group.
pub const LOG_GROUP: &str = "/aws/lambda/cast-spot";
/// Where events end that could not be handled.
pub const DEAD_LETTER_QUEUE: &str = "cast-spot-dlq";
/// Security group of a function that reaches private endpoints.
pub const SECURITY_GROUP: &str = "cast-spot-handler";
/// Kubernetes user of a session of the function's role: EKS fills in the session's name, and Lambda gives a session the
/// name of its function. Behind a colon, as EKS demands ("Create access entries" in the EKS User Guide).
pub const HANDLER_USERNAME: &str = "cast-spot:{{SessionName}}";
/// Kubernetes group of all sessions of the function's role, see `infra/kubernetes/admission.yaml`.
pub const HANDLER_GROUP: &str = "cast-spot:handler";
/// Kubernetes group of a mapped user, see `infra/kubernetes/manager.yaml`.
pub const MANAGER_GROUP: &str = "cast-spot:manager";
/// Kubernetes group of administrators, in `aws-auth`.
pub const ADMIN_GROUP: &str = "system:masters";
/// Access policy of administrators, in access entries ("Review access policy permissions" in the EKS User Guide).
pub const ADMIN_POLICY: &str = "AmazonEKSClusterAdminPolicy";

/// The handler's setting that lists its clusters (docs/configuration.md).
pub const CLUSTERS_VARIABLE: &str = "CAST_SPOT_CLUSTERS";
/// AWS managed policy of functions in a VPC.
pub const VPC_ACCESS: &str = "AWSLambdaVPCAccessExecutionRole";

/// The handler's ClusterRole and its binding, see `infra/kubernetes/rbac.yaml`.
pub const HANDLER_RBAC: &str = "cast-spot-handler";

/// Tag of everything that is ours. Its value is [`MANAGED`].
pub const TAG_MANAGED: &str = "cast-spot:managed";
/// Value of [`TAG_MANAGED`].
pub const MANAGED: &str = "cast-spot";
/// Label of Kubernetes objects that says which tool looks after them ("Recommended Labels" in the Kubernetes
/// documentation). Its value is [`MANAGED`] on ours.
pub const LABEL_MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Label of the application that an object belongs to, same page.
pub const LABEL_NAME: &str = "app.kubernetes.io/name";
/// Field manager of what we apply ("Server-Side Apply" in the Kubernetes documentation).
pub const FIELD_MANAGER: &str = "cast-spot";
/// Tag: the cluster that an object belongs to. Shared objects lack it.
pub const TAG_CLUSTER: &str = "cast-spot:cluster";
/// Tag: the cluster's region.
pub const TAG_REGION: &str = "cast-spot:region";
/// Tag of the log group: the retention that was chosen, in days; 0 keeps it forever. It is the last thing that a new group
/// gets, so that one which is half made is not taken for one that is kept forever.
pub const TAG_RETENTION: &str = "cast-spot:retention-days";
/// Start of a tag of the function's role: SHA-256 of the code that cast-spot gave the function of a region, in base64. The
/// tag's name ends in the region.
pub const TAG_CODE: &str = "cast-spot:code.";
/// Start of a tag of the function's role: the code that cast-spot gave the function of a region before that, in the same
/// way.
pub const TAG_PREVIOUS: &str = "cast-spot:previous.";
/// Start of a tag of the function's role: the settings that were chosen for the function of a region, `NAME=VALUE` with
/// spaces between them, each value as `record` encodes it. The tag's name ends in the region.
pub const TAG_SETTINGS: &str = "cast-spot:settings.";
/// Start of a tag of the function's role: a cluster with the documented privilege, `REGION/NAME`. The tag's name ends in
/// the cluster's [`suffix`].
pub const TAG_DOCUMENTED: &str = "cast-spot:documented.";
/// Tag of the function's role: the permissions boundary that was chosen for all roles and users, as `record` encodes it.
pub const TAG_BOUNDARY: &str = "cast-spot:boundary";
/// Tag of a role that manages a cluster: who may assume it, in the same way.
pub const TAG_PRINCIPAL: &str = "cast-spot:principal";
/// Tag of a role that manages a cluster: the external id that it demands, in the same way.
pub const TAG_EXTERNAL_ID: &str = "cast-spot:external-id";
/// Starts of the tags of roles that record choices.
pub const RECORDS: [&str; 7] =
    [TAG_CODE, TAG_PREVIOUS, TAG_SETTINGS, TAG_DOCUMENTED, TAG_BOUNDARY, TAG_PRINCIPAL, TAG_EXTERNAL_ID];
/// Tag of the principal: name of the cluster's node role, which the shared policy lets it pass.
pub const TAG_NODE_ROLE: &str = "cast-spot:node-role";

/// Longest name of an IAM role or user ("IAM and AWS STS quotas" in the IAM User Guide).
const ROLE_LIMIT: usize = 64;
/// Longest name of a managed policy, same page.
const POLICY_LIMIT: usize = 128;

/// Seven characters that stand for a cluster: the start of the SHA-256 of its ARN.
#[must_use]
pub fn suffix(cluster_arn: &str) -> String {
    let digest = Sha256::digest(cluster_arn.as_bytes());
    let start = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
    format!("{:07x}", start >> 4)
}

/// IAM user or role that manages the cluster.
#[must_use]
pub fn principal(cluster: &str, cluster_arn: &str) -> String {
    let whole = format!("cast-eks-{cluster}");
    if whole.len() <= ROLE_LIMIT {
        return whole;
    }
    principal_by_hash(cluster, cluster_arn)
}

/// The same, where a cluster of this name in another region has taken [`principal`] already. A hash of the ARN keeps it distinct.
/// Of a name that is cut anyway, it is [`principal`].
#[must_use]
pub fn principal_by_hash(cluster: &str, cluster_arn: &str) -> String {
    fit("cast-eks-", cluster, &format!("-{}", suffix(cluster_arn)), ROLE_LIMIT)
}

/// Role and instance profile of the nodes, and the permissions boundary of a new role.
#[must_use]
pub fn node_role(cluster: &str, cluster_arn: &str) -> String {
    fit("cast-", cluster, &format!("-eks-{}", suffix(cluster_arn)), ROLE_LIMIT)
}

/// The cluster-restricted managed policy.
#[must_use]
pub fn restricted_policy(cluster: &str, cluster_arn: &str) -> String {
    fit("CastEKSRestrictedAccess-", cluster, &format!("-{}", suffix(cluster_arn)), POLICY_LIMIT)
}

/// Inline policy of [`LAMBDA_ROLE`] for one cluster. All of them together are the register of clusters. What it is
/// called keeps, as long as the cluster is onboarded, that its principal is named [by hash](principal_by_hash).
#[must_use]
pub fn registration(region: &str, cluster: &str, by_hash: bool) -> String {
    format!("{LAMBDA_ROLE_SHARED}.{region}.{cluster}{}", if by_hash { BY_HASH } else { "" })
}

/// End of a registration's name.
const BY_HASH: &str = ".h";

/// A cluster in the register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Registered<'a> {
    /// Its region.
    pub region: &'a str,
    /// Its name.
    pub cluster: &'a str,
    /// Whether its principal is named [by hash](principal_by_hash).
    pub by_hash: bool,
}

/// Of an inline policy's name, if it is a registration. Neither region nor cluster has a dot in it.
#[must_use]
pub fn registered(policy: &str) -> Option<Registered<'_>> {
    let name = policy.strip_prefix(LAMBDA_ROLE_SHARED)?.strip_prefix('.')?;
    let (region, rest) = name.split_once('.')?;
    let whole = rest.strip_suffix(BY_HASH);
    Some(Registered { region, cluster: whole.unwrap_or(rest), by_hash: whole.is_some() })
}

/// `prefix`, as much of `middle` as has room, and `suffix`.
fn fit(prefix: &str, middle: &str, suffix: &str, limit: usize) -> String {
    let room = limit - prefix.len() - suffix.len();
    // Cluster names are ASCII (EKS API Reference, "CreateCluster"); anything else is refused before.
    format!("{prefix}{}{suffix}", middle.get(..room.min(middle.len())).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arn(cluster: &str) -> String {
        format!("arn:aws:eks:eu-west-1:123456789012:cluster/{cluster}")
    }

    #[test]
    fn names_of_the_seed_are_used_where_they_fit() {
        assert_eq!(principal("prod", &arn("prod")), "cast-eks-prod");
        let node = node_role("prod", &arn("prod"));
        assert!(node.starts_with("cast-prod-eks-") && node.len() == "cast-prod-eks-".len() + 7, "{node}");
    }

    #[test]
    fn the_longest_cluster_name_fits_everywhere() {
        let long = "c".repeat(100);
        assert_eq!(principal(&long, &arn(&long)).len(), 64);
        assert_eq!(node_role(&long, &arn(&long)).len(), 64);
        assert!(restricted_policy(&long, &arn(&long)).len() <= 128);
        assert!(registration("ap-southeast-1", &long, true).len() <= 128);
    }

    #[test]
    fn names_differ_where_only_the_cut_part_differs() {
        let (one, two) = (format!("{}1", "c".repeat(99)), format!("{}2", "c".repeat(99)));
        assert_ne!(principal(&one, &arn(&one)), principal(&two, &arn(&two)));
        assert_ne!(node_role(&one, &arn(&one)), node_role(&two, &arn(&two)));
        assert_ne!(restricted_policy(&one, &arn(&one)), restricted_policy(&two, &arn(&two)));
    }

    #[test]
    fn one_name_in_two_regions_is_two_clusters() {
        let there = arn("prod").replace("eu-west-1", "us-east-1");
        assert_ne!(node_role("prod", &arn("prod")), node_role("prod", &there));
        assert_ne!(restricted_policy("prod", &arn("prod")), restricted_policy("prod", &there));
        assert_ne!(principal_by_hash("prod", &arn("prod")), principal_by_hash("prod", &there));
    }

    #[test]
    fn a_registration_is_read_back() {
        for by_hash in [false, true] {
            let name = registration("eu-west-1", "prod_2-a", by_hash);
            let read = Registered { region: "eu-west-1", cluster: "prod_2-a", by_hash };
            assert_eq!(registered(&name), Some(read));
        }
        assert_eq!(registered("cast-spot"), None);
        assert_eq!(registered("foreign"), None);
    }
}
