//! Concurrent runs, in many orders. A failing seed can be run again: it alone decides the order.

use std::collections::BTreeSet;

use cast_spot_infra::events::{SELF_TEST_RULE, SPOT_INTERRUPTION};
use cast_spot_provisioner::{
    facts::Cluster,
    names::FUNCTION,
    onboard::plan,
    report::Report,
    resource::{Id, Kind},
};

use crate::{
    account::{Account, SECRET},
    situation::{DEFAULT, Scenario, completed, end, ended, run, same, untouched},
};

/// Number of interleavings.
const SEEDS: u64 = 40;

/// The failures, one line each.
fn failed(reports: &[&Report]) -> Vec<String> {
    let failures = reports.iter().flat_map(|report| report.failures());
    failures.map(|(id, error)| format!("{id}: {error}")).collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn two_concurrent_onboards_of_a_cluster_equal_one() {
    for scenario in [
        DEFAULT,
        Scenario { documented: true, config_map: true, private: true, ..DEFAULT },
        Scenario { beside: true, ..DEFAULT },
    ] {
        let (before, reference, _) = scenario.undisturbed().await;
        let spec = scenario.spec();
        for seed in 0..SEEDS {
            let what = format!("{scenario:?} seed {seed}");
            let account = before.copy();
            account.pauses(Some(seed));
            let (one, two) = tokio::join!(run(&spec, &account), run(&spec, &account));
            assert!(one.unwrap().is_complete() && two.unwrap().is_complete(), "{what}");
            same(&account, &reference, &what);
            assert_eq!(account.broken(), Vec::<String>::new(), "{what}");
        }
    }
}

#[tokio::test]
async fn concurrent_user_onboards_never_leak_a_key() {
    let scenario = Scenario { user: true, ..DEFAULT };
    let (before, reference, _) = scenario.undisturbed().await;
    let spec = scenario.spec();
    for seed in 0..SEEDS {
        let account = before.copy();
        account.pauses(Some(seed));
        let (one, two) = tokio::join!(run(&spec, &account), run(&spec, &account));
        let (one, two) = (one.unwrap(), two.unwrap());
        assert!(one.is_complete() && two.is_complete(), "seed {seed}");
        same(&account, &reference, &format!("seed {seed}"));
        let shown: BTreeSet<String> =
            [one, two].iter().filter_map(|report| report.access_key.clone()).map(|key| key.id).collect();
        let keys = account.object(&Id::new(Kind::AccessKey, "cast-eks-prod")).unwrap().keys;
        let there: BTreeSet<String> =
            keys.iter().filter(|(_, works)| *works).map(|(id, _)| id.clone()).collect();
        assert_eq!(shown, there, "seed {seed}: every active key was shown ({SECRET})");
    }
}

#[tokio::test]
async fn concurrent_onboards_of_one_region_equal_sequential_ones() {
    for scenario in [DEFAULT, Scenario { user: true, ..DEFAULT }] {
        let before = scenario.account().await;
        let (of_prod, of_stage) = (scenario.spec_of("prod"), scenario.spec_of("stage"));
        let reference = before.copy();
        run(&of_prod, &reference).await.unwrap();
        run(&of_stage, &reference.of("eu-west-1", "stage")).await.unwrap();
        for seed in 0..SEEDS {
            let what = format!("{scenario:?} seed {seed}");
            let prod = before.copy();
            let stage = prod.of("eu-west-1", "stage");
            prod.pauses(Some(seed));
            let (one, two) = tokio::join!(run(&of_prod, &prod), run(&of_stage, &stage));
            assert!(one.unwrap().is_complete() && two.unwrap().is_complete(), "{what}");
            assert!(prod.is_registered() && stage.is_registered(), "{what}");
            assert_eq!(prod.served(), set(&["prod", "stage"]), "{what}");
            same(&prod, &reference, &what);
            untouched(&prod, &before, &what);
        }
    }
}

#[tokio::test]
async fn concurrent_onboards_of_two_regions_use_separate_functions() {
    let before = DEFAULT.account().await;
    let (of_prod, of_far) = (DEFAULT.spec_of("prod"), DEFAULT.spec_of("far"));
    for seed in 0..SEEDS {
        let what = format!("seed {seed}");
        let prod = before.copy();
        let far = prod.of("us-east-1", "far");
        prod.pauses(Some(seed));
        let (one, two) = tokio::join!(run(&of_prod, &prod), run(&of_far, &far));
        assert!(one.unwrap().is_complete() && two.unwrap().is_complete(), "{what}");
        assert!(prod.is_registered() && far.is_registered(), "{what}");
        assert_eq!((prod.served(), far.served()), (set(&["prod"]), set(&["far"])), "{what}");
        assert_eq!(prod.broken(), Vec::<String>::new(), "{what}");
        prod.pauses(None);
        ended("prod", &prod, &what).await;
        ended("far", &far, &what).await;
        same(&prod, &before.of("us-east-1", "far"), &what);
    }
}

#[tokio::test]
async fn two_concurrent_offboards_of_a_cluster_equal_one() {
    for scenario in [DEFAULT, Scenario { user: true, beside: true, ..DEFAULT }] {
        let (before, after, _) = scenario.undisturbed().await;
        for seed in 0..SEEDS {
            let what = format!("{scenario:?} seed {seed}");
            let account = after.copy();
            account.pauses(Some(seed));
            let (one, two) = tokio::join!(end("prod", &account), end("prod", &account));
            let (one, two) = (one.unwrap(), two.unwrap());
            assert!(one.is_complete() && two.is_complete(), "{what}: {:?}", failed(&[&one, &two]));
            same(&account, &before, &what);
            untouched(&account, &before, &what);
        }
    }
}

#[tokio::test]
async fn concurrent_offboards_of_the_last_two_clusters_leave_nothing() {
    for (region, name) in [("eu-west-1", "stage"), ("us-east-1", "far")] {
        let before = DEFAULT.account().await;
        let both = before.copy();
        run(&DEFAULT.spec(), &both).await.unwrap();
        run(&DEFAULT.spec_of(name), &both.of(region, name)).await.unwrap();
        for seed in 0..SEEDS {
            let what = format!("{name} seed {seed}");
            let prod = both.copy();
            let other = prod.of(region, name);
            prod.pauses(Some(seed));
            let (one, two) = tokio::join!(end("prod", &prod), end(name, &other));
            prod.pauses(None);
            // A complete report is true; after an incomplete one, the run is repeated.
            for (report, cluster, account) in [(one, "prod", &prod), (two, name, &other)] {
                if !report.unwrap().is_complete() {
                    ended(cluster, account, &what).await;
                }
            }
            same(&prod, &before, &what);
            untouched(&prod, &before, &what);
        }
    }
}

#[tokio::test]
async fn race_with_last_offboard_is_reported() {
    let before = DEFAULT.account().await;
    let alone = before.copy();
    run(&DEFAULT.spec(), &alone).await.unwrap();
    let of_stage = DEFAULT.spec_of("stage");
    let reference = before.of("eu-west-1", "stage").copy();
    run(&of_stage, &reference).await.unwrap();
    for seed in 0..SEEDS {
        let what = format!("seed {seed}");
        let prod = alone.copy();
        let stage = prod.of("eu-west-1", "stage");
        prod.pauses(Some(seed));
        let (offboarded, onboarded) = tokio::join!(end("prod", &prod), run(&of_stage, &stage));
        let (offboarded, onboarded) = (offboarded.unwrap(), onboarded.unwrap());
        prod.pauses(None);
        let works = plan(&of_stage, &stage).await.unwrap().plan.is_empty();
        assert!(works || !onboarded.is_complete() || !offboarded.is_complete(), "{what}");
        // Onboarding again is the recovery, before and after the other is offboarded.
        completed(&of_stage, &stage, &what).await;
        ended("prod", &prod, &what).await;
        completed(&of_stage, &stage, &what).await;
        same(&stage, &reference, &what);
    }
}

#[tokio::test]
async fn concurrent_onboard_and_offboard_serve_registered_clusters() {
    let scenario = Scenario { beside: true, ..DEFAULT };
    let (before, all, _) = scenario.undisturbed().await;
    let reference = before.copy();
    run(&DEFAULT.spec_of("late"), &reference.of("eu-west-1", "late")).await.unwrap();
    for seed in 0..SEEDS {
        let what = format!("seed {seed}");
        let prod = all.copy();
        let late = prod.of("eu-west-1", "late");
        prod.pauses(Some(seed));
        let spec = DEFAULT.spec_of("late");
        let (offboarded, onboarded) = tokio::join!(end("prod", &prod), run(&spec, &late));
        let (offboarded, onboarded) = (offboarded.unwrap(), onboarded.unwrap());
        assert!(
            offboarded.is_complete() && onboarded.is_complete(),
            "{what}: {:?}",
            failed(&[&offboarded, &onboarded])
        );
        assert_eq!(late.served(), set(&["late", "stage"]), "{what}");
        same(&late, &reference, &what);
        untouched(&late, &before, &what);
    }
}

#[tokio::test]
async fn function_and_rules_carry_the_cluster_tag_of_a_lone_cluster() {
    let account = DEFAULT.account().await;
    let stage = account.of("eu-west-1", "stage");
    let own = |account: &Account| {
        [(Kind::Function, FUNCTION), (Kind::Rule, SPOT_INTERRUPTION.rule), (Kind::Rule, SELF_TEST_RULE)].map(
            |(kind, name)| {
                let object = account.object(&Id::new(kind, name)).unwrap();
                object.resource.tags().unwrap().get("cast-spot:cluster").cloned()
            },
        )
    };
    run(&DEFAULT.spec(), &account).await.unwrap();
    assert!(own(&account).iter().all(|cluster| cluster.as_deref() == Some("prod")));
    run(&DEFAULT.spec_of("stage"), &stage).await.unwrap();
    assert!(own(&account).iter().all(Option::is_none));
    end("prod", &account).await.unwrap();
    assert!(own(&account).iter().all(|cluster| cluster.as_deref() == Some("stage")));
}

/// An onboarding from before the self-test.
#[tokio::test]
async fn offboard_creates_nothing_for_the_remaining_clusters() {
    let account = Scenario { beside: true, ..DEFAULT }.account().await;
    run(&DEFAULT.spec(), &account).await.unwrap();
    let parts = [
        (Kind::Target, format!("{SELF_TEST_RULE}/{FUNCTION}")),
        (Kind::Permission, format!("{FUNCTION}/{SELF_TEST_RULE}")),
        (Kind::Rule, SELF_TEST_RULE.to_owned()),
    ];
    let parts = parts.map(|(kind, name)| Id::new(kind, name));
    assert!(parts.iter().all(|part| account.take(part).is_some()));
    end("prod", &account).await.unwrap();
    assert!(parts.iter().all(|part| account.object(part).is_none()));
    let stage = account.of("eu-west-1", "stage");
    completed(&DEFAULT.spec_of("stage"), &stage, "the remaining cluster").await;
    assert!(parts.iter().all(|part| account.object(part).is_some()));
}

#[tokio::test]
async fn a_deleted_cluster_is_offboarded_from_its_remains() {
    for scenario in
        [DEFAULT, Scenario { user: true, beside: true, ..DEFAULT }, Scenario { private: true, ..DEFAULT }]
    {
        let (before, after, _) = scenario.undisturbed().await;
        after.delete_cluster();
        before.delete_cluster();
        let planned = cast_spot_provisioner::offboard::plan(
            &cast_spot_provisioner::offboard::Removal::of("prod"),
            &after,
        )
        .await
        .unwrap();
        assert_eq!(planned.facts.cluster, Cluster::gone("prod", planned.facts.cluster.arn.clone()));
        ended("prod", &after, &format!("{scenario:?}")).await;
        same(&after, &before, &format!("{scenario:?}"));
        untouched(&after, &before, &format!("{scenario:?}"));
    }
}
