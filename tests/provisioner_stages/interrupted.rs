//! A fault at every call that writes: refused, answer lost, program killed. A resource that takes several calls is then
//! incomplete.

use cast_spot_provisioner::onboard::PlanError;

use crate::{
    account::{CallIndex, InjectedFault},
    situation::{
        DEFAULT, PAIRS, Scenario, completed, end, ended, run, same, scenarios, tells_the_truth,
        unless_killed, untouched,
    },
};

#[tokio::test]
async fn failed_call_is_recovered_by_rerun_and_by_offboard() {
    for (index, scenario) in PAIRS.into_iter().enumerate() {
        let (before, reference, writes) = scenario.undisturbed().await;
        let spec = scenario.spec();
        for number in 0..writes {
            // Each call in every other scenario.
            let fault = if (index + number) % 2 == 0 { InjectedFault::Refused } else { InjectedFault::Lost };
            let what = format!("{scenario:?} write {number} {fault:?}");
            let account = before.copy();
            account.inject(Some((CallIndex::Write(number), fault)));
            let report = run(&spec, &account).await.unwrap();
            assert!(!report.is_complete(), "{what}");
            assert_eq!(report.failures().count(), 1, "{what}");
            tells_the_truth(&report, &account, &before, &what);
            let half = account.copy();

            completed(&spec, &account, &what).await;
            same(&account, &reference, &what);
            untouched(&account, &before, &what);

            ended("prod", &half, &what).await;
            same(&half, &before, &what);
            untouched(&half, &before, &what);
        }
    }
}

#[tokio::test]
async fn a_failure_is_recovered_by_rerun_in_every_mode() {
    for scenario in scenarios() {
        let (before, reference, writes) = scenario.undisturbed().await;
        let spec = scenario.spec();
        // A quarter of the calls in each mode: each mode starts at another one, and together they cover every call.
        for number in (usize::from(scenario.user) + 2 * usize::from(scenario.documented)..writes).step_by(4) {
            let account = before.copy();
            account.inject(Some((CallIndex::Write(number), InjectedFault::Refused)));
            assert!(!run(&spec, &account).await.unwrap().is_complete(), "{scenario:?} write {number}");
            completed(&spec, &account, &format!("{scenario:?} write {number}")).await;
            same(&account, &reference, &format!("{scenario:?} write {number}"));
        }
    }
}

#[tokio::test]
async fn killed_run_is_completed_by_rerun_and_removed_by_offboard() {
    for (index, scenario) in PAIRS.into_iter().enumerate() {
        let (before, reference, writes) = scenario.undisturbed().await;
        let spec = scenario.spec();
        for number in 0..writes {
            let what = format!("{scenario:?} killed after write {number}");
            let account = before.copy();
            account.inject(Some((CallIndex::Write(number), InjectedFault::KilledAfter)));
            assert!(unless_killed(&account, run(&spec, &account)).await.is_none(), "{what}");
            if (index + number) % 2 == 0 {
                completed(&spec, &account, &what).await;
                same(&account, &reference, &what);
            } else {
                ended("prod", &account, &what).await;
                same(&account, &before, &what);
            }
            untouched(&account, &before, &what);
        }
    }
}

#[tokio::test]
async fn an_interrupted_offboard_is_finished_by_a_rerun() {
    for (index, scenario) in PAIRS.into_iter().enumerate() {
        let (before, after, _) = scenario.undisturbed().await;
        after.inject(None);
        let whole = after.copy();
        ended("prod", &whole, &format!("{scenario:?}")).await;
        same(&whole, &before, &format!("{scenario:?}"));
        for number in 0..whole.counts().1 {
            // Each fault in every third scenario.
            let fault = [InjectedFault::Refused, InjectedFault::Lost, InjectedFault::KilledAfter]
                [(index + number) % 3];
            let what = format!("{scenario:?} write {number} {fault:?}");
            let account = after.copy();
            account.inject(Some((CallIndex::Write(number), fault)));
            match unless_killed(&account, end("prod", &account)).await {
                None => assert_eq!(fault, InjectedFault::KilledAfter, "{what}"),
                Some(report) => {
                    let report = report.unwrap();
                    assert!(!report.is_complete(), "{what}");
                    assert_eq!(report.failures().count(), 1, "{what}");
                    tells_the_truth(&report, &account, &after, &what);
                }
            }
            ended("prod", &account, &what).await;
            same(&account, &before, &what);
            untouched(&account, &before, &what);
        }
    }
}

#[tokio::test]
async fn a_killed_offboard_can_be_reverted_by_onboard() {
    for scenario in [DEFAULT, Scenario { user: true, beside: true, ..DEFAULT }] {
        let (_, reference, _) = scenario.undisturbed().await;
        let spec = scenario.spec();
        let whole = reference.copy();
        ended("prod", &whole, "whole").await;
        for number in 0..whole.counts().1 {
            let what = format!("{scenario:?} offboarding killed after write {number}");
            let account = reference.copy();
            account.inject(Some((CallIndex::Write(number), InjectedFault::KilledAfter)));
            assert!(unless_killed(&account, end("prod", &account)).await.is_none(), "{what}");
            completed(&spec, &account, &what).await;
            same(&account, &reference, &what);
        }
    }
}

#[tokio::test]
async fn a_failed_read_is_an_error_before_any_write() {
    let scenario = Scenario { user: true, beside: true, ..DEFAULT };
    let (before, after, _) = scenario.undisturbed().await;
    let looked = before.copy();
    cast_spot_provisioner::onboard::plan(&scenario.spec(), &looked).await.unwrap();
    let calls = looked.counts().0;
    assert!(calls > 40, "{calls}");
    for number in 0..calls {
        for (account, onboards) in [(before.copy(), true), (after.copy(), false)] {
            let objects = account.objects();
            account.inject(Some((CallIndex::Call(number), InjectedFault::Lost)));
            let outcome =
                if onboards { run(&scenario.spec(), &account).await } else { end("prod", &account).await };
            let Err(PlanError::Calls(errors)) = outcome else {
                // Offboarding reads less: then the index was that of a later call.
                assert!(!onboards && number > 10, "call {number}: {outcome:?}");
                continue;
            };
            assert_eq!(errors.len(), 1, "call {number}");
            assert_eq!(account.counts().1, 0, "call {number}");
            assert_eq!(account.objects(), objects, "call {number}");
        }
    }
}
