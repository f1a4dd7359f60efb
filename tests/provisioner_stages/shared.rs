//! Shared by clusters: choices made once for all, logs, a place in the network, nodes.

use cast_spot_provisioner::{
    names::{LOG_GROUP, TAG_MANAGED, node_role},
    offboard::{self, Removal},
    onboard::{PlanError, plan},
    resource::{Function, Id, Kind, LogGroup, Network, Resource, SecurityGroup, Tags},
    spec::{Request, Spec},
};

use crate::{
    account::{Account, CallIndex},
    situation::{DEFAULT, Scenario, completed, end, ended, make_private, run},
};

/// A request without choices about what clusters share.
fn open(scenario: Scenario, name: &str) -> Request {
    Request { documented_privilege: None, log_retention_days: None, ..scenario.request(name) }
}

fn spec(request: Request) -> Spec {
    request.validate().unwrap()
}

/// The log retention in days, and whether the function's role has the documented policies.
fn shared(account: &Account) -> (i32, bool) {
    let group = account.object(&Id::new(Kind::LogGroup, LOG_GROUP)).map(|object| object.resource);
    let days = match group {
        Some(Resource::LogGroup(LogGroup { retention_days, .. })) => Some(retention_days),
        _ => None,
    };
    let documented = Id::new(Kind::Attachment, "CastLambdaRoleForSpot/CloudWatchLogsFullAccess");
    (days.unwrap(), account.object(&documented).is_some())
}

#[tokio::test]
async fn a_second_cluster_keeps_the_shared_choices_of_the_first() {
    let account = DEFAULT.account().await;
    let days = |days: &str| Some(days.to_owned());
    let chosen = Request {
        documented_privilege: Some(true),
        log_retention_days: days("365"),
        ..open(DEFAULT, "prod")
    };
    completed(&spec(chosen), &account, "chosen").await;
    for (region, name) in [("eu-west-1", "prod"), ("eu-west-1", "stage")] {
        completed(&spec(open(DEFAULT, name)), &account.of(region, name), name).await;
        assert_eq!(shared(&account), (365, true), "{name}");
    }
    // The log is the region's, the role is the account's.
    let far = account.of("us-east-1", "far");
    completed(&spec(open(DEFAULT, "far")), &far, "far").await;
    assert_eq!(shared(&far), (30, true));
    // Another cluster's choice stays; an explicit one is applied, and so is its reversal.
    let back = |name: &str| Request {
        documented_privilege: Some(false),
        log_retention_days: days("0"),
        ..open(DEFAULT, name)
    };
    completed(&spec(back("stage")), &account.of("eu-west-1", "stage"), "stage").await;
    assert_eq!(shared(&account), (0, true));
    completed(&spec(back("prod")), &account, "back").await;
    completed(&spec(open(DEFAULT, "prod")), &account, "prod").await;
    assert_eq!(shared(&account), (0, false));
}

#[tokio::test]
async fn a_second_cluster_takes_no_privilege_from_the_first() {
    let account = DEFAULT.account().await;
    let chosen = Request { documented_privilege: Some(true), ..open(DEFAULT, "prod") };
    completed(&spec(chosen), &account, "prod").await;
    completed(&spec(open(DEFAULT, "stage")), &account.of("eu-west-1", "stage"), "stage").await;
    let has = |principal: &str| {
        let id = Id::new(Kind::Attachment, format!("{principal}/CastEKSDocumentedPolicy"));
        account.object(&id).is_some()
    };
    assert!(has("cast-eks-prod") && !has("cast-eks-stage"));
}

