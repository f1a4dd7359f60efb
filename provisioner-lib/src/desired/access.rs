//! Who gets in: the principal that manages the cluster, its nodes, and by what way.

use super::Resources;
use crate::{
    names::{
        self, ADMIN_GROUP, ADMIN_POLICY, CAST_EKS_POLICY, DOCUMENTED_POLICY, HANDLER_GROUP, NODE_ROLE_VPC,
        TAG_EXTERNAL_ID, TAG_PRINCIPAL,
    },
    policy::{self, Scope},
    record,
    resource::{
        AccessEntry, AccessKey, Attachment, AwsAuth, InlinePolicy, InstanceProfile, Mapping, Policy,
        Principal, Resource, Role, User,
    },
    spec::{Access, Privilege, Spec},
};

/// Managed policies of the principal ("Actions performed by the onboarding script").
const PRINCIPAL_POLICIES: [&str; 2] = ["AmazonEC2ReadOnlyAccess", "IAMReadOnlyAccess"];
/// Of the nodes.
const NODE_POLICIES: [&str; 3] =
    ["AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryReadOnly", "AmazonEKS_CNI_Policy"];
/// Group of nodes ("Using Node Authorization" in the Kubernetes documentation).
const NODES: &str = "system:nodes";

impl Resources<'_> {
    /// The user or role that manages the cluster from outside.
    pub(super) fn principal(&self, spec: &Spec) -> Vec<Resource> {
        match &spec.access {
            Access::Role { principal, external_id } => self.principal_role(principal, external_id),
            Access::User { rotate_key, .. } => self.principal_user(*rotate_key),
        }
    }

    pub(super) fn principal_role(&self, principal: &str, external_id: &str) -> Vec<Resource> {
        let records = [(TAG_PRINCIPAL, principal), (TAG_EXTERNAL_ID, external_id)];
        let records = records.into_iter().filter_map(|(key, choice)| record::tag(key, choice));
        let role = Resource::Role(Role {
            name: self.principal.clone(),
            description: format!("Manages the EKS cluster {} from outside", self.cluster),
            trust: policy::principal_trust(principal, external_id),
            boundary: self.boundary.clone(),
            tags: self.principal_tags().into_iter().chain(records).collect(),
        });
        let rights = self.rights(&Principal::Role(self.principal.clone()));
        [role].into_iter().chain(rights).collect()
    }

    pub(super) fn principal_user(&self, rotate: bool) -> Vec<Resource> {
        let user = Resource::User(User {
            name: self.principal.clone(),
            boundary: self.boundary.clone(),
            tags: self.principal_tags(),
        });
        let rights = self.rights(&Principal::User(self.principal.clone()));
        let key = Resource::AccessKey(AccessKey { user: self.principal.clone(), rotate });
        [user].into_iter().chain(rights).chain([key]).collect()
    }

    pub(super) fn rights(&self, principal: &Principal) -> Vec<Resource> {
        let restricted = names::restricted_policy(self.cluster, &self.facts.cluster.arn);
        let arn = self.iam_arn(&format!("policy/{restricted}"));
        let policy = Resource::Policy(Policy {
            arn: arn.clone(),
            name: restricted,
            description: format!("What managing the EKS cluster {} takes", self.cluster),
            document: policy::restricted(&self.scope()),
            tags: self.tags(),
        });
        let shared = self.iam_arn(&format!("policy/{CAST_EKS_POLICY}"));
        let ours = [shared, arn]
            .map(|policy_arn| Resource::Attachment(Attachment { principal: principal.clone(), policy_arn }));
        let mut rights: Vec<_> = [policy].into_iter().chain(ours).collect();
        rights.extend(self.attach(principal, &PRINCIPAL_POLICIES));
        if self.privilege == Privilege::Documented {
            rights.extend(self.documented_rights(principal));
        }
        rights
    }

    /// What the principal has with the documented privilege alone.
    pub(super) fn documented_rights(&self, principal: &Principal) -> [Resource; 2] {
        let arn = self.iam_arn(&format!("policy/{DOCUMENTED_POLICY}"));
        let policy = Policy {
            arn: arn.clone(),
            name: DOCUMENTED_POLICY.to_owned(),
            description: "What CAST AI's documentation grants beyond CastEKSPolicy".to_owned(),
            document: policy::documented(&self.scope()),
            tags: self.shared_tags(),
        };
        [policy.into(), Attachment { principal: principal.clone(), policy_arn: arn }.into()]
    }

    /// The role that new nodes get, which may join the cluster.
    pub(super) fn nodes(&self) -> Vec<Resource> {
        let role = Principal::Role(self.node_role.clone());
        let boundary_arn = self.iam_arn(&format!("policy/{}", self.node_role));
        let mut resources = vec![
            Resource::Policy(Policy {
                arn: boundary_arn.clone(),
                name: self.node_role.clone(),
                description: format!("Boundary of the role of new nodes of the EKS cluster {}", self.cluster),
                document: policy::node_boundary(&self.scope()),
                tags: self.tags(),
            }),
            Resource::Role(Role {
                name: self.node_role.clone(),
                description: format!("Nodes of the EKS cluster {}", self.cluster),
                trust: policy::node_trust(self.scope().partition),
                boundary: Some(self.boundary.clone().unwrap_or(boundary_arn)),
                tags: self.tags(),
            }),
            Resource::InstanceProfile(InstanceProfile {
                name: self.node_role.clone(),
                role: self.node_role.clone(),
                tags: self.tags(),
            }),
        ];
        // Before the policy that it limits, which a boundary that was chosen does not.
        resources.push(Resource::InlinePolicy(InlinePolicy {
            role: self.node_role.clone(),
            name: NODE_ROLE_VPC.to_owned(),
            document: policy::node_vpc(&self.scope()),
        }));
        resources.extend(self.attach(&role, &NODE_POLICIES));
        resources.push(self.entry(
            &role,
            "system:node:{{EC2PrivateDNSName}}",
            &["system:bootstrappers", NODES],
        ));
        resources
    }

    /// Lets a principal in by the way that the cluster looks at: as one of `groups`.
    pub(super) fn entry(&self, principal: &Principal, username: &str, groups: &[&str]) -> Resource {
        if self.facts.cluster.authentication_mode.has_api() {
            self.access_entry(principal, username, groups)
        } else {
            self.aws_auth(principal, username, groups)
        }
    }

    /// No entry may name a group that begins with `system:`; EKS has a type of entry for nodes and a policy for
    /// administrators instead ("Access entries" and "Access policy permissions" in the EKS User Guide). The usernames of
    /// nodes and users are those that it gives by itself.
    pub(super) fn access_entry(&self, principal: &Principal, username: &str, groups: &[&str]) -> Resource {
        let Scope { partition, account, .. } = self.scope();
        let entry_type = if groups.contains(&NODES) { "EC2_LINUX" } else { "STANDARD" };
        let admin = format!("arn:{partition}:eks::aws:cluster-access-policy/{ADMIN_POLICY}");
        let policies = if groups.contains(&ADMIN_GROUP) { vec![admin] } else { Vec::new() };
        Resource::AccessEntry(AccessEntry {
            cluster: self.cluster.to_owned(),
            principal: principal.clone(),
            principal_arn: principal.arn(partition, account),
            entry_type: entry_type.to_owned(),
            username: groups.contains(&HANDLER_GROUP).then(|| username.to_owned()),
            groups: groups
                .iter()
                .filter(|group| !group.starts_with("system:"))
                .map(ToString::to_string)
                .collect(),
            policies,
            tags: self.tags(),
        })
    }

    pub(super) fn aws_auth(&self, principal: &Principal, username: &str, groups: &[&str]) -> Resource {
        let Scope { partition, account, .. } = self.scope();
        Resource::AwsAuth(AwsAuth {
            principal: principal.clone(),
            mapping: Mapping {
                users: matches!(principal, Principal::User(_)),
                arn: principal.arn(partition, account),
                username: username.to_owned(),
                groups: groups.iter().map(ToString::to_string).collect(),
            },
        })
    }
}
