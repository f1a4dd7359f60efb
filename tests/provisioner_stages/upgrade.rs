//! Upgrades over an installation of an earlier release, and the way back.

use cast_spot_provisioner::{
    names::FUNCTION,
    onboard::plan,
    plan::Action,
    resource::{Function, Id, Kind, Resource},
    spec::{Request, Spec},
    verify::verify,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    account::Account,
    situation::{DEFAULT, Scenario, completed, ended, release, same},
};

/// Resources as earlier releases created them.
const INSTALLED: [(&str, Scenario, &str); 2] = [
    ("a12785b, role", DEFAULT, include_str!("installed/a12785b-role.json")),
    (
        "a12785b, user",
        Scenario { user: true, documented: true, ..DEFAULT },
        include_str!("installed/a12785b-user.json"),
    ),
];

#[derive(Deserialize)]
struct Recorded {
    resource: Value,
}

/// Before there was one kind for all objects of Kubernetes, those of RBAC had kinds of their own.
fn resource(mut recorded: Value) -> Resource {
    if recorded["kind"].as_str().is_some_and(|kind| kind.starts_with("cluster_role")) {
        recorded["kind"] = json!("manifest");
    }
    serde_json::from_value(recorded).unwrap()
}

async fn installed(scenario: Scenario, recorded: &str) -> Account {
    let account = scenario.account().await;
    for recorded in serde_json::from_str::<Vec<Recorded>>(recorded).unwrap() {
        account.put(resource(recorded.resource));
    }
    account
}

fn spec(scenario: Scenario, number: u8) -> Spec {
    Request { package: Some(release(number)), ..scenario.request("prod") }.validate().unwrap()
}

fn code(resource: &Resource) -> &str {
    let Resource::Function(Function { code: Some(code), .. }) = resource else { panic!("{resource:?}") };
    &code.sha256
}

fn running(account: &Account) -> Resource {
    account.object(&Id::new(Kind::Function, FUNCTION)).unwrap().resource
}

#[tokio::test]
async fn an_installation_of_an_earlier_release_is_upgraded() {
    for (what, scenario, recorded) in INSTALLED {
        let account = installed(scenario, recorded).await;
        let spec = spec(scenario, 1);
        let planned = plan(&spec, &account).await.unwrap().plan;
        let writes: Vec<_> = planned.writes().map(|step| step.id.to_string()).collect();
        for expected in [
            "function cast-spot",
            "invoke config cast-spot",
            "FlowSchema cast-spot-nodes",
            "FlowSchema cast-spot-evictions",
            "PriorityLevelConfiguration cast-spot-nodes",
            "PriorityLevelConfiguration cast-spot-evictions",
            "ValidatingAdmissionPolicy cast-spot-nodes",
            "ValidatingAdmissionPolicyBinding cast-spot-nodes",
        ] {
            assert!(writes.iter().any(|id| id == expected), "{what}: {expected} in {writes:?}");
        }
        let is_gentle = |action: &Action| matches!(action, Action::Create | Action::Update { .. });
        assert!(planned.writes().all(|step| is_gentle(&step.action)), "{what}: {planned:?}");

        // Also without the new code.
        let settings = Spec { package: None, ..spec.clone() };
        for (spec, what) in [(settings, "settings alone"), (spec.clone(), what)] {
            completed(&spec, &account, what).await;
            let Resource::Function(Function { environment, .. }) = running(&account) else { panic!() };
            assert_eq!(environment["CAST_SPOT_CLUSTERS"], "prod", "{what}");
            assert!(environment["CAST_SPOT_ENDPOINTS"].starts_with(r#"{"prod":{"#), "{what}");
            assert!(plan(&spec, &account).await.unwrap().plan.is_empty(), "{what}");
        }
        let verified = verify(&spec, &account, &mut |_| ()).await.unwrap();
        assert!(verified.planned.plan.is_empty() && verified.is_good(), "{what}");
        ended("prod", &account, what).await;
        same(&account, &scenario.account().await, what);
    }
}

#[tokio::test]
async fn an_earlier_release_is_published_and_brought_back() {
    let (_, account, _) = DEFAULT.undisturbed().await;
    let earlier = running(&account);
    completed(&spec(DEFAULT, 1), &account, "upgrade").await;
    let later = running(&account);
    assert_ne!(code(&earlier), code(&later));
    assert_eq!(account.published().iter().map(code).collect::<Vec<_>>(), [code(&earlier)]);

    // With the zip of the published version.
    completed(&spec(DEFAULT, 0), &account, "back").await;
    assert_eq!(running(&account), earlier);
    let published = account.published();
    assert_eq!(published.iter().map(code).collect::<Vec<_>>(), [code(&later)], "only the one before");
    assert!(plan(&spec(DEFAULT, 0), &account).await.unwrap().plan.is_empty());
    ended("prod", &account, "out").await;
    assert!(account.published().is_empty(), "a function takes its versions along");
}

#[tokio::test]
async fn a_change_of_settings_alone_publishes_nothing() {
    let (_, account, _) = DEFAULT.undisturbed().await;
    let account = account.with_cluster(|cluster| cluster.certificate_authority = "bmV3".to_owned());
    completed(&DEFAULT.spec(), &account, "settings").await;
    assert!(account.published().is_empty());
}
