//! Concurrent edits: another program changes the account between read and write, before every call that writes.

use cast_spot_infra::events::SPOT_INTERRUPTION;
use cast_spot_provisioner::{
    names::{CLUSTERS_VARIABLE, FUNCTION, LAMBDA_ROLE},
    resource::{AccessEntry, Function, Id, InlinePolicy, Kind, Resource},
};
use serde_json::json;

use crate::{
    account::{Account, CallIndex, Place},
    situation::{DEFAULT, Scenario, completed, end, ended, run, same},
};

const BESIDE: Scenario = Scenario { user: true, beside: true, ..DEFAULT };

fn function(account: &Account) -> Place {
    account.place(&Id::new(Kind::Function, FUNCTION))
}

fn set(resource: &mut Resource, name: &str, value: &str) {
    if let Resource::Function(Function { environment, .. }) = resource {
        environment.insert(name.to_owned(), value.to_owned());
    }
}

#[tokio::test]
async fn a_variable_set_during_a_run_is_taken_off_by_the_next() {
    let (before, after, writes) = BESIDE.undisturbed().await;
    let spec = BESIDE.spec();
    for number in 0..writes {
        for onboards in [true, false] {
            let account = if onboards { before.copy() } else { after.copy() };
            let place = function(&account);
            account.edit_before(CallIndex::Write(number), move |state| {
                state.change(&place, |object| set(&mut object.resource, "LATE", "set"));
            });
            let report = if onboards { run(&spec, &account).await } else { end("prod", &account).await };
            assert!(report.unwrap().is_complete(), "write {number}: an overtaken run reads again");
            completed(&BESIDE.spec_of("stage"), &account.of("eu-west-1", "stage"), "stage").await;
            assert!(!account.environment().contains_key("LATE"), "write {number} {onboards}");
            let served = if onboards { "prod,stage" } else { "stage" };
            assert_eq!(account.environment()[CLUSTERS_VARIABLE], served, "write {number} {onboards}");
        }
    }
}

#[tokio::test]
async fn a_cluster_added_during_onboard_stays_served() {
    let (before, _, writes) = BESIDE.undisturbed().await;
    let spec = BESIDE.spec();
    for number in 0..writes {
        let account = before.copy();
        let place = function(&account);
        let registration =
            account.place(&Id::new(Kind::InlinePolicy, format!("{LAMBDA_ROLE}/cast-spot.eu-west-1.late")));
        account.edit_before(CallIndex::Write(number), move |state| {
            let policy = Resource::InlinePolicy(InlinePolicy {
                role: LAMBDA_ROLE.to_owned(),
                name: "cast-spot.eu-west-1.late".to_owned(),
                document: json!({}),
            });
            state.put(registration, policy);
            state.change(&place, |object| {
                let Resource::Function(Function { environment, .. }) = &mut object.resource else { return };
                let served = environment[CLUSTERS_VARIABLE].clone();
                environment.insert(CLUSTERS_VARIABLE.to_owned(), format!("{served},late"));
            });
        });
        assert!(run(&spec, &account).await.unwrap().is_complete(), "write {number}");
        let served = account.served();
        assert!(
            ["late", "prod", "stage"].iter().all(|name| served.contains(*name)),
            "write {number}: {served:?}"
        );
        assert_eq!(account.broken(), Vec::<String>::new(), "write {number}");
    }
}

/// Resources that can be deleted during a run without deleting foreign ones.
fn ours(account: &Account) -> Vec<Place> {
    let names = [
        (Kind::Policy, "CastEKSPolicy"),
        (Kind::Role, "cast-eks-prod"),
        (Kind::Role, LAMBDA_ROLE),
        (Kind::InlinePolicy, "CastLambdaRoleForSpot/cast-spot"),
        (Kind::InlinePolicy, "CastLambdaRoleForSpot/cast-spot.eu-west-1.prod"),
        (Kind::Attachment, "cast-eks-prod/CastEKSPolicy"),
        (Kind::Queue, "cast-spot-dlq"),
        (Kind::LogGroup, "/aws/lambda/cast-spot"),
        (Kind::Function, FUNCTION),
        (Kind::Rule, SPOT_INTERRUPTION.rule),
        (Kind::AccessEntry, "prod/CastLambdaRoleForSpot"),
        (Kind::Manifest, "ClusterRole/cast-spot-handler"),
    ];
    names.into_iter().map(|(kind, name)| account.place(&Id::new(kind, name))).collect()
}

