//! Repeated runs: a plan applied twice, an unchanged cluster, outdated policies.

use cast_spot_provisioner::{
    apply::CancelToken,
    offboard::{self, Removal, offboard},
    onboard::{onboard, plan},
    plan::Action,
    resource::{Id, Kind, Policy, Resource},
};
use serde_json::json;

use crate::{
    account::MOST_VERSIONS,
    situation::{DEFAULT, PAIRS, Scenario, completed, end, run, same, scenarios, untouched},
};

#[tokio::test]
async fn an_unchanged_cluster_is_only_read() {
    for scenario in scenarios().chain(PAIRS) {
        let (_, account, _) = scenario.undisturbed().await;
        account.inject(None);
        let objects = account.objects();
        let report = run(&scenario.spec(), &account).await.unwrap();
        assert!(report.is_complete() && report.done() == 0, "{scenario:?}");
        assert_eq!(account.counts().1, 0, "{scenario:?}");
        assert_eq!(account.objects(), objects, "{scenario:?}");
    }
}

/// Applies every write of the plan twice, the second time over the result of the first.
#[tokio::test]
async fn applying_a_plan_twice_equals_applying_it_once() {
    for scenario in PAIRS {
        let (before, reference, _) = scenario.undisturbed().await;
        let (spec, account) = (scenario.spec(), before.copy());
        let planned = plan(&spec, &account).await.unwrap();
        for _ in 0..2 {
            let report =
                onboard(&spec, planned.clone(), &account, &CancelToken::new(), &mut |_| ()).await.unwrap();
            assert!(report.is_complete(), "{scenario:?}: {:?}", report.failures().collect::<Vec<_>>());
            same(&account, &reference, &format!("{scenario:?}"));
        }
        assert_eq!(account.broken(), Vec::<String>::new(), "{scenario:?}");

        let planned = offboard::plan(&Removal::of("prod"), &account).await.unwrap();
        for _ in 0..2 {
            let report =
                offboard(&Removal::of("prod"), planned.clone(), &account, &CancelToken::new(), &mut |_| ())
                    .await
                    .unwrap();
            assert!(report.is_complete(), "{scenario:?}: {:?}", report.failures().collect::<Vec<_>>());
            same(&account, &before, &format!("{scenario:?}"));
        }
        untouched(&account, &before, &format!("{scenario:?}"));
    }
}

#[tokio::test]
async fn offboarding_an_unknown_cluster_writes_nothing() {
    for scenario in PAIRS {
        let account = scenario.account().await;
        let objects = account.objects();
        let report = end("prod", &account).await.unwrap();
        assert!(report.is_complete(), "{scenario:?}");
        assert_eq!((account.counts().1, account.objects()), (0, objects), "{scenario:?}");
    }
}

#[tokio::test]
async fn outdated_policies_are_updated_within_the_iam_version_limit() {
    let (_, account, _) = Scenario { beside: true, ..DEFAULT }.undisturbed().await;
    let reference = account.copy();
    let spec = DEFAULT.spec();
    let policies: Vec<Id> = account
        .all()
        .into_iter()
        .filter(|((_, id), resource)| id.kind == Kind::Policy && crate::situation::is_ours(resource))
        .map(|((_, id), _)| id)
        .filter(|id| !id.name.contains("-stage-") && !id.name.contains("-far-"))
        .collect();
    assert_eq!(policies.len(), 3, "{policies:?}");
    for round in 1..8 {
        for id in &policies {
            account.change(id, |resource| {
                if let Resource::Policy(Policy { document, .. }) = resource {
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
