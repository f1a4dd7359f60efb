//! Random histories: onboarding and offboarding in changing scenarios, with faults while calls of the same run
//! overlap. In the end, one undisturbed run repairs everything.

use cast_spot_provisioner::resource::{Id, Kind};

use crate::{
    account::{Account, CallIndex, InjectedFault},
    situation::{DEFAULT, Scenario, completed, end, ended, run, same, unless_killed, untouched},
};

/// Number of histories; each follows from its number.
const HISTORIES: u64 = 60;

#[tokio::test]
async fn one_undisturbed_run_repairs_any_history() {
    for seed in 0..HISTORIES {
        let mut rng = fastrand::Rng::with_seed(seed);
        let (config_map, beside) = (rng.bool(), rng.bool());
        let cluster = Scenario { config_map, beside, private: !beside && rng.bool(), ..DEFAULT };
        let before = cluster.account().await;
        let account = before.copy();
        let mut runs = vec![format!("history {seed}: {cluster:?}")];
        for _ in 0..rng.usize(1..6) {
            // Beside others, the policies of the function's role stay: the role is shared.
            let scenario = Scenario { user: rng.bool(), documented: !beside && rng.bool(), ..cluster };
            runs.push(random_run(&account, scenario, &mut rng).await);
        }
        let what = runs.join(", ");
        account.pauses(None);
        let left = account.copy();

        let scenario = Scenario { user: rng.bool(), ..cluster };
        completed(&scenario.chosen(), &account, &what).await;
        let reference = before.copy();
        completed(&scenario.chosen(), &reference, &what).await;
        same(&account, &reference, &what);
        untouched(&account, &before, &what);

        for account in [left, account] {
            ended("prod", &account, &what).await;
            same(&account, &before, &what);
            untouched(&account, &before, &what);
        }
    }
}

/// Makes one run with a random fault, and describes how it ended.
async fn random_run(account: &Account, scenario: Scenario, rng: &mut fastrand::Rng) -> String {
    let at = if rng.bool() { CallIndex::Call(rng.usize(..110)) } else { CallIndex::Write(rng.usize(..60)) };
    let faults = [
        InjectedFault::Refused,
        InjectedFault::Lost,
        InjectedFault::KilledBefore,
        InjectedFault::KilledAfter,
    ];
    let fault = faults[rng.usize(..faults.len())];
    let pauses = rng.u64(..);
    let onboards = rng.usize(..3) > 0;
    if rng.usize(..4) == 0 {
        delete_own(account, rng);
    }
    account.inject(Some((at, fault)));
    account.pauses(Some(pauses));
    let spec = scenario.chosen();
    let outcome = if onboards {
        unless_killed(account, run(&spec, account)).await
    } else {
        unless_killed(account, end("prod", account)).await
    };
    let outcome = match outcome {
        None => "killed",
        Some(Err(_)) => "not begun",
        Some(Ok(report)) if report.is_complete() => "complete",
        Some(Ok(_)) => "failed",
    };
    format!("{} {scenario:?} {at:?} {fault:?} {outcome}", if onboards { "onboards" } else { "offboards" })
}

/// Deletes a random resource that belongs to the cluster alone.
fn delete_own(account: &Account, rng: &mut fastrand::Rng) {
    let kinds = [Kind::Role, Kind::User, Kind::Attachment, Kind::AccessEntry, Kind::AwsAuth, Kind::Manifest];
    let all = account.all();
    let own: Vec<&Id> = all
        .keys()
        .filter(|(_, id)| kinds.contains(&id.kind))
        .filter(|(_, id)| id.name.contains("cast-eks-prod/") || id.name == "ClusterRole/cast-spot-handler")
        .map(|(_, id)| id)
        .collect();
    if let Some(id) = rng.choice(own) {
        account.take(id);
    }
}
