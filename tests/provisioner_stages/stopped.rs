//! A run that is cancelled, at every step.

use cast_spot_provisioner::{
    apply::{CancelToken, Progress},
    offboard::{self, Removal, offboard},
    onboard::{onboard, plan},
    report::Outcome,
};

use crate::{
    account::{CallIndex, InjectedFault},
    situation::{DEFAULT, Scenario, completed, ended, same, tells_the_truth},
};

/// Cancels the run when the step of this index begins.
fn stopping(stop: &CancelToken, at: usize) -> impl FnMut(Progress<'_>) + Send {
    let mut begun = 0;
    move |progress| {
        if let Progress::Started(_) = progress {
            begun += 1;
            if begun > at {
                stop.cancel();
            }
        }
    }
}

#[tokio::test]
async fn a_stopped_onboard_can_be_continued_or_offboarded() {
    let scenario = Scenario { user: true, private: true, ..DEFAULT };
    let (before, reference, _) = scenario.undisturbed().await;
    let spec = scenario.spec();
    let steps = plan(&spec, &before).await.unwrap().plan.writes().count();
    for at in 0..steps {
        let what = format!("stopped at step {at}");
        let account = before.copy();
        account.pauses(Some(at as u64));
        let planned = plan(&spec, &account).await.unwrap();
        let stop = CancelToken::new();
        let report = onboard(&spec, planned, &account, &stop, &mut stopping(&stop, at)).await.unwrap();
        account.pauses(None);
        assert!(report.stopped, "{what}");
        assert_eq!(report.failures().count(), 0, "{what}");
        let left = report.steps.iter().filter(|step| step.outcome == Outcome::NotReached).count();
        assert_eq!(report.is_complete(), left == 0, "{what}");
        assert_eq!(report.done() + left, steps, "{what}: all is done or not reached");
        assert_eq!(report.done(), at + 1, "{what}: the steps that had begun, and no other");
        assert_eq!(report.access_key.is_some(), left == 0, "{what}: the key is made last");
        tells_the_truth(&report, &account, &before, &what);
        let half = account.copy();
        completed(&spec, &account, &what).await;
        same(&account, &reference, &what);
        ended("prod", &half, &what).await;
        same(&half, &before, &what);
    }
}

#[tokio::test]
async fn a_stopped_offboard_can_be_continued() {
    let scenario = Scenario { beside: true, user: true, ..DEFAULT };
    let (before, after, _) = scenario.undisturbed().await;
    let steps = offboard::plan(&Removal::of("prod"), &after).await.unwrap().plan.writes().count();
    for at in 0..steps {
        let what = format!("stopped at step {at}");
        let account = after.copy();
        account.pauses(Some(at as u64));
        let planned = offboard::plan(&Removal::of("prod"), &account).await.unwrap();
        let stop = CancelToken::new();
        let report =
            offboard(&Removal::of("prod"), planned, &account, &stop, &mut stopping(&stop, at)).await.unwrap();
        account.pauses(None);
        assert!(report.stopped && report.failures().next().is_none(), "{what}");
        assert_eq!(report.done(), at + 1, "{what}: the steps that had begun, and no other");
        tells_the_truth(&report, &account, &after, &what);
        ended("prod", &account, &what).await;
        same(&account, &before, &what);
    }
}

/// Counts steps that begin after a failure, and notes whether there was one.
fn begun_after_failure(has_failed: &mut bool, begun: &mut usize, progress: Progress<'_>) {
    match progress {
        Progress::Failed(..) => *has_failed = true,
        Progress::Started(_) => *begun += usize::from(*has_failed),
        Progress::Done(_) => {}
    }
}

#[tokio::test]
async fn onboard_stops_at_a_failure_and_offboard_continues() {
    let (before, after, writes) = DEFAULT.undisturbed().await;
    let mut went_on = 0;
    for number in 0..writes {
        let (account, onboarded) = (before.copy(), after.copy());
        for account in [&account, &onboarded] {
            account.inject(Some((CallIndex::Write(number), InjectedFault::Refused)));
            account.pauses(Some(number as u64));
        }
        let (mut has_failed, mut begun) = (false, 0);
        let planned = plan(&DEFAULT.spec(), &account).await.unwrap();
        let mut observe = |progress: Progress<'_>| begun_after_failure(&mut has_failed, &mut begun, progress);
        onboard(&DEFAULT.spec(), planned, &account, &CancelToken::new(), &mut observe).await.unwrap();
        assert!(has_failed && begun == 0, "write {number}");

        let (mut has_failed, mut begun) = (false, 0);
        let planned = offboard::plan(&Removal::of("prod"), &onboarded).await.unwrap();
        let mut observe = |progress: Progress<'_>| begun_after_failure(&mut has_failed, &mut begun, progress);
        offboard(&Removal::of("prod"), planned, &onboarded, &CancelToken::new(), &mut observe).await.unwrap();
        went_on += begun;
    }
    assert!(went_on > writes, "{went_on}");
}

#[tokio::test]
async fn a_run_stopped_before_its_first_step_writes_nothing() {
    let (before, after, _) = DEFAULT.undisturbed().await;
    let stop = CancelToken::new();
    stop.cancel();
    let account = before.copy();
    let planned = plan(&DEFAULT.spec(), &account).await.unwrap();
    let report = onboard(&DEFAULT.spec(), planned, &account, &stop, &mut |_| ()).await.unwrap();
    assert!(report.stopped && !report.is_complete() && report.done() == 0);
    assert_eq!((account.counts().1, account.objects()), (0, before.objects()));

    after.inject(None);
    let objects = after.objects();
    let planned = offboard::plan(&Removal::of("prod"), &after).await.unwrap();
    let report = offboard(&Removal::of("prod"), planned, &after, &stop, &mut |_| ()).await.unwrap();
    assert!(report.stopped && report.done() == 0);
    assert_eq!((after.counts().1, after.objects()), (0, objects));
}
