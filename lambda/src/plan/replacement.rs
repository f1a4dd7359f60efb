//! How a replacement is asked for.
//! AWS behaviour: EC2 Auto Scaling user guide, "Detach instances", "Capacity Rebalancing", "Lifecycle hooks".

use super::{Policy, ReplacementPolicy};
use crate::ports::{Group, Hook, Membership};

/// The process by which a group launches instances.
const LAUNCH: &str = "Launch";

/// Facts about the instance's group.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    /// The instance's membership; `None` if it is in no group.
    pub(crate) membership: Option<Membership>,
    /// Its group.
    pub(crate) group: Group,
    /// Hooks that hold terminating instances of the group.
    pub(crate) hooks: Vec<Hook>,
    /// Whether the group belongs to an EKS managed node group.
    pub(crate) managed: bool,
}

impl Facts {
    /// Whether the group replaces an announced instance by itself, and terminates it then.
    pub(crate) fn replaces_by_itself(&self) -> bool {
        self.managed || self.group.capacity_rebalance
    }
}

/// How a replacement is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Choice {
    /// DetachInstances without decrement: the group launches the replacement at once.
    Detach,
    /// The group replaces by itself: only watch it.
    Verify(&'static str),
    /// Another caller has begun it.
    Already(String),
    /// The group launches nothing, so nothing is asked of it: a detach would only take the node out.
    Refused(&'static str),
    /// No replacement is needed.
    None(&'static str),
}

/// The choice.
pub(crate) fn choose(facts: &Facts, policy: &Policy) -> Choice {
    let Some(membership) = &facts.membership else {
        return Choice::None("the instance is in no Auto Scaling group");
    };
    let state = membership.lifecycle_state.as_str();
    if matches!(state, "Standby" | "EnteringStandby") {
        return Choice::None("the instance is on standby: its group does not count it");
    }
    if state.starts_with("Warmed:") {
        return Choice::None("the instance is in the warm pool");
    }
    let already = || Choice::Already(format!("the group has it in state {state}"));
    if state.starts_with("Detach") {
        return already();
    }
    if facts.group.suspended.contains(LAUNCH) {
        return Choice::Refused("Launch is suspended");
    }
    // A group that terminates the instance by itself is watched: it may find no capacity.
    if state.starts_with("Terminat") && !facts.replaces_by_itself() {
        return already();
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
    // A detach is allowed from InService only.
    match state {
        "InService" => Choice::Detach,
        state if state.starts_with("ReplacingRootVolume") => {
            Choice::Verify("the root volume of the instance is being replaced")
        }
        "Quarantined" => Choice::Verify("the group has quarantined the instance"),
        _ => Choice::Verify("the instance is not in service"),
    }
}

/// The sentence about the hooks that a detach does not run; `None` if there are none.
pub(crate) fn not_run(hooks: &[Hook]) -> Option<String> {
    let names: Vec<&str> = hooks.iter().map(|hook| hook.name.as_str()).collect();
    let (noun, them) = match names.len() {
        0 => return None,
        1 => ("lifecycle hook", "was not run: a detached instance leaves its group without it"),
        _ => ("lifecycle hooks", "were not run: a detached instance leaves its group without them"),
    };
    Some(format!("{noun} {} {them}", names.join(", ")))
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
            margin: Duration::from_secs(5),
            stay: None,
            dry_run: false,
        }
    }

    fn facts(state: &str) -> Facts {
        let membership = Membership { group: "g".into(), lifecycle_state: state.into() };
        Facts { membership: Some(membership), ..Facts::default() }
    }

    #[test]
    fn the_choice_follows_the_group() {
        use ReplacementPolicy::{Auto, Verify};
        let rebalance = Group { capacity_rebalance: true, ..Group::default() };
        let operated = Group { operator: Some("x".into()), ..Group::default() };
        let suspended = Group { suspended: ["Launch".to_owned()].into(), ..Group::default() };
        let in_group = |group: &Group, state| Facts { group: group.clone(), ..facts(state) };
        let managed = |state| Facts { managed: true, ..facts(state) };
        let hook = Hook { name: "drain".into(), timeout: Duration::from_secs(30) };
        let already = |state| Choice::Already(format!("the group has it in state {state}"));
        for (case, facts, policy_, expected) in [
            ("plain group", facts("InService"), Auto, Choice::Detach),
            ("hook", Facts { hooks: vec![hook], ..facts("InService") }, Auto, Choice::Detach),
            ("verify", facts("InService"), Verify, Choice::Verify("replacement policy")),
            ("managed", managed("InService"), Auto, Choice::Verify("managed node group")),
            ("managed, leaving", managed("Terminating:Wait"), Auto, Choice::Verify("managed node group")),
            ("rebalance", in_group(&rebalance, "InService"), Auto, Choice::Verify("Capacity Rebalancing")),
            (
                "operator",
                in_group(&operated, "InService"),
                Auto,
                Choice::Verify("another operator manages the group"),
            ),
            (
                "launch suspended",
                in_group(&suspended, "InService"),
                Auto,
                Choice::Refused("Launch is suspended"),
            ),
            (
                "suspended, leaving",
                in_group(&suspended, "Terminating"),
                Auto,
                Choice::Refused("Launch is suspended"),
            ),
            ("pending", facts("Pending:Wait"), Auto, Choice::Verify("the instance is not in service")),
            ("terminating", facts("Terminating:Wait"), Auto, already("Terminating:Wait")),
            ("retained", facts("Terminating:Retained"), Auto, already("Terminating:Retained")),
            ("detaching", facts("Detaching"), Auto, already("Detaching")),
            (
                "standby",
                facts("Standby"),
                Auto,
                Choice::None("the instance is on standby: its group does not count it"),
            ),
            (
                "entering standby",
                facts("EnteringStandby"),
                Auto,
                Choice::None("the instance is on standby: its group does not count it"),
            ),
            ("warm pool", facts("Warmed:Stopped"), Auto, Choice::None("the instance is in the warm pool")),
            (
                "root volume",
                facts("ReplacingRootVolume:Wait"),
                Auto,
                Choice::Verify("the root volume of the instance is being replaced"),
            ),
            (
                "quarantined",
                facts("Quarantined"),
                Auto,
                Choice::Verify("the group has quarantined the instance"),
            ),
            ("no group", Facts::default(), Auto, Choice::None("the instance is in no Auto Scaling group")),
        ] {
            assert_eq!(choose(&facts, &policy(policy_)), expected, "{case}");
        }
    }

    #[test]
    fn hooks_that_a_detach_skips_are_named() {
        let hook = |name: &str| Hook { name: name.into(), timeout: Duration::from_secs(30) };
        assert_eq!(not_run(&[]), None);
        assert_eq!(
            not_run(&[hook("drain")]).as_deref(),
            Some("lifecycle hook drain was not run: a detached instance leaves its group without it")
        );
        assert_eq!(
            not_run(&[hook("a"), hook("b")]).as_deref(),
            Some("lifecycle hooks a, b were not run: a detached instance leaves its group without them")
        );
    }
}
