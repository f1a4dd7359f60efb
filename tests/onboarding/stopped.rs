//! Somebody stops a run, wherever it is.

use cast_spot_provisioner::{
    apply::{Progress, Stop},
    offboard::{self, offboard},
    onboard::{onboard, plan},
    report::Outcome,
};

use crate::situation::{USUAL, Way, completed, ended, same, tells_the_truth};

/// Says stop at the step of this number that begins.
fn stopping(stop: &Stop, at: usize) -> impl FnMut(Progress<'_>) + Send {
    let mut begun = 0;
    move |progress| {
        if let Progress::Started(_) = progress {
            begun += 1;
            if begun > at {
                stop.say();
            }
        }
    }
}

#[tokio::test]
async fn a_run_that_is_stopped_anywhere_says_so_and_is_gone_on_with_or_taken_back() {
    let way = Way { user: true, private: true, ..USUAL };
    let (before, reference, _) = way.undisturbed().await;
    let spec = way.spec();
    let steps = plan(&spec, &before).await.unwrap().plan.writes().count();
    for at in 0..steps {
        let what = format!("stopped at step {at}");
        let account = before.copy();
        account.pauses(Some(at as u64));
        let planned = plan(&spec, &account).await.unwrap();
        let stop = Stop::new();
        let report = onboard(&spec, planned, &account, &stop, &mut stopping(&stop, at)).await.unwrap();
        account.pauses(None);
        assert!(report.stopped, "{what}");
        assert_eq!(report.failures().count(), 0, "{what}");
        let left = report.steps.iter().filter(|step| step.outcome == Outcome::NotReached).count();
        assert_eq!(report.is_complete(), left == 0, "{what}");
        assert_eq!(report.done() + left, steps, "{what}: all is done or not reached");
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
async fn an_offboarding_that_is_stopped_anywhere_says_so_and_is_gone_on_with() {
    let way = Way { beside: true, user: true, ..USUAL };
    let (before, after, _) = way.undisturbed().await;
    let steps = offboard::plan("prod", &after).await.unwrap().plan.writes().count();
    for at in 0..steps {
        let what = format!("stopped at step {at}");
        let account = after.copy();
        account.pauses(Some(at as u64));
        let planned = offboard::plan("prod", &account).await.unwrap();
        let stop = Stop::new();
        let report = offboard("prod", planned, &account, &stop, &mut stopping(&stop, at)).await.unwrap();
        account.pauses(None);
        assert!(report.stopped && report.failures().next().is_none(), "{what}");
        tells_the_truth(&report, &account, &after, &what);
        ended("prod", &account, &what).await;
        same(&account, &before, &what);
    }
}

#[tokio::test]
async fn a_run_that_is_stopped_before_it_begins_writes_nothing() {
    let (before, after, _) = USUAL.undisturbed().await;
    let stop = Stop::new();
    stop.say();
    let account = before.copy();
    let planned = plan(&USUAL.spec(), &account).await.unwrap();
    let report = onboard(&USUAL.spec(), planned, &account, &stop, &mut |_| ()).await.unwrap();
    assert!(report.stopped && !report.is_complete() && report.done() == 0);
    assert_eq!((account.counts().1, account.objects()), (0, before.objects()));

    after.mishap(None);
    let objects = after.objects();
    let planned = offboard::plan("prod", &after).await.unwrap();
    let report = offboard("prod", planned, &after, &stop, &mut |_| ()).await.unwrap();
    assert!(report.stopped && report.done() == 0);
    assert_eq!((after.counts().1, after.objects()), (0, objects));
}
