//! Anything, in any order: onboarding and offboarding in changing ways, with whatever can go wrong while calls of the
//! same run overlap. In the end, one run that nothing disturbs puts all of it right.

use cast_spot_provisioner::resource::{Id, Kind};

use crate::{
    account::{Account, At, Mishap},
    situation::{USUAL, Way, completed, end, ended, run, same, unless_killed, untouched},
};

/// Lives of a cluster. One that fails is lived again by its number.
const LIVES: u64 = 60;

#[tokio::test]
async fn one_undisturbed_run_repairs_any_history() {
    for life in 0..LIVES {
        let mut rng = fastrand::Rng::with_seed(life);
        let (config_map, beside) = (rng.bool(), rng.bool());
        let cluster = Way { config_map, beside, private: !beside && rng.bool(), ..USUAL };
        let before = cluster.account().await;
        let account = before.copy();
        let mut years = vec![format!("life {life}: {cluster:?}")];
        for _ in 0..rng.usize(1..6) {
            // Beside others, what the function's role may do is not changed: it is theirs, too.
            let way = Way { user: rng.bool(), least: !beside && rng.bool(), ..cluster };
            years.push(year(&account, way, &mut rng).await);
        }
        let lived = years.join(", ");
        account.pauses(None);
        let left = account.copy();

        let way = Way { user: rng.bool(), ..cluster };
        completed(&way.chosen(), &account, &lived).await;
        let reference = before.copy();
        completed(&way.chosen(), &reference, &lived).await;
        same(&account, &reference, &lived);
        untouched(&account, &before, &lived);

        for account in [left, account] {
            ended("prod", &account, &lived).await;
            same(&account, &before, &lived);
            untouched(&account, &before, &lived);
        }
    }
}

/// One run, and what becomes of it.
async fn year(account: &Account, way: Way, rng: &mut fastrand::Rng) -> String {
    let at = if rng.bool() { At::Call(rng.usize(..110)) } else { At::Write(rng.usize(..60)) };
    let mishaps = [Mishap::Refused, Mishap::Lost, Mishap::KilledBefore, Mishap::KilledAfter];
    let mishap = mishaps[rng.usize(..mishaps.len())];
    let pauses = rng.u64(..);
    let onboards = rng.usize(..3) > 0;
    if rng.usize(..4) == 0 {
        vandal(account, rng);
    }
    account.mishap(Some((at, mishap)));
    account.pauses(Some(pauses));
    let spec = way.chosen();
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
    format!("{} {way:?} {at:?} {mishap:?} {outcome}", if onboards { "onboards" } else { "offboards" })
}

/// Takes away something that is the cluster's own.
fn vandal(account: &Account, rng: &mut fastrand::Rng) {
    let kinds =
        [Kind::Role, Kind::User, Kind::Attachment, Kind::AccessEntry, Kind::AwsAuth, Kind::ClusterRole];
    let all = account.all();
    let own: Vec<&Id> = all
        .keys()
        .filter(|(_, id)| kinds.contains(&id.kind))
        .filter(|(_, id)| id.name.contains("cast-eks-prod/") || id.name == "cast-spot-handler")
        .map(|(_, id)| id)
        .collect();
    if let Some(id) = rng.choice(own) {
        account.take(id);
    }
}
