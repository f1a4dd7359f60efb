//! What an earlier principal may have planted in the function that all clusters of a region share, and in what order a
//! cluster joins and leaves it.

use std::collections::BTreeSet;

use cast_spot_infra::events::SPOT_INTERRUPTION;
use cast_spot_provisioner::{
    endpoints::{ENDPOINTS_VARIABLE, Endpoints, layer},
    names::{CLUSTERS_VARIABLE, FUNCTION, LAMBDA_ROLE, LAYER, TAG_CLUSTER},
    offboard::{self, Removal},
    onboard::plan,
    plan::Plan,
    resource::{AccessEntry, Code, Function, Id, InvokeConfig, Kind, Layer, Network, Resource},
    spec::{Request, Spec},
    verify::verify,
};

use crate::{
    account::{Account, CallIndex, InjectedFault},
    others::{permission, target},
    situation::{
        DEFAULT, Scenario, completed, end, ended, make_long, make_private, release, run, same, unless_killed,
    },
};

const PRIVATE: Scenario = Scenario { private: true, ..DEFAULT };

/// Without a zip: whatever code runs stays.
fn keeping(scenario: Scenario, cluster: &str) -> Spec {
    Request { package: None, ..scenario.request(cluster) }.validate().unwrap()
}

fn planted(account: &Account, change: impl FnOnce(&mut Function)) {
    account.change(&Id::new(Kind::Function, FUNCTION), |resource| {
        let Resource::Function(function) = resource else { panic!("{resource:?}") };
        change(function);
    });
}

fn function(account: &Account) -> Function {
    match account.object(&Id::new(Kind::Function, FUNCTION)).map(|object| object.resource) {
        Some(Resource::Function(function)) => function,
        other => panic!("{other:?}"),
    }
}

fn network(vpc_id: &str, security_group: &str) -> Network {
    Network {
        vpc_id: vpc_id.to_owned(),
        subnet_ids: vec!["subnet-1".to_owned(), "subnet-2".to_owned()],
        security_group: security_group.to_owned(),
    }
}

fn writes(plan: &Plan) -> Vec<String> {
    plan.writes().map(|step| step.id.to_string()).collect()
}

/// `prod`, and `stage` in the same region.
async fn two(scenario: Scenario) -> (Account, Account) {
    let (_, prod, _) = scenario.undisturbed().await;
    let stage = prod.of("eu-west-1", "stage");
    completed(&DEFAULT.spec_of("stage"), &stage, "stage").await;
    completed(&scenario.spec(), &prod, "prod, now that it is not alone").await;
    (prod, stage)
}

#[tokio::test]
async fn planted_code_is_not_kept_to_go_back_to() {
    let (_, account, _) = DEFAULT.undisturbed().await;
    planted(&account, |function| function.code = Some(Code::known("trojan")));
    let newer = Request { package: Some(release(1)), ..DEFAULT.request("prod") }.validate().unwrap();
    completed(&newer, &account, "over a trojan").await;
    assert!(account.published().is_empty(), "{:?}", account.published());
}

#[tokio::test]
async fn a_function_of_open_clusters_is_in_no_vpc() {
    let (_, alone, _) = DEFAULT.undisturbed().await;
    let (prod, stage) = two(DEFAULT).await;
    for (cluster, account) in [("prod", alone), ("prod", prod), ("stage", stage)] {
        planted(&account, |function| function.network = Some(network("vpc-evil", "sg-evil")));
        let spec = keeping(DEFAULT, cluster);
        let found = plan(&spec, &account).await.unwrap().plan;
        assert_eq!(writes(&found), ["function cast-spot"], "{cluster}");
        assert!(!verify(&spec, &account, &mut |_| ()).await.unwrap().is_good(), "status shows it");
        completed(&spec, &account, cluster).await;
        assert_eq!(function(&account).network, None, "{cluster}");
    }
}

#[tokio::test]
async fn a_shared_function_has_no_security_group_but_ours() {
    let (prod, stage) = two(PRIVATE).await;
    let clean = function(&prod);
    assert_eq!(clean.network, Some(network("vpc-1", "cast-spot-handler")));
    for (scenario, cluster, account) in [(PRIVATE, "prod", &prod), (DEFAULT, "stage", &stage)] {
        let spec = keeping(scenario, cluster);
        assert_eq!(writes(&plan(&spec, account).await.unwrap().plan), Vec::<String>::new(), "{cluster}");
        planted(account, |function| function.network = Some(network("vpc-1", "cast-spot-handler,sg-evil")));
        assert_eq!(writes(&plan(&spec, account).await.unwrap().plan), ["function cast-spot"], "{cluster}");
        completed(&spec, account, cluster).await;
        assert_eq!(function(account), clean, "{cluster}");
    }
}

