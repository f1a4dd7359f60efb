//! Somebody changes something between a look and a write, before every call that writes.

use cast_spot_infra::events::SPOT_INTERRUPTION;
use cast_spot_provisioner::{
    names::{FUNCTION, LAMBDA_ROLE},
    resource::{CLUSTERS_VARIABLE, Id, Kind, Resource},
};
use serde_json::json;

use crate::{
    account::{Account, At, Place},
    situation::{USUAL, Way, completed, end, ended, run, same},
};

const BESIDE: Way = Way { user: true, beside: true, ..USUAL };

fn function(account: &Account) -> Place {
    account.place(&Id::new(Kind::Function, FUNCTION))
}

fn environment(account: &Account) -> std::collections::BTreeMap<String, String> {
    match account.object(&Id::new(Kind::Function, FUNCTION)).unwrap().resource {
        Resource::Function { environment, .. } => environment,
        _ => unreachable!(),
    }
}

fn set(resource: &mut Resource, name: &str, value: &str) {
    if let Resource::Function { environment, .. } = resource {
        environment.insert(name.to_owned(), value.to_owned());
    }
}

#[tokio::test]
async fn a_variable_set_during_a_run_is_never_lost() {
    let (before, after, writes) = BESIDE.undisturbed().await;
    let spec = BESIDE.spec();
    for number in 0..writes {
        for onboards in [true, false] {
            let account = if onboards { before.copy() } else { after.copy() };
            let place = function(&account);
            account.meddle(At::Write(number), move |state| {
                state.change(&place, |object| set(&mut object.resource, "LATE", "kept"));
            });
            let report = if onboards { run(&spec, &account).await } else { end("prod", &account).await };
            assert!(report.unwrap().is_complete(), "write {number}: who was overtaken looks again");
            if account.counts().1 > number {
                assert_eq!(environment(&account)["LATE"], "kept", "write {number} {onboards}");
            }
            let served = if onboards { "prod,stage" } else { "stage" };
            assert_eq!(environment(&account)[CLUSTERS_VARIABLE], served, "write {number} {onboards}");
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
        account.meddle(At::Write(number), move |state| {
            let policy = Resource::InlinePolicy {
                role: LAMBDA_ROLE.to_owned(),
                name: "cast-spot.eu-west-1.late".to_owned(),
                document: json!({}),
            };
            state.put(registration, policy);
            state.change(&place, |object| {
                let Resource::Function { environment, .. } = &mut object.resource else { return };
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

/// What can be taken away under the feet of a run without taking anything of others with it.
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
        (Kind::ClusterRole, "cast-spot-handler"),
    ];
    names.into_iter().map(|(kind, name)| account.place(&Id::new(kind, name))).collect()
}

#[tokio::test]
async fn resource_deleted_during_onboard_is_recreated_by_rerun() {
    let (before, reference, writes) = USUAL.undisturbed().await;
    let spec = USUAL.spec();
    for place in ours(&before) {
        for number in (0..writes).step_by(3) {
            let what = format!("{} deleted before write {number}", place.1);
            let account = before.copy();
            let gone = place.clone();
            account.meddle(At::Write(number), move |state| drop(state.objects.remove(&gone)));
            // What was made, and deleted after it, is not known to this run.
            run(&spec, &account).await.unwrap();
            completed(&spec, &account, &what).await;
            same(&account, &reference, &what);
        }
    }
}

#[tokio::test]
async fn a_foreign_resource_created_during_onboard_stays_foreign() {
    let (before, reference, _) = USUAL.undisturbed().await;
    let spec = USUAL.spec();
    let refusing = [Kind::Policy, Kind::Role, Kind::LogGroup, Kind::Function, Kind::AccessEntry];
    let all = reference.all();
    for (place, resource) in all
        .iter()
        .filter(|((_, id), resource)| refusing.contains(&id.kind) && crate::situation::is_ours(resource))
    {
        let mut foreign = resource.clone();
        if let Some(tags) = crate::account::tags_of(&mut foreign) {
            *tags = [("team".to_owned(), "theirs".to_owned())].into();
        }
        let (account, put, there) = (before.copy(), foreign.clone(), place.clone());
        account.meddle(At::Write(0), move |state| state.put(there, put));
        let report = run(&spec, &account).await.unwrap();
        assert!(!report.is_complete(), "{}", place.1);
        assert_eq!(account.object(&place.1).unwrap().resource, foreign, "{}", place.1);
        account.mishap(None);
        let _ = end("prod", &account).await.unwrap();
        assert_eq!(account.object(&place.1).unwrap().resource, foreign, "{}", place.1);
        account.take(&place.1);
        ended("prod", &account, &place.1.to_string()).await;
        same(&account, &before, &place.1.to_string());
    }
}

#[tokio::test]
async fn a_recreated_principal_regains_access_despite_a_killed_run() {
    for way in [USUAL, Way { user: true, ..USUAL }] {
        let (_, reference, _) = way.undisturbed().await;
        let spec = way.spec();
        let principals: Vec<Id> = reference
            .all()
            .into_values()
            .filter_map(|resource| match resource {
                Resource::AccessEntry { principal, tags, .. } if tags.contains_key("cast-spot:managed") => {
                    Some(principal.id())
                }
                _ => None,
            })
            .collect();
        assert_eq!(principals.len(), 2 + usize::from(way.user));
        for id in principals {
            for anew in [true, false] {
                let broken = reference.copy();
                let there = broken.take(&id).unwrap();
                if anew {
                    broken.put(there);
                }
                assert!(!broken.broken().is_empty(), "{id} stands otherwise than the entry knows it");
                let whole = broken.copy();
                completed(&spec, &whole, &id.to_string()).await;
                same(&whole, &reference, &id.to_string());
                for number in 0..whole.counts().1 {
                    let account = broken.copy();
                    let what = format!("{id} anew {anew} killed after {number}");
                    account.mishap(Some((At::Write(number), crate::account::Mishap::KilledAfter)));
                    assert!(crate::situation::unless_killed(&account, run(&spec, &account)).await.is_none());
                    completed(&spec, &account, &what).await;
                    same(&account, &reference, &what);
                }
            }
        }
    }
}

/// The other one has let go of the function and is registered still when ours looks, and has gone before a call of ours.
#[tokio::test]
async fn last_offboard_removes_shared_parts_despite_a_concurrent_one() {
    let before = USUAL.account().await;
    let both = before.copy();
    let stage = both.of("eu-west-1", "stage");
    completed(&USUAL.spec(), &both, "prod").await;
    completed(&USUAL.spec_of("stage"), &stage, "stage").await;
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
        let (account, gone) = (both.copy(), own.clone());
        account
            .meddle(At::Write(number), move |state| state.objects.retain(|place, _| !gone.contains(place)));
        let report = end("prod", &account).await.unwrap();
        assert!(report.is_complete(), "write {number}: {:?}", report.failures().collect::<Vec<_>>());
        same(&account, &before, &format!("stage has gone before write {number}"));
    }
}

/// The one who goes has let go of the function and is registered still when the other one looks; it has gone, and will
/// look no more, when the other one writes.
#[tokio::test]
async fn onboard_does_not_restore_departed_cluster() {
    let (before, all, _) = Way { beside: true, ..USUAL }.undisturbed().await;
    let left = before.all();
    let own: Vec<Place> = all.all().into_keys().filter(|place| !left.contains_key(place)).collect();
    all.change(&Id::new(Kind::Function, FUNCTION), |function| set(function, CLUSTERS_VARIABLE, "stage"));
    let (spec, late) = (USUAL.spec_of("late"), all.of("eu-west-1", "late"));
    let whole = late.copy();
    completed(&spec, &whole, "late").await;
    for number in 0..whole.counts().1 {
        let (account, gone) = (late.copy(), own.clone());
        account
            .meddle(At::Write(number), move |state| state.objects.retain(|place, _| !gone.contains(place)));
        let report = run(&spec, &account).await.unwrap();
        assert!(report.is_complete(), "write {number}: {:?}", report.failures().collect::<Vec<_>>());
        assert_eq!(account.broken(), Vec::<String>::new(), "write {number}");
        assert!(account.served().contains("late") && account.served().contains("stage"), "write {number}");
    }
}

/// With the register, the entries of all are lost; none of them has gone for that.
#[tokio::test]
async fn a_served_cluster_stays_served_when_the_role_is_emptied() {
    let (before, _, writes) = BESIDE.undisturbed().await;
    let spec = BESIDE.spec();
    for number in 0..writes {
        let account = before.copy();
        account.meddle(At::Write(number), move |state| {
            state
                .objects
                .retain(|(_, id), _| id.kind != Kind::InlinePolicy || !id.name.starts_with(LAMBDA_ROLE));
        });
        for _ in 0..2 {
            run(&spec, &account).await.unwrap();
            account.mishap(None);
            assert!(account.served().contains("stage"), "emptied before write {number}");
        }
        assert!(
            account.served().contains("prod") && account.is_registered(),
            "emptied before write {number}"
        );
    }
}
