//! Which part of an onboarding a resource belongs to, in the words of the documentation.

use cast_spot_provisioner::{
    facts::Facts,
    names::{self, LAMBDA_ROLE},
    resource::{Id, Kind},
};

/// A part, in the order in which it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Group {
    /// The user or role that manages the cluster from outside.
    Management,
    /// The role that nodes get.
    Nodes,
    /// The function's role.
    FunctionRole,
    /// The function and what brings notices to it.
    Function,
    /// The way to a private endpoint.
    Network,
    /// Who may do what in the cluster.
    Kubernetes,
    /// The agent that only reads.
    Agent,
}

impl Group {
    /// The part of `id`.
    pub(crate) fn of(id: &Id, facts: &Facts) -> Self {
        let whole = id.name.split('/').next().unwrap_or_default();
        match id.kind {
            Kind::Policy
            | Kind::Role
            | Kind::User
            | Kind::Attachment
            | Kind::InlinePolicy
            | Kind::InstanceProfile
            | Kind::AccessKey => {
                if whole == LAMBDA_ROLE {
                    Self::FunctionRole
                } else if whole == names::node_role(&facts.cluster.name, &facts.cluster.arn) {
                    Self::Nodes
                } else {
                    Self::Management
                }
            }
            Kind::LogGroup
            | Kind::Queue
            | Kind::Function
            | Kind::Layer
            | Kind::InvokeConfig
            | Kind::Permission
            | Kind::Rule
            | Kind::Target => Self::Function,
            Kind::SecurityGroup | Kind::Ingress => Self::Network,
            Kind::AccessEntry | Kind::AwsAuth | Kind::ClusterRole | Kind::ClusterRoleBinding => {
                Self::Kubernetes
            }
            // Of the handler's requests; all other objects are the agent's.
            Kind::Manifest if matches!(whole, "FlowSchema" | "PriorityLevelConfiguration") => {
                Self::Kubernetes
            }
            Kind::Manifest => Self::Agent,
        }
    }

    /// Its heading.
    pub(crate) fn heading(self) -> &'static str {
        match self {
            Self::Management => "IAM: who manages the cluster from outside",
            Self::Nodes => "IAM: role of new nodes",
            Self::FunctionRole => "IAM: role of the function",
            Self::Function => "Function and events",
            Self::Network => "Network: the way to the private endpoint",
            Self::Kubernetes => "Kubernetes",
            Self::Agent => "Kubernetes: the agent, read-only",
        }
    }
}