#[tokio::test]
async fn a_log_group_recreated_by_lambda_is_managed_again() {
    let account = DEFAULT.account().await;
    let left =
        Resource::LogGroup(LogGroup { name: LOG_GROUP.to_owned(), retention_days: 0, tags: Tags::new() });
    account.put(left);
    completed(&spec(open(DEFAULT, "prod")), &account, "left over").await;
    assert_eq!(shared(&account).0, 0, "no deletion was requested");
    ended("prod", &account, "left over").await;
    // With a foreign function of this name, they are its logs.
    let theirs = DEFAULT.undisturbed().await.1.take(&Id::new(Kind::Function, "cast-spot")).unwrap();
    let Resource::Function(Function { environment, .. }) = &theirs else { panic!() };
    assert!(!environment.is_empty());
    let account = DEFAULT.account().await;
    account.put(Resource::LogGroup(LogGroup {
        name: LOG_GROUP.to_owned(),
        retention_days: 0,
        tags: Tags::new(),
    }));
    account.put(foreign(theirs));
    let planned = plan(&spec(open(DEFAULT, "prod")), &account).await.unwrap().plan;
    let conflicts: Vec<Kind> = planned.conflicts().map(|step| step.id.kind).collect();
    assert!(conflicts.contains(&Kind::LogGroup) && conflicts.contains(&Kind::Function), "{conflicts:?}");
}

fn foreign(mut function: Resource) -> Resource {
    if let Resource::Function(Function { tags, environment, .. }) = &mut function {
        tags.clear();
        environment.clear();
    }
    function
}

#[tokio::test]
async fn an_overtaken_run_waits_before_planning_again() {
    let (_, account, _) = DEFAULT.undisturbed().await;
    let chosen = Request { settings: vec!["CAST_SPOT_LOG_FORMAT=text".to_owned()], ..open(DEFAULT, "prod") };
    let function = account.place(&Id::new(Kind::Function, "cast-spot"));
    account.edit_before(CallIndex::Write(0), move |state| {
        state.change(&function, |_| ());
    });
    assert!(run(&spec(chosen), &account).await.unwrap().is_complete());
    assert_eq!(account.waits(), 1);
}

#[tokio::test]
async fn kept_logs_stay_managed() {
    let (_, account, _) = DEFAULT.undisturbed().await;
    let removal = Removal { keep_logs: true, ..Removal::of("prod") };
    let planned = offboard::plan(&removal, &account).await.unwrap();
    let stop = cast_spot_provisioner::apply::CancelToken::new();
    let report = offboard::offboard(&removal, planned, &account, &stop, &mut |_| ()).await.unwrap();
    assert!(report.is_complete());
    let left = account
        .all()
        .into_values()
        .filter(|left| left.tags().is_some_and(|tags| tags.contains_key(TAG_MANAGED)));
    let left: Vec<Kind> = left.map(|resource| resource.id().kind).collect();
    assert_eq!(left, [Kind::LogGroup, Kind::Queue]);
    completed(&spec(open(DEFAULT, "prod")), &account, "again").await;
}

fn faults(error: Option<PlanError>) -> Vec<String> {
    match error {
        Some(PlanError::Faults(faults)) => faults.0.iter().map(|fault| fault.field.clone()).collect(),
        _ => Vec::new(),
    }
}

#[tokio::test]
async fn node_role_in_use_blocks_offboard() {
    let (_, account, _) = DEFAULT.undisturbed().await;
    let role = node_role("prod", &plan(&DEFAULT.spec(), &account).await.unwrap().facts.cluster.arn);
    account.run_instances(&role, &["i-1", "i-2"]);
    let objects = account.objects();
    assert_eq!(faults(end("prod", &account).await.err()), ["node role"]);
    assert_eq!(account.objects(), objects);
    // Even if parts of the role are missing.
    let whole = account.copy();
    whole.run_instances(&role, &["i-1"]);
    for kind in [Kind::InstanceProfile, Kind::AccessEntry, Kind::Attachment] {
        let ids: Vec<Id> = whole.all().into_keys().map(|(_, id)| id).filter(|id| id.kind == kind).collect();
        for id in &ids {
            whole.take(id);
        }
        assert_eq!(faults(end("prod", &whole).await.err()), ["node role"], "without any {kind:?}");
    }
    let forced = Removal { nodes_lose_access: true, ..Removal::of("prod") };
    assert!(offboard::plan(&forced, &account).await.is_ok());
    account.delete_cluster();
    assert!(end("prod", &account).await.unwrap().is_complete());
}

fn network(account: &Account) -> Option<Network> {
    match account.object(&Id::new(Kind::Function, "cast-spot")).map(|object| object.resource) {
        Some(Resource::Function(Function { network, .. })) => network,
        _ => None,
    }
}

const PRIVATE: Scenario = Scenario { private: true, ..DEFAULT };

