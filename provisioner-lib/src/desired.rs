//! From the request and the facts to what is to be, and what is not to be. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    EVENT_PATTERN_SPOT, RBAC,
    facts::Facts,
    fault::Faults,
    names::{
        self, CAST_EKS_POLICY, DEAD_LETTER_QUEUE, FUNCTION, HANDLER_GROUP, LAMBDA_ROLE, LAMBDA_ROLE_SHARED,
        LOG_GROUP, MANAGED, RULE, SECURITY_GROUP, TAG_CLUSTER, TAG_MANAGED, TAG_NODE_ROLE, TAG_REGION,
    },
    policy::{self, Scope},
    resource::{CLUSTERS_VARIABLE, MappingFields, Network, Principal, Resource, Tags, VPC_ACCESS},
    spec::{Access, Privilege, Spec},
};

mod faults;
mod offboard;

pub use offboard::without;

/// What is to be, and what is to go if it is ours.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Desired {
    /// What is to be.
    pub present: Vec<Resource>,
    /// What is to go.
    pub absent: Vec<Resource>,
}

impl Desired {
    /// All that has to be looked at.
    pub fn all(&self) -> impl Iterator<Item = &Resource> {
        self.present.iter().chain(&self.absent)
    }
}

/// Managed policies of the principal ("Actions performed by the onboarding script").
const PRINCIPAL_POLICIES: [&str; 2] = ["AmazonEC2ReadOnlyAccess", "IAMReadOnlyAccess"];
/// Of the nodes.
const NODE_POLICIES: [&str; 3] =
    ["AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryReadOnly", "AmazonEKS_CNI_Policy"];
/// Of the function's role, as documented.
const LAMBDA_POLICIES: [&str; 3] =
    ["CloudWatchLogsFullAccess", "service-role/AWSLambdaRole", "AmazonEC2ReadOnlyAccess"];

/// From the notice's arrival on, Lambda tries for no longer than the notice is worth anything.
const MAXIMUM_EVENT_AGE: i32 = 120;
const RETRIES: i32 = 2;
/// 512 MB is 0.29 vCPU, enough for a full node's evictions; the two minutes of a notice, and what is around them.
const MEMORY: i32 = 512;
const TIMEOUT: i32 = 150;
/// The longest that SQS keeps a message.
const DEAD_LETTER_RETENTION: u32 = 14 * 24 * 3600;

/// What is to be for `spec`, or all that stands in the way.
pub fn desired(spec: &Spec, facts: &Facts) -> Result<Desired, Faults> {
    let faults = faults::of(spec, facts);
    if !faults.is_empty() {
        return Err(Faults(faults));
    }
    let maker = Maker::new(&spec.cluster, facts);
    let mut present = maker.shared(spec);
    present.extend(maker.principal(spec));
    present.extend(maker.nodes());
    present.extend(maker.function(spec));
    present.extend(maker.network());
    present.extend(maker.kubernetes(spec));
    // The other choices of the same cluster: what an earlier onboarding has made by them goes.
    let wanted: BTreeSet<_> = present.iter().map(Resource::id).collect();
    let absent = maker.choices().into_iter().filter(|other| !wanted.contains(&other.id())).collect();
    let desired = Desired { present, absent };
    let registered =
        facts.register.iter().filter(|own| **own != (facts.region.clone(), spec.cluster.clone())).count() + 1;
    let too_large = faults::too_large(&desired, registered);
    if too_large.is_empty() { Ok(desired) } else { Err(Faults(too_large)) }
}

/// Makes the resources of one cluster.
struct Maker<'a> {
    cluster: &'a str,
    facts: &'a Facts,
    node_role: String,
    principal: String,
}

impl<'a> Maker<'a> {
    fn new(cluster: &'a str, facts: &'a Facts) -> Self {
        let arn = &facts.cluster.arn;
        Self {
            cluster,
            facts,
            node_role: names::node_role(cluster, arn),
            principal: names::principal(cluster, arn),
        }
    }

