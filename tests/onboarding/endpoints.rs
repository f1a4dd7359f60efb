//! Where the API servers are: what the function carries of it.

use cast_spot_provisioner::{
    names::FUNCTION,
    onboard::plan,
    plan::Action,
    resource::{Id, Kind, Resource},
};
use serde_json::{Value, json};

use crate::{
    account::Account,
    situation::{USUAL, completed, ended},
};

/// The function's endpoints; null where it has none.
fn endpoints(account: &Account) -> Value {
    let function = account.object(&Id::new(Kind::Function, FUNCTION)).unwrap().resource;
    let Resource::Function { environment, .. } = function else { panic!() };
    let text = environment.get("CAST_SPOT_ENDPOINTS");
    text.map_or(Value::Null, |text| serde_json::from_str(text).unwrap())
}

fn of(cluster: &str) -> Value {
    json!({ "server": format!("https://{cluster}.example"), "ca": "Y2E=" })
}

#[tokio::test]
async fn each_cluster_brings_its_endpoint_and_takes_it_along() {
    let account = USUAL.account().await;
    let stage = account.of("eu-west-1", "stage");
    completed(&USUAL.spec(), &account, "prod").await;
    assert_eq!(endpoints(&account), json!({ "prod": of("prod") }));
    completed(&USUAL.spec_of("stage"), &stage, "stage").await;
    assert_eq!(endpoints(&account), json!({ "prod": of("prod"), "stage": of("stage") }));
    ended("prod", &account, "prod").await;
    assert_eq!(endpoints(&stage), json!({ "stage": of("stage") }));
}

#[tokio::test]
async fn a_rotated_authority_is_drift_that_onboard_mends() {
    let (_, account, _) = USUAL.undisturbed().await;
    let account = account.with_cluster(|cluster| cluster.certificate_authority = "bmV3".to_owned());
    let planned = plan(&USUAL.spec(), &account).await.unwrap().plan;
    let [step] = planned.writes().collect::<Vec<_>>()[..] else { panic!("{planned:?}") };
    let Action::Update { changes } = &step.action else { panic!("{step:?}") };
    assert_eq!(
        changes.iter().map(|change| &change.field[..]).collect::<Vec<_>>(),
        ["environment.CAST_SPOT_ENDPOINTS"]
    );
    completed(&USUAL.spec(), &account, "rotated").await;
    assert_eq!(endpoints(&account)["prod"]["ca"], "bmV3");
    assert!(plan(&USUAL.spec(), &account).await.unwrap().plan.is_empty());
}

#[tokio::test]
async fn a_cluster_whose_endpoint_is_unknown_is_left_out() {
    let account = USUAL.account().await.with_cluster(|cluster| cluster.endpoint = String::new());
    completed(&USUAL.spec(), &account, "unknown").await;
    assert_eq!(endpoints(&account), Value::Null);
    assert!(plan(&USUAL.spec(), &account).await.unwrap().plan.is_empty());
}
