//! Desired state once a cluster is offboarded: the others as before, nothing of this one.

use std::collections::BTreeSet;

use super::{
    Desired, Resources,
    function::{layer_of, layers, serve},
    in_cluster,
};
use crate::{
    facts::Facts,
    names::{self, LAMBDA_ROLE, LAMBDA_ROLE_SHARED, TAG_CLUSTER, TAG_DOCUMENTED, VPC_ACCESS},
    policy,
    resource::{Attachment, Function, InlinePolicy, Principal, Resource, Role, Rule},
    spec::{Access, Privilege, Spec},
};

/// Without `cluster`. The parts of the region go with its last cluster, those of the account with the last of all.
#[must_use]
pub fn without(cluster: &str, facts: &Facts) -> Desired {
    let spec = any(cluster);
    let resources = Resources::of(&spec, facts);
    let others = facts.others_in_region();
    let mut desired = Desired::default();

    for resource in resources.shared(&spec) {
        let own = resource.id().name.ends_with(&format!("/{}", resources.registration()));
        if own || !facts.has_others() {
            desired.absent.push(resource);
        } else if let Some(shared) = resources.left(resource, others.is_empty()) {
            desired.kept.push(shared);
        }
    }
    let role = Principal::Role(LAMBDA_ROLE.to_owned());
    let own = resources.alternatives().into_iter().chain(resources.nodes()).chain(resources.vpc_access());
    let other = by_other_name(&spec, facts);
    desired.of_namesakes.extend(other.iter().flat_map(|other| {
        [Principal::Role(other.principal.clone()).id(), Principal::User(other.principal.clone()).id()]
    }));
    for resource in own.chain(other.iter().flat_map(Resources::alternatives)) {
        let is_shared = match &resource {
            // Those of the documented privilege go with the last cluster that has it.
            Resource::Attachment(Attachment { principal, policy_arn }) => {
                *principal == role && (facts.has_documented_others() || policy_arn.ends_with(VPC_ACCESS))
            }
            Resource::InlinePolicy(InlinePolicy { role, .. }) => role == LAMBDA_ROLE,
            _ => false,
        };
        if !is_shared || !facts.has_others() {
            desired.absent.push(resource);
        }
    }
    if others.is_empty() {
        desired.absent.extend(vpcs(facts).iter().map(|vpc_id| resources.security_group(vpc_id)));
    }
    for resource in resources.function(&spec) {
        if others.is_empty() {
            desired.absent.push(resource);
            continue;
        }
        // Where there is none, none is made: this is an offboarding.
        match resource {
            Resource::Function(_) | Resource::Rule(_) => {
                let (served, layer) = serving(resource, &others, &resources);
                desired.kept.push(served);
                desired.present.extend(layer.filter(|_| facts.function.is_some()));
            }
            // With them, those of others are seen.
            Resource::InvokeConfig(_) | Resource::Permission(_) | Resource::Target(_) => {
                desired.kept.push(resource);
            }
            _ => {}
        }
    }
    if !others.is_empty() {
        desired.kept.extend(resources.group_of(resources.place_for(None).as_ref()));
    }
    let wanted: BTreeSet<_> = desired.present.iter().map(Resource::id).collect();
    desired.absent.extend(layers(facts).filter(|layer| !wanted.contains(&layer.id())));
    // What only the cluster itself knows is gone with it.
    if facts.cluster.is_gone() {
        let inside = |resource: &Resource| {
            matches!(resource, Resource::AccessEntry(_) | Resource::AwsAuth(_) | Resource::Manifest(_))
        };
        desired.absent.retain(|resource| !inside(resource));
    } else {
        desired.absent.push(resources.ingress());
        desired.absent.extend(in_cluster());
    }
    let mut seen = BTreeSet::new();
    desired.absent.retain(|resource| seen.insert(resource.id()));
    desired
}

impl Resources<'_> {
    /// What other clusters of the account keep of the function's role: their records, and what they need.
    fn left(&self, resource: Resource, is_last_of_region: bool) -> Option<Resource> {
        let documented = self.privilege_of_others() == Privilege::Documented;
        match resource {
            Resource::Role(role) => {
                let mut tags = self.records_of_others();
                if !is_last_of_region {
                    let own = role.tags.into_iter().filter(|(key, _)| !key.starts_with(TAG_DOCUMENTED));
                    tags.extend(own);
                }
                Some(Role { tags, ..role }.into())
            }
            Resource::InlinePolicy(policy) if policy.name == LAMBDA_ROLE_SHARED && !documented => {
                let document = policy::handler_reads(&self.scope());
                Some(InlinePolicy { document, ..policy }.into())
            }
            _ => None,
        }
    }
}

/// With the principal's other name: a run that ended before the cluster was registered may have chosen that one.
fn by_other_name<'a>(spec: &'a Spec, facts: &'a Facts) -> Option<Resources<'a>> {
    let (cluster, arn) = (&spec.cluster, &facts.cluster.arn);
    let resources = Resources::of(spec, facts);
    let both = [names::principal(cluster, arn), names::principal_by_hash(cluster, arn)];
    let principal = both.into_iter().find(|name| *name != resources.principal)?;
    Some(Resources { principal, ..resources })
}

/// Where our security group may be: a cluster that is gone does not tell, nor does a function that is gone.
fn vpcs(facts: &Facts) -> BTreeSet<String> {
    let of_function = facts.function.as_ref().and_then(|function| function.vpc_id.clone());
    let known = of_function.into_iter().chain([facts.cluster.vpc_id.clone()]);
    known.chain(facts.earlier.vpcs.iter().cloned()).filter(|vpc_id| !vpc_id.is_empty()).collect()
}

/// Function and rules for the other clusters alone; once more of one of them, if it is the only one left. With the
/// layer that the function needs then.
fn serving(
    mut resource: Resource,
    others: &BTreeSet<String>,
    resources: &Resources,
) -> (Resource, Option<Resource>) {
    let facts = resources.facts;
    let mut code = None;
    if let Resource::Function(Function { environment, network, layer, code: own_code, .. }) = &mut resource {
        code = serve(environment, others, facts);
        *layer = code.as_ref().map(|code| code.sha256.clone());
        *network = resources.place_for(None);
        *own_code = None;
    }
    if let Resource::Function(Function { tags, .. }) | Resource::Rule(Rule { tags, .. }) = &mut resource {
        *tags = resources.shared_tags();
        let elsewhere = facts.register.iter().any(|(region, _)| *region != facts.region);
        if let ([only], false) = (&others.iter().collect::<Vec<_>>()[..], elsewhere) {
            tags.insert(TAG_CLUSTER.to_owned(), (*only).clone());
        }
    }
    (resource, code.map(layer_of))
}

/// A request whose choices do not matter: what it would make is looked for, whatever it looks like.
fn any(cluster: &str) -> Spec {
    let access = Access::User { rotate_key: false, cluster_admin: false };
    Spec { privilege: Some(Privilege::Documented), ..Spec::new(cluster, access) }
}
