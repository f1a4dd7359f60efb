//! Endpoints of the API servers in the function's environment and layer.

use std::io::{Cursor, Read};

use base64::{Engine, prelude::BASE64_STANDARD};
use cast_spot_handler::Config;
use cast_spot_provisioner::{
    names::FUNCTION,
    onboard::plan,
    plan::Action,
    resource::{Code, Function, Id, Kind, Layer, Resource},
};
use serde_json::{Value, json};

use crate::{
    account::Account,
    situation::{DEFAULT, completed, ended, make_long, same},
};

/// The function's endpoints; null where it has none.
fn endpoints(account: &Account) -> Value {
    let environment = account.environment();
    let text = environment.get("CAST_SPOT_ENDPOINTS");
    text.map_or(Value::Null, |text| serde_json::from_str(text).unwrap())
}

/// The versions of the layer, and the attached one.
fn layers(account: &Account) -> (Vec<Code>, Option<String>) {
    let function = account.object(&Id::new(Kind::Function, FUNCTION)).map(|object| object.resource);
    let Some(Resource::Function(Function { layer, .. })) = function else { panic!() };
    let versions = account.all().into_values().filter_map(|resource| match resource {
        Resource::Layer(Layer { code, .. }) => Some(code),
        _ => None,
    });
    (versions.collect(), layer)
}

/// Another program detaches the layer from the function.
fn detach_layer(account: &Account) {
    account.change(&Id::new(Kind::Function, FUNCTION), |resource| {
        if let Resource::Function(Function { layer, .. }) = resource {
            *layer = None;
        }
    });
}

/// A region with clusters whose certificate authorities are as long as EKS makes them, the first of them onboarded.
async fn region(count: usize) -> (Vec<Account>, Vec<String>) {
    let names: Vec<String> = (0..count).map(|number| format!("c{number:02}")).collect();
    let der = [&[0x30, 0x82, 0x03, 0x00][..], &[7; 768]].concat();
    let first = DEFAULT.account().await;
    let of = |name: &String| {
        let account = first.of("eu-west-1", name);
        account.with_cluster(|cluster| cluster.certificate_authority = BASE64_STANDARD.encode(&der))
    };
    let accounts: Vec<Account> = names.iter().map(of).collect();
    for (account, name) in accounts.iter().zip(&names) {
        completed(&DEFAULT.spec_of(name), account, name).await;
    }
    (accounts, names)
}

/// The handler's configuration, from the function in the account.
fn handler(account: &Account) -> Config {
    let (environment, (versions, layer)) = (account.environment(), layers(account));
    let attached = versions.into_iter().find(|version| Some(&version.sha256) == layer.as_ref());
    let file = |path: &str| {
        let Some(Code { zip, .. }) = &attached else { return Ok(None) };
        let mut zip = zip::ZipArchive::new(Cursor::new(zip)).unwrap();
        let mut text = String::new();
        zip.by_name(path.strip_prefix("/opt/").unwrap()).unwrap().read_to_string(&mut text).unwrap();
        Ok(Some(text))
    };
    Config::read(|name| environment.get(name).cloned(), file).unwrap()
}

#[tokio::test]
async fn two_clusters_fit_into_the_environment() {
    let (accounts, names) = region(2).await;
    assert_eq!(layers(&accounts[0]), (Vec::new(), None));
    assert!(!accounts[0].environment().contains_key("CAST_SPOT_ENDPOINTS_FILE"));
    assert_eq!(handler(&accounts[0]).endpoints.keys().collect::<Vec<_>>(), names.iter().collect::<Vec<_>>());
}

#[tokio::test]
async fn twelve_clusters_are_in_one_layer_that_the_handler_reads() {
    let (accounts, names) = region(12).await;
    let (versions, layer) = layers(&accounts[0]);
    assert_eq!(versions.iter().map(|version| Some(&version.sha256)).collect::<Vec<_>>(), [layer.as_ref()]);
    let variables = accounts[0].environment();
    assert_eq!(variables["CAST_SPOT_ENDPOINTS_FILE"], "/opt/cast-spot/endpoints.json");
    assert_eq!(endpoints(&accounts[0]), Value::Null, "in one place only");

    // DescribeCluster is asked of those only that the configuration lacks (`tests/scenarios/api_servers.rs`).
    let config = handler(&accounts[0]);
    assert_eq!(config.endpoints.keys().collect::<Vec<_>>(), config.clusters.iter().collect::<Vec<_>>());
    assert_eq!(
        (config.clusters, &config.endpoints["c11"].server[..]),
        (names.clone(), "https://c11.example")
    );

    for (account, name) in accounts.iter().zip(&names) {
        completed(&DEFAULT.spec_of(name), account, name).await;
        assert_eq!(account.counts().1, 0, "{name}: a second onboarding writes nothing");
    }
}

