//! The state of account and cluster from which the target state follows: caller, cluster, function, register.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::{
    names::{self, CLUSTERS_VARIABLE},
    policy::Scope,
    record,
    resource::CodeRecord,
};

pub use cast_spot_cloud::{AuthenticationMode, Cluster, Identity};

/// The deployed function. Who manages a cluster may have written it, so nothing of it becomes part of the target state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CurrentFunction {
    /// Clusters that its environment lists.
    pub clusters: BTreeSet<String>,
    /// The VPC that it is in.
    pub vpc_id: Option<String>,
    /// Its subnets there.
    pub subnet_ids: Vec<String>,
    /// Its revision: a write that follows from these facts is valid only for this one.
    pub revision: Option<String>,
}

impl CurrentFunction {
    /// A function with these environment variables.
    #[must_use]
    pub fn with(variables: &BTreeMap<String, String>) -> Self {
        let clusters = variables.get(CLUSTERS_VARIABLE).map_or("", String::as_str).split(',').map(str::trim);
        let clusters = clusters.filter(|name| !name.is_empty()).map(str::to_owned).collect();
        Self { clusters, ..Self::default() }
    }
}

/// Everything that is read before planning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// The caller.
    pub identity: Identity,
    /// The region of the calls.
    pub region: String,
    /// The cluster.
    pub cluster: Cluster,
    /// The function of the region, if it exists. Read before the register, so that a cluster that another onboarding
    /// adds in between is in the register.
    pub function: Option<CurrentFunction>,
    /// Registered clusters of the account: region and name.
    pub register: BTreeSet<(String, String)>,
    /// Traces of earlier onboardings.
    pub earlier: PreviousRuns,
}

/// Traces of earlier onboardings, besides the register.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PreviousRuns {
    /// The other registered clusters of the region that still exist, as EKS describes them.
    pub others: Vec<Cluster>,
    /// Registered clusters whose principal is named [by hash](names::principal_by_hash).
    pub by_hash: BTreeSet<(String, String)>,
    /// VPCs with a security group of ours. Read only where cluster or function do not name the VPC.
    pub vpcs: BTreeSet<String>,
    /// Versions of our layer, by SHA-256.
    pub layers: BTreeSet<String>,
    /// Tags of the function's role, which no principal of a cluster may write.
    pub role_tags: BTreeMap<String, String>,
}

