//! Several at once, and clusters beside one another.

use cast_spot_provisioner::resource::{Id, Kind, Resource};

use crate::{
    account::Account,
    situation::{USUAL, end, run},
};

/// Orders in which calls may fall.
const SEEDS: u64 = 200;

fn spec(cluster: &str) -> cast_spot_provisioner::spec::Spec {
    USUAL.request(cluster).validate().unwrap()
}

/// Clusters that the function of a region serves.
fn served(account: &Account, region: &str) -> Option<String> {
    let id = Id::new(Kind::Function, "cast-spot");
    match account.all().remove(&(region.to_owned(), id))? {
        Resource::Function { environment, .. } => environment.get("CAST_SPOT_CLUSTERS").cloned(),
        _ => None,
    }
}

#[tokio::test]
async fn one_cluster_onboarded_twice_at_once_ends_as_once() {
    let reference = USUAL.account();
    run(&USUAL.spec(), &reference).await.unwrap();
    for seed in 0..SEEDS {
        let account = USUAL.account();
        account.pauses(seed);
        let spec = USUAL.spec();
        let (one, two) = tokio::join!(run(&spec, &account), run(&spec, &account));
        assert!(one.unwrap().is_complete() && two.unwrap().is_complete(), "seed {seed}");
        assert_eq!(account.all(), reference.all(), "seed {seed}");
    }
}

#[tokio::test]
async fn two_clusters_of_a_region_onboarded_at_once_are_both_registered_and_served() {
    for seed in 0..SEEDS {
        let prod = USUAL.account();
        prod.pauses(seed);
        let stage = prod.of("eu-west-1", "stage");
        let (of_prod, of_stage) = (spec("prod"), spec("stage"));
        let (one, two) = tokio::join!(run(&of_prod, &prod), run(&of_stage, &stage));
        assert!(one.unwrap().is_complete() && two.unwrap().is_complete(), "seed {seed}");
        assert_eq!(served(&prod, "eu-west-1").as_deref(), Some("prod,stage"), "seed {seed}");
        for cluster in ["prod", "stage"] {
            let name = format!("CastLambdaRoleForSpot/cast-spot.eu-west-1.{cluster}");
            let key = ("global".to_owned(), Id::new(Kind::InlinePolicy, name));
            assert!(prod.all().contains_key(&key), "seed {seed} {cluster}");
        }
        // Whatever the order was: another look at each finds at most the tag of who comes second.
        assert!(run(&of_prod, &prod).await.unwrap().is_complete());
        let settled = prod.all();
        assert_eq!(run(&of_stage, &stage).await.unwrap().done(), 0, "seed {seed}");
        assert_eq!(prod.all(), settled);
    }
}

#[tokio::test]
async fn clusters_of_one_name_in_two_regions_do_not_share_a_principal_silently() {
    let here = USUAL.account();
    run(&spec("prod"), &here).await.unwrap();
    let there = here.of("us-east-1", "prod");
    let before = here.all();
    let report = run(&spec("prod"), &there).await.unwrap();
    assert!(!report.is_complete() && report.done() == 0, "the role of the name is another cluster's");
    assert_eq!(here.all(), before);
}

#[tokio::test]
async fn offboarding_one_of_two_leaves_the_other_as_if_it_had_always_been_alone() {
    for (region, name) in [("eu-west-1", "stage"), ("us-east-1", "far")] {
        let prod = USUAL.account();
        let other = prod.of(region, name);
        let alone = USUAL.account().of(region, name);
        run(&spec(name), &alone).await.unwrap();

        run(&spec("prod"), &prod).await.unwrap();
        run(&spec(name), &other).await.unwrap();
        assert!(end("prod", &prod).await.unwrap().is_complete(), "{name}");
        run(&spec(name), &other).await.unwrap();
        assert_eq!(other.all(), alone.all(), "{name}");
        assert!(end(name, &other).await.unwrap().is_complete(), "{name}");
        assert_eq!(other.all(), USUAL.account().all(), "{name}");
    }
}

#[tokio::test]
async fn two_offboarded_at_once_leave_nothing() {
    for seed in 0..SEEDS {
        let prod = USUAL.account();
        let stage = prod.of("eu-west-1", "stage");
        run(&spec("prod"), &prod).await.unwrap();
        run(&spec("stage"), &stage).await.unwrap();
        prod.pauses(seed);
        let (one, two) = tokio::join!(end("prod", &prod), end("stage", &stage));
        let (one, two) = (one.unwrap(), two.unwrap());
        // Who has met the other half-way says so, and once more does the rest.
        if !(one.is_complete() && two.is_complete()) || prod.all() != USUAL.account().all() {
            assert!(end("prod", &prod).await.unwrap().is_complete(), "seed {seed}");
            assert!(end("stage", &stage).await.unwrap().is_complete(), "seed {seed}");
        }
        assert_eq!(prod.all(), USUAL.account().all(), "seed {seed}");
    }
}
