//! The function of the region: what it is, what brings notices to it, and its way to a private endpoint.

use std::collections::{BTreeMap, BTreeSet};

use cast_spot_infra::events::{self, SELF_TEST, SELF_TEST_RULE};
use serde_json::Value;

use super::{Resources, list};
use crate::{
    endpoints::{ENDPOINTS_VARIABLE, Endpoints, layer},
    facts::{Cluster, Facts},
    names::{
        CLUSTERS_VARIABLE, DEAD_LETTER_QUEUE, FUNCTION, LAMBDA_ROLE, LAMBDA_ROLE_VPC, LAYER, LOG_GROUP,
        SECURITY_GROUP, TAG_CLUSTER, TAG_RETENTION, VPC_ACCESS,
    },
    policy,
    resource::{
        Code, Function, Ingress, InlinePolicy, InvokeConfig, Layer, LogGroup, Network, Permission, Principal,
        Queue, Resource, Rule, SecurityGroup, Tags, Target,
    },
    spec::Spec,
};

/// From the notice's arrival on, Lambda tries for no longer than the notice is worth anything.
const MAXIMUM_EVENT_AGE: i32 = 120;
/// A second try a minute later still helps; a third one would come too late.
const RETRIES: i32 = 1;
/// 512 MB is 0.29 vCPU, enough for a full node's evictions; the two minutes of a notice, and what is around them.
const MEMORY: i32 = 512;
const TIMEOUT: i32 = 150;
/// In the place of the SHA-256 of code that no onboarding has recorded.
pub(crate) const UNRECORDED: &str = "unrecorded";
/// Days of log.
const USUAL_RETENTION: i32 = 30;
/// A function in a VPC that is not called for some weeks becomes inactive, and its next call fails ("Lambda function
/// states" in the Lambda Developer Guide); and a way into a cluster that breaks is noticed within a day.
const SELF_TEST_SCHEDULE: &str = "rate(1 day)";
/// The longest that SQS keeps a message.
const DEAD_LETTER_RETENTION: u32 = 14 * 24 * 3600;

