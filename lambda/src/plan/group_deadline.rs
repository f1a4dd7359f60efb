//! When a group ends an instance that it terminates: often before the notice's own deadline. All times are offsets
//! from the handler's entry.
//! AWS behaviour: EC2 Auto Scaling user guide, "Amazon EC2 Auto Scaling instance lifecycle", "How lifecycle hooks work".

use std::time::Duration;

use super::timetable::Timetable;
use crate::ports::Hook;

/// An instance that no hook holds any more ends this long after it is first seen so.
const UNHELD: Duration = Duration::from_secs(20);

/// An instance that is seen alive is given at least this long: the group is looked at again within the time.
const LEAST: Duration = Duration::from_secs(15);

/// Its pods are given at least this long, whatever the margin.
const LEAST_FOR_PODS: Duration = Duration::from_secs(10);

/// How far the group is with the termination of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Phase {
    /// A lifecycle hook holds it.
    Held,
    /// Nothing holds it.
    Ending,
}

/// When the group ends the instance, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ending {
    /// From the handler's entry.
    pub(crate) at: Duration,
    /// Why it is earlier than the notice's own deadline.
    pub(crate) reason: String,
}

/// The phase of a member in this lifecycle state; `None` if the group does not end it.
pub(crate) fn phase(state: &str, hooks: &[Hook]) -> Option<Phase> {
    match state {
        "Terminating:Wait" => Some(Phase::Held),
        "Terminating" if !hooks.is_empty() => Some(Phase::Held),
        "Terminating" | "Terminating:Proceed" => Some(Phase::Ending),
        // `Terminating:Retained` stays until an operator ends it.
        _ => None,
    }
}

/// The deadline that the group has set for a member in this phase since `since`, if it is earlier than that of the
/// notice; its hooks had held it for `held_before` by then. A hook holds the instance for its HeartbeatTimeout at most; of several, the shortest is believed.
pub(crate) fn ending(
    phase: &Phase,
    hooks: &[Hook],
    (since, held_before): (Duration, Duration),
    now: Duration,
    noticed: Timetable,
) -> Option<Ending> {
    let (lasts, reason) = match phase {
        Phase::Held => {
            let hook = hooks.iter().min_by_key(|hook| hook.timeout)?;
            let seconds = hook.timeout.as_secs();
            (
                hook.timeout.saturating_sub(held_before),
                format!("the group terminates it, and lifecycle hook {} holds it for {seconds} s", hook.name),
            )
        }
        Phase::Ending => (UNHELD, "the group terminates it, and no lifecycle hook holds it".to_owned()),
    };
    let least = LEAST.max(noticed.margin + LEAST_FOR_PODS);
    let at = (since + lasts).max(now + least);
    (at < noticed.deadline).then_some(Ending { at, reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn notice(deadline: u64, margin: u64) -> Timetable {
        Timetable::new(s(deadline), s(margin), s(150))
    }

    fn hooks(timeouts: &[u64]) -> Vec<Hook> {
        let hook = |&seconds| Hook { name: format!("hook-{seconds}"), timeout: s(seconds) };
        timeouts.iter().map(hook).collect()
    }

    #[test]
    fn the_deadline_follows_state_hooks_and_time() {
        for (case, state, timeouts, since, now, own, expected) in [
            ("in service", "InService", &[30][..], 0, 0, 120, None),
            ("detaching", "Detaching", &[30], 0, 0, 120, None),
            ("retained", "Terminating:Retained", &[30], 0, 0, 120, None),
            ("held", "Terminating:Wait", &[30], 3, 3, 120, Some(33)),
            ("about to be held", "Terminating", &[30], 3, 3, 120, Some(33)),
            ("the shortest hook counts", "Terminating:Wait", &[3_600, 60], 3, 10, 120, Some(63)),
            ("held for longer than the notice", "Terminating:Wait", &[3_600], 3, 3, 120, None),
            ("held beyond its time, so extended", "Terminating:Wait", &[30], 3, 40, 120, Some(55)),
            ("never beyond the notice", "Terminating:Wait", &[30], 3, 110, 120, None),
            ("by a hook that was not read", "Terminating:Wait", &[], 3, 3, 120, None),
            ("no hook", "Terminating", &[], 3, 3, 120, Some(23)),
            ("the hook is over", "Terminating:Proceed", &[3_600], 8, 8, 120, Some(28)),
            ("over, and it still lives", "Terminating:Proceed", &[3_600], 8, 18, 120, Some(33)),
        ] {
            let hooks = hooks(timeouts);
            let ending = phase(state, &hooks)
                .and_then(|phase| ending(&phase, &hooks, (s(since), s(0)), s(now), notice(own, 5)));
            assert_eq!(ending.map(|ending| ending.at), expected.map(s), "{case}");
        }
    }

    #[test]
    fn a_hook_that_held_before_the_notice_has_less_left() {
        let at = |held_before| {
            let hooks = hooks(&[60]);
            ending(&Phase::Held, &hooks, (s(0), s(held_before)), s(0), notice(120, 5)).map(|ending| ending.at)
        };
        assert_eq!((at(0), at(20), at(50), at(600)), (Some(s(60)), Some(s(40)), Some(s(15)), Some(s(15))));
    }

    #[test]
    fn a_long_margin_leaves_its_pods_some_time() {
        let at = |margin| {
            ending(&Phase::Ending, &[], (s(0), s(0)), s(0), notice(120, margin)).map(|ending| ending.at)
        };
        assert_eq!((at(5), at(20), at(60)), (Some(s(20)), Some(s(30)), Some(s(70))));
    }

    #[test]
    fn the_reason_names_the_hook() {
        let reason = |phase: &Phase| {
            ending(phase, &hooks(&[60, 30]), (s(0), s(0)), s(0), notice(120, 5)).unwrap().reason
        };
        assert_eq!(
            reason(&Phase::Held),
            "the group terminates it, and lifecycle hook hook-30 holds it for 30 s"
        );
        assert_eq!(reason(&Phase::Ending), "the group terminates it, and no lifecycle hook holds it");
    }
}
