//! How a replacement is asked for, and when a group is seen to have begun one by itself.
//! AWS behaviour: EC2 Auto Scaling user guide, "Detach instances", "Capacity Rebalancing", "Lifecycle hooks".

use super::{Policy, ReplacementPolicy};
use crate::{
    event::Action,
    ports::{Group, Member, Membership},
};

/// What is known of the instance's group.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The instance's membership; `None` if it is in no group.
    pub membership: Option<Membership>,
    /// Its group.
    pub group: Group,
    /// A hook holds terminating instances of the group.
    pub termination_hook: bool,
    /// The group belongs to an EKS managed node group.
    pub managed: bool,
}

/// How a replacement is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// DetachInstances without decrement: the group launches the replacement at once.
    Detach,
    /// TerminateInstanceInAutoScalingGroup without decrement: the hook holds the instance meanwhile.
    Terminate,
    /// LaunchInstances, then DetachInstances with decrement.
    Launch,
    /// The group replaces by itself: only watch it.
    Verify(&'static str),
    /// Somebody else has begun it.
    Already(String),
    /// Nothing is to be replaced.
    None(&'static str),
}

/// Whether anything is to be asked of Auto Scaling at all: `Some(reason)` if not.
#[must_use]
pub fn not_wanted(action: Action, policy: &Policy) -> Option<&'static str> {
    if policy.replacement == ReplacementPolicy::None {
        return Some("replacement is switched off");
    }
    match action {
        Action::Terminate => None,
        Action::Stop | Action::Hibernate if policy.replace_stopped => None,
        Action::Stop => Some("a stopped instance comes back"),
        Action::Hibernate => Some("a hibernated instance comes back"),
    }
}

/// The choice.
#[must_use]
pub fn choose(facts: &Facts, policy: &Policy) -> Choice {
    let Some(membership) = &facts.membership else {
        return Choice::None("the instance is in no Auto Scaling group");
    };
    let state = membership.lifecycle_state.as_str();
    if ["Terminating", "Terminated", "Detaching", "Detached"].iter().any(|gone| state.starts_with(gone)) {
        return Choice::Already(format!("the group has it in state {state}"));
    }
    if facts.managed {
        return Choice::Verify("managed node group");
    }
    if facts.group.capacity_rebalance {
        return Choice::Verify("Capacity Rebalancing");
    }
    if facts.group.operator.is_some() {
        return Choice::Verify("another operator manages the group");
    }
    if policy.replacement == ReplacementPolicy::Verify {
        return Choice::Verify("replacement policy");
    }
    // Detach and Launch are allowed from InService only; anything else (Pending, Standby, warm pool) is
    // the group's own business.
    if state != "InService" {
        return Choice::Verify("the instance is not in service");
    }
    match policy.replacement {
        ReplacementPolicy::Launch => Choice::Launch,
        _ if facts.termination_hook => Choice::Terminate,
        _ => Choice::Detach,
    }
}

/// Whether the group has replaced `instance`: it has left service, and what the group has in service or on
/// the way fills its desired capacity.
#[must_use]
pub fn is_replaced(group: &Group, instance: &str) -> bool {
    let stands = |member: &&Member| member.state.starts_with("Pending") || member.state == "InService";
    let has_left = group.instances.get(instance).is_none_or(|member| !stands(&member));
    let standing: usize = group.instances.values().filter(stands).map(|member| member.weight).sum();
    has_left && standing >= group.desired
}

/// The instance that `now` has and `before` had not; `None` if there are several, of which only the group
/// knows which one stands for which.
#[must_use]
pub fn newcomer<'a>(before: &Group, now: &'a Group) -> Option<&'a str> {
    let mut new = now.instances.keys().filter(|id| !before.instances.contains_key(*id));
    let first = new.next()?;
    new.next().is_none().then_some(first)
}