impl Resources<'_> {
    /// The function of the region, and what brings notices to it.
    pub(super) fn function(&self, spec: &Spec) -> Vec<Resource> {
        let mut clusters = self.facts.others_in_region();
        clusters.insert(self.cluster.to_owned());
        let mut environment = settings(spec, self.facts);
        let code = serve(&mut environment, &clusters, self.facts);
        let mut resources = vec![
            self.log_group(spec),
            Resource::Queue(Queue {
                name: DEAD_LETTER_QUEUE.to_owned(),
                retention_seconds: DEAD_LETTER_RETENTION,
                encrypted: true,
                policy: policy::dead_letter_queue(&self.scope()),
                tags: self.shared_tags(),
            }),
            self.function_with(spec, environment, code.as_ref()),
            Resource::InvokeConfig(InvokeConfig {
                function: FUNCTION.to_owned(),
                maximum_event_age_seconds: MAXIMUM_EVENT_AGE,
                maximum_retry_attempts: RETRIES,
                others: BTreeMap::new(),
            }),
        ];
        resources.extend(code.map(layer_of));
        resources.extend(events::ALL.iter().flat_map(|kind| {
            self.called_by(Resource::Rule(Rule {
                name: kind.rule.to_owned(),
                pattern: serde_json::from_str(kind.pattern).unwrap_or_default(),
                schedule: None,
                description: kind.description.to_owned(),
                tags: self.served_tags(),
            }))
        }));
        resources.extend(self.called_by(Resource::Rule(Rule {
            name: SELF_TEST_RULE.to_owned(),
            pattern: Value::Null,
            schedule: Some(SELF_TEST_SCHEDULE.to_owned()),
            description: "Self-test of the function that handles Spot interruptions".to_owned(),
            tags: self.served_tags(),
        })));
        resources
    }

    /// A rule, its right to call the function, and the function as its target. An event of a pattern is handed on as
    /// it is; in the place of a scheduled one comes the self-test.
    fn called_by(&self, rule: Resource) -> [Resource; 3] {
        let name = rule.id().name;
        let is_scheduled = matches!(&rule, Resource::Rule(Rule { schedule: Some(_), .. }));
        [
            rule,
            Resource::Permission(Permission {
                function: FUNCTION.to_owned(),
                statement_id: name.clone(),
                principal: "events.amazonaws.com".to_owned(),
                source_arn: self.arn("events", &format!("rule/{name}")),
            }),
            Resource::Target(Target {
                rule: name,
                target_id: FUNCTION.to_owned(),
                arn: self.arn("lambda", &format!("function:{FUNCTION}")),
                dead_letter_arn: self.arn("sqs", DEAD_LETTER_QUEUE),
                input: is_scheduled.then(|| serde_json::from_str(SELF_TEST).unwrap_or_default()),
                others: BTreeMap::new(),
            }),
        ]
    }

    /// Tags of function and rule. Only where they serve no other cluster of the account may the cluster's
    /// principal change them, see `infra/iam/cast-eks.json`: the function's role acts in all of them.
    fn served_tags(&self) -> Tags {
        let mut tags = self.shared_tags();
        if !self.facts.has_others() {
            tags.insert(TAG_CLUSTER.to_owned(), self.cluster.to_owned());
        }
        tags
    }

    fn function_with(
        &self,
        spec: &Spec,
        environment: BTreeMap<String, String>,
        layer: Option<&Code>,
    ) -> Resource {
        let record = self.facts.recorded_code();
        Resource::Function(Function {
            name: FUNCTION.to_owned(),
            role_arn: self.iam_arn(&format!("role/{LAMBDA_ROLE}")),
            runtime: "provided.al2023".to_owned(),
            architecture: spec.package.as_ref().map(|package| package.architecture.to_string()),
            handler: "bootstrap".to_owned(),
            memory_mb: MEMORY,
            timeout_seconds: TIMEOUT,
            environment,
            code: match &spec.package {
                Some(package) => Some(package.code.clone()),
                None => Some(Code::known(record.code.as_deref().unwrap_or(UNRECORDED))),
            },
            record,
            dead_letter_arn: self.arn("sqs", DEAD_LETTER_QUEUE),
            network: self.place(),
            layer: layer.map(|code| code.sha256.clone()),
            other_layers: Vec::new(),
            others: BTreeMap::new(),
            tags: self.served_tags(),
        })
    }

    /// Where the function has to be to reach this cluster and the others.
    pub(super) fn place(&self) -> Option<Network> {
        let cluster = &self.facts.cluster;
        self.place_for((!cluster.is_open()).then_some(cluster))
    }

    /// In no VPC where all API servers are open. Else in the subnets of one of the private clusters: where it is already,
    /// else of `own`.
    pub(super) fn place_for(&self, own: Option<&Cluster>) -> Option<Network> {
        let function = self.facts.function.clone().unwrap_or_default();
        let private: Vec<&Cluster> = own.into_iter().chain(self.facts.private_others()).collect();
        let sorted = |ids: &[String]| ids.iter().cloned().collect::<BTreeSet<_>>();
        let is_there = |cluster: &&&Cluster| {
            function.vpc_id.as_deref() == Some(&cluster.vpc_id)
                && sorted(&function.subnet_ids) == sorted(&cluster.private_subnet_ids())
        };
        let cluster = private.iter().find(is_there).or(private.first())?;
        Some(Network {
            vpc_id: cluster.vpc_id.clone(),
            subnet_ids: cluster.private_subnet_ids(),
            security_group: SECURITY_GROUP.to_owned(),
        })
    }

    /// The security group of a place.
    pub(super) fn group_of(&self, place: Option<&Network>) -> Option<Resource> {
        place.map(|network| self.security_group(&network.vpc_id))
    }

    /// The way to a private endpoint.
    pub(super) fn network(&self) -> Vec<Resource> {
        if self.facts.cluster.is_open() {
            return Vec::new();
        }
        let mut resources = self.vpc_access();
        resources.push(self.security_group(&self.facts.cluster.vpc_id));
        resources.push(self.ingress());
        resources
    }

    pub(super) fn ingress(&self) -> Resource {
        Resource::Ingress(Ingress {
            from: SECURITY_GROUP.to_owned(),
            vpc_id: self.facts.cluster.vpc_id.clone(),
            to: self.facts.cluster.security_group_id.clone(),
            port: 443,
        })
    }

    /// What Lambda needs to put the function into a VPC, and what keeps that from the function's code.
    pub(super) fn vpc_access(&self) -> Vec<Resource> {
        let role = LAMBDA_ROLE.to_owned();
        let mut resources =
            self.attach(&Principal::Role(role.clone()), &[&format!("service-role/{VPC_ACCESS}")]);
        let document = policy::handler_vpc(&self.scope());
        resources.push(InlinePolicy { role, name: LAMBDA_ROLE_VPC.to_owned(), document }.into());
        resources
    }

    fn log_group(&self, spec: &Spec) -> Resource {
        let retention_days = spec.log_retention_days.unwrap_or(USUAL_RETENTION);
        let mut tags = self.shared_tags();
        tags.insert(TAG_RETENTION.to_owned(), retention_days.to_string());
        Resource::LogGroup(LogGroup { name: LOG_GROUP.to_owned(), retention_days, tags })
    }

    pub(super) fn security_group(&self, vpc_id: &str) -> Resource {
        Resource::SecurityGroup(SecurityGroup {
            name: SECURITY_GROUP.to_owned(),
            vpc_id: vpc_id.to_owned(),
            description: "Function that handles Spot interruptions".to_owned(),
            tags: self.shared_tags(),
        })
    }
}

/// Settings of the function: those that were chosen before, unless they are chosen now. An empty value clears one.
pub(super) fn settings(spec: &Spec, facts: &Facts) -> BTreeMap<String, String> {
    let mut settings = facts.recorded_settings();
    settings.extend(spec.settings.clone());
    settings.retain(|_, value| !value.is_empty());
    settings
}

/// Has the function serve these clusters, and know where their API servers are, as EKS describes them. Where they do not
/// all fit into the environment, all of them are in the layer that is returned.
pub(super) fn serve(
    environment: &mut BTreeMap<String, String>,
    clusters: &BTreeSet<String>,
    facts: &Facts,
) -> Option<Code> {
    environment.remove(ENDPOINTS_VARIABLE);
    environment.remove(layer::FILE_VARIABLE);
    environment.insert(CLUSTERS_VARIABLE.to_owned(), list(clusters));
    let described = facts.earlier.others.iter().chain([&facts.cluster]);
    let endpoints = Endpoints::of(described.filter(|cluster| clusters.contains(&cluster.name)));
    let code = if endpoints.fits(environment) { None } else { layer::pack(&endpoints) };
    if code.is_some() {
        environment.insert(layer::FILE_VARIABLE.to_owned(), layer::FILE.to_owned());
    } else if !endpoints.is_empty() {
        environment.insert(ENDPOINTS_VARIABLE.to_owned(), endpoints.text());
    }
    code
}

/// The version of our layer that has this content.
pub(super) fn layer_of(code: Code) -> Resource {
    Resource::Layer(Layer { name: LAYER.to_owned(), code })
}

/// All versions of our layer that there are.
pub(super) fn layers(facts: &Facts) -> impl Iterator<Item = Resource> {
    facts.earlier.layers.iter().map(Code::known).map(layer_of)
}
