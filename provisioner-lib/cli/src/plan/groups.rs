//! The parts of an onboarding, in the terms of the documentation.

use cast_spot_provisioner::{
    facts::Facts,
    names::{self, LAMBDA_ROLE},
    resource::{Id, Kind, Service},
};

/// A part: its place in the display, and its heading.
pub(crate) type Group = (u8, &'static str);

const MANAGEMENT: Group = (0, "IAM: the principal that manages the cluster");
const NODES: Group = (1, "IAM: role of new nodes");
const FUNCTION_ROLE: Group = (2, "IAM: role of the function");
const FUNCTION: Group = (3, "Function and events");
const NETWORK: Group = (4, "Network: access to the private endpoint");
const KUBERNETES: Group = (5, "Kubernetes");
const AGENT: Group = (6, "Kubernetes: the agent, read-only");

/// The part of `id`.
pub(crate) fn group_of(id: &Id, facts: &Facts) -> Group {
    let whole = id.name.split('/').next().unwrap_or_default();
    match (id.kind.service(), id.kind) {
        (Service::Iam, _) if whole == LAMBDA_ROLE => FUNCTION_ROLE,
        (Service::Iam, _) if whole == names::node_role(&facts.cluster.name, &facts.cluster.arn) => NODES,
        (Service::Iam, _) => MANAGEMENT,
        (Service::Ec2, _) => NETWORK,
        // The handler's objects are named after it; all others are the agent's.
        (_, Kind::Manifest) if !id.name.contains("/cast-spot-") => AGENT,
        (Service::Eks | Service::Kubernetes, _) => KUBERNETES,
        (Service::Lambda | Service::Events | Service::Logs | Service::Sqs, _) => FUNCTION,
    }
}
