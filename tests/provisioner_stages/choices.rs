//! Changed choices for a cluster that is already onboarded.

use cast_spot_provisioner::{
    facts::AuthenticationMode,
    onboard::plan,
    plan::{Action, Change, Step},
    resource::{AccessEntry, AwsAuth, Kind, Resource},
    spec::Request,
};

use crate::{
    account::{Account, CallIndex, InjectedFault},
    situation::{DEFAULT, Scenario, completed, ended, run, same, scenarios, unless_killed},
};

#[tokio::test]
async fn changing_a_choice_equals_choosing_it_first() {
    for from in scenarios().filter(|scenario| !scenario.private) {
        let (before, first, _) = from.undisturbed().await;
        for to in scenarios().filter(|to| !to.private && to.config_map == from.config_map && *to != from) {
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
    let from = Scenario { user: true, ..DEFAULT };
    let to = Scenario { documented: true, ..DEFAULT };
    let (before, first, _) = from.undisturbed().await;
    let (_, last, _) = to.undisturbed().await;
    let whole = first.copy();
    whole.inject(None);
    completed(&to.chosen(), &whole, "whole").await;
    for number in 0..whole.counts().1 {
        let what = format!("killed after write {number}");
        let account = first.copy();
        account.inject(Some((CallIndex::Write(number), InjectedFault::KilledAfter)));
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
async fn a_user_is_administrator_while_each_onboarding_says_so() {
    let is_admin = |account: &Account| {
        account.all().values().any(|resource| match resource {
            Resource::AccessEntry(AccessEntry { policies, .. }) => {
                policies.iter().any(|policy| policy.ends_with("AmazonEKSClusterAdminPolicy"))
            }
            Resource::AwsAuth(AwsAuth { principal, mapping }) => {
                principal.name() == "cast-eks-prod" && mapping.groups == ["system:masters"]
            }
            _ => false,
        })
    };
    let manages = |account: &Account| {
        let names = |resource: &Resource| matches!(resource, Resource::Manifest(it) if it.name() == "cast-spot-manager");
        account.all().values().filter(|resource| names(resource)).count()
    };
    for config_map in [false, true] {
        let scenario = Scenario { user: true, config_map, ..DEFAULT };
        let (before, narrow, _) = scenario.undisturbed().await;
        assert_eq!((is_admin(&narrow), manages(&narrow)), (false, 2));
        let account = narrow.copy();
        let admin = Request { cluster_admin: true, ..scenario.request("prod") }.validate().unwrap();
        completed(&admin, &account, "chosen").await;
        assert_eq!((is_admin(&account), manages(&account)), (true, 0));
        let planned = plan(&scenario.spec(), &account).await.unwrap().plan;
        let narrows = |step: &Step| match &step.action {
            Action::Update { changes } => changes.iter().any(Change::ends_cluster_admin),
            _ => false,
        };
        assert_eq!(planned.writes().filter(|step| narrows(step)).count(), 1, "{planned:?}");
        completed(&scenario.spec(), &account, "left out").await;
        same(&account, &narrow, "left out");
        completed(&admin, &account, "chosen again").await;
        ended("prod", &account, "out").await;
        same(&account, &before, "out");
    }
}

#[tokio::test]
async fn moving_to_access_entries_removes_the_aws_auth_entries() {
    let scenario = Scenario { config_map: true, user: true, ..DEFAULT };
    let (before, account, _) = scenario.undisturbed().await;
    let lines = |kind: Kind| {
        let before = before.all();
        account.all().into_keys().filter(|place| place.1.kind == kind && !before.contains_key(place)).count()
    };
    assert_eq!((lines(Kind::AwsAuth), lines(Kind::AccessEntry)), (3, 0));
    // EKS allows this direction only ("AccessConfigResponse" in the EKS API reference).
    for mode in [AuthenticationMode::ApiAndConfigMap, AuthenticationMode::Api] {
        let account = account.clone().with_cluster(|cluster| cluster.authentication_mode = mode);
        completed(&scenario.chosen(), &account, &format!("{mode:?}")).await;
        assert_eq!((lines(Kind::AwsAuth), lines(Kind::AccessEntry)), (0, 3), "{mode:?}");
    }
    ended("prod", &account, "moved").await;
    same(&account, &before, "moved");
}
