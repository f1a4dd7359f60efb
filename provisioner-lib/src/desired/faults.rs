//! What stands in the way, as far as it can be known before anything is written.

use super::Desired;
use crate::{
    facts::{Cluster, Facts},
    fault::{Fault, Faults},
    names::{LAMBDA_ROLE, LAMBDA_ROLE_VPC, registered},
    policy::{self, Scope},
    record,
    resource::{InlinePolicy, Policy, Resource, Role, Tags},
    spec::{Access, Spec, partition_of},
};

/// Characters of a managed policy, of a role's inline policies together and of a trust policy, white space not
/// counted ("IAM and AWS STS quotas" in the IAM User Guide).
const POLICY_LIMIT: usize = 6_144;
const INLINE_LIMIT: usize = 10_240;
const TRUST_LIMIT: usize = 2_048;
/// Tags of a role, same page.
const TAGS_LIMIT: usize = 50;

pub(super) fn of(spec: &Spec, facts: &Facts) -> Faults {
    let cluster = &facts.cluster;
    let mut faults = Faults::default();
    if cluster.is_gone() {
        let problem =
            format!("there is no such cluster in {} of account {}", facts.region, facts.identity.account);
        let hint = "`aws eks list-clusters` shows the clusters; --region and --profile choose where to look";
        faults.add("cluster", &cluster.name, problem, hint);
        return faults;
    }
    if cluster.status != "ACTIVE" && cluster.status != "UPDATING" {
        let hint = "wait until `aws eks describe-cluster` says ACTIVE";
        faults.add("cluster", &cluster.name, format!("its status is {}", cluster.status), hint);
    }
    if facts.function.is_none() && spec.package.is_none() {
        let problem = "missing, and there is no function in this region yet";
        faults.add(
            "zip",
            "",
            problem,
            "name it with --zip; `cargo build-lambda --output-format zip` builds it",
        );
    }
    if let Access::Role { principal, .. } = &spec.access
        && partition_of(principal) != facts.identity.partition
    {
        let problem =
            format!("of another partition than {}, which IAM does not trust", facts.identity.partition);
        let hint = "give a principal of the same partition, or --mode user";
        faults.add("principal", principal, problem, hint);
    }
    if !cluster.is_open() {
        faults.0.extend(closed(spec, facts));
    }
    faults
}

/// The API server is not open to everybody: the function has to be in its VPC.
fn closed(spec: &Spec, facts: &Facts) -> Option<Fault> {
    let cluster = &facts.cluster;
    if !cluster.private_access {
        let problem = "its API server lets only some addresses in, and the function's is none of them";
        let hint = "`aws eks update-cluster-config --resources-vpc-config endpointPrivateAccess=true`: the function is \
                    then put into the VPC";
        return Some(Fault::new("cluster", &cluster.name, problem, hint));
    }
    if cluster.private_subnet_ids().is_empty() {
        let problem = "all of its subnets go to the internet by an internet gateway, which gives a function in them no \
                       way out";
        let hint = "add a subnet with a NAT gateway, or with VPC endpoints, to the cluster: `aws eks \
                    update-cluster-config --resources-vpc-config subnetIds=…`";
        return Some(Fault::new("cluster", &cluster.name, problem, hint));
    }
    let others: Vec<String> = facts.others_in_region().into_iter().collect();
    let function = facts.function.clone().unwrap_or_default();
    let needed = facts.private_others().next();
    let vpc = needed.map(|other| other.vpc_id.as_str()).or(function.vpc_id.as_deref());
    if vpc == Some(&cluster.vpc_id) || others.is_empty() {
        return None;
    }
    let others = others.join(", ");
    Some(match needed {
        Some(Cluster { name, vpc_id, .. }) => {
            let problem = format!(
                "its API server is reached from {} only, and the function of this region is in {vpc_id} for {name}",
                cluster.vpc_id
            );
            let hint = "peer the VPCs and open the endpoint, or onboard this cluster from another account";
            Fault::new("cluster", &cluster.name, problem, hint)
        }
        None if !spec.move_function => {
            let problem = format!(
                "its API server is reached from {} only, and the function of this region, which serves {others}, would \
                 be put there: it reaches them from then on only if the subnets have a way to the internet",
                cluster.vpc_id
            );
            Fault::new("cluster", &cluster.name, problem, "if they have, give --move-function")
        }
        None => return None,
    })
}

