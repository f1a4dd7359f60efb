//! Foreign resources under our names: conflicts, adoption, clusters that share a name.

use cast_spot_provisioner::{
    names::{TAG_CLUSTER, TAG_MANAGED, TAG_REGION},
    offboard::{self, Removal},
    onboard::plan,
    plan::Unmanaged,
    resource::{Id, Kind, Manifest, Resource, Role, Tags, User},
    spec::Request,
    verify::verify,
};
use serde_json::json;

use crate::{
    account::{Account, Place},
    situation::{DEFAULT, Scenario, completed, end, ended, is_ours, run, same},
};

/// Creates every kind of resource that can have an owner.
const SCENARIO: Scenario = Scenario { user: true, private: true, ..DEFAULT };

/// The same resource, made by another program.
fn theirs(mut resource: Resource) -> Resource {
    if let Some(tags) = resource.tags_mut() {
        *tags = Tags::from([("team".to_owned(), "theirs".to_owned())]);
    }
    if let Resource::Manifest(manifest) = &mut resource {
        let mut value = manifest.value().clone();
        value["metadata"]["labels"] = json!({ "team": "theirs" });
        *manifest = Manifest::new(value);
    }
    resource
}

/// The account before, and all our resources that carry an owner.
async fn owned() -> (Account, Vec<(Place, Resource)>) {
    let (before, after, _) = SCENARIO.undisturbed().await;
    let there = before.all();
    let has_owner = |resource: &Resource| {
        let is_rbac = |manifest: &Manifest| manifest.kind().starts_with("ClusterRole");
        is_ours(resource) || matches!(resource, Resource::Manifest(manifest) if is_rbac(manifest))
    };
    let mut owned: Vec<_> = after.all().into_iter().collect();
    owned.retain(|(place, resource)| has_owner(resource) && !there.contains_key(place));
    assert!(owned.len() > 12, "{owned:?}");
    (before, owned)
}

#[tokio::test]
async fn a_foreign_resource_is_a_conflict_and_stays_untouched() {
    let (before, owned) = owned().await;
    for (place, resource) in owned {
        let account = before.copy();
        account.put(theirs(resource));
        let objects = account.objects();
        let report = run(&SCENARIO.spec(), &account).await.unwrap();
        assert!(!report.is_complete() && report.done() == 0, "{}", place.1);
        let planned = plan(&SCENARIO.spec(), &account).await.unwrap().plan;
        let conflicts: Vec<_> = planned.conflicts().map(|step| &step.id).collect();
        assert_eq!(conflicts, [&place.1]);
        assert!(end("prod", &account).await.unwrap().is_complete(), "{}", place.1);
        assert_eq!((account.counts().1, account.objects()), (0, objects), "{}", place.1);
    }
}

#[tokio::test]
async fn adopted_resource_keeps_foreign_tags_and_is_offboarded() {
    let (before, owned) = owned().await;
    let adopting = Request { adopt: true, ..SCENARIO.request("prod") }.validate().unwrap();
    for (place, resource) in owned {
        // An access entry older than its principal is recreated, and loses them.
        let has_tags = resource.tags().is_some() && place.1.kind != Kind::AccessEntry;
        let account = before.copy();
        account.put(theirs(resource));
        completed(&adopting, &account, &place.1.to_string()).await;
        if has_tags {
            let adopted = account.object(&place.1).unwrap().resource;
            let tags = adopted.tags().unwrap();
            assert!(tags.contains_key(TAG_MANAGED) && tags.contains_key("team"), "{}: {tags:?}", place.1);
        }
        let again = plan(&SCENARIO.spec(), &account).await.unwrap().plan;
        assert!(again.is_empty(), "{}: {:?}", place.1, again.writes().collect::<Vec<_>>());
        ended("prod", &account, &place.1.to_string()).await;
        same(&account, &before, &place.1.to_string());
    }
}

