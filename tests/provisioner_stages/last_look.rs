//! The look after a run, which sees what concurrent runs have changed: where it fails, the run does not end in silence.

use cast_spot_provisioner::{
    names::{CLUSTERS_VARIABLE, FUNCTION},
    report::Report,
    resource::{Function, Id, Kind, Resource},
};

use crate::{
    account::{Account, CallIndex, InjectedFault},
    situation::{DEFAULT, Ended, Scenario, end, run},
};

const BESIDE: Scenario = Scenario { beside: true, ..DEFAULT };

fn is_silent(report: &Report) -> bool {
    report.is_complete() && report.warnings().is_empty()
}

/// Repeats `work` with each of its calls lost, and returns how many of these runs ended with a warning.
async fn warned(account: &Account, work: impl AsyncFn(&Account) -> Ended) -> usize {
    let whole = account.copy();
    assert!(is_silent(&work(&whole).await.unwrap()));
    let mut warned = 0;
    for number in 0..whole.counts().0 {
        let account = account.copy();
        account.inject(Some((CallIndex::Call(number), InjectedFault::Lost)));
        let Ok(report) = work(&account).await else { continue };
        assert!(!is_silent(&report), "call {number}");
        warned += usize::from(report.is_complete());
    }
    warned
}

#[tokio::test]
async fn an_offboard_reports_that_its_last_look_failed() {
    let (_, after, _) = BESIDE.undisturbed().await;
    after.inject(None);
    let after = after.copy();
    assert!(warned(&after, async |account| end("prod", account).await).await > 10);
}

#[tokio::test]
async fn an_onboard_reports_that_its_last_look_failed() {
    let (_, all, _) = BESIDE.undisturbed().await;
    all.inject(None);
    // Another run is offboarding `prod`, so this one has to look whether it came back into the list.
    all.change(&Id::new(Kind::Function, FUNCTION), |function| {
        if let Resource::Function(Function { environment, .. }) = function {
            environment.insert(CLUSTERS_VARIABLE.to_owned(), "stage".to_owned());
        }
    });
    let (spec, late) = (DEFAULT.spec_of("late"), all.of("eu-west-1", "late").copy());
    assert!(warned(&late, async |account| run(&spec, account).await).await > 0);
}