#[tokio::test]
async fn offboarding_publishes_a_smaller_layer_and_then_none() {
    let (accounts, names) = region(5).await;
    let (_, five) = layers(&accounts[0]);
    ended(&names[4], &accounts[4], "four").await;
    let (versions, four) = layers(&accounts[0]);
    assert!(versions.len() == 1 && four.is_some() && four != five, "{four:?}");
    ended(&names[3], &accounts[3], "three").await;
    assert_eq!(layers(&accounts[0]), (Vec::new(), None));
    assert!(!accounts[0].environment().contains_key("CAST_SPOT_ENDPOINTS_FILE"));
    assert_eq!(handler(&accounts[0]).endpoints.keys().collect::<Vec<_>>(), ["c00", "c01", "c02"]);
}

#[tokio::test]
async fn the_last_offboard_deletes_the_layer() {
    let before = DEFAULT.account().await.with_cluster(make_long);
    let account = before.copy();
    completed(&DEFAULT.spec(), &account, "crowded").await;
    assert_eq!(layers(&account).0.len(), 1);
    // Left by a run that ended before it had attached the layer.
    let code = Code { sha256: "stray".to_owned(), zip: Vec::new() };
    account.put(Resource::Layer(Layer { name: "cast-spot-endpoints".to_owned(), code }));
    ended("prod", &account, "out").await;
    same(&account, &before, "out");
}

#[tokio::test]
async fn a_detached_or_stray_layer_is_drift() {
    let account = DEFAULT.account().await.with_cluster(make_long);
    let crowded = DEFAULT.spec();
    completed(&crowded, &account, "crowded").await;
    let reference = account.copy();
    let code = Code { sha256: "stray".to_owned(), zip: Vec::new() };
    account.put(Resource::Layer(Layer { name: "cast-spot-endpoints".to_owned(), code }));
    detach_layer(&account);
    let planned = plan(&crowded, &account).await.unwrap().plan;
    let writes: Vec<_> = planned.writes().map(|step| step.id.to_string()).collect();
    assert_eq!(writes, ["function cast-spot", "layer cast-spot-endpoints/stray"]);
    completed(&crowded, &account, "mended").await;
    same(&account, &reference, "mended");
}

#[tokio::test]
async fn a_detached_layer_keeps_the_endpoints_of_all_clusters() {
    let (accounts, names) = region(5).await;
    let reference = accounts[0].copy();
    detach_layer(&accounts[0]);
    completed(&DEFAULT.spec_of(&names[2]), &accounts[2], "mended").await;
    same(&accounts[0], &reference, "mended");
    assert_eq!(handler(&accounts[0]).endpoints.keys().collect::<Vec<_>>(), names.iter().collect::<Vec<_>>());
}

#[tokio::test]
async fn a_malformed_variable_is_mended_beside_a_layer() {
    let account = DEFAULT.account().await.with_cluster(make_long);
    let crowded = DEFAULT.spec();
    completed(&crowded, &account, "crowded").await;
    account.change(&Id::new(Kind::Function, FUNCTION), |resource| {
        if let Resource::Function(Function { environment, .. }) = resource {
            environment.insert("CAST_SPOT_ENDPOINTS".to_owned(), "{broken".to_owned());
        }
    });
    completed(&crowded, &account, "mended").await;
    assert_eq!(endpoints(&account), Value::Null);
}

fn of(cluster: &str) -> Value {
    json!({ "server": format!("https://{cluster}.example"), "ca": "Y2E=" })
}

#[tokio::test]
async fn each_cluster_adds_and_removes_its_endpoint() {
    let account = DEFAULT.account().await;
    let stage = account.of("eu-west-1", "stage");
    completed(&DEFAULT.spec(), &account, "prod").await;
    assert_eq!(endpoints(&account), json!({ "prod": of("prod") }));
    completed(&DEFAULT.spec_of("stage"), &stage, "stage").await;
    assert_eq!(endpoints(&account), json!({ "prod": of("prod"), "stage": of("stage") }));
    ended("prod", &account, "prod").await;
    assert_eq!(endpoints(&stage), json!({ "stage": of("stage") }));
}

#[tokio::test]
async fn a_rotated_authority_is_drift_that_onboard_repairs() {
    let (_, account, _) = DEFAULT.undisturbed().await;
    let account = account.with_cluster(|cluster| cluster.certificate_authority = "bmV3".to_owned());
    let planned = plan(&DEFAULT.spec(), &account).await.unwrap().plan;
    let [step] = planned.writes().collect::<Vec<_>>()[..] else { panic!("{planned:?}") };
    let Action::Update { changes } = &step.action else { panic!("{step:?}") };
    assert_eq!(
        changes.iter().map(|change| &change.field[..]).collect::<Vec<_>>(),
        ["environment.CAST_SPOT_ENDPOINTS"]
    );
    completed(&DEFAULT.spec(), &account, "rotated").await;
    assert_eq!(endpoints(&account)["prod"]["ca"], "bmV3");
    assert!(plan(&DEFAULT.spec(), &account).await.unwrap().plan.is_empty());
}

#[tokio::test]
async fn a_cluster_whose_endpoint_is_unknown_is_left_out() {
    let account = DEFAULT.account().await.with_cluster(|cluster| cluster.endpoint = String::new());
    completed(&DEFAULT.spec(), &account, "unknown").await;
    assert_eq!(endpoints(&account), Value::Null);
    assert!(plan(&DEFAULT.spec(), &account).await.unwrap().plan.is_empty());
}