/// Policies and tags that IAM would refuse.
pub(super) fn too_large(desired: &Desired, facts: &Facts) -> Faults {
    let mut faults = Faults::default();
    for resource in &desired.present {
        match resource {
            Resource::Policy(Policy { name, document, .. }) if policy::size(document) > POLICY_LIMIT => {
                faults.0.push(fault(name, policy::size(document), POLICY_LIMIT));
            }
            Resource::Role(Role { name, trust, tags, .. }) => {
                if policy::size(trust) > TRUST_LIMIT {
                    faults.0.push(fault(name, policy::size(trust), TRUST_LIMIT));
                }
                too_many(name, tags, &mut faults);
            }
            _ => {}
        }
    }
    faults.0.extend(register(desired, facts));
    faults
}

/// The inline policies of the function's role, one for each cluster of the account, and what they have in common: for
/// private API servers, too, which any of the clusters may have.
fn register(desired: &Desired, facts: &Facts) -> Option<Fault> {
    let inline = desired.present.iter().filter_map(|resource| match resource {
        Resource::InlinePolicy(InlinePolicy { role, name, document }) if role == LAMBDA_ROLE => {
            Some((name.as_str(), policy::size(document)))
        }
        _ => None,
    });
    let (own, shared): (Vec<_>, Vec<_>) = inline.partition(|(name, _)| registered(name).is_some());
    let own: usize = own.iter().map(|(_, size)| size).sum();
    let shared = shared.iter().filter(|(name, _)| *name != LAMBDA_ROLE_VPC).map(|(_, size)| size);
    let shared = shared.sum::<usize>() + policy::size(&policy::handler_vpc(&facts.scope("", "")));
    let this = (facts.region.as_str(), facts.cluster.name.as_str());
    let others = facts.register.iter().map(|(region, name)| (region.as_str(), name.as_str()));
    let others = others.filter(|other| *other != this).map(|(region, cluster)| {
        policy::size(&policy::handler_cluster(&Scope { region, ..facts.scope(cluster, "") }))
    });
    let sizes: Vec<usize> = others.chain([own]).collect();
    let all = shared + sizes.iter().sum::<usize>();
    (all > INLINE_LIMIT).then(|| {
        let problem = format!(
            "its inline policies would have {all} characters with {} clusters; IAM allows {INLINE_LIMIT}, which is enough \
             for {} clusters with names like this one's",
            sizes.len(),
            (INLINE_LIMIT - shared) / own.max(1)
        );
        let hint = "offboard clusters that are gone, or onboard this one from another account";
        Fault::new("role", LAMBDA_ROLE, problem, hint)
    })
}

/// Tags that IAM would refuse: those of the function's role record the choices of all regions and clusters.
fn too_many(role: &str, tags: &Tags, faults: &mut Faults) {
    if tags.len() > TAGS_LIMIT {
        let problem = format!("it would have {} tags; IAM allows {TAGS_LIMIT}", tags.len());
        faults.add("role", role, problem, "give fewer --tags, or onboard this cluster from another account");
    }
    for (key, value) in tags.iter().filter(|(_, value)| value.chars().count() > record::LIMIT) {
        let problem = format!("{} characters; IAM allows {}", value.chars().count(), record::LIMIT);
        let hint = "shorten the values of --env and --tags; `--env NAME=` clears a setting";
        faults.add("tag", key, problem, hint);
    }
}

fn fault(name: &str, size: usize, limit: usize) -> Fault {
    let problem = format!("{size} characters; IAM allows {limit}");
    Fault::new("policy", name, problem, "shorten what it is made of: the external id first of all")
}
