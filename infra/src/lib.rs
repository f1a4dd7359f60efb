//! What the handler and the provisioner agree on, as data: they never depend on each other, and both read
//! this crate. Each constant is the text of one file of `infra/`.
//!
//! `<partition>`, `<region>`, `<account>` and `<cluster>` in a text are placeholders.
//!
//! ```
//! use cast_spot_infra::events;
//!
//! let notice = events::SPOT_INTERRUPTION;
//! assert_eq!(notice.detail_type, "EC2 Spot Instance Interruption Warning");
//! assert!(notice.pattern.contains(notice.detail_type));
//! ```

pub mod events;
pub mod partitions;
pub mod settings;

/// IAM policies and trust policies (JSON).
pub mod iam {
    /// Policy of an administrator who onboards and offboards a cluster, beside [`ADMIN_ROLE`] or [`ADMIN_USER`].
    pub const ADMIN: &str = include_str!("../iam/admin.json");
    /// Part of the administrator's policy where the cluster's principal is a role.
    pub const ADMIN_ROLE: &str = include_str!("../iam/admin-role.json");
    /// Part of the administrator's policy where the cluster's principal is a user.
    pub const ADMIN_USER: &str = include_str!("../iam/admin-user.json");
    /// `CastEKSPolicy`, the same for all clusters of an account.
    pub const CAST_EKS: &str = include_str!("../iam/cast-eks.json");
    /// What CAST AI's documentation grants a cluster's principal beyond [`CAST_EKS`] and [`RESTRICTED`].
    pub const DOCUMENTED: &str = include_str!("../iam/documented.json");
    /// Resource policy of the dead-letter queue.
    pub const DEAD_LETTER_QUEUE: &str = include_str!("../iam/dead-letter-queue.json");
    /// Policy of the function's role for one cluster: exactly the calls that the handler makes.
    ///
    /// Groups count as the cluster's when they carry the tag `kubernetes.io/cluster/<cluster>`. Writing logs
    /// is not in it: attach `AWSLambdaBasicExecutionRole` (or `AWSLambdaVPCAccessExecutionRole`) beside it.
    pub const HANDLER: &str = include_str!("../iam/handler.json");
    /// The writes of [`HANDLER`], for the function in the cluster's region alone.
    pub const HANDLER_CLUSTER: &str = include_str!("../iam/handler-cluster.json");
    /// The right to send to the dead-letter queue.
    pub const HANDLER_DEAD_LETTER: &str = include_str!("../iam/handler-dead-letter.json");
    /// The reads of [`HANDLER`], the same for all clusters and regions of the account.
    pub const HANDLER_READS: &str = include_str!("../iam/handler-reads.json");
    /// Denies network interfaces to the function's code, where Lambda needs rights over them for its VPC.
    pub const HANDLER_VPC: &str = include_str!("../iam/handler-vpc.json");
    /// Trust policy of the function's role.
    pub const LAMBDA_TRUST: &str = include_str!("../iam/lambda-trust.json");
    /// Permissions boundary of a new node role: network interfaces of the cluster's VPC alone.
    pub const NODE_BOUNDARY: &str = include_str!("../iam/node-boundary.json");
    /// Trust policy of the node role. `<ec2-service>` is the service principal of EC2.
    pub const NODE_TRUST: &str = include_str!("../iam/node-trust.json");
    /// Trust policy of the cluster's role. `<principal>` may assume it with `<external-id>`.
    pub const PRINCIPAL_TRUST: &str = include_str!("../iam/principal-trust.json");
    /// Policy of one cluster's principal, beside [`CAST_EKS`].
    pub const RESTRICTED: &str = include_str!("../iam/restricted.json");
    /// Reads of `cast-spot savings` for one cluster.
    pub const SAVINGS: &str = include_str!("../iam/savings.json");
}

/// Frames of the CloudFormation templates: all but the properties of their resources (YAML).
pub mod cloudformation {
    /// Of an account and a region.
    pub const ACCOUNT: &str = include_str!("../cloudformation/account.frame.yaml");
    /// Of a cluster.
    pub const CLUSTER: &str = include_str!("../cloudformation/cluster.frame.yaml");
}

/// Kubernetes objects (YAML). Those of the handler are for the user and the group of its role's access entry.
pub mod kubernetes {
    /// `ValidatingAdmissionPolicies` that hold the handler to the writes that it makes.
    pub const ADMISSION: &str = include_str!("../kubernetes/admission.yaml");
    /// `FlowSchemas` and `PriorityLevelConfigurations` of the handler's requests.
    pub const FLOW_CONTROL: &str = include_str!("../kubernetes/flow-control.yaml");
    /// `ClusterRole` and `ClusterRoleBinding` of a mapped user.
    pub const MANAGER: &str = include_str!("../kubernetes/manager.yaml");
    /// `ClusterRole` and `ClusterRoleBinding` of the handler.
    pub const RBAC: &str = include_str!("../kubernetes/rbac.yaml");
    /// `ClusterRole` of `cast-spot savings`.
    pub const SAVINGS: &str = include_str!("../kubernetes/savings.yaml");
}

/// Kubernetes objects of the read-only agent (YAML).
pub mod agent {
    /// The agent's objects, in the order in which they are applied.
    pub const DOCUMENTS: [&str; 4] = [
        include_str!("../agent/namespace.yaml"),
        include_str!("../agent/rbac.yaml"),
        include_str!("../agent/agent.yaml"),
        include_str!("../agent/sizing.yaml"),
    ];
}
