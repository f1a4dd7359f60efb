//! What IAM would refuse of a plan, for all that is there already.

use std::collections::{BTreeMap, BTreeSet};

use super::{Action, Observed, Plan};
use crate::{
    fault::{Fault, Faults},
    resource::{Attachment, Principal, Resource},
};

/// Managed policies of a role or user ("IAM and AWS STS quotas" in the IAM User Guide). An account can have more for its
/// roles; that one of ours needs it, with policies that are not ours, has not been seen.
const ATTACHED: usize = 10;

/// Principals that would have more managed policies than IAM allows.
pub(crate) fn too_many(plan: &Plan, observed: &Observed) -> Faults {
    let mut attached: BTreeMap<&Principal, BTreeSet<&str>> = BTreeMap::new();
    for found in observed.values() {
        if let Resource::Attachment(Attachment { principal, policy_arn }) = &found.resource {
            attached.entry(principal).or_default().insert(policy_arn);
        }
    }
    let before = attached.clone();
    for step in &plan.steps {
        if let Resource::Attachment(Attachment { principal, policy_arn }) = &step.resource {
            let all = attached.entry(principal).or_default();
            match step.action {
                Action::Create => drop(all.insert(policy_arn)),
                Action::Delete => drop(all.remove(policy_arn.as_str())),
                _ => {}
            }
        }
    }
    let grows = |principal: &Principal, all: &BTreeSet<&str>| {
        all.len() > ATTACHED && before.get(principal).is_none_or(|before| before.len() < all.len())
    };
    let faults = attached.iter().filter(|(principal, all)| grows(principal, all)).map(|(principal, all)| {
        let problem = format!("it would have {} managed policies, and IAM allows {ATTACHED}", all.len());
        Fault::new(principal.word(), principal.name(), problem, "detach those that cast-spot did not attach")
    });
    Faults(faults.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        desired::Desired,
        plan::{Found, diff},
    };

    fn attachments(from: usize, to: usize) -> Vec<Resource> {
        let attach = |n| {
            Resource::Attachment(Attachment {
                principal: Principal::Role("a".to_owned()),
                policy_arn: format!("arn:aws:iam::aws:policy/{n}"),
            })
        };
        (from..to).map(attach).collect()
    }

    fn faults(there: usize, present: Vec<Resource>, absent: Vec<Resource>) -> usize {
        let found = |resource: Resource| (resource.id(), Found::from(resource));
        let observed: Observed = attachments(0, there).into_iter().map(found).collect();
        too_many(&diff(&Desired { present, absent, ..Desired::default() }, &observed, false), &observed)
            .0
            .len()
    }

    #[test]
    fn foreign_policies_count_towards_the_quota_removed_ones_do_not() {
        assert_eq!(faults(9, attachments(9, 10), Vec::new()), 0);
        assert_eq!(faults(10, attachments(10, 11), Vec::new()), 1);
        assert_eq!(faults(10, attachments(10, 11), attachments(0, 1)), 0);
    }

    #[test]
    fn an_existing_excess_of_the_quota_is_ignored() {
        assert_eq!(faults(12, attachments(0, 3), Vec::new()), 0);
        assert_eq!(faults(12, Vec::new(), attachments(0, 1)), 0);
    }
}
