//! What others have done to what is ours, and what was there before us.

use cast_spot_provisioner::{
    facts::AuthenticationMode,
    offboard,
    onboard::plan,
    plan::Action,
    resource::{Id, Kind, Principal, Resource, Tags},
    spec::Request,
};
use serde_json::json;

use crate::{
    account::Account,
    merge::{is_ours, tags_mut},
    situation::{USUAL, Way, end, run, ways},
};

/// Spoils one field; `false` where the kind has nothing that could be spoilt.
fn spoil(resource: &mut Resource) -> bool {
    match resource {
        Resource::Policy { document, .. } | Resource::InlinePolicy { document, .. } => *document = json!({}),
        Resource::Role { trust, .. } => *trust = json!({}),
        Resource::User { tags, .. } => drop(tags.remove("cast-spot:cluster")),
        Resource::InstanceProfile { role, .. } => "other".clone_into(role),
        Resource::LogGroup { retention_days, .. } => *retention_days = 1,
        Resource::Queue { retention_seconds, .. } => *retention_seconds = 1,
        Resource::SecurityGroup { tags, .. } => drop(tags.insert("cast-spot:x".to_owned(), "y".to_owned())),
        Resource::Function { memory_mb, .. } => *memory_mb = 128,
        Resource::InvokeConfig { maximum_retry_attempts, .. } => *maximum_retry_attempts = 0,
        Resource::Permission { source_arn, .. } => "other".clone_into(source_arn),
        Resource::Rule { pattern, .. } => *pattern = json!({}),
        Resource::Target { arn, .. } => "other".clone_into(arn),
        Resource::AccessEntry { entry_type, .. } => "FARGATE_LINUX".clone_into(entry_type),
        Resource::AwsAuth { mapping, .. } => mapping.groups.clear(),
        Resource::ClusterRole { manifest, .. } => manifest["rules"] = json!([]),
        Resource::ClusterRoleBinding { manifest, .. } => manifest["roleRef"] = json!({}),
        Resource::Attachment { .. } | Resource::AccessKey { .. } | Resource::Ingress { .. } => return false,
    }
    true
}

#[tokio::test]
async fn drift_in_any_resource_is_found_and_mended() {
    for way in ways() {
        let account = way.account();
        run(&way.spec(), &account).await.unwrap();
        let whole = account.all();
        let planned = plan(&way.spec(), &account).await.unwrap().plan;
        for id in planned.steps.iter().map(|step| &step.id) {
            let mut spoilt = false;
            account.change(id, |resource| spoilt = spoil(resource));
            if !spoilt {
                account.take(id);
            }
            let found = plan(&way.spec(), &account).await.unwrap().plan;
            let step = found.steps.iter().find(|step| step.id == *id).unwrap();
            assert!(step.action.writes(), "{way:?} {id}: {:?}", step.action);
            assert!(run(&way.spec(), &account).await.unwrap().is_complete(), "{way:?} {id}");
            assert_eq!(account.all(), whole, "{way:?} {id}");
        }
    }
}

#[tokio::test]
async fn a_role_that_was_made_anew_gets_a_new_access_entry() {
    let account = USUAL.account();
    run(&USUAL.spec(), &account).await.unwrap();
    let id = Id::new(Kind::Role, "CastLambdaRoleForSpot");
    let role = account.take(&id).unwrap();
    account.put(role);
    let planned = plan(&USUAL.spec(), &account).await.unwrap().plan;
    let entry = planned.steps.iter().find(|step| step.id.name == "prod/CastLambdaRoleForSpot").unwrap();
    assert!(matches!(entry.action, Action::Replace { .. }), "{:?}", entry.action);
    assert!(run(&USUAL.spec(), &account).await.unwrap().is_complete());
    assert!(plan(&USUAL.spec(), &account).await.unwrap().plan.is_empty());
}

