//! Upgrades over an installation of an earlier release, and the way back.

use cast_spot_provisioner::{
    names::{FUNCTION, HANDLER_GROUP, LAMBDA_ROLE},
    onboard::{PlanError, plan},
    plan::{Action, Step},
    resource::{AccessEntry, AwsAuth, Function, Id, Kind, Manifest, Resource},
    spec::{Request, Spec},
    verify::verify,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    account::{Account, CallIndex, InjectedFault},
    situation::{DEFAULT, Scenario, completed, ended, release, run, same, unless_killed},
};

/// Resources as earlier releases created them.
const INSTALLED: [(&str, Scenario, &str); 2] = [
    ("a12785b, role", DEFAULT, include_str!("installed/a12785b-role.json")),
    ("a12785b, user", Scenario { user: true, ..DEFAULT }, include_str!("installed/a12785b-user.json")),
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
        // Rights that earlier releases gave by default are taken back.
        let is_gentle = |step: &Step| {
            matches!(step.action, Action::Create | Action::Update { .. })
                || (step.action == Action::Delete && planned.narrows(step))
        };
        assert!(planned.writes().all(is_gentle), "{what}: {planned:?}");

        // Earlier releases recorded no code: what runs may be anything.
        let Err(PlanError::Faults(faults)) = plan(&Spec { package: None, ..spec.clone() }, &account).await
        else {
            panic!("{what}")
        };
        assert_eq!(faults.0.iter().map(|fault| fault.field.as_str()).collect::<Vec<_>>(), ["zip"], "{what}");
        completed(&spec, &account, what).await;
        let Resource::Function(Function { environment, .. }) = running(&account) else { panic!() };
        assert_eq!(environment["CAST_SPOT_CLUSTERS"], "prod", "{what}");
        assert!(environment["CAST_SPOT_ENDPOINTS"].starts_with(r#"{"prod":{"#), "{what}");
        for spec in [spec.clone(), Spec { package: None, ..spec.clone() }] {
            assert!(plan(&spec, &account).await.unwrap().plan.is_empty(), "{what}");
        }
        let verified = verify(&spec, &account, &mut |_| ()).await.unwrap();
        assert!(verified.planned.plan.is_empty() && verified.is_good(), "{what}");
        ended("prod", &account, what).await;
        same(&account, &scenario.account().await, what);
    }
}

/// Puts the function in as earlier releases did: known by its group.
fn known_by_group(account: &Account) {
    for (_, mut resource) in account.all() {
        match &mut resource {
            Resource::AccessEntry(AccessEntry { principal, username, .. })
                if principal.name() == LAMBDA_ROLE =>
            {
                *username = None;
            }
            Resource::AwsAuth(AwsAuth { mapping, .. }) if mapping.groups == [HANDLER_GROUP] => {
                FUNCTION.clone_into(&mut mapping.username);
            }
            Resource::Manifest(manifest)
                if manifest.kind() == "ClusterRoleBinding" && manifest.name() == "cast-spot-handler" =>
            {
                let mut binding = manifest.value().clone();
                binding["subjects"] = json!([{ "kind": "Group", "name": HANDLER_GROUP }]);
                *manifest = Manifest::new(binding);
            }
            _ => continue,
        }
        account.put(resource);
    }
}

/// Whether the function is whom the binding of its rights names.
fn has_rights(account: &Account) -> bool {
    let all: Vec<Resource> = account.all().into_values().collect();
    let known = |username: &str, groups: &[String]| {
        let user = username.replace("{{SessionName}}", FUNCTION);
        let names = move |subject: &Value| match subject["kind"].as_str() {
            Some("User") => subject["name"] == user[..],
            _ => groups.iter().any(|group| subject["name"] == group[..]),
        };
        all.iter().any(|resource| {
            matches!(resource, Resource::Manifest(manifest) if manifest.name() == "cast-spot-handler"
                && manifest.value()["subjects"].as_array().into_iter().flatten().any(&names))
        })
    };
    all.iter().any(|resource| match resource {
        Resource::AccessEntry(AccessEntry { principal, username, groups, .. }) => {
            principal.name() == LAMBDA_ROLE && known(username.as_deref().unwrap_or_default(), groups)
        }
        Resource::AwsAuth(AwsAuth { principal, mapping }) => {
            principal.name() == LAMBDA_ROLE && known(&mapping.username, &mapping.groups)
        }
        _ => false,
    })
}

#[tokio::test]
async fn the_function_has_its_rights_throughout_an_upgrade() {
    for config_map in [false, true] {
        let scenario = Scenario { config_map, ..DEFAULT };
        let (_, earlier, _) = scenario.undisturbed().await;
        known_by_group(&earlier);
        assert!(has_rights(&earlier));
        let whole = earlier.copy();
        completed(&spec(scenario, 1), &whole, "whole").await;
        for number in 0..whole.counts().1 {
            let what = format!("{scenario:?} after write {number}");
            let account = earlier.copy();
            account.inject(Some((CallIndex::Write(number), InjectedFault::KilledAfter)));
            assert!(unless_killed(&account, run(&spec(scenario, 1), &account)).await.is_none(), "{what}");
            assert!(has_rights(&account), "{what}");
            completed(&spec(scenario, 1), &account, &what).await;
            same(&account, &whole, &what);
        }
        // And where a call is refused: what follows the entry waits for it.
        for number in 0..whole.counts().1 {
            let account = earlier.copy();
            account.inject(Some((CallIndex::Write(number), InjectedFault::Refused)));
            assert!(!run(&spec(scenario, 1), &account).await.unwrap().is_complete());
            assert!(has_rights(&account), "{scenario:?} write {number} refused");
        }
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