#[tokio::test]
async fn resource_deleted_during_onboard_is_recreated_by_rerun() {
    let (before, reference, writes) = DEFAULT.undisturbed().await;
    let spec = DEFAULT.spec();
    for place in ours(&before) {
        for number in (0..writes).step_by(3) {
            let what = format!("{} deleted before write {number}", place.1);
            let account = before.copy();
            let deleted = place.clone();
            account.edit_before(CallIndex::Write(number), move |state| drop(state.objects.remove(&deleted)));
            // This run does not notice that a resource was deleted after it had created it.
            run(&spec, &account).await.unwrap();
            completed(&spec, &account, &what).await;
            same(&account, &reference, &what);
        }
    }
}

#[tokio::test]
async fn a_foreign_resource_created_during_onboard_stays_foreign() {
    let (before, reference, _) = DEFAULT.undisturbed().await;
    let spec = DEFAULT.spec();
    let refusing = [Kind::Policy, Kind::Role, Kind::LogGroup, Kind::Function, Kind::AccessEntry];
    let all = reference.all();
    for (place, resource) in all
        .iter()
        .filter(|((_, id), resource)| refusing.contains(&id.kind) && crate::situation::is_ours(resource))
    {
        let mut foreign = resource.clone();
        if let Some(tags) = foreign.tags_mut() {
            *tags = [("team".to_owned(), "theirs".to_owned())].into();
        }
        let (account, put, there) = (before.copy(), foreign.clone(), place.clone());
        account.edit_before(CallIndex::Write(0), move |state| state.put(there, put));
        let report = run(&spec, &account).await.unwrap();
        assert!(!report.is_complete(), "{}", place.1);
        assert_eq!(account.object(&place.1).unwrap().resource, foreign, "{}", place.1);
        account.inject(None);
        let _ = end("prod", &account).await.unwrap();
        assert_eq!(account.object(&place.1).unwrap().resource, foreign, "{}", place.1);
        account.take(&place.1);
        ended("prod", &account, &place.1.to_string()).await;
        same(&account, &before, &place.1.to_string());
    }
}

#[tokio::test]
async fn a_recreated_principal_regains_access_despite_a_killed_run() {
    for scenario in [DEFAULT, Scenario { user: true, ..DEFAULT }] {
        let (_, reference, _) = scenario.undisturbed().await;
        let spec = scenario.spec();
        let principals: Vec<Id> = reference
            .all()
            .into_values()
            .filter_map(|resource| match resource {
                Resource::AccessEntry(AccessEntry { principal, tags, .. })
                    if tags.contains_key("cast-spot:managed") =>
                {
                    Some(principal.id())
                }
                _ => None,
            })
            .collect();
        assert_eq!(principals.len(), 2 + usize::from(scenario.user));
        for id in principals {
            for recreated in [true, false] {
                let broken = reference.copy();
                let there = broken.take(&id).unwrap();
                if recreated {
                    broken.put(there);
                }
                assert!(!broken.broken().is_empty(), "{id} is not the principal that the entry admits");
                let whole = broken.copy();
                completed(&spec, &whole, &id.to_string()).await;
                same(&whole, &reference, &id.to_string());
                for number in 0..whole.counts().1 {
                    let account = broken.copy();
                    let what = format!("{id} recreated {recreated} killed after {number}");
                    account
                        .inject(Some((CallIndex::Write(number), crate::account::InjectedFault::KilledAfter)));
                    assert!(crate::situation::unless_killed(&account, run(&spec, &account)).await.is_none());
                    completed(&spec, &account, &what).await;
                    same(&account, &reference, &what);
                }
            }
        }
    }
}

