//! What comes before what.

use std::collections::BTreeMap;

use super::{CLUSTERS_VARIABLE, Id, Kind, Network, Resource, VPC_ACCESS, last, layer};
use crate::names;

impl Resource {
    /// What has to stand before it is made, and may only go after it has gone. What is not ours (AWS managed
    /// policies) is in no plan and thus never waited for. The first one is the whole that a part belongs to.
    #[must_use]
    pub fn needs(&self) -> Vec<Id> {
        match self {
            Self::Policy { .. }
            | Self::Role { .. }
            | Self::User { .. }
            | Self::LogGroup { .. }
            | Self::Queue { .. }
            | Self::Rule { .. }
            | Self::Layer { .. }
            | Self::ClusterRole { .. } => Vec::new(),
            // Lambda frees its network interfaces by the role's rights, and only then can the group go ("Giving Lambda
            // functions access to resources in an Amazon VPC" in the Lambda developer guide).
            Self::SecurityGroup { .. } => {
                vec![Id::new(Kind::Attachment, format!("{}/{VPC_ACCESS}", names::LAMBDA_ROLE))]
            }
            Self::Attachment { principal, policy_arn } => {
                vec![principal.id(), Id::new(Kind::Policy, last(policy_arn))]
            }
            Self::InlinePolicy { role, .. } | Self::InstanceProfile { role, .. } => {
                vec![Id::new(Kind::Role, role)]
            }
            Self::AccessKey { user, .. } => vec![Id::new(Kind::User, user)],
            Self::Ingress { from, vpc_id, .. } => {
                vec![Id::new(Kind::SecurityGroup, format!("{vpc_id}/{from}"))]
            }
            Self::Function { role_arn, dead_letter_arn, network, environment, layer: attached, .. } => {
                let mut needs = function_needs(role_arn, dead_letter_arn, network.as_ref(), environment);
                needs.extend(attached.iter().map(|sha256| layer(names::LAYER, sha256)));
                needs
            }
            Self::InvokeConfig { function, .. } | Self::Permission { function, .. } => {
                vec![Id::new(Kind::Function, function)]
            }
            Self::Target { rule, arn, dead_letter_arn, .. } => {
                let function = arn.rsplit(':').next().unwrap_or_default();
                let queue = dead_letter_arn.rsplit(':').next().unwrap_or_default();
                let allowed = Id::new(Kind::Permission, format!("{function}/{rule}"));
                vec![
                    Id::new(Kind::Rule, rule),
                    Id::new(Kind::Function, function),
                    allowed,
                    Id::new(Kind::Queue, queue),
                ]
            }
            Self::AccessEntry { principal, .. } | Self::AwsAuth { principal, .. } => vec![principal.id()],
            Self::ClusterRoleBinding { name, .. } => vec![Id::new(Kind::ClusterRole, name)],
            Self::Manifest { manifest } => manifest.needs(),
        }
    }
}

/// Lambda looks at the role when it takes a function: whether it may send to the queue and enter the VPC. And a
/// cluster is registered before it is served: see [`crate::facts::Facts`].
fn function_needs(
    role_arn: &str,
    dead_letter_arn: &str,
    network: Option<&Network>,
    environment: &BTreeMap<String, String>,
) -> Vec<Id> {
    let role = last(role_arn);
    let (region, queue) = (dead_letter_arn.split(':').nth(3), dead_letter_arn.rsplit(':').next());
    let inline = |name: &str| Id::new(Kind::InlinePolicy, format!("{role}/{name}"));
    let mut needs = vec![
        Id::new(Kind::Role, role),
        inline(names::LAMBDA_ROLE_SHARED),
        Id::new(Kind::Queue, queue.unwrap_or_default()),
        Id::new(Kind::LogGroup, names::LOG_GROUP),
        Id::new(Kind::Attachment, format!("{role}/{VPC_ACCESS}")),
    ];
    needs.extend(network.map(|network| {
        Id::new(Kind::SecurityGroup, format!("{}/{}", network.vpc_id, network.security_group))
    }));
    let clusters = environment.get(CLUSTERS_VARIABLE).map_or("", String::as_str);
    let registrations = clusters.split(',').filter(|name| !name.is_empty());
    let region = region.unwrap_or_default();
    // Which of the two it is called is not told here; the other is in no plan.
    needs.extend(
        registrations.flat_map(|name| {
            [false, true].map(|by_hash| inline(&names::registration(region, name, by_hash)))
        }),
    );
    needs
}