#[tokio::test]
async fn a_foreign_object_of_any_kind_is_a_conflict_and_nothing_is_written() {
    let reference = Way { private: true, user: true, ..USUAL };
    let made = reference.account();
    run(&reference.spec(), &made).await.unwrap();
    for ((_, id), resource) in made.all().into_iter().filter(|(_, resource)| is_ours(resource)) {
        let account = reference.account();
        let mut foreign = resource;
        if let Some(tags) = tags_mut(&mut foreign) {
            *tags = Tags::from([("team".to_owned(), "theirs".to_owned())]);
        }
        account.put(foreign);
        let before = account.all();
        account.fault(None);
        let report = run(&reference.spec(), &account).await.unwrap();
        assert!(!report.is_complete(), "{id}");
        assert_eq!((account.counts().1, account.all()), (0, before.clone()), "{id}");
        assert!(end("prod", &account).await.unwrap().is_complete(), "{id}");
        assert_eq!(account.all(), before, "{id}: offboarding has taken what is not ours");

        let adopting = Request { adopt: true, ..reference.request("prod") }.validate().unwrap();
        assert!(run(&adopting, &account).await.unwrap().is_complete(), "{id}");
        assert!(plan(&reference.spec(), &account).await.unwrap().plan.is_empty(), "{id}");
    }
}

#[tokio::test]
async fn what_others_have_added_to_ours_stays_while_it_stands_and_goes_with_it() {
    let account = USUAL.account();
    run(&USUAL.spec(), &account).await.unwrap();
    let foreign = Resource::Attachment {
        principal: Principal::Role("CastLambdaRoleForSpot".to_owned()),
        policy_arn: "arn:aws:iam::aws:policy/Theirs".to_owned(),
    };
    account.put(foreign.clone());
    account.change(&Id::new(Kind::Function, "cast-spot"), |function| {
        if let Resource::Function { environment, tags, memory_mb, .. } = function {
            environment.insert("THEIRS".to_owned(), "kept".to_owned());
            tags.insert("team".to_owned(), "theirs".to_owned());
            *memory_mb = 128;
        }
    });
    run(&USUAL.spec(), &account).await.unwrap();
    let function = account.all().remove(&("eu-west-1".to_owned(), Id::new(Kind::Function, "cast-spot")));
    let Some(Resource::Function { environment, tags, memory_mb, .. }) = function else {
        panic!("no function")
    };
    assert_eq!((environment["THEIRS"].as_str(), tags["team"].as_str(), memory_mb), ("kept", "theirs", 512));
    assert!(account.all().values().any(|resource| *resource == foreign));
    assert!(end("prod", &account).await.unwrap().is_complete());
    assert_eq!(account.all(), USUAL.account().all());
}

#[tokio::test]
async fn another_choice_takes_out_what_only_the_first_one_needs() {
    for from in ways() {
        for to in ways().filter(|to| to.private == from.private && to.config_map == from.config_map) {
            let account = from.account();
            run(&from.spec(), &account).await.unwrap();
            assert!(run(&to.spec(), &account).await.unwrap().is_complete(), "{from:?} {to:?}");
            let reference = to.account();
            run(&to.spec(), &reference).await.unwrap();
            let (found, wanted): (Vec<_>, Vec<_>) =
                (account.all().into_keys().collect(), reference.all().into_keys().collect());
            assert_eq!(found, wanted, "{from:?} {to:?}");
            assert_eq!(account.all(), reference.all(), "{from:?} {to:?}");
        }
    }
}

#[tokio::test]
async fn a_cluster_that_moves_to_access_entries_loses_its_lines_in_aws_auth() {
    let way = Way { config_map: true, user: true, ..USUAL };
    let mut account = way.account();
    run(&way.spec(), &account).await.unwrap();
    account.cluster.authentication_mode = AuthenticationMode::Api;
    assert!(run(&way.spec(), &account).await.unwrap().is_complete());
    assert!(!account.all().keys().any(|(_, id)| id.kind == Kind::AwsAuth));
}

#[tokio::test]
async fn a_cluster_that_is_deleted_already_is_offboarded_all_the_same() {
    let account = USUAL.account();
    run(&USUAL.spec(), &account).await.unwrap();
    let arn = account.cluster.arn.clone();
    let mut gone: Account = account.clone();
    gone.cluster = cast_spot_provisioner::facts::Cluster::gone("prod", arn);
    let planned = offboard::plan("prod", &gone).await.unwrap();
    assert!(planned.plan.writes().count() > 10);
    assert!(end("prod", &gone).await.unwrap().is_complete());
    let inside = [Kind::AccessEntry, Kind::ClusterRole, Kind::ClusterRoleBinding];
    let left: Vec<_> = account.all().into_keys().filter(|(_, id)| !inside.contains(&id.kind)).collect();
    let before: Vec<_> = USUAL.account().all().into_keys().collect();
    assert_eq!(left, before, "what the cluster itself has known went with it");
}