#[tokio::test]
async fn a_private_cluster_joins_a_function_in_a_foreign_vpc() {
    let (_, account, _) = DEFAULT.undisturbed().await;
    planted(&account, |function| function.network = Some(network("vpc-evil", "sg-evil")));
    let inner = account.of("eu-west-1", "inner").with_cluster(make_private);
    let moving = Request { move_function: true, ..PRIVATE.request("inner") }.validate().unwrap();
    completed(&moving, &inner, "inner").await;
    assert_eq!(function(&account).network, Some(network("vpc-1", "cast-spot-handler")));
}

#[tokio::test]
async fn what_others_planted_is_named_when_a_cluster_leaves() {
    let (prod, stage) = two(DEFAULT).await;
    planted(&prod, |function| {
        function.code = Some(Code::known("trojan"));
        function.network = Some(network("vpc-evil", "sg-evil"));
    });
    prod.put(permission(FUNCTION));
    prod.put(target(SPOT_INTERRUPTION.rule));
    prod.change(&Id::new(Kind::InvokeConfig, FUNCTION), |resource| {
        let Resource::InvokeConfig(InvokeConfig { maximum_retry_attempts, .. }) = resource else { panic!() };
        *maximum_retry_attempts = 0;
    });
    let planned = offboard::plan(&Removal::of("prod"), &prod).await.unwrap().plan;
    let named: BTreeSet<String> = planned.unexpected().map(|found| found.id.to_string()).collect();
    let expected =
        ["function cast-spot", "permission cast-spot/theirs", "target cast-spot-interruption/theirs"];
    assert_eq!(named, expected.map(str::to_owned).into());
    ended("prod", &prod, "without a zip").await;
    assert_eq!(function(&stage).network, None);
    assert_eq!(function(&stage).code, Some(Code::known("trojan")), "it is named, and there is no zip");
    prod.take(&permission(FUNCTION).id());
    prod.take(&target(SPOT_INTERRUPTION.rule).id());
    completed(&DEFAULT.spec_of("stage"), &stage, "with the zip").await;
    let again = offboard::plan(&Removal::of("prod"), &prod).await.unwrap().plan;
    assert_eq!((writes(&again), again.unexpected().count()), (Vec::new(), 0));
}