#[tokio::test]
async fn a_function_runs_only_in_subnets_with_egress() {
    let account = PRIVATE.account().await.with_cluster(|cluster| {
        make_private(cluster);
        cluster.subnet_ids = ["public", "private"].map(str::to_owned).into();
        cluster.public_subnet_ids = ["public".to_owned()].into();
    });
    completed(&PRIVATE.spec(), &account, "one of each").await;
    assert_eq!(network(&account).unwrap().subnet_ids, ["private"]);
    let account = account.with_cluster(|cluster| {
        make_private(cluster);
        cluster.public_subnet_ids = cluster.subnet_ids.iter().cloned().collect();
    });
    assert_eq!(faults(plan(&PRIVATE.spec(), &account).await.err()), ["cluster"]);
}

#[tokio::test]
async fn a_shared_function_moves_into_a_vpc_only_on_request() {
    let (_, account, _) = DEFAULT.undisturbed().await;
    let inner = account.of("eu-west-1", "inner").with_cluster(make_private);
    assert_eq!(faults(plan(&PRIVATE.spec_of("inner"), &inner).await.err()), ["cluster"]);
    let moving = Request { move_function: true, ..PRIVATE.request("inner") };
    completed(&spec(moving), &inner, "moved").await;
    assert_eq!(network(&account).unwrap().vpc_id, "vpc-1");
    completed(&PRIVATE.spec_of("inner"), &inner, "moved already").await;
}

#[tokio::test]
async fn a_second_private_cluster_of_a_vpc_leaves_the_function_there() {
    let (_, account, _) = PRIVATE.undisturbed().await;
    let inner = account.of("eu-west-1", "inner").with_cluster(|cluster| {
        make_private(cluster);
        cluster.subnet_ids = vec!["subnet-9".to_owned()];
    });
    let before = network(&account);
    completed(&PRIVATE.spec_of("inner"), &inner, "inner").await;
    assert_eq!(network(&account), before);
    for (spec, account) in [(PRIVATE.spec(), &account), (PRIVATE.spec_of("inner"), &inner)] {
        let again = plan(&spec, account).await.unwrap().plan;
        assert!(again.is_empty(), "{:?}", again.writes().collect::<Vec<_>>());
    }
    ended("prod", &account, "prod").await;
    ended("inner", &inner, "inner").await;
    no_group_is_left(&account);
}

#[tokio::test]
async fn a_leftover_security_group_is_removed_by_the_last_offboard() {
    let (_, account, _) = PRIVATE.undisturbed().await;
    let other = account.of("eu-west-1", "other").with_cluster(|cluster| cluster.vpc_id = "vpc-2".to_owned());
    completed(&DEFAULT.spec_of("other"), &other, "other").await;
    ended("prod", &account, "prod").await;
    // The function is deleted; its group is not, because Lambda still holds interfaces in it.
    let group = account.all().into_values().find(
        |resource| matches!(resource, Resource::SecurityGroup(SecurityGroup { name, .. }) if name == "cast-spot-handler"),
    );
    ended("other", &other, "other").await;
    no_group_is_left(&account);
    account.put(group.unwrap());
    ended("other", &other, "again").await;
    no_group_is_left(&account);
}

fn no_group_is_left(account: &Account) {
    let group = Kind::SecurityGroup;
    let left = account
        .all()
        .into_keys()
        .filter(|(_, id)| id.kind == group && id.name.ends_with("/cast-spot-handler"));
    assert_eq!(left.count(), 0);
}

#[tokio::test]
async fn a_longer_log_retention_is_shortened_only_on_request() {
    let (_, account, _) = DEFAULT.undisturbed().await;
    account.change(&Id::new(Kind::LogGroup, LOG_GROUP), |resource| {
        if let Resource::LogGroup(LogGroup { retention_days, .. }) = resource {
            *retention_days = 0;
        }
    });
    completed(&spec(open(DEFAULT, "prod")), &account, "open").await;
    assert_eq!(shared(&account).0, 0);
    let asked = Request { log_retention_days: Some("30".to_owned()), ..open(DEFAULT, "prod") };
    completed(&spec(asked), &account, "asked").await;
    assert_eq!(shared(&account).0, 30);
}