/// The other cluster is still registered and no longer in the function's list when ours reads, and is offboarded
/// before a call of ours.
#[tokio::test]
async fn last_offboard_removes_shared_parts_despite_a_concurrent_one() {
    let before = DEFAULT.account().await;
    let both = before.copy();
    let stage = both.of("eu-west-1", "stage");
    completed(&DEFAULT.spec(), &both, "prod").await;
    completed(&DEFAULT.spec_of("stage"), &stage, "stage").await;
    let left = both.copy();
    ended("stage", &left.of("eu-west-1", "stage"), "stage").await;
    let left = left.all();
    let own: Vec<Place> = both.all().into_keys().filter(|place| !left.contains_key(place)).collect();
    assert!(own.len() > 10, "{own:?}");
    both.change(&Id::new(Kind::Function, FUNCTION), |function| set(function, CLUSTERS_VARIABLE, "prod"));

    let writes = {
        let whole = both.copy();
        ended("prod", &whole, "prod").await;
        whole.counts().1
    };
    for number in 0..writes {
        let (account, deleted) = (both.copy(), own.clone());
        account.edit_before(CallIndex::Write(number), move |state| {
            state.objects.retain(|place, _| !deleted.contains(place));
        });
        let report = end("prod", &account).await.unwrap();
        assert!(report.is_complete(), "write {number}: {:?}", report.failures().collect::<Vec<_>>());
        same(&account, &before, &format!("stage was offboarded before write {number}"));
    }
}

/// The departing cluster is still registered and no longer in the function's list when the other one reads; when that
/// one writes, it is offboarded and does its last check no more.
#[tokio::test]
async fn onboard_does_not_restore_departed_cluster() {
    let (before, all, _) = Scenario { beside: true, ..DEFAULT }.undisturbed().await;
    let left = before.all();
    let own: Vec<Place> = all.all().into_keys().filter(|place| !left.contains_key(place)).collect();
    all.change(&Id::new(Kind::Function, FUNCTION), |function| set(function, CLUSTERS_VARIABLE, "stage"));
    let (spec, late) = (DEFAULT.spec_of("late"), all.of("eu-west-1", "late"));
    let whole = late.copy();
    completed(&spec, &whole, "late").await;
    for number in 0..whole.counts().1 {
        let (account, deleted) = (late.copy(), own.clone());
        account.edit_before(CallIndex::Write(number), move |state| {
            state.objects.retain(|place, _| !deleted.contains(place));
        });
        let report = run(&spec, &account).await.unwrap();
        assert!(report.is_complete(), "write {number}: {:?}", report.failures().collect::<Vec<_>>());
        assert_eq!(account.broken(), Vec::<String>::new(), "write {number}");
        assert!(account.served().contains("late") && account.served().contains("stage"), "write {number}");
    }
}

/// The register is lost with the role's policies, and with it what the function may do for each cluster. Its list is no
/// register: who may write the function could plant a name in it.
#[tokio::test]
async fn each_onboard_registers_again_when_the_role_is_emptied() {
    let (before, _, writes) = BESIDE.undisturbed().await;
    for number in 0..writes {
        let account = before.copy();
        account.edit_before(CallIndex::Write(number), move |state| {
            state
                .objects
                .retain(|(_, id), _| id.kind != Kind::InlinePolicy || !id.name.starts_with(LAMBDA_ROLE));
        });
        run(&BESIDE.spec(), &account).await.unwrap();
        let what = format!("emptied before write {number}");
        for (region, name) in [("eu-west-1", "prod"), ("eu-west-1", "stage"), ("us-east-1", "far")] {
            let account = account.of(region, name);
            account.inject(None);
            assert!(run(&BESIDE.spec_of(name), &account).await.unwrap().is_complete(), "{what}");
        }
        assert_eq!(account.broken(), Vec::<String>::new(), "{what}");
        assert!(["prod", "stage"].iter().all(|name| account.served().contains(*name)), "{what}");
    }
}
