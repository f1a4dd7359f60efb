//! Access keys: created last, shown once, two at most, and always an active one.

use cast_spot_provisioner::{
    onboard::plan,
    provider::ErrorKind,
    report::Report,
    resource::{Id, Kind},
    spec::{Request, Spec},
};

use crate::{
    account::{Account, CallIndex, InjectedFault, SECRET},
    situation::{DEFAULT, Scenario, completed, run, unless_killed},
};

const USER: Scenario = Scenario { user: true, ..DEFAULT };

fn rotating() -> Spec {
    Request { rotate_key: true, ..USER.request("prod") }.validate().unwrap()
}

fn keys(account: &Account) -> Vec<(String, bool)> {
    account.object(&Id::new(Kind::AccessKey, "cast-eks-prod")).map(|object| object.keys).unwrap_or_default()
}

fn working(account: &Account) -> Vec<String> {
    keys(account).into_iter().filter(|(_, works)| *works).map(|(id, _)| id).collect()
}

fn shown(report: &Report) -> Option<String> {
    report.access_key.as_ref().map(|key| key.id.clone())
}

#[tokio::test]
async fn each_rotation_shows_a_new_key_and_deactivates_the_old_one() {
    let (_, account, _) = USER.undisturbed().await;
    let mut last = working(&account);
    for round in 0..4 {
        let report = run(&rotating(), &account).await.unwrap();
        assert!(report.is_complete(), "round {round}");
        let now = working(&account);
        assert_eq!(now, shown(&report).into_iter().collect::<Vec<_>>(), "round {round}");
        assert_ne!(now, last, "round {round}");
        assert_eq!(keys(&account).len(), 2, "round {round}: the last one can be activated again");
        last = now;
    }
    // Without a request to rotate, the active key stays.
    let report = run(&USER.spec(), &account).await.unwrap();
    assert_eq!((report.done(), shown(&report), working(&account)), (0, None, last));
}

#[tokio::test]
async fn an_interrupted_rotation_always_leaves_an_active_key() {
    let (_, before, _) = USER.undisturbed().await;
    run(&rotating(), &before).await.unwrap();
    before.inject(None);
    let whole = before.copy();
    run(&rotating(), &whole).await.unwrap();
    let writes = whole.counts().1;
    assert_eq!(writes, 3, "room is made, a key, the old one off");
    for number in 0..writes {
        for fault in [InjectedFault::Refused, InjectedFault::Lost, InjectedFault::KilledAfter] {
            let what = format!("write {number} {fault:?}");
            let account = before.copy();
            account.inject(Some((CallIndex::Write(number), fault)));
            let report = unless_killed(&account, run(&rotating(), &account)).await;
            assert!(!working(&account).is_empty(), "{what}");
            if let Some(report) = report.map(Result::unwrap)
                && report.is_complete()
            {
                let key = shown(&report).unwrap();
                assert!(working(&account).contains(&key), "{what}: what is shown works");
                let reported = report.steps.iter().any(|step| step.warning.is_some());
                assert!(
                    reported || working(&account).len() == 1,
                    "{what}: an old key that is still active is reported"
                );
                assert_eq!(reported, number == 2, "{what}: where the answer is lost, it might");
            }
            account.inject(None);
            let again = run(&rotating(), &account).await.unwrap();
            if again.is_complete() {
                assert_eq!(working(&account), shown(&again).into_iter().collect::<Vec<_>>(), "{what}");
            } else {
                // Two active keys, one of them never shown: a person has to decide which one is deleted.
                assert_eq!(again.failures().next().unwrap().1.reason, ErrorKind::Limit, "{what}");
            }
        }
    }
}

#[tokio::test]
async fn a_key_that_was_never_shown_is_replaced_by_rotation() {
    let (before, whole, writes) = USER.undisturbed().await;
    assert_eq!(working(&whole).len(), 1);
    for fault in [InjectedFault::Lost, InjectedFault::KilledAfter] {
        let account = before.copy();
        account.inject(Some((CallIndex::Write(writes - 1), fault)));
        let report = unless_killed(&account, run(&USER.spec(), &account)).await;
        assert!(report.is_none_or(|report| shown(&report.unwrap()).is_none()), "{fault:?}");
        assert_eq!(working(&account).len(), 1, "the key was the very last write: {fault:?}");
        completed(&USER.spec(), &account, &format!("{fault:?}")).await;
        let report = run(&rotating(), &account).await.unwrap();
        assert_eq!(working(&account), shown(&report).into_iter().collect::<Vec<_>>(), "{fault:?}");
    }
}

#[tokio::test]
async fn a_deactivated_key_is_replaced() {
    let (_, account, _) = USER.undisturbed().await;
    let place = account.place(&Id::new(Kind::AccessKey, "cast-eks-prod"));
    account.edit_before(CallIndex::Call(0), move |state| {
        state.change(&place, |object| object.keys[0].1 = false);
    });
    let report = run(&USER.spec(), &account).await.unwrap();
    assert_eq!(working(&account), shown(&report).into_iter().collect::<Vec<_>>());
}

#[tokio::test]
async fn a_secret_is_in_no_plan_report_or_debug_output() {
    for spec in [USER.spec(), rotating()] {
        let account = USER.account().await;
        let planned = plan(&spec, &account).await.unwrap();
        assert_eq!(planned.plan.steps.last().unwrap().id.kind, Kind::AccessKey);
        let mut words = vec![format!("{planned:?}"), serde_json::to_string(&planned.plan).unwrap()];
        let report = run(&spec, &account).await.unwrap();
        assert!(report.access_key.as_ref().unwrap().secret.starts_with(SECRET));
        words.extend([format!("{report:?}"), serde_json::to_string(&report).unwrap()]);
        let later = plan(&spec, &account).await.unwrap();
        words.extend([format!("{later:?}"), serde_json::to_string(&later.plan).unwrap()]);
        assert!(words.iter().all(|words| !words.contains(SECRET)));
    }
}