impl Facts {
    /// What the placeholders of the policies of `cluster` stand for, with the VPC of these facts.
    pub(crate) fn scope<'a>(&'a self, cluster: &'a str, node_role: &'a str) -> Scope<'a> {
        Scope {
            partition: &self.identity.partition,
            region: &self.region,
            account: &self.identity.account,
            cluster,
            vpc_id: &self.cluster.vpc_id,
            node_role,
            image_owners: &[],
        }
    }

    /// The code that cast-spot gave the region's function.
    #[must_use]
    pub fn recorded_code(&self) -> CodeRecord {
        CodeRecord::read(&self.earlier.role_tags, &self.region)
    }

    /// Settings that were chosen for the region's function.
    #[must_use]
    pub fn recorded_settings(&self) -> BTreeMap<String, String> {
        let settings = self.recorded(names::TAG_SETTINGS).unwrap_or_default().split(' ');
        settings
            .filter_map(|one| one.split_once('='))
            .map(|(name, value)| (name.to_owned(), record::decoded(value)))
            .collect()
    }

    /// Whether the documented privilege was chosen for this cluster.
    #[must_use]
    pub fn is_documented(&self) -> bool {
        self.documented().any(|(cluster, _)| cluster == self.own())
    }

    /// Other registered clusters that it was chosen for: region and name.
    pub fn documented_others(&self) -> impl Iterator<Item = (String, String)> {
        let chosen = self.documented().map(|(cluster, _)| cluster);
        chosen.filter(|cluster| *cluster != self.own() && self.register.contains(cluster))
    }

    /// Whether there are any.
    #[must_use]
    pub fn has_documented_others(&self) -> bool {
        self.documented_others().next().is_some()
    }

    /// Clusters with the documented privilege, and their tags.
    fn documented(&self) -> impl Iterator<Item = ((String, String), &str)> {
        let tags = self.earlier.role_tags.iter();
        tags.filter(|(key, _)| key.starts_with(names::TAG_DOCUMENTED)).filter_map(|(key, value)| {
            let (region, name) = value.split_once('/')?;
            Some(((region.to_owned(), name.to_owned()), key.as_str()))
        })
    }

    /// Tags of the function's role that are about other clusters and regions, or all of them.
    pub(crate) fn records_of_others(&self) -> BTreeMap<String, String> {
        let own: Vec<&str> =
            self.documented().filter(|(cluster, _)| *cluster == self.own()).map(|(_, key)| key).collect();
        let is_others = |key: &str| {
            let of_region = [names::TAG_CODE, names::TAG_PREVIOUS, names::TAG_SETTINGS];
            let region = of_region.iter().find_map(|tag| key.strip_prefix(tag));
            let is_documented = key.starts_with(names::TAG_DOCUMENTED) && !own.contains(&key);
            region.is_some_and(|region| region != self.region) || is_documented || key == names::TAG_BOUNDARY
        };
        let tags = self.earlier.role_tags.iter().filter(|(key, _)| is_others(key));
        tags.map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    fn recorded(&self, tag: &str) -> Option<&str> {
        self.earlier.role_tags.get(&format!("{tag}{}", self.region)).map(String::as_str)
    }

    /// Region and name of the cluster, as the register has them.
    fn own(&self) -> (String, String) {
        (self.region.clone(), self.cluster.name.clone())
    }

    /// Whether the cluster's principal is named by hash: if it was registered so, or if another cluster has the plain
    /// name. IAM names are not case sensitive ("IAM identifiers" in the IAM User Guide).
    #[must_use]
    pub fn uses_hashed_name(&self) -> bool {
        let own = self.own();
        if self.register.contains(&own) {
            return self.earlier.by_hash.contains(&own);
        }
        let takes_it = |other: &(String, String)| {
            other.1.eq_ignore_ascii_case(&own.1) && *other != own && !self.earlier.by_hash.contains(other)
        };
        self.register.iter().any(takes_it)
    }

    /// Name of the user or role that manages the cluster.
    #[must_use]
    pub fn principal(&self) -> String {
        let Cluster { name, arn, .. } = &self.cluster;
        if self.uses_hashed_name() {
            names::principal_by_hash(name, arn)
        } else {
            names::principal(name, arn)
        }
    }

    /// Other registered clusters of this region. What the function lists beyond them may be planted, and goes.
    #[must_use]
    pub fn others_in_region(&self) -> BTreeSet<String> {
        let here = self.register.iter().filter(|(region, name)| {
            (region, name) != (&self.region, &self.cluster.name) && *region == self.region
        });
        here.map(|(_, name)| name.clone()).collect()
    }

    /// Those of them that are reached from their VPC alone, where that matters: the function is in a VPC, or has to be for
    /// this cluster.
    pub(crate) fn private_others(&self) -> impl Iterator<Item = &Cluster> {
        let is_in_vpc = self.function.iter().any(|function| function.vpc_id.is_some());
        let matters = is_in_vpc || !self.cluster.is_open();
        self.earlier.others.iter().filter(move |other| matters && !other.is_open())
    }

    /// Whether another cluster of the account, in any region, is registered.
    #[must_use]
    pub fn has_others(&self) -> bool {
        self.register.iter().any(|registered| *registered != self.own())
    }

    /// Whether other clusters of this region are being onboarded or offboarded: registered, but not in the function's list.
    /// An offboarding removes its cluster from the list first, and a list that has changed meanwhile is not overwritten; so
    /// only these can come back into it.
    pub(crate) fn has_others_in_transition(&self) -> bool {
        let listed = self.function.as_ref().map(|function| &function.clusters);
        self.others_in_region().iter().any(|name| !listed.is_some_and(|listed| listed.contains(name)))
    }

    /// Whether the function lists another cluster that is not registered.
    pub(crate) fn lists_unregistered(&self) -> bool {
        let others = self.others_in_region();
        let mut listed = self.function.iter().flat_map(|function| &function.clusters);
        listed.any(|name| *name != self.cluster.name && !others.contains(name))
    }
}
