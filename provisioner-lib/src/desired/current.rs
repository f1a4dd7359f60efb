//! What clusters share stays as it is, where a request leaves it open: it is read off what there is.

use super::Desired;
use crate::{
    facts::Facts,
    names::{
        LAMBDA_ROLE, LOG_GROUP, MANAGED, TAG_BOUNDARY, TAG_CLUSTER, TAG_MANAGED, TAG_REGION, TAG_RETENTION,
    },
    plan::Observed,
    policy::{IMAGE_OWNERS, texts},
    record,
    resource::{Id, Kind, LogGroup, Policy, Resource, Role, Tags},
    spec::{Spec, is_choosable},
};

/// `spec` with the choices that `observed` shows in the place of those that it leaves open.
pub(crate) fn with_current_choices(spec: &Spec, observed: &Observed) -> Spec {
    Spec {
        permissions_boundary: spec.permissions_boundary.clone().or_else(|| boundary(observed)),
        image_owners: spec.image_owners.clone().or_else(|| image_owners(observed)),
        log_retention_days: spec.log_retention_days.or_else(|| retention(observed)),
        ..spec.clone()
    }
}

/// Gives what is made the tags that everything of the cluster has: an earlier onboarding has chosen them.
pub(crate) fn with_tags_of_the_rest(mut desired: Desired, facts: &Facts, observed: &Observed) -> Desired {
    let marks = [(TAG_MANAGED, MANAGED), (TAG_CLUSTER, &facts.cluster.name), (TAG_REGION, &facts.region)];
    let is_own = |tags: &&Tags| marks.iter().all(|(key, value)| tags.get(*key).is_some_and(|it| it == value));
    let own: Vec<&Tags> =
        observed.values().filter_map(|found| found.resource.tags()).filter(is_own).collect();
    let Some(first) = own.first() else { return desired };
    let chosen = first.iter().filter(|(key, value)| {
        is_choosable(key, value) && own.iter().all(|tags| tags.get(*key) == Some(*value))
    });
    let chosen: Vec<_> = chosen.collect();
    for resource in &mut desired.present {
        let found = observed.get(&resource.id()).map(|found| found.resource.tags());
        let is_fitting = found.is_none_or(|tags| tags.is_some_and(|tags| is_own(&tags)));
        if let Some(tags) = resource.tags_mut().filter(|_| is_fitting) {
            for (key, value) in &chosen {
                tags.entry((*key).clone()).or_insert_with(|| (*value).clone());
            }
        }
    }
    desired
}

/// The boundary on record, or that of the function's role, which is made first in an account.
fn boundary(observed: &Observed) -> Option<String> {
    match &observed.get(&Id::new(Kind::Role, LAMBDA_ROLE))?.resource {
        Resource::Role(Role { boundary, tags, .. }) => record::read(tags, TAG_BOUNDARY).or(boundary.clone()),
        _ => None,
    }
}

/// Owners of images in the policy of the cluster, beside Amazon.
fn image_owners(observed: &Observed) -> Option<Vec<String>> {
    let documents = observed.values().filter_map(|found| match &found.resource {
        Resource::Policy(Policy { document, .. }) => document["Statement"].as_array(),
        _ => None,
    });
    let owners = documents.flatten().find_map(|statement| statement.pointer(IMAGE_OWNERS))?;
    Some(texts(owners).filter(|owner| *owner != "amazon").map(str::to_owned).collect())
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

/// 0 keeps it forever.
fn length(days: i32) -> i32 {
    if days == 0 { i32::MAX } else { days }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{plan::Found, spec::Access};

    fn open() -> Spec {
        Spec::new("prod", Access::User { rotate_key: false, cluster_admin: false })
    }

    fn observed(resources: Vec<Resource>) -> Observed {
        let found = |resource: Resource| (resource.id(), Found::from(resource));
        resources.into_iter().map(found).collect()
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
