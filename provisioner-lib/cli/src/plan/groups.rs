//! The parts of an onboarding, in the terms of the documentation.

use cast_spot_provisioner::{
    facts::Facts,
    names::{self, LAMBDA_ROLE},
    resource::{Id, Kind, Service},
};

/// A part, in display order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Group {
    /// The user or role that manages the cluster from outside.
    Management,
    /// The role of nodes.
    Nodes,
    /// The function's role.
    FunctionRole,
    /// The function, and the rules that send it notices.
    Function,
    /// Access to a private endpoint.
    Network,
    /// Permissions in the cluster.
    Kubernetes,
    /// The read-only agent.
    Agent,
}

impl Group {
    /// The part of `id`.
    pub(crate) fn of(id: &Id, facts: &Facts) -> Self {
        let whole = id.name.split('/').next().unwrap_or_default();
        match (id.kind.service(), id.kind) {
            (Service::Iam, _) if whole == LAMBDA_ROLE => Self::FunctionRole,
            (Service::Iam, _) if whole == names::node_role(&facts.cluster.name, &facts.cluster.arn) => {
                Self::Nodes
            }
            (Service::Iam, _) => Self::Management,
            (Service::Ec2, _) => Self::Network,
            // The handler's objects are named after it; all others are the agent's.
            (_, Kind::Manifest) if !id.name.contains("/cast-spot-") => Self::Agent,
            (Service::Eks | Service::Kubernetes, _) => Self::Kubernetes,
            (Service::Lambda | Service::Events | Service::Logs | Service::Sqs, _) => Self::Function,
        }
    }

    /// The heading of the part.
    pub(crate) fn heading(self) -> &'static str {
        match self {
            Self::Management => "IAM: the principal that manages the cluster",
            Self::Nodes => "IAM: role of new nodes",
            Self::FunctionRole => "IAM: role of the function",
            Self::Function => "Function and events",
            Self::Network => "Network: access to the private endpoint",
            Self::Kubernetes => "Kubernetes",
            Self::Agent => "Kubernetes: the agent, read-only",
        }
    }
}
