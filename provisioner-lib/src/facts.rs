//! What has to be known before anything can be desired: who asks, what cluster it is, who else is registered.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::{
    endpoints::{ENDPOINTS_VARIABLE, Endpoints, Sizes, layer},
    names::{self, CLUSTERS_VARIABLE},
};

pub use cast_spot_cloud::{AuthenticationMode, Cluster, Identity};

/// The function as it is now, as far as others depend on it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CurrentFunction {
    /// Clusters in its environment.
    pub clusters: BTreeSet<String>,
    /// Endpoints in its environment and its layer.
    pub endpoints: Endpoints,
    /// Whether its environment names the file of our layer.
    pub names_layer: bool,
    /// How much of its environment is taken, and by what.
    pub sizes: Sizes,
    /// The VPC that it is in.
    pub vpc_id: Option<String>,
    /// Its revision: what is written goes by these facts only as long as it has this one.
    pub revision: Option<String>,
}

impl CurrentFunction {
    /// A function with an environment.
    #[must_use]
    pub fn with(variables: &BTreeMap<String, String>) -> Self {
        let value = |name: &str| variables.get(name).map_or("", String::as_str);
        let clusters = value(CLUSTERS_VARIABLE).split(',').map(str::trim);
        Self {
            clusters: clusters.filter(|name| !name.is_empty()).map(str::to_owned).collect(),
            endpoints: Endpoints::read(value(ENDPOINTS_VARIABLE)),
            names_layer: value(layer::FILE_VARIABLE) == layer::FILE,
            sizes: Sizes::of(variables),
            ..Self::default()
        }
    }

    /// With the endpoints of our layer. The environment precedes it, as in the handler.
    #[must_use]
    pub fn with_layer(self, layer: Endpoints) -> Self {
        Self { endpoints: self.endpoints.beside(layer), ..self }
    }
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// Who makes the calls.
    pub identity: Identity,
    /// The region of the calls.
    pub region: String,
    /// The cluster.
    pub cluster: Cluster,
    /// The function, if there is one in the region. Looked at before the register: a cluster that another
    /// onboarding adds in between is then in the register.
    pub function: Option<CurrentFunction>,
    /// Registered clusters of the account: region and name.
    pub register: BTreeSet<(String, String)>,
    /// What earlier onboardings have left.
    pub earlier: Earlier,
}

/// What earlier onboardings have left, beside the register.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Earlier {
    /// Registered clusters whose principal is named [by hash](names::principal_by_hash).
    pub by_hash: BTreeSet<(String, String)>,
    /// VPCs with a security group of ours. Looked for only where cluster or function, which would tell, are gone.
    pub vpcs: BTreeSet<String>,
    /// Versions of our layer, by SHA-256.
    pub layers: BTreeSet<String>,
}

impl Facts {
    /// Region and name of the cluster, as the register has them.
    fn own(&self) -> (String, String) {
        (self.region.clone(), self.cluster.name.clone())
    }

    /// Whether the cluster's principal is named by hash: as it has been registered, and else where another cluster
    /// has taken the plain name. IAM takes upper and lower case for the same ("IAM identifiers" in the IAM User Guide).
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

    /// Clusters of this region that the function serves besides this one.
    #[must_use]
    pub fn others_in_region(&self) -> BTreeSet<String> {
        let registered =
            self.register.iter().filter(|(region, _)| *region == self.region).map(|(_, name)| name.clone());
        let served = self.function.iter().flat_map(|function| function.clusters.iter().cloned());
        registered.chain(served).filter(|name| *name != self.cluster.name).collect()
    }

    /// Whether another cluster of the account, in any region, is registered.
    #[must_use]
    pub fn has_others(&self) -> bool {
        let own = self.own();
        self.register.iter().any(|registered| *registered != own) || !self.others_in_region().is_empty()
    }

    /// Clusters of this region that are registered and not in the function's list: they come or go at this moment. One
    /// that goes has the function let go of it first, and a list that was changed meanwhile cannot be written over; so
    /// only these can be written back into it after they have gone.
    pub(crate) fn in_transition(&self) -> BTreeSet<String> {
        let listed = |name: &String| self.function.iter().any(|function| function.clusters.contains(name));
        let here = self.register.iter().filter(|(region, _)| *region == self.region);
        here.map(|(_, name)| name.clone())
            .filter(|name| *name != self.cluster.name && !listed(name))
            .collect()
    }

    /// Of those that were [on their way](Self::in_transition), the ones that are registered no more have gone, whatever
    /// the function lists.
    pub(crate) fn without_departed(&self, in_transition: &BTreeSet<String>) -> Self {
        let mut facts = self.clone();
        if let Some(function) = &mut facts.function {
            function.clusters.retain(|name| {
                !in_transition.contains(name) || self.register.contains(&(self.region.clone(), name.clone()))
            });
        }
        facts
    }
}
