//! Other choices for a cluster that is onboarded already.

use cast_spot_provisioner::{facts::AuthenticationMode, resource::Kind};

use crate::{
    account::{At, Mishap},
    situation::{USUAL, Way, completed, ended, run, same, unless_killed, ways},
};

#[tokio::test]
async fn changing_a_choice_equals_choosing_it_first() {
    for from in ways().filter(|way| !way.private) {
        let (before, first, _) = from.undisturbed().await;
        for to in ways().filter(|to| !to.private && to.config_map == from.config_map && *to != from) {
            let what = format!("{from:?} {to:?}");
            let (_, reference, _) = to.undisturbed().await;
            let account = first.copy();
            completed(&to.chosen(), &account, &what).await;
            same(&account, &reference, &what);
            ended("prod", &account, &what).await;
            same(&account, &before, &what);
        }
    }
}

#[tokio::test]
async fn an_interrupted_change_can_be_finished_reverted_or_offboarded() {
    let from = Way { user: true, ..USUAL };
    let to = Way { least: true, ..USUAL };
    let (before, first, _) = from.undisturbed().await;
    let (_, last, _) = to.undisturbed().await;
    let whole = first.copy();
    whole.mishap(None);
    completed(&to.chosen(), &whole, "whole").await;
    for number in 0..whole.counts().1 {
        let what = format!("killed after write {number}");
        let account = first.copy();
        account.mishap(Some((At::Write(number), Mishap::KilledAfter)));
        assert!(unless_killed(&account, run(&to.chosen(), &account)).await.is_none(), "{what}");
        let (back, out) = (account.copy(), account.copy());
        completed(&to.chosen(), &account, &what).await;
        same(&account, &last, &what);
        completed(&from.chosen(), &back, &what).await;
        same(&back, &first, &what);
        ended("prod", &out, &what).await;
        same(&out, &before, &what);
    }
}

#[tokio::test]
async fn moving_to_access_entries_removes_the_aws_auth_entries() {
    let way = Way { config_map: true, user: true, ..USUAL };
    let (before, account, _) = way.undisturbed().await;
    let lines = |kind: Kind| {
        let before = before.all();
        account.all().into_keys().filter(|place| place.1.kind == kind && !before.contains_key(place)).count()
    };
    assert_eq!((lines(Kind::AwsAuth), lines(Kind::AccessEntry)), (3, 0));
    // EKS lets a cluster go this way only ("AccessConfigResponse" in the EKS API reference).
    for mode in [AuthenticationMode::ApiAndConfigMap, AuthenticationMode::Api] {
        let account = account.clone().with_cluster(|cluster| cluster.authentication_mode = mode);
        completed(&way.chosen(), &account, &format!("{mode:?}")).await;
        assert_eq!((lines(Kind::AwsAuth), lines(Kind::AccessEntry)), (0, 3), "{mode:?}");
    }
    ended("prod", &account, "moved").await;
    same(&account, &before, "moved");
}
