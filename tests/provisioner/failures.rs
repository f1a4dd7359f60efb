//! Something goes wrong at one step, for every step.

use cast_spot_provisioner::{
    apply::{Progress, Stop},
    onboard::{onboard, plan},
    report::Outcome,
    resource::Kind,
};

use crate::{
    account::{Account, Fault, SECRET},
    situation::{USUAL, Way, end, run, ways},
};

/// How many calls and writes an undisturbed onboarding takes.
async fn undisturbed(way: Way) -> (Account, usize, usize) {
    let account = way.account();
    account.fault(None);
    assert!(run(&way.spec(), &account).await.unwrap().is_complete(), "{way:?}");
    let (calls, writes) = account.counts();
    (account, calls, writes)
}

#[tokio::test]
async fn after_a_failure_at_any_step_the_next_run_ends_as_an_undisturbed_one() {
    for way in ways() {
        let (reference, _, writes) = undisturbed(way).await;
        assert!(writes > 15, "{way:?}: {writes}");
        for number in 0..writes {
            for fault in [Fault::Refused(number), Fault::Unanswered(number)] {
                let account = way.account();
                let before = account.all();
                account.fault(Some(fault));
                let report = run(&way.spec(), &account).await.unwrap();
                assert!(!report.is_complete(), "{way:?} {fault:?}");
                assert_eq!(report.failures().count(), 1, "{way:?} {fault:?}: {report:?}");
                // What the report says is done stands, and what it says was not reached does not.
                let standing = account.all();
                for step in &report.steps {
                    let stands = standing.keys().any(|(_, id)| *id == step.id);
                    match step.outcome {
                        Outcome::Done => assert!(stands, "{way:?} {fault:?}: {}", step.id),
                        Outcome::NotReached => assert!(!stands, "{way:?} {fault:?}: {}", step.id),
                        _ => {}
                    }
                }
                account.fault(None);
                // A lost answer may have been the key's: it is there, and nobody has seen its secret.
                assert!(run(&way.spec(), &account).await.unwrap().is_complete(), "{way:?} {fault:?}");
                assert_eq!(account.all(), reference.all(), "{way:?} {fault:?}");
                assert!(end("prod", &account).await.unwrap().is_complete(), "{way:?} {fault:?}");
                assert_eq!(account.all(), before, "{way:?} {fault:?}");
            }
        }
    }
}

#[tokio::test]
async fn offboarding_from_any_half_done_state_leaves_nothing_of_ours_and_all_of_others() {
    for way in ways() {
        let (_, _, writes) = undisturbed(way).await;
        for number in 0..writes {
            let account = way.account();
            let before = account.all();
            account.fault(Some(Fault::Unanswered(number)));
            assert!(!run(&way.spec(), &account).await.unwrap().is_complete());
            account.fault(None);
            assert!(end("prod", &account).await.unwrap().is_complete(), "{way:?} after write {number}");
            assert_eq!(account.all(), before, "{way:?} after write {number}");
        }
    }
}

#[tokio::test]
async fn a_failure_while_offboarding_is_finished_by_the_next() {
    for way in ways() {
        let (reference, ..) = undisturbed(way).await;
        reference.fault(None);
        end("prod", &reference).await.unwrap();
        let (_, writes) = reference.counts();
        for number in 0..writes {
            let (account, ..) = undisturbed(way).await;
            account.fault(Some(Fault::Refused(number)));
            let report = end("prod", &account).await.unwrap();
            assert!(!report.is_complete(), "{way:?} {number}");
            account.fault(None);
            assert!(end("prod", &account).await.unwrap().is_complete(), "{way:?} {number}");
            assert_eq!(account.all(), way.account().all(), "{way:?} {number}");
        }
    }
}

#[tokio::test]
async fn killed_at_any_call_the_next_run_ends_as_an_undisturbed_one() {
    for way in [USUAL, Way { user: true, private: true, ..USUAL }] {
        let (reference, calls, _) = undisturbed(way).await;
        for number in 0..calls {
            let account = way.account();
            account.fault(Some(Fault::Killed(number)));
            let spec = way.spec();
            tokio::select! {
                biased;
                () = account.killed() => {}
                ended = run(&spec, &account) => panic!("{way:?}: it was not killed at {number}: {ended:?}"),
            }
            account.fault(None);
            assert!(run(&spec, &account).await.unwrap().is_complete(), "{way:?} at {number}");
            assert_eq!(account.all(), reference.all(), "{way:?} at {number}");
        }
    }
}

#[tokio::test]
async fn a_second_onboarding_writes_nothing_and_no_version_of_a_policy() {
    for way in ways() {
        let (account, ..) = undisturbed(way).await;
        account.fault(None);
        let report = run(&way.spec(), &account).await.unwrap();
        assert!(report.is_complete() && report.done() == 0, "{way:?}: {report:?}");
        assert_eq!(account.counts().1, 0, "{way:?}");
        assert_eq!(account.versions("CastEKSPolicy"), 1);
    }
}

#[tokio::test]
async fn a_run_that_is_stopped_finishes_what_it_has_begun_and_says_what_is_left() {
    let account = USUAL.account();
    let spec = USUAL.spec();
    let planned = plan(&spec, &account).await.unwrap();
    let stop = Stop::new();
    let mut done = 0;
    let mut heard = |progress: Progress<'_>| {
        if let Progress::Done(_) = progress {
            done += 1;
            if done == 5 {
                stop.say();
            }
        }
    };
    let report = onboard(&spec, planned, &account, &stop, &mut heard).await.unwrap();
    assert!(report.stopped && !report.is_complete());
    assert!(report.failures().next().is_none());
    assert!(report.done() >= 5 && report.done() < 20, "{}", report.done());
    assert!(run(&spec, &account).await.unwrap().is_complete());
}

#[tokio::test]
async fn the_key_is_made_last_shown_once_and_written_nowhere() {
    let way = Way { user: true, ..USUAL };
    let account = way.account();
    let planned = plan(&way.spec(), &account).await.unwrap();
    assert_eq!(planned.plan.steps.last().unwrap().id.kind, Kind::AccessKey);
    let report = run(&way.spec(), &account).await.unwrap();
    assert_eq!(report.access_key.as_ref().unwrap().secret, SECRET);
    for words in [serde_json::to_string(&report).unwrap(), format!("{report:?}"), format!("{planned:?}")] {
        assert!(!words.contains(SECRET), "{words}");
    }
    assert_eq!(run(&way.spec(), &account).await.unwrap().access_key, None);
}
