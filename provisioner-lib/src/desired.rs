//! From the request and the facts to the target state. Pure.

use std::collections::BTreeSet;

use cast_spot_infra::kubernetes::{ADMISSION, FLOW_CONTROL, MANAGER, RBAC};
use serde_json::Value;

use crate::{
    facts::Facts,
    fault::Faults,
    names::{
        self, ADMIN_GROUP, CAST_EKS_POLICY, DOCUMENTED_POLICY, HANDLER_GROUP, HANDLER_USERNAME, LAMBDA_ROLE,
        LAMBDA_ROLE_SHARED, MANAGED, MANAGER_GROUP, TAG_BOUNDARY, TAG_CLUSTER, TAG_DOCUMENTED, TAG_MANAGED,
        TAG_NODE_ROLE, TAG_REGION, TAG_SETTINGS,
    },
    policy::{self, Scope},
    record,
    resource::{Attachment, Id, InlinePolicy, Kind, Manifest, Policy, Principal, Resource, Role, Tags},
    spec::{Access, Privilege, Spec},
};

mod access;
mod current;
mod faults;
mod function;
mod offboard;

pub(crate) use current::{with_current_choices, with_tags_of_the_rest};
pub(crate) use function::UNRECORDED;
pub use offboard::without;

/// The target state: resources to create or update, and managed resources to delete.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Desired {
    /// Resources to create or update.
    pub present: Vec<Resource>,
    /// Resources to update if they exist; never created.
    pub kept: Vec<Resource>,
    /// Resources to delete if they are managed.
    pub absent: Vec<Resource>,
    /// Of the absent ones, those that a cluster of the same name may have by right.
    pub of_namesakes: BTreeSet<Id>,
}

impl Desired {
    /// All resources to observe.
    pub fn all(&self) -> impl Iterator<Item = &Resource> {
        self.present.iter().chain(&self.kept).chain(&self.absent)
    }
}

/// AWS managed policies of the function's role, as documented.
const LAMBDA_POLICIES: [&str; 3] =
    ["CloudWatchLogsFullAccess", "service-role/AWSLambdaRole", "AmazonEC2ReadOnlyAccess"];

/// The target state for `spec`, or all faults that prevent it.
pub fn desired(spec: &Spec, facts: &Facts) -> Result<Desired, Faults> {
    faults::of(spec, facts).or(())?;
    let resources = Resources::of(spec, facts);
    let mut present = resources.shared(spec);
    present.extend(resources.principal(spec));
    present.extend(resources.nodes());
    present.extend(resources.function(spec));
    present.extend(resources.network());
    present.extend(resources.kubernetes(spec));
    // The other choices of the same cluster: what an earlier onboarding has made by them goes.
    let mut known: BTreeSet<_> = present.iter().map(Resource::id).collect();
    let others = resources.alternatives().into_iter().chain(function::layers(facts));
    let absent = others.filter(|other| known.insert(other.id())).collect();
    // Another cluster may need it.
    let mut kept = Vec::new();
    if facts.cluster.is_open() {
        kept = resources.vpc_access();
        kept.extend(resources.group_of(resources.place().as_ref()));
    }
    let desired = Desired { present, kept, absent, ..Desired::default() };
    faults::too_large(&desired, facts).or(desired)
}

/// The resources of one cluster.
struct Resources<'a> {
    cluster: &'a str,
    facts: &'a Facts,
    node_role: String,
    principal: String,
    privilege: Privilege,
    /// Chosen tags of everything.
    extra_tags: Tags,
    boundary: Option<String>,
    image_owners: Vec<String>,
}

impl<'a> Resources<'a> {
    fn of(spec: &'a Spec, facts: &'a Facts) -> Self {
        let cluster = &spec.cluster;
        let recorded = if facts.is_documented() { Privilege::Documented } else { Privilege::Least };
        Self {
            cluster,
            facts,
            node_role: names::node_role(cluster, &facts.cluster.arn),
            principal: facts.principal(),
            privilege: spec.privilege.unwrap_or(recorded),
            extra_tags: spec.tags.clone(),
            boundary: spec.permissions_boundary.clone(),
            image_owners: spec.image_owners.clone().unwrap_or_default(),
        }
    }

