//! Whether a group has replaced an instance, from what it was before and what it is now.

use crate::ports::{Group, Member};

/// Whether a state counts towards the group's capacity.
fn stands(state: &str) -> bool {
    is_settled(state) || state.starts_with("Pending")
}

/// As [`stands`], and the launch is over.
fn is_settled(state: &str) -> bool {
    state == "InService" || state.starts_with("ReplacingRootVolume") || state == "RootVolumeReplaced"
}

/// Whether the group is taking a member in this state out.
fn leaves(state: &str) -> bool {
    ["Terminating", "Terminated", "Detaching", "Detached"].iter().any(|prefix| state.starts_with(prefix))
}

/// Whether the group has replaced `instance` since `before`. It has let go of the instance, and either fills its
/// desired capacity or has launched for every member that left before this one.
///
/// Newcomers are counted against leavers, in weights: first those that were leaving and not yet replaced before, then
/// those that have left since, each by instance id. So one launch that fails is missing for one instance alone,
/// whichever delivery counts.
pub(crate) fn is_replaced(before: &Group, now: &Group, instance: &str) -> bool {
    let is_standing = |member: &&Member| stands(&member.state);
    let is_here = |id: &str| now.instances.get(id).is_some_and(|member| stands(&member.state));
    if is_here(instance) {
        return false;
    }
    if weight(now.instances.values().filter(is_standing)) >= now.desired {
        return true;
    }
    let settled = |id: &String| before.instances.get(id).is_some_and(|member| is_settled(&member.state));
    let newcomers = now.instances.iter().filter(|(id, _)| !settled(id)).map(|(_, member)| member);
    let newcomers = weight(newcomers.filter(is_standing));

    let leaving = || before.instances.iter().filter(|(_, member)| leaves(&member.state));
    let in_service = weight(before.instances.values().filter(|member| is_settled(&member.state)));
    let owed = weight(leaving().map(|(_, member)| member)).min(before.desired.saturating_sub(in_service));
    let required = if leaving().any(|(id, _)| id == instance) {
        owed.saturating_sub(weight(
            leaving().filter(|(id, _)| id.as_str() > instance).map(|(_, member)| member),
        ))
    } else {
        let left = before.instances.iter().filter(|(id, member)| stands(&member.state) && !is_here(id));
        owed + weight(left.filter(|(id, _)| id.as_str() <= instance).map(|(_, member)| member))
    };
    newcomers >= required
}

fn weight<'a>(members: impl Iterator<Item = &'a Member>) -> usize {
    members.map(|member| member.weight).sum()
}

/// The instance that `now` has and `before` had not; `None` if there are several, of which only the group
/// knows which one stands for which.
pub(crate) fn newcomer<'a>(before: &Group, now: &'a Group) -> Option<&'a str> {
    let new = now
        .instances
        .iter()
        .filter(|(id, member)| !before.instances.contains_key(*id) && stands(&member.state));
    let mut new = new.map(|(id, _)| id.as_str());
    let first = new.next()?;
    new.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(desired: usize, members: &[(&str, &str, usize)]) -> Group {
        let member = |state: &str, weight| Member { state: state.to_owned(), weight };
        let instances = members.iter().map(|(id, state, weight)| ((*id).to_owned(), member(state, *weight)));
        Group { desired, instances: instances.collect(), ..Group::default() }
    }

    #[test]
    fn a_group_that_fills_its_capacity_has_replaced() {
        let before = group(2, &[("i-1", "InService", 1), ("i-2", "InService", 1)]);
        let one_more = group(2, &[("i-1", "InService", 1), ("i-2", "InService", 1), ("i-3", "Pending", 1)]);
        let leaving = group(2, &[("i-1", "Terminating:Wait", 1), ("i-2", "InService", 1)]);
        let after = group(2, &[("i-1", "Terminating", 1), ("i-2", "InService", 1), ("i-3", "Pending", 1)]);
        let gone = group(2, &[("i-2", "InService", 1), ("i-3", "Pending:Wait", 1)]);
        let smaller = group(1, &[("i-1", "Terminating", 1), ("i-2", "InService", 1)]);
        for (case, now, expected) in [
            ("nothing has happened", &before, false),
            ("the group has not let go of it", &one_more, false),
            ("nothing has come", &leaving, false),
            ("replaced", &after, true),
            ("replaced and gone", &gone, true),
            ("no longer wanted", &smaller, true),
        ] {
            assert_eq!(is_replaced(&before, now, "i-1"), expected, "{case}");
        }
        assert_eq!(newcomer(&before, &after), Some("i-3"));
        let two = group(2, &[("i-3", "Pending", 1), ("i-4", "Pending", 1)]);
        assert_eq!(newcomer(&before, &two), None);
        let failed = group(2, &[("i-3", "Terminating", 1), ("i-4", "Pending", 1)]);
        assert_eq!(newcomer(&before, &failed), Some("i-4"));
    }

    #[test]
    fn capacity_is_counted_in_weights() {
        let before = group(8, &[("i-1", "InService", 4), ("i-2", "InService", 4)]);
        let half = group(8, &[("i-1", "Terminating", 4), ("i-2", "InService", 4), ("i-3", "Pending", 2)]);
        let whole = group(8, &[("i-1", "Terminating", 4), ("i-2", "InService", 4), ("i-3", "Pending", 4)]);
        assert!(!is_replaced(&before, &half, "i-1"));
        assert!(is_replaced(&before, &whole, "i-1"));
    }

    #[test]
    fn one_failed_launch_is_missing_for_one_instance_alone() {
        let id = |number: usize| format!("i-{number:03}");
        let mut before = Group { desired: 100, ..Group::default() };
        let member = |state: &str| Member { state: state.to_owned(), weight: 1 };
        before.instances = (0..100).map(|number| (id(number), member("InService"))).collect();
        let mut now = before.clone();
        for number in 0..20 {
            now.instances.insert(id(number), member("Terminating:Wait"));
        }
        now.instances.extend((200..219).map(|number| (id(number), member("Pending"))));
        let missing: Vec<_> = (0..20).filter(|number| !is_replaced(&before, &now, &id(*number))).collect();
        assert_eq!(missing, [19]);
    }

    #[test]
    fn what_was_leaving_and_not_replaced_comes_first() {
        let before =
            group(3, &[("i-1", "InService", 1), ("i-2", "Terminating:Wait", 1), ("i-3", "InService", 1)]);
        let one = group(3, &[("i-1", "Detaching", 1), ("i-3", "InService", 1), ("i-4", "Pending", 1)]);
        assert!(is_replaced(&before, &one, "i-2"));
        assert!(!is_replaced(&before, &one, "i-1"), "the newcomer stands for i-2");
        let settled = group(
            3,
            &[
                ("i-1", "InService", 1),
                ("i-2", "Terminating:Wait", 1),
                ("i-3", "InService", 1),
                ("i-4", "InService", 1),
            ],
        );
        let none = group(3, &[("i-1", "Detaching", 1), ("i-3", "InService", 1), ("i-4", "InService", 1)]);
        assert!(!is_replaced(&settled, &none, "i-1"), "nothing has come for it");
    }

    #[test]
    fn a_group_that_is_short_for_long_owes_only_this_one() {
        let before = group(10, &[("i-1", "InService", 1), ("i-2", "InService", 1)]);
        let now = group(10, &[("i-1", "Terminating", 1), ("i-2", "InService", 1), ("i-3", "Pending", 1)]);
        assert!(is_replaced(&before, &now, "i-1"));
    }
}
