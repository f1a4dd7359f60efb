//! A call fails, its answer is lost, or the program dies, for every call that writes. A resource that takes several
//! calls is then half made.

use cast_spot_provisioner::onboard::PlanError;

use crate::{
    account::{At, Mishap},
    situation::{
        PAIRS, USUAL, Way, completed, end, ended, run, same, tells_the_truth, unless_killed, untouched, ways,
    },
};

#[tokio::test]
async fn failed_call_is_recovered_by_rerun_and_by_offboard() {
    for (index, way) in PAIRS.into_iter().enumerate() {
        let (before, reference, writes) = way.undisturbed().await;
        let spec = way.spec();
        for number in 0..writes {
            // Each in every other way.
            let mishap = if (index + number) % 2 == 0 { Mishap::Refused } else { Mishap::Lost };
            let what = format!("{way:?} write {number} {mishap:?}");
            let account = before.copy();
            account.mishap(Some((At::Write(number), mishap)));
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
    for way in ways() {
        let (before, reference, writes) = way.undisturbed().await;
        let spec = way.spec();
        // Not all of them in all of the modes: each mode begins elsewhere, and together they meet every call.
        for number in (usize::from(way.user) + 2 * usize::from(way.least)..writes).step_by(4) {
            let account = before.copy();
            account.mishap(Some((At::Write(number), Mishap::Refused)));
            assert!(!run(&spec, &account).await.unwrap().is_complete(), "{way:?} write {number}");
            completed(&spec, &account, &format!("{way:?} write {number}")).await;
            same(&account, &reference, &format!("{way:?} write {number}"));
        }
    }
}

#[tokio::test]
async fn killed_run_is_completed_by_rerun_and_removed_by_offboard() {
    for (index, way) in PAIRS.into_iter().enumerate() {
        let (before, reference, writes) = way.undisturbed().await;
        let spec = way.spec();
        for number in 0..writes {
            let what = format!("{way:?} killed after write {number}");
            let account = before.copy();
            account.mishap(Some((At::Write(number), Mishap::KilledAfter)));
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
    for (index, way) in PAIRS.into_iter().enumerate() {
        let (before, after, _) = way.undisturbed().await;
        after.mishap(None);
        let whole = after.copy();
        ended("prod", &whole, &format!("{way:?}")).await;
        same(&whole, &before, &format!("{way:?}"));
        for number in 0..whole.counts().1 {
            // Each in every third way.
            let mishap = [Mishap::Refused, Mishap::Lost, Mishap::KilledAfter][(index + number) % 3];
            let what = format!("{way:?} write {number} {mishap:?}");
            let account = after.copy();
            account.mishap(Some((At::Write(number), mishap)));
            match unless_killed(&account, end("prod", &account)).await {
                None => assert_eq!(mishap, Mishap::KilledAfter, "{what}"),
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
    for way in [USUAL, Way { user: true, beside: true, ..USUAL }] {
        let (_, reference, _) = way.undisturbed().await;
        let spec = way.spec();
        let whole = reference.copy();
        ended("prod", &whole, "whole").await;
        for number in 0..whole.counts().1 {
            let what = format!("{way:?} offboarding killed after write {number}");
            let account = reference.copy();
            account.mishap(Some((At::Write(number), Mishap::KilledAfter)));
            assert!(unless_killed(&account, end("prod", &account)).await.is_none(), "{what}");
            completed(&spec, &account, &what).await;
            same(&account, &reference, &what);
        }
    }
}

#[tokio::test]
async fn a_failed_read_is_an_error_before_any_write() {
    let way = Way { user: true, beside: true, ..USUAL };
    let (before, after, _) = way.undisturbed().await;
    let looked = before.copy();
    cast_spot_provisioner::onboard::plan(&way.spec(), &looked).await.unwrap();
    let calls = looked.counts().0;
    assert!(calls > 40, "{calls}");
    for number in 0..calls {
        for (account, onboards) in [(before.copy(), true), (after.copy(), false)] {
            let objects = account.objects();
            account.mishap(Some((At::Call(number), Mishap::Lost)));
            let outcome =
                if onboards { run(&way.spec(), &account).await } else { end("prod", &account).await };
            let Err(PlanError::Calls(errors)) = outcome else {
                // Offboarding looks at fewer things: then the call was a later one.
                assert!(!onboards && number > 10, "call {number}: {outcome:?}");
                continue;
            };
            assert_eq!(errors.len(), 1, "call {number}");
            assert_eq!(account.counts().1, 0, "call {number}");
            assert_eq!(account.objects(), objects, "call {number}");
        }
    }
}