    fn scope(&self) -> Scope<'_> {
        Scope { image_owners: &self.image_owners, ..self.facts.scope(self.cluster, &self.node_role) }
    }

    fn arn(&self, service: &str, resource: &str) -> String {
        let Scope { partition, region, account, .. } = self.scope();
        format!("arn:{partition}:{service}:{region}:{account}:{resource}")
    }

    fn iam_arn(&self, resource: &str) -> String {
        let Scope { partition, account, .. } = self.scope();
        format!("arn:{partition}:iam::{account}:{resource}")
    }

    fn attach(&self, principal: &Principal, names: &[&str]) -> Vec<Resource> {
        let partition = self.scope().partition;
        let arn = |name: &&str| format!("arn:{partition}:iam::aws:policy/{name}");
        let attach =
            |policy_arn| Resource::Attachment(Attachment { principal: principal.clone(), policy_arn });
        names.iter().map(arn).map(attach).collect()
    }

    fn registration(&self) -> String {
        names::registration(&self.facts.region, self.cluster, self.facts.uses_hashed_name())
    }

    /// What all clusters of the account share, and this one's entry in the register.
    fn shared(&self, spec: &Spec) -> Vec<Resource> {
        let scope = self.scope();
        let role = Principal::Role(LAMBDA_ROLE.to_owned());
        let inline = |name: String, document| {
            Resource::InlinePolicy(InlinePolicy { role: LAMBDA_ROLE.to_owned(), name, document })
        };
        let privilege = self.privilege_of_function();
        let own = match privilege {
            Privilege::Documented => policy::handler_dead_letter(&scope),
            Privilege::Least => policy::handler_reads(&scope),
        };
        let mut resources = vec![
            Resource::Policy(Policy {
                arn: self.iam_arn(&format!("policy/{CAST_EKS_POLICY}")),
                name: CAST_EKS_POLICY.to_owned(),
                description: "What managing an EKS cluster takes, each principal in its own cluster"
                    .to_owned(),
                document: policy::cast_eks(&scope),
                tags: self.shared_tags(),
            }),
            Resource::Role(Role {
                name: LAMBDA_ROLE.to_owned(),
                description: "Role of the function that handles Spot interruptions".to_owned(),
                trust: policy::lambda_trust(),
                boundary: self.boundary.clone(),
                tags: self.tags_of_function_role(spec),
            }),
            inline(LAMBDA_ROLE_SHARED.to_owned(), own),
            inline(self.registration(), policy::handler_cluster(&scope)),
        ];
        if privilege == Privilege::Documented {
            resources.extend(self.attach(&role, &LAMBDA_POLICIES));
        }
        resources
    }

    /// What the function's role may do: all that one of the clusters of the account was given.
    fn privilege_of_function(&self) -> Privilege {
        self.privilege.max(self.privilege_of_others())
    }

    fn privilege_of_others(&self) -> Privilege {
        if self.facts.has_documented_others() { Privilege::Documented } else { Privilege::Least }
    }

    /// Tags of the function's role: the records of all clusters and regions, which no principal of a cluster may write.
    fn tags_of_function_role(&self, spec: &Spec) -> Tags {
        let Facts { region, cluster, .. } = self.facts;
        let mut tags = self.records_of_others();
        let record = self.facts.recorded_code();
        tags.extend(match &spec.package {
            Some(package) => record.followed_by(&package.code.sha256).tags(region),
            None => record.tags(region),
        });
        let settings = function::settings(spec, self.facts);
        let chosen: Vec<_> =
            settings.iter().map(|(name, value)| format!("{name}={}", record::encoded(value))).collect();
        if !chosen.is_empty() {
            tags.insert(format!("{TAG_SETTINGS}{region}"), chosen.join(" "));
        }
        tags.extend(self.boundary.iter().filter_map(|boundary| record::tag(TAG_BOUNDARY, boundary)));
        if self.privilege == Privilege::Documented {
            let tag = format!("{TAG_DOCUMENTED}{}", names::suffix(&cluster.arn));
            tags.insert(tag, format!("{region}/{}", self.cluster));
        }
        tags
    }

    fn records_of_others(&self) -> Tags {
        let mut tags = self.shared_tags();
        tags.extend(self.facts.records_of_others());
        tags
    }

    fn kubernetes(&self, spec: &Spec) -> Vec<Resource> {
        let lambda = Principal::Role(LAMBDA_ROLE.to_owned());
        let mut resources = in_cluster();
        resources.push(self.entry(&lambda, HANDLER_USERNAME, &[HANDLER_GROUP]));
        if let Access::User { cluster_admin, .. } = spec.access {
            let user = Principal::User(self.principal.clone());
            let group = if cluster_admin { ADMIN_GROUP } else { MANAGER_GROUP };
            resources.push(self.entry(&user, &self.principal, &[group]));
            resources.extend(if cluster_admin { Vec::new() } else { objects(&[MANAGER]) });
        }
        resources
    }

    /// Everything that any request for this cluster could have made for it alone, and what is chosen for the
    /// shared role.
    fn alternatives(&self) -> Vec<Resource> {
        let role = Principal::Role(LAMBDA_ROLE.to_owned());
        let mut alternatives = self.principal_role("*", "*");
        alternatives.extend(self.principal_user(false));
        alternatives.extend(self.documented_rights(&Principal::Role(self.principal.clone())));
        alternatives.extend(self.documented_rights(&Principal::User(self.principal.clone())));
        if self.facts.has_documented_others() {
            // Their principals have it.
            alternatives.retain(|other| other.id() != Id::new(Kind::Policy, DOCUMENTED_POLICY));
        }
        alternatives.extend(self.attach(&role, &LAMBDA_POLICIES));
        alternatives.extend(objects(&[MANAGER]));
        let user = Principal::User(self.principal.clone());
        let node = Principal::Role(self.node_role.clone());
        for principal in [&user, &node, &role] {
            alternatives.push(self.access_entry(principal, "", &[]));
            alternatives.push(self.aws_auth(principal, "", &[]));
        }
        alternatives
    }

    fn shared_tags(&self) -> Tags {
        let ours = (TAG_MANAGED.to_owned(), MANAGED.to_owned());
        self.extra_tags.clone().into_iter().chain([ours]).collect()
    }

    fn tags(&self) -> Tags {
        let mut tags = self.shared_tags();
        tags.insert(TAG_CLUSTER.to_owned(), self.cluster.to_owned());
        tags.insert(TAG_REGION.to_owned(), self.facts.region.clone());
        tags
    }

    fn principal_tags(&self) -> Tags {
        let mut tags = self.tags();
        tags.insert(TAG_NODE_ROLE.to_owned(), self.node_role.clone());
        tags
    }
}

fn list(clusters: &BTreeSet<String>) -> String {
    clusters.iter().cloned().collect::<Vec<_>>().join(",")
}

/// What lets the handler into the cluster, holds it to its writes and gives it its share of the API server: the
/// documents of `infra/kubernetes/rbac.yaml`, `admission.yaml` and `flow-control.yaml`.
fn in_cluster() -> Vec<Resource> {
    objects(&[RBAC, ADMISSION, FLOW_CONTROL])
}

fn objects(texts: &[&str]) -> Vec<Resource> {
    let documents = texts.iter().map(|text| serde_saphyr::from_multiple::<Value>(text));
    let manifests = documents.flat_map(Result::unwrap_or_default);
    manifests.map(|manifest| Manifest::new(manifest).into()).collect()
}

#[cfg(test)]
mod tests;