#[tokio::test]
async fn clusters_of_the_same_name_keep_separate_principals() {
    for (region, name) in [("us-east-1", "prod"), ("eu-west-1", "Prod")] {
        for user in [false, true] {
            let scenario = Scenario { user, ..DEFAULT };
            let what = format!("{region} {name} {user}");
            let (before, here, _) = scenario.undisturbed().await;
            let there = here.of(region, name);
            completed(&scenario.spec_of(name), &there, &what).await;
            // Each knows of the other by now.
            completed(&scenario.spec(), &here, &what).await;
            let both = here.copy();
            assert_eq!(principals(&both).len(), 2, "{what}");

            for (first, last) in [(&here, &there), (&there, &here)] {
                let account = both.copy();
                let last = account.of(&last.region, &last.cluster);
                let kept = principals(&account)
                    .into_iter()
                    .find(|found| found.1 == last.region && found.2 == last.cluster);
                let first = account.of(&first.region, &first.cluster);
                let verified = verify(&scenario.spec_of(&first.cluster), &first, &mut |_| ()).await.unwrap();
                assert!(verified.is_good(), "{what}: {:?}", verified.planned.plan);
                let leaves = offboard::plan(&Removal::of(&first.cluster), &first).await.unwrap().plan;
                assert_eq!(leaves.unexpected().collect::<Vec<_>>(), [] as [&Unmanaged; 0], "{what}");
                ended(&first.cluster, &first, &what).await;
                completed(&scenario.spec_of(&last.cluster), &last, &what).await;
                assert_eq!(principals(&account), kept.into_iter().collect::<Vec<_>>(), "{what}");
                ended(&last.cluster, &last, &what).await;
                same(&account.of(region, name), &before.of(region, name), &what);
            }
        }
    }
}

/// Roles and users that manage clusters: name, region and cluster.
fn principals(account: &Account) -> Vec<(String, String, String)> {
    let tag = |tags: &Tags, key: &str| tags.get(key).cloned().unwrap_or_default();
    let found = account.all().into_values().filter_map(|resource| match resource {
        Resource::Role(Role { name, tags, .. }) | Resource::User(User { name, tags, .. })
            if name.starts_with("cast-eks-") && tags.contains_key(TAG_MANAGED) =>
        {
            Some((name, tag(&tags, TAG_REGION), tag(&tags, TAG_CLUSTER)))
        }
        _ => None,
    });
    found.collect()
}

#[tokio::test]
async fn a_resource_of_another_cluster_is_never_adopted() {
    let (_, account, _) = DEFAULT.undisturbed().await;
    // Left by an onboarding that ended before it was registered.
    let id = Id::new(Kind::Role, "cast-eks-prod");
    let Some(Resource::Role(Role { name, description, trust, boundary, mut tags })) = account.take(&id)
    else {
        panic!()
    };
    tags.insert(TAG_REGION.to_owned(), "us-east-1".to_owned());
    account.put(Resource::Role(Role { name, description, trust, boundary, tags }));
    let objects = account.objects();
    let adopting = Request { adopt: true, ..DEFAULT.request("prod") }.validate().unwrap();
    let report = run(&adopting, &account).await.unwrap();
    assert!(!report.is_complete() && report.done() == 0);
    assert_eq!(account.objects(), objects);
}

#[tokio::test]
async fn a_namesake_in_another_region_and_mode_loses_nothing() {
    for user in [false, true] {
        let (_, here, _) = Scenario { user, ..DEFAULT }.undisturbed().await;
        let there = here.of("us-east-1", "prod");
        let alone = here.all();
        let spec = Scenario { user: !user, ..DEFAULT }.spec();
        for _ in 0..2 {
            assert!(run(&spec, &there).await.unwrap().is_complete());
        }
        assert!(end("prod", &there).await.unwrap().is_complete());
        let found = here.all();
        let lost: Vec<_> = alone.iter().filter(|(place, _)| !found.contains_key(place)).collect();
        assert!(lost.is_empty(), "{lost:?}");
        completed(&Scenario { user, ..DEFAULT }.spec(), &here, "prod").await;
        assert_eq!(here.all(), alone);
    }
}

#[tokio::test]
async fn offboarding_one_of_two_clusters_leaves_the_other_as_if_alone() {
    for (region, name) in [("eu-west-1", "stage"), ("us-east-1", "far")] {
        let before = DEFAULT.account().await;
        let spec = DEFAULT.spec_of(name);
        let alone = before.copy().of(region, name);
        completed(&spec, &alone, name).await;

        let both = before.copy();
        let other = both.of(region, name);
        completed(&DEFAULT.spec(), &both, "prod").await;
        completed(&spec, &other, name).await;
        ended("prod", &both, "prod").await;
        // The function gets the tag of the remaining cluster only when that cluster is onboarded again.
        completed(&spec, &other, name).await;
        same(&other, &alone, name);
        ended(name, &other, name).await;
        same(&other, &before.of(region, name), name);
    }
}
