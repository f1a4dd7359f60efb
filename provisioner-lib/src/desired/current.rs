//! What clusters share stays as it is, where a request leaves it open: it is read off what there is.

use serde_json::Value;

use crate::{
    names::{LAMBDA_ROLE, LAMBDA_ROLE_SHARED, LOG_GROUP, MANAGED, TAG_MANAGED, TAG_RETENTION},
    plan::Observed,
    policy::texts,
    resource::{Attachment, Id, InlinePolicy, Kind, LogGroup, Principal, Resource},
    spec::{Privilege, Spec},
};

use super::LAMBDA_POLICIES;

/// `spec` with the choices that `observed` shows in the place of those that it leaves open.
pub(crate) fn with_current_choices(spec: &Spec, observed: &Observed) -> Spec {
    Spec {
        privilege: spec.privilege.or_else(|| privilege(observed)),
        log_retention_days: spec.log_retention_days.or_else(|| retention(observed)),
        ..spec.clone()
    }
}

/// Of the function's role: its own policy tells, also where a run has ended between that and the AWS managed ones. One
/// that tells nothing brings no more rights.
fn privilege(observed: &Observed) -> Option<Privilege> {
    let own = Id::new(Kind::InlinePolicy, format!("{LAMBDA_ROLE}/{LAMBDA_ROLE_SHARED}"));
    let Resource::InlinePolicy(InlinePolicy { document, .. }) = &observed.get(&own)?.resource else {
        return None;
    };
    let role = Principal::Role(LAMBDA_ROLE.to_owned());
    let is_attached = |policy: &&str| observed.contains_key(&Attachment::id_of(&role, policy));
    let is_documented = grants(document, "sqs:SendMessage") || LAMBDA_POLICIES.iter().any(is_attached);
    let is_least = grants(document, "ec2:DescribeInstances") || !is_documented;
    Some(if is_least { Privilege::Least } else { Privilege::Documented })
}

fn grants(document: &Value, action: &str) -> bool {
    let statements = document["Statement"].as_array().into_iter().flatten();
    statements.flat_map(|statement| texts(&statement["Action"])).any(|own| own == action)
}

/// Retention of the log group: the choice, or a longer one that was set since. It is never shortened without an
/// explicit request, so that no log is deleted. A group of ours without a choice is half made. One that is not ours stays as it is.
fn retention(observed: &Observed) -> Option<i32> {
    let found = &observed.get(&Id::new(Kind::LogGroup, LOG_GROUP))?.resource;
    let Resource::LogGroup(LogGroup { retention_days, tags, .. }) = found else { return None };
    if tags.get(TAG_MANAGED).map(String::as_str) != Some(MANAGED) {
        return Some(*retention_days);
    }
    let chosen = tags.get(TAG_RETENTION).and_then(|days| days.parse().ok());
    match chosen {
        Some(chosen) => [chosen, *retention_days].into_iter().max_by_key(|days| length(*days)),
        None => Some(*retention_days).filter(|days| *days != 0),
    }
}

/// 0 is for ever.
fn length(days: i32) -> i32 {
    if days == 0 { i32::MAX } else { days }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::{plan::Found, resource::Tags, spec::Access};

    fn open() -> Spec {
        Spec {
            cluster: "prod".to_owned(),
            access: Access::User { rotate_key: false },
            privilege: None,
            log_retention_days: None,
            settings: BTreeMap::new(),
            package: None,
            adopt: false,
            move_function: false,
        }
    }

    fn observed(resources: Vec<Resource>) -> Observed {
        let found = |resource: Resource| (resource.id(), Found::from(resource));
        resources.into_iter().map(found).collect()
    }

    fn own(actions: &[&str]) -> Resource {
        Resource::InlinePolicy(InlinePolicy {
            role: LAMBDA_ROLE.to_owned(),
            name: LAMBDA_ROLE_SHARED.to_owned(),
            document: json!({ "Statement": [{ "Effect": "Allow", "Action": actions }] }),
        })
    }

    #[test]
    fn the_own_policy_shows_the_privilege_of_a_half_made_role() {
        use Privilege::{Documented, Least};
        let attached = Resource::Attachment(Attachment {
            principal: Principal::Role(LAMBDA_ROLE.to_owned()),
            policy_arn: "arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess".to_owned(),
        });
        let (documented, least) =
            (&["sqs:SendMessage"][..], &["sqs:SendMessage", "ec2:DescribeInstances"][..]);
        let both = |actions: &[&str]| vec![own(actions), attached.clone()];
        for (there, expected) in [
            (vec![], None),
            (vec![attached.clone()], None),
            (vec![own(documented)], Some(Documented)),
            (both(documented), Some(Documented)),
            (vec![own(least)], Some(Least)),
            (both(least), Some(Least)),
            (both(&[]), Some(Documented)),
            (vec![own(&[])], Some(Least)),
        ] {
            assert_eq!(
                with_current_choices(&open(), &observed(there.clone())).privilege,
                expected,
                "{there:?}"
            );
        }
        let said = Spec { privilege: Some(Documented), ..open() };
        assert_eq!(with_current_choices(&said, &observed(vec![own(least)])).privilege, Some(Documented));
    }

    #[test]
    fn a_log_is_never_kept_for_less_than_was_chosen_or_is_there() {
        let tags = |chosen: Option<&str>| {
            let managed = (TAG_MANAGED.to_owned(), MANAGED.to_owned());
            let chosen = chosen.map(|days| (TAG_RETENTION.to_owned(), days.to_owned()));
            [managed].into_iter().chain(chosen).collect::<Tags>()
        };
        for (tags, days, expected) in [
            (tags(Some("30")), 30, Some(30)),
            (tags(Some("30")), 1, Some(30)),
            (tags(Some("30")), 365, Some(365)),
            (tags(Some("30")), 0, Some(0)),
            (tags(Some("0")), 30, Some(0)),
            (tags(None), 0, None),
            (tags(None), 90, Some(90)),
            (Tags::new(), 0, Some(0)),
            (Tags::new(), 90, Some(90)),
        ] {
            let group = Resource::LogGroup(LogGroup {
                name: LOG_GROUP.to_owned(),
                retention_days: days,
                tags: tags.clone(),
            });
            let current = with_current_choices(&open(), &observed(vec![group]));
            assert_eq!(current.log_retention_days, expected, "{tags:?} {days}");
        }
        assert_eq!(with_current_choices(&open(), &Observed::new()).log_retention_days, None);
    }
}
