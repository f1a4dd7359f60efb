//! What stands in the way, as far as it can be known before anything is written.

use super::Desired;
use crate::{
    facts::Facts,
    fault::Fault,
    names::{LAMBDA_ROLE, LAMBDA_ROLE_SHARED},
    policy,
    resource::Resource,
    spec::Spec,
};

/// Characters of a managed policy, of a role's inline policies together and of a trust policy, white space not
/// counted ("IAM and AWS STS quotas" in the IAM User Guide).
const POLICY_LIMIT: usize = 6_144;
const INLINE_LIMIT: usize = 10_240;
const TRUST_LIMIT: usize = 2_048;

pub(super) fn of(spec: &Spec, facts: &Facts) -> Vec<Fault> {
    let cluster = &facts.cluster;
    let mut faults = Vec::new();
    if cluster.is_gone() {
        let problem =
            format!("there is no such cluster in {} of account {}", facts.region, facts.identity.account);
        let hint = "`aws eks list-clusters` shows the clusters; --region and --profile choose where to look";
        faults.push(Fault::new("cluster", &cluster.name, problem, hint));
        return faults;
    }
    if cluster.status != "ACTIVE" && cluster.status != "UPDATING" {
        let hint = "wait until `aws eks describe-cluster` says ACTIVE";
        faults.push(Fault::new("cluster", &cluster.name, format!("its status is {}", cluster.status), hint));
    }
    if facts.function.is_none() && spec.package.is_none() {
        let problem = "missing, and there is no function in this region yet";
        faults.push(Fault::new("zip", "", problem, "`cargo build-lambda --output-format zip` builds it"));
    }
    if !cluster.is_open() {
        faults.extend(closed(facts));
    }
    faults
}

/// The API server is not open to everybody: the function has to be in its VPC.
fn closed(facts: &Facts) -> Option<Fault> {
    let cluster = &facts.cluster;
    if !cluster.private_access {
        let problem = "its API server lets only some addresses in, and the function's is none of them";
        let hint = "`aws eks update-cluster-config --resources-vpc-config endpointPrivateAccess=true`: the function is \
                    then put into the VPC";
        return Some(Fault::new("cluster", &cluster.name, problem, hint));
    }
    let vpc = facts.function.as_ref().and_then(|function| function.vpc_id.as_deref())?;
    (vpc != cluster.vpc_id).then(|| {
        let problem = format!(
            "its API server is reached from {} only, and the function of this region is in {vpc} for other clusters",
            cluster.vpc_id
        );
        let hint = "peer the VPCs and open the endpoint, or onboard this cluster from another account";
        Fault::new("cluster", &cluster.name, problem, hint)
    })
}

/// Policies that IAM would refuse.
pub(super) fn too_large(desired: &Desired, registered: usize) -> Vec<Fault> {
    let mut faults = Vec::new();
    let (mut inline, mut registration) = (0, 0);
    for resource in &desired.present {
        match resource {
            Resource::Policy { name, document, .. } if policy::size(document) > POLICY_LIMIT => {
                faults.push(fault(name, policy::size(document), POLICY_LIMIT));
            }
            Resource::Role { name, trust, .. } if policy::size(trust) > TRUST_LIMIT => {
                faults.push(fault(name, policy::size(trust), TRUST_LIMIT));
            }
            Resource::InlinePolicy { name, document, .. } if name == LAMBDA_ROLE_SHARED => {
                inline = policy::size(document);
            }
            Resource::InlinePolicy { document, .. } => registration = policy::size(document),
            _ => {}
        }
    }
    // The others' are as long as ours, but for their names.
    let all = inline + registration * registered;
    if all > INLINE_LIMIT {
        let problem = format!(
            "its inline policies would have {all} characters with {registered} clusters; IAM allows {INLINE_LIMIT}"
        );
        let hint = "offboard clusters that are gone, or onboard this one from another account";
        faults.push(Fault::new("role", LAMBDA_ROLE, problem, hint));
    }
    faults
}

fn fault(name: &str, size: usize, limit: usize) -> Fault {
    let problem = format!("{size} characters; IAM allows {limit}");
    Fault::new("policy", name, problem, "shorten what it is made of: the external id first of all")
}