/// LaunchInstances answers a repeated token with the first call's result. One token for one instance:
/// however many notices come for it, and under whatever event ids, one replacement is launched.
#[must_use]
pub fn client_token(instance: &str) -> String {
    format!("cast-spot-{instance}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::plan::PdbPolicy;

    fn policy(replacement: ReplacementPolicy) -> Policy {
        Policy {
            pdb: PdbPolicy::Delete,
            replacement,
            replace_stopped: false,
            stay: crate::plan::Stay::LastMoment,
            margin: Duration::from_secs(5),
            dry_run: false,
        }
    }

    fn facts(state: &str) -> Facts {
        let membership =
            Membership { group: "g".into(), lifecycle_state: state.into(), zone: "eu-west-1a".into() };
        Facts { membership: Some(membership), ..Facts::default() }
    }

    #[test]
    fn the_choice_follows_the_group() {
        use ReplacementPolicy::{Auto, Launch, Verify};
        let rebalance = Group { capacity_rebalance: true, ..Group::default() };
        let operated = Group { operator: Some("x".into()), ..Group::default() };
        for (case, facts, policy_, expected) in [
            ("plain group", facts("InService"), Auto, Choice::Detach),
            ("hook", Facts { termination_hook: true, ..facts("InService") }, Auto, Choice::Terminate),
            ("launch", facts("InService"), Launch, Choice::Launch),
            ("verify", facts("InService"), Verify, Choice::Verify("replacement policy")),
            (
                "managed",
                Facts { managed: true, ..facts("InService") },
                Launch,
                Choice::Verify("managed node group"),
            ),
            (
                "rebalance",
                Facts { group: rebalance, ..facts("InService") },
                Auto,
                Choice::Verify("Capacity Rebalancing"),
            ),
            (
                "operator",
                Facts { group: operated, ..facts("InService") },
                Auto,
                Choice::Verify("another operator manages the group"),
            ),
            ("standby", facts("Standby"), Auto, Choice::Verify("the instance is not in service")),
            (
                "terminating",
                facts("Terminating:Wait"),
                Auto,
                Choice::Already("the group has it in state Terminating:Wait".into()),
            ),
            (
                "detaching",
                facts("Detaching"),
                Launch,
                Choice::Already("the group has it in state Detaching".into()),
            ),
            ("no group", Facts::default(), Auto, Choice::None("the instance is in no Auto Scaling group")),
        ] {
            assert_eq!(choose(&facts, &policy(policy_)), expected, "{case}");
        }
    }

    #[test]
    fn an_instance_that_comes_back_is_replaced_only_on_request() {
        let auto = policy(ReplacementPolicy::Auto);
        let eager = Policy { replace_stopped: true, ..auto.clone() };
        assert!(not_wanted(Action::Terminate, &auto).is_none());
        assert!(not_wanted(Action::Stop, &auto).is_some());
        assert!(not_wanted(Action::Hibernate, &auto).is_some());
        assert!(not_wanted(Action::Stop, &eager).is_none());
        assert!(not_wanted(Action::Terminate, &policy(ReplacementPolicy::None)).is_some());
    }

    fn group(desired: usize, members: &[(&str, &str, usize)]) -> Group {
        let member = |state: &str, weight| Member { state: state.to_owned(), weight };
        let instances = members.iter().map(|(id, state, weight)| ((*id).to_owned(), member(state, *weight)));
        Group { desired, instances: instances.collect(), ..Group::default() }
    }

    #[test]
    fn a_group_has_replaced_when_the_others_fill_its_desired_capacity() {
        let before = group(2, &[("i-1", "InService", 1), ("i-2", "InService", 1)]);
        let one_more = group(2, &[("i-1", "InService", 1), ("i-2", "InService", 1), ("i-3", "Pending", 1)]);
        let leaving = group(2, &[("i-1", "Terminating:Wait", 1), ("i-2", "InService", 1)]);
        let after = group(2, &[("i-1", "Terminating", 1), ("i-2", "InService", 1), ("i-3", "Pending", 1)]);
        let gone = group(2, &[("i-2", "InService", 1), ("i-3", "Pending:Wait", 1)]);
        let weighted = group(8, &[("i-1", "Terminating", 4), ("i-2", "InService", 4), ("i-3", "Pending", 4)]);
        for (case, group, expected) in [
            ("nothing has happened", &before, false),
            ("the group has not let go of it", &one_more, false),
            ("nothing has come", &leaving, false),
            ("replaced", &after, true),
            ("replaced and gone", &gone, true),
            ("capacity is counted in weights", &weighted, true),
        ] {
            assert_eq!(is_replaced(group, "i-1"), expected, "{case}");
        }
        assert_eq!(newcomer(&before, &after), Some("i-3"));
        let two = group(2, &[("i-3", "Pending", 1), ("i-4", "Pending", 1)]);
        assert_eq!(newcomer(&before, &two), None);
    }
}
