//! Releases: over an installation of an earlier one, and back to it.

use cast_spot_provisioner::{
    names::FUNCTION,
    onboard::plan,
    plan::Action,
    resource::{Id, Kind, Resource},
    spec::{Request, Spec},
    verify::verify,
};
use serde::Deserialize;

use crate::{
    account::Account,
    situation::{USUAL, Way, completed, ended, release, same},
};

/// What earlier releases have made, as they made it.
const INSTALLED: [(&str, Way, &str); 2] = [
    ("a12785b, role", USUAL, include_str!("installed/a12785b-role.json")),
    ("a12785b, user", Way { user: true, least: true, ..USUAL }, include_str!("installed/a12785b-user.json")),
];

#[derive(Deserialize)]
struct Recorded {
    resource: Resource,
}

async fn installed(way: Way, recorded: &str) -> Account {
    let account = way.account().await;
    for Recorded { resource } in serde_json::from_str::<Vec<Recorded>>(recorded).unwrap() {
        account.put(resource);
    }
    account
}

fn spec(way: Way, number: u8) -> Spec {
    Request { package: Some(release(number)), ..way.request("prod") }.validate().unwrap()
}

fn code(resource: &Resource) -> &str {
    let Resource::Function { code: Some(code), .. } = resource else { panic!("{resource:?}") };
    &code.sha256
}

fn running(account: &Account) -> Resource {
    account.object(&Id::new(Kind::Function, FUNCTION)).unwrap().resource
}

#[tokio::test]
async fn an_installation_of_an_earlier_release_is_upgraded() {
    for (what, way, recorded) in INSTALLED {
        let account = installed(way, recorded).await;
        let spec = spec(way, 1);
        let planned = plan(&spec, &account).await.unwrap().plan;
        let writes: Vec<_> = planned.writes().map(|step| step.id.to_string()).collect();
        for expected in [
            "function cast-spot",
            "invoke config cast-spot",
            "FlowSchema cast-spot-nodes",
            "FlowSchema cast-spot-evictions",
            "PriorityLevelConfiguration cast-spot-nodes",
            "PriorityLevelConfiguration cast-spot-evictions",
        ] {
            assert!(writes.iter().any(|id| id == expected), "{what}: {expected} in {writes:?}");
        }
        let is_gentle = |action: &Action| matches!(action, Action::Create | Action::Update { .. });
        assert!(planned.writes().all(|step| is_gentle(&step.action)), "{what}: {planned:?}");

        // Also without the new code.
        let settings = Spec { package: None, ..spec.clone() };
        for (spec, what) in [(settings, "settings alone"), (spec.clone(), what)] {
            completed(&spec, &account, what).await;
            let Resource::Function { environment, .. } = running(&account) else { panic!() };
            assert_eq!(environment["CAST_SPOT_CLUSTERS"], "prod", "{what}");
            assert!(environment["CAST_SPOT_ENDPOINTS"].starts_with(r#"{"prod":{"#), "{what}");
            assert!(plan(&spec, &account).await.unwrap().plan.is_empty(), "{what}");
        }
        let verified = verify(&spec, &account, &mut |_| ()).await.unwrap();
        assert!(verified.planned.plan.is_empty() && verified.is_good(), "{what}");
        ended("prod", &account, what).await;
        same(&account, &way.account().await, what);
    }
}

#[tokio::test]
async fn an_earlier_release_is_published_and_brought_back() {
    let (_, account, _) = USUAL.undisturbed().await;
    let earlier = running(&account);
    completed(&spec(USUAL, 1), &account, "upgrade").await;
    let later = running(&account);
    assert_ne!(code(&earlier), code(&later));
    assert_eq!(account.published().iter().map(code).collect::<Vec<_>>(), [code(&earlier)]);

    // With the zip of the published version.
    completed(&spec(USUAL, 0), &account, "back").await;
    assert_eq!(running(&account), earlier);
    let published = account.published();
    assert_eq!(published.iter().map(code).collect::<Vec<_>>(), [code(&later)], "only the one before");
    assert!(plan(&spec(USUAL, 0), &account).await.unwrap().plan.is_empty());
    ended("prod", &account, "out").await;
    assert!(account.published().is_empty(), "a function takes its versions along");
}

#[tokio::test]
async fn a_change_of_settings_alone_publishes_nothing() {
    let (_, account, _) = USUAL.undisturbed().await;
    let account = account.with_cluster(|cluster| cluster.certificate_authority = "bmV3".to_owned());
    completed(&USUAL.spec(), &account, "settings").await;
    assert!(account.published().is_empty());
}
