//! What is to be when a cluster has gone: the others as before, and nothing of this one.

use std::collections::{BTreeMap, BTreeSet};

use super::{Desired, Maker, list, rbac, shared_tags};
use crate::{
    facts::Facts,
    names::{self, LAMBDA_ROLE, TAG_CLUSTER},
    resource::{CLUSTERS_VARIABLE, Principal, Resource},
    spec::{Access, Privilege, Spec},
};

/// Without `cluster`. The parts of the region go with its last cluster, those of the account with the last of all.
#[must_use]
pub fn without(cluster: &str, facts: &Facts) -> Desired {
    let maker = Maker::new(cluster, facts);
    let spec = any(cluster);
    let others = facts.others_in_region();
    let mut desired = Desired::default();

    for resource in maker.shared(&spec) {
        let own = resource.id().name.ends_with(&names::registration(&facts.region, cluster));
        if own || !facts.has_others() {
            desired.absent.push(resource);
        }
    }
    let role = Principal::Role(LAMBDA_ROLE.to_owned());
    for resource in maker.choices().into_iter().chain(maker.nodes()).chain(maker.private_network()) {
        let goes = match &resource {
            Resource::Attachment { principal, .. } if *principal == role => !facts.has_others(),
            Resource::SecurityGroup { .. } => others.is_empty(),
            _ => true,
        };
        if goes {
            desired.absent.push(resource);
        }
    }
    for resource in maker.function(&spec) {
        if others.is_empty() {
            desired.absent.push(resource);
        } else if let Resource::Function { .. } | Resource::Rule { .. } = resource {
            // Where there is none, none is made: this is an offboarding.
            desired.kept.push(serving(resource, &others, facts));
        }
    }
    if !facts.cluster.is_gone() {
        desired.absent.extend(rbac());
    }
    // What only the cluster itself knows has gone with it.
    let inside =
        |resource: &Resource| matches!(resource, Resource::AccessEntry { .. } | Resource::AwsAuth { .. });
    let nowhere =
        |resource: &Resource| matches!(resource, Resource::SecurityGroup { .. } | Resource::Ingress { .. });
    desired.absent.retain(|resource| !facts.cluster.is_gone() || !(inside(resource) || nowhere(resource)));
    let mut seen = BTreeSet::new();
    desired.absent.retain(|resource| seen.insert(resource.id()));
    desired
}

/// Function and rules for the other clusters alone; once more of one of them, if it is the only one left.
fn serving(mut resource: Resource, others: &BTreeSet<String>, facts: &Facts) -> Resource {
    if let Resource::Function { environment, network, .. } = &mut resource {
        environment.insert(CLUSTERS_VARIABLE.to_owned(), list(others));
        *network = None;
    }
    if let Resource::Function { tags, .. } | Resource::Rule { tags, .. } = &mut resource {
        *tags = shared_tags();
        let elsewhere = facts.register.iter().any(|(region, _)| *region != facts.region);
        if let ([only], false) = (&others.iter().collect::<Vec<_>>()[..], elsewhere) {
            tags.insert(TAG_CLUSTER.to_owned(), (*only).clone());
        }
    }
    resource
}

/// A request whose choices do not matter: what it would make is looked for, whatever it looks like.
fn any(cluster: &str) -> Spec {
    Spec {
        cluster: cluster.to_owned(),
        access: Access::User { rotate_key: false },
        privilege: Privilege::Documented,
        log_retention_days: 0,
        settings: BTreeMap::new(),
        package: None,
        adopt: false,
    }
}