    fn scope(&self) -> Scope<'_> {
        Scope {
            partition: &self.facts.identity.partition,
            region: &self.facts.region,
            account: &self.facts.identity.account,
            cluster: self.cluster,
            vpc_id: &self.facts.cluster.vpc_id,
            node_role: &self.node_role,
        }
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
        let attach = |policy_arn| Resource::Attachment { principal: principal.clone(), policy_arn };
        names.iter().map(arn).map(attach).collect()
    }

    /// What all clusters of the account share, and this one's entry in the register.
    fn shared(&self, spec: &Spec) -> Vec<Resource> {
        let scope = self.scope();
        let role = Principal::Role(LAMBDA_ROLE.to_owned());
        let inline =
            |name: String, document| Resource::InlinePolicy { role: LAMBDA_ROLE.to_owned(), name, document };
        let own = match spec.privilege {
            Privilege::Documented => policy::handler_dead_letter(&scope),
            Privilege::Least => policy::handler_reads(&scope),
        };
        let mut resources = vec![
            Resource::Policy {
                arn: self.iam_arn(&format!("policy/{CAST_EKS_POLICY}")),
                name: CAST_EKS_POLICY.to_owned(),
                description: "What managing an EKS cluster takes, each principal in its own cluster"
                    .to_owned(),
                document: policy::cast_eks(&scope),
                tags: shared_tags(),
            },
            Resource::Role {
                name: LAMBDA_ROLE.to_owned(),
                description: "Role of the function that handles Spot interruptions".to_owned(),
                trust: policy::lambda_trust(),
                tags: shared_tags(),
            },
            inline(LAMBDA_ROLE_SHARED.to_owned(), own),
            inline(names::registration(scope.region, self.cluster), policy::handler_cluster(&scope)),
        ];
        if spec.privilege == Privilege::Documented {
            resources.extend(self.attach(&role, &LAMBDA_POLICIES));
        }
        resources
    }

    /// The user or role that manages the cluster from outside.
    fn principal(&self, spec: &Spec) -> Vec<Resource> {
        match &spec.access {
            Access::Role { principal, external_id } => {
                self.principal_role(policy::principal_trust(principal, external_id))
            }
            Access::User { rotate_key } => self.principal_user(*rotate_key),
        }
    }

    fn principal_role(&self, trust: Value) -> Vec<Resource> {
        let role = Resource::Role {
            name: self.principal.clone(),
            description: format!("Manages the EKS cluster {} from outside", self.cluster),
            trust,
            tags: self.principal_tags(),
        };
        let rights = self.rights(&Principal::Role(self.principal.clone()));
        [role].into_iter().chain(rights).collect()
    }

    fn principal_user(&self, rotate: bool) -> Vec<Resource> {
        let user = Resource::User { name: self.principal.clone(), tags: self.principal_tags() };
        let rights = self.rights(&Principal::User(self.principal.clone()));
        let key = Resource::AccessKey { user: self.principal.clone(), rotate };
        [user].into_iter().chain(rights).chain([key]).collect()
    }

    fn rights(&self, principal: &Principal) -> Vec<Resource> {
        let restricted = names::restricted_policy(self.cluster, &self.facts.cluster.arn);
        let arn = self.iam_arn(&format!("policy/{restricted}"));
        let policy = Resource::Policy {
            arn: arn.clone(),
            name: restricted,
            description: format!("What managing the EKS cluster {} takes", self.cluster),
            document: policy::restricted(&self.scope()),
            tags: self.tags(),
        };
        let shared = self.iam_arn(&format!("policy/{CAST_EKS_POLICY}"));
        let ours =
            [shared, arn].map(|policy_arn| Resource::Attachment { principal: principal.clone(), policy_arn });
        [policy].into_iter().chain(ours).chain(self.attach(principal, &PRINCIPAL_POLICIES)).collect()
    }

    /// The role that new nodes get, which may join the cluster.
    fn nodes(&self) -> Vec<Resource> {
        let role = Principal::Role(self.node_role.clone());
        let mut resources = vec![
            Resource::Role {
                name: self.node_role.clone(),
                description: format!("Nodes of the EKS cluster {}", self.cluster),
                trust: policy::node_trust(self.scope().partition),
                tags: self.tags(),
            },
            Resource::InstanceProfile {
                name: self.node_role.clone(),
                role: self.node_role.clone(),
                tags: self.tags(),
            },
        ];
        resources.extend(self.attach(&role, &NODE_POLICIES));
        resources.push(self.entry(
            &role,
            "system:node:{{EC2PrivateDNSName}}",
            &["system:bootstrappers", NODES],
        ));
        resources
    }

    /// Lets a principal in by the way that the cluster looks at: as one of `groups`.
    fn entry(&self, principal: &Principal, username: &str, groups: &[&str]) -> Resource {
        if self.facts.cluster.authentication_mode.has_api() {
            self.access_entry(principal, groups)
        } else {
            self.aws_auth(principal, username, groups)
        }
    }

    /// No entry may name a group that begins with `system:`; EKS has a type of entry for nodes and a policy for
    /// administrators instead ("Access entries" and "Access policy permissions" in the EKS User Guide).
    fn access_entry(&self, principal: &Principal, groups: &[&str]) -> Resource {
        let Scope { partition, account, .. } = self.scope();
        let entry_type = if groups.contains(&NODES) { "EC2_LINUX" } else { "STANDARD" };
        let admin = format!("arn:{partition}:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy");
        let policies = if groups.contains(&ADMINS) { vec![admin] } else { Vec::new() };
        Resource::AccessEntry {
            cluster: self.cluster.to_owned(),
            principal: principal.clone(),
            principal_arn: principal.arn(partition, account),
            entry_type: entry_type.to_owned(),
            groups: groups
                .iter()
                .filter(|group| !group.starts_with("system:"))
                .map(ToString::to_string)
                .collect(),
            policies,
            tags: self.tags(),
        }
    }

    fn aws_auth(&self, principal: &Principal, username: &str, groups: &[&str]) -> Resource {
        let Scope { partition, account, .. } = self.scope();
        Resource::AwsAuth {
            principal: principal.clone(),
            mapping: MappingFields {
                users: matches!(principal, Principal::User(_)),
                arn: principal.arn(partition, account),
                username: username.to_owned(),
                groups: groups.iter().map(ToString::to_string).collect(),
            },
        }
    }

    /// The function of the region, and what brings notices to it.
    fn function(&self, spec: &Spec) -> Vec<Resource> {
        let queue = self.arn("sqs", DEAD_LETTER_QUEUE);
        let rule = self.arn("events", &format!("rule/{RULE}"));
        let mut clusters = self.facts.others_in_region();
        clusters.insert(self.cluster.to_owned());
        let mut environment = spec.settings.clone();
        environment.insert(CLUSTERS_VARIABLE.to_owned(), list(&clusters));
        vec![
            Resource::LogGroup {
                name: LOG_GROUP.to_owned(),
                retention_days: spec.log_retention_days,
                tags: shared_tags(),
            },
            Resource::Queue {
                name: DEAD_LETTER_QUEUE.to_owned(),
                retention_seconds: DEAD_LETTER_RETENTION,
                policy: policy::dead_letter_queue(&self.scope()),
                tags: shared_tags(),
            },
            self.function_with(spec, environment, &clusters),
            Resource::InvokeConfig {
                function: FUNCTION.to_owned(),
                maximum_event_age_seconds: MAXIMUM_EVENT_AGE,
                maximum_retry_attempts: RETRIES,
            },
            Resource::Rule {
                name: RULE.to_owned(),
                pattern: serde_json::from_str(EVENT_PATTERN_SPOT).unwrap_or_default(),
                description: "Spot interruption warnings".to_owned(),
                tags: shared_tags(),
            },
            Resource::Permission {
                function: FUNCTION.to_owned(),
                statement_id: RULE.to_owned(),
                principal: "events.amazonaws.com".to_owned(),
                source_arn: rule,
            },
            Resource::Target {
                rule: RULE.to_owned(),
                target_id: FUNCTION.to_owned(),
                arn: self.arn("lambda", &format!("function:{FUNCTION}")),
                dead_letter_arn: queue,
            },
        ]
    }

    fn function_with(
        &self,
        spec: &Spec,
        environment: BTreeMap<String, String>,
        clusters: &BTreeSet<String>,
    ) -> Resource {
        let mut tags = shared_tags();
        // Only then may the cluster's principal change it, see infra/iam/cast-eks.json.
        if clusters.len() == 1 {
            tags.extend(clusters.iter().map(|cluster| (TAG_CLUSTER.to_owned(), cluster.clone())));
        }
        Resource::Function {
            name: FUNCTION.to_owned(),
            role_arn: self.iam_arn(&format!("role/{LAMBDA_ROLE}")),
            runtime: "provided.al2023".to_owned(),
            architecture: spec.package.as_ref().map(|package| package.architecture.to_string()),
            handler: "bootstrap".to_owned(),
            memory_mb: MEMORY,
            timeout_seconds: TIMEOUT,
            environment,
            code: spec.package.as_ref().map(|package| package.code.clone()),
            dead_letter_arn: self.arn("sqs", DEAD_LETTER_QUEUE),
            network: self.place(),
            tags,
        }
    }

    /// Where the function has to be to reach this cluster.
    fn place(&self) -> Option<Network> {
        let cluster = &self.facts.cluster;
        (!cluster.is_open()).then(|| Network {
            vpc_id: cluster.vpc_id.clone(),
            subnet_ids: cluster.subnet_ids.clone(),
            security_group: SECURITY_GROUP.to_owned(),
        })
    }

    /// The way to a private endpoint.
    fn network(&self) -> Vec<Resource> {
        if self.facts.cluster.is_open() {
            return Vec::new();
        }
        self.private_network()
    }

    fn private_network(&self) -> Vec<Resource> {
        let vpc_id = self.facts.cluster.vpc_id.clone();
        let role = Principal::Role(LAMBDA_ROLE.to_owned());
        let mut resources = self.attach(&role, &[&format!("service-role/{VPC_ACCESS}")]);
        resources.push(Resource::SecurityGroup {
            name: SECURITY_GROUP.to_owned(),
            vpc_id: vpc_id.clone(),
            description: "Function that handles Spot interruptions".to_owned(),
            tags: shared_tags(),
        });
        resources.push(Resource::Ingress {
            from: SECURITY_GROUP.to_owned(),
            vpc_id,
            to: self.facts.cluster.security_group_id.clone(),
            port: 443,
        });
        resources
    }

    fn kubernetes(&self, spec: &Spec) -> Vec<Resource> {
        let lambda = Principal::Role(LAMBDA_ROLE.to_owned());
        let mut resources = rbac();
        resources.push(self.entry(&lambda, FUNCTION, &[HANDLER_GROUP]));
        if let Access::User { .. } = spec.access {
            let user = Principal::User(self.principal.clone());
            resources.push(self.entry(&user, &self.principal, &[ADMINS]));
        }
        resources
    }

    /// Everything that any request for this cluster could have made for it alone, and what is chosen for the
    /// shared role.
    fn choices(&self) -> Vec<Resource> {
        let role = Principal::Role(LAMBDA_ROLE.to_owned());
        let mut choices = self.principal_role(policy::principal_trust("*", "*"));
        choices.extend(self.principal_user(false));
        choices.extend(self.attach(&role, &LAMBDA_POLICIES));
        let user = Principal::User(self.principal.clone());
        let node = Principal::Role(self.node_role.clone());
        for principal in [&user, &node, &role] {
            choices.push(self.access_entry(principal, &[]));
            choices.push(self.aws_auth(principal, "", &[]));
        }
        choices
    }

    fn tags(&self) -> Tags {
        let mut tags = shared_tags();
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

/// Group of the mapped user, as the seed has it.
const ADMINS: &str = "system:masters";
/// Group of nodes ("Using Node Authorization" in the Kubernetes documentation).
const NODES: &str = "system:nodes";

fn shared_tags() -> Tags {
    Tags::from([(TAG_MANAGED.to_owned(), MANAGED.to_owned())])
}

fn list(clusters: &BTreeSet<String>) -> String {
    clusters.iter().cloned().collect::<Vec<_>>().join(",")
}

/// The documents of `infra/kubernetes/rbac.yaml`.
fn rbac() -> Vec<Resource> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(RBAC).unwrap_or_default();
    let name = |manifest: &Value| manifest["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let resource = |manifest: Value| {
        if manifest["kind"] == "ClusterRole" {
            Resource::ClusterRole { name: name(&manifest), manifest }
        } else {
            Resource::ClusterRoleBinding { name: name(&manifest), manifest }
        }
    };
    documents.into_iter().map(resource).collect()
}

#[cfg(test)]
mod tests;
