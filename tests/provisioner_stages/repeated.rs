//! The same again: a plan that is followed twice, a cluster that is as it should be, policies of an older version.

use cast_spot_provisioner::{
    apply::Stop,
    offboard::{self, Removal, offboard},
    onboard::{onboard, plan},
    plan::Action,
    resource::{Id, Kind, Resource},
};
use serde_json::json;

use crate::{
    account::MOST_VERSIONS,
    situation::{PAIRS, USUAL, Way, completed, end, run, same, untouched, ways},
};

#[tokio::test]
async fn an_unchanged_cluster_is_only_read() {
    for way in ways().chain(PAIRS) {
        let (_, account, _) = way.undisturbed().await;
        account.mishap(None);
        let objects = account.objects();
        let report = run(&way.spec(), &account).await.unwrap();
        assert!(report.is_complete() && report.done() == 0, "{way:?}");
        assert_eq!(account.counts().1, 0, "{way:?}");
        assert_eq!(account.objects(), objects, "{way:?}");
    }
}

/// Every write of the plan is made twice, the second time over what the first has left.
#[tokio::test]
async fn applying_a_plan_twice_equals_applying_it_once() {
    for way in PAIRS {
        let (before, reference, _) = way.undisturbed().await;
        let (spec, account) = (way.spec(), before.copy());
        let planned = plan(&spec, &account).await.unwrap();
        for _ in 0..2 {
            let report = onboard(&spec, planned.clone(), &account, &Stop::new(), &mut |_| ()).await.unwrap();
            assert!(report.is_complete(), "{way:?}: {:?}", report.failures().collect::<Vec<_>>());
            same(&account, &reference, &format!("{way:?}"));
        }
        assert_eq!(account.broken(), Vec::<String>::new(), "{way:?}");

        let planned = offboard::plan(&Removal::of("prod"), &account).await.unwrap();
        for _ in 0..2 {
            let report = offboard(&Removal::of("prod"), planned.clone(), &account, &Stop::new(), &mut |_| ())
                .await
                .unwrap();
            assert!(report.is_complete(), "{way:?}: {:?}", report.failures().collect::<Vec<_>>());
            same(&account, &before, &format!("{way:?}"));
        }
        untouched(&account, &before, &format!("{way:?}"));
    }
}

#[tokio::test]
async fn offboarding_an_unknown_cluster_writes_nothing() {
    for way in PAIRS {
        let account = way.account().await;
        let objects = account.objects();
        let report = end("prod", &account).await.unwrap();
        assert!(report.is_complete(), "{way:?}");
        assert_eq!((account.counts().1, account.objects()), (0, objects), "{way:?}");
    }
}

#[tokio::test]
async fn outdated_policies_are_updated_within_the_iam_version_limit() {
    let (_, account, _) = Way { beside: true, ..USUAL }.undisturbed().await;
    let reference = account.copy();
    let spec = USUAL.spec();
    let policies: Vec<Id> = account
        .all()
        .into_iter()
        .filter(|((_, id), resource)| id.kind == Kind::Policy && crate::situation::is_ours(resource))
        .map(|((_, id), _)| id)
        .filter(|id| !id.name.contains("-stage-") && !id.name.contains("-far-"))
        .collect();
    assert_eq!(policies.len(), 2, "{policies:?}");
    for round in 1..8 {
        for id in &policies {
            account.change(id, |resource| {
                if let Resource::Policy { document, .. } = resource {
                    *document =
                        json!({ "Version": "2012-10-17", "Statement": [{ "Sid": format!("V{round}") }] });
                }
            });
        }
        let planned = plan(&spec, &account).await.unwrap().plan;
        let updated: Vec<_> = planned.writes().map(|step| (&step.id, &step.action)).collect();
        assert!(updated.iter().all(|(_, action)| matches!(action, Action::Update { .. })), "{updated:?}");
        assert_eq!(updated.len(), policies.len(), "nothing but them: {updated:?}");
        completed(&spec, &account, &format!("round {round}")).await;
        same(&account, &reference, &format!("round {round}"));
        for id in &policies {
            let versions = account.object(id).unwrap().versions;
            assert_eq!(versions, (round + 1).min(MOST_VERSIONS), "{id}, round {round}");
        }
    }
    completed(&spec, &account, "again").await;
    assert_eq!(account.counts().1, 0);
}