/// The function serves a cluster that is not registered, and sends its token for `stage` to another server.
fn planted_endpoints(account: &Account) {
    planted(account, |function| {
        let evil = |name: &str| format!(r#""{name}":{{"server":"https://evil","ca":"Y2E="}}"#);
        let endpoints = format!("{{{},{}}}", evil("ghost"), evil("stage"));
        let served = "ghost,prod,stage".to_owned();
        function
            .environment
            .extend([(CLUSTERS_VARIABLE.to_owned(), served), (ENDPOINTS_VARIABLE.to_owned(), endpoints)]);
    });
}

#[tokio::test]
async fn a_planted_cluster_and_endpoint_go_with_any_run() {
    let (_, alone, _) = DEFAULT.undisturbed().await;
    let (prod, _) = two(DEFAULT).await;
    let clean = function(&prod);
    planted_endpoints(&alone);
    let stage = alone.of("eu-west-1", "stage");
    completed(&DEFAULT.spec_of("stage"), &stage, "joins").await;
    assert_eq!(function(&stage).environment, clean.environment);
    for cluster in ["prod", "stage"] {
        let (account, spec) = (prod.of("eu-west-1", cluster), keeping(DEFAULT, cluster));
        planted_endpoints(&account);
        assert_eq!(writes(&plan(&spec, &account).await.unwrap().plan), ["function cast-spot"], "{cluster}");
        assert!(!verify(&spec, &account, &mut |_| ()).await.unwrap().is_good(), "status shows it");
        completed(&spec, &account, cluster).await;
        assert_eq!(function(&account), clean, "{cluster}");
    }
    planted_endpoints(&prod);
    ended("prod", &prod, "leaves").await;
    let left = function(&prod).environment;
    assert_eq!(left[CLUSTERS_VARIABLE], "stage");
    assert_eq!(left[ENDPOINTS_VARIABLE], r#"{"stage":{"server":"https://stage.example","ca":"Y2E="}}"#);
}

#[tokio::test]
async fn a_planted_cluster_keeps_nothing_from_the_last_offboard() {
    let (before, account, _) = DEFAULT.undisturbed().await;
    planted_endpoints(&account);
    ended("prod", &account, "the last").await;
    same(&account, &before, "nothing of it is left");
}

#[tokio::test]
async fn a_planted_layer_of_endpoints_is_drift() {
    let (prod, _) = two(DEFAULT).await;
    let clean = function(&prod);
    let stage = prod.of("eu-west-1", "stage").with_cluster(make_long);
    completed(&DEFAULT.spec_of("stage"), &stage, "into a layer").await;
    let (in_layer, evil) =
        (function(&prod), Endpoints::read(&clean.environment[ENDPOINTS_VARIABLE].replace("stage.", "evil.")));
    let code = layer::pack(&evil.unwrap()).unwrap();
    prod.put(Resource::Layer(Layer { name: LAYER.to_owned(), code: code.clone() }));
    planted(&prod, |function| function.layer = Some(code.sha256));
    completed(&keeping(DEFAULT, "prod"), &prod, "mended").await;
    assert_eq!(function(&prod), in_layer);
}

#[tokio::test]
async fn a_deleted_cluster_is_served_without_its_endpoint() {
    let (prod, stage) = two(DEFAULT).await;
    stage.delete_cluster();
    completed(&keeping(DEFAULT, "prod"), &prod, "beside a deleted one").await;
    let environment = function(&prod).environment;
    assert_eq!(environment[CLUSTERS_VARIABLE], "prod,stage", "until it is offboarded");
    assert_eq!(environment[ENDPOINTS_VARIABLE], r#"{"prod":{"server":"https://prod.example","ca":"Y2E="}}"#);
}

/// Whether the principal of `cluster` may write the function or a rule, if it has the documented privilege.
fn may_write(account: &Account, cluster: &str) -> bool {
    let is_shared = |resource: &Resource| matches!(resource, Resource::Function(_) | Resource::Rule(_));
    let names = |resource: &Resource| {
        resource.tags().and_then(|tags| tags.get(TAG_CLUSTER)).is_some_and(|name| name == cluster)
    };
    account.all().values().any(|resource| is_shared(resource) && names(resource))
}

/// Whether the function acts in the cluster, or could.
fn acts_in(account: &Account) -> bool {
    let has_entry = account.all().into_iter().any(|((scope, _), resource)| {
        matches!(resource, Resource::AccessEntry(AccessEntry { principal, .. }) if principal.name() == LAMBDA_ROLE)
            && scope.ends_with(&format!("cluster/{}", account.cluster))
    });
    has_entry || account.is_registered() || account.served().contains(&account.cluster)
}

#[tokio::test]
async fn the_function_is_out_of_reach_before_a_cluster_joins() {
    let (_, alone, _) = DEFAULT.undisturbed().await;
    assert!(may_write(&alone, "prod"));
    let whole = alone.of("eu-west-1", "stage").copy();
    completed(&DEFAULT.spec_of("stage"), &whole, "whole").await;
    for number in 0..whole.counts().1 {
        let what = format!("killed after write {number}");
        let stage = alone.of("eu-west-1", "stage").copy();
        stage.inject(Some((CallIndex::Write(number), InjectedFault::KilledAfter)));
        assert!(unless_killed(&stage, run(&DEFAULT.spec_of("stage"), &stage)).await.is_none(), "{what}");
        assert!(!(may_write(&stage, "prod") && acts_in(&stage)), "{what}");
        completed(&DEFAULT.spec_of("stage"), &stage, &what).await;
        assert!(!may_write(&stage, "prod"), "{what}");
    }
}

#[tokio::test]
async fn the_function_is_out_of_reach_until_a_cluster_has_left() {
    let (prod, _) = two(DEFAULT).await;
    assert!(!may_write(&prod, "stage"));
    let whole = prod.copy();
    ended("prod", &whole, "whole").await;
    assert!(may_write(&whole, "stage"));
    for number in 0..whole.counts().1 {
        let what = format!("killed after write {number}");
        let prod = prod.copy();
        prod.inject(Some((CallIndex::Write(number), InjectedFault::KilledAfter)));
        assert!(unless_killed(&prod, end("prod", &prod)).await.is_none(), "{what}");
        assert!(!(may_write(&prod, "stage") && acts_in(&prod)), "{what}");
        // A second run is as careful.
        prod.inject(Some((CallIndex::Write(1), InjectedFault::KilledAfter)));
        let _ = unless_killed(&prod, end("prod", &prod)).await;
        assert!(!(may_write(&prod, "stage") && acts_in(&prod)), "{what}, and then after one more");
        ended("prod", &prod, &what).await;
        assert!(may_write(&prod, "stage") && !acts_in(&prod), "{what}");
    }
}

#[tokio::test]
async fn a_function_elsewhere_is_out_of_reach_by_its_next_onboard() {
    let (_, prod, _) = DEFAULT.undisturbed().await;
    let far = prod.of("us-east-1", "far");
    completed(&DEFAULT.spec_of("far"), &far, "far").await;
    assert!(may_write(&prod, "prod") && !may_write(&far, "far"), "a run writes no other region's function");
    let spec = keeping(DEFAULT, "prod");
    assert!(!verify(&spec, &prod, &mut |_| ()).await.unwrap().is_good(), "status shows it");
    completed(&spec, &prod, "prod").await;
    assert!(!may_write(&prod, "prod"));
    ended("far", &far, "far").await;
    assert!(!may_write(&prod, "prod"), "a run writes no other region's function");
    completed(&spec, &prod, "prod, alone").await;
    assert!(may_write(&prod, "prod"));
}
