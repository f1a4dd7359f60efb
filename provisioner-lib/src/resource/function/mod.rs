//! Functions of Lambda.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Changes, Code, CodeRecord, Describe, Id, Kind, Layer, Tags, compared, last, named, tagged};
use crate::{
    endpoints::{ENDPOINTS_VARIABLE, Endpoints},
    names::{self, CLUSTERS_VARIABLE, VPC_ACCESS},
};

pub(crate) mod aws;
mod commands;

/// Lambda function. It is exactly this; foreign tags are left as they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Function {
    pub name: String,
    pub role_arn: String,
    pub runtime: String,
    /// None: the one found is right.
    pub architecture: Option<String>,
    pub handler: String,
    pub memory_mb: i32,
    pub timeout_seconds: i32,
    pub environment: BTreeMap<String, String>,
    /// None: the one found is right.
    pub code: Option<Code>,
    /// Code that others gave it is not kept to go back to.
    #[serde(skip)]
    pub record: CodeRecord,
    pub dead_letter_arn: String,
    /// None: it is in no VPC.
    pub network: Option<Network>,
    /// SHA-256 of our layer, if it has one.
    pub layer: Option<String>,
    /// ARNs of other layers. None is wanted: a layer's code runs with the function's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_layers: Vec<String>,
    /// Settings beyond these, by name. None is wanted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub others: BTreeMap<String, String>,
    pub tags: Tags,
}

impl Describe for Function {
    const SERVES_ALL: bool = true;

    tagged!();

    named!(name);

    /// Lambda checks the role when a function is written: whether it may send to the queue and enter the VPC. And a
    /// cluster is registered before it is served: see [`crate::facts::Facts`].
    fn needs(&self) -> Vec<Id> {
        let role = last(&self.role_arn);
        let (region, queue) =
            (self.dead_letter_arn.split(':').nth(3), self.dead_letter_arn.rsplit(':').next());
        let inline = |name: &str| Id::new(Kind::InlinePolicy, format!("{role}/{name}"));
        let mut needs = vec![
            Id::new(Kind::Role, role),
            inline(names::LAMBDA_ROLE_SHARED),
            Id::new(Kind::Queue, queue.unwrap_or_default()),
            Id::new(Kind::LogGroup, names::LOG_GROUP),
            Id::new(Kind::Attachment, format!("{role}/{VPC_ACCESS}")),
        ];
        needs.extend(self.network.as_ref().map(|network| {
            Id::new(Kind::SecurityGroup, format!("{}/{}", network.vpc_id, network.security_group))
        }));
        let clusters = self.environment.get(CLUSTERS_VARIABLE).map_or("", String::as_str);
        for cluster in clusters.split(',').filter(|name| !name.is_empty()) {
            // Which of the two names it has is not known here; the other is in no plan.
            needs.extend(
                [false, true].map(|by_hash| {
                    inline(&names::registration(region.unwrap_or_default(), cluster, by_hash))
                }),
            );
        }
        needs.extend(self.layer.iter().map(|sha256| Layer::id_of(names::LAYER, sha256)));
        needs
    }

    fn compare(&self, found: &Self, changes: &mut Changes) {
        compared!(changes, self, found; role_arn: field, runtime: field);
        if self.architecture.is_some() {
            changes.field("architecture", &self.architecture, &found.architecture);
        }
        compared!(changes, self, found; handler: field, memory_mb: field, timeout_seconds: field);
        self.compare_environment(found, changes);
        if let Some(code) = &self.code {
            changes.field("code", &Some(&code.sha256), &found.code.as_ref().map(|code| &code.sha256));
        }
        compared!(changes, self, found; dead_letter_arn: field, layer: field, other_layers: unordered, others: named);
        Network::compare(self.network.as_ref(), found.network.as_ref(), changes);
    }
}

impl Function {
    /// Endpoints can be written in several ways; malformed ones equal nothing.
    fn compare_environment(&self, found: &Self, changes: &mut Changes) {
        let valid = |text: Option<&String>| text.and_then(|text| Endpoints::read(text));
        let mut names: Vec<&str> =
            self.environment.keys().chain(found.environment.keys()).map(String::as_str).collect();
        names.push(CLUSTERS_VARIABLE);
        names.sort_unstable();
        names.dedup();
        for name in names {
            let (wanted, found) = (self.environment.get(name), found.environment.get(name));
            let endpoints = valid(wanted).filter(|_| name == ENDPOINTS_VARIABLE);
            if endpoints.is_none() || endpoints != valid(found) {
                changes.field(&format!("environment.{name}"), &wanted, &found);
            }
        }
    }
}

/// A function's place in a VPC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// The VPC.
    pub vpc_id: String,
    /// Its subnets.
    pub subnet_ids: Vec<String>,
    /// Name of the security group, in this VPC.
    pub security_group: String,
}

impl Network {
    /// The fields of a place.
    pub(crate) const FIELDS: [&str; 3] = ["vpc_id", "subnet_ids", "security_group"];

    fn compare(wanted: Option<&Self>, found: Option<&Self>, changes: &mut Changes) {
        let field = |of: fn(&Self) -> &str| (wanted.map(of), found.map(of));
        let (vpc, group) = (field(|place| &place.vpc_id), field(|place| &place.security_group));
        changes.field("vpc_id", &vpc.0, &vpc.1);
        if let (Some(wanted), Some(found)) = (wanted, found) {
            changes.unordered("subnet_ids", &wanted.subnet_ids, &found.subnet_ids);
        } else {
            let subnets = |place: Option<&Self>| place.map(|place| place.subnet_ids.clone());
            changes.field("subnet_ids", &subnets(wanted), &subnets(found));
        }
        changes.field("security_group", &group.0, &group.1);
    }
}
