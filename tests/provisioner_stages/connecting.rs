//! Connecting and disconnecting, with the same faults: a call fails, its answer is lost, the program is killed, another
//! program is faster.

use cast_spot_provisioner::{
    apply::CancelToken,
    connect::{self, Request, Spec, Token},
    onboard::PlanError,
    plan::Action,
    provider::ErrorKind,
    report::Report,
    resource::{Id, Kind, Manifest, Resource},
};
use serde_json::{Value, json};

use crate::{
    account::{Account, CallIndex, InjectedFault},
    situation::{DEFAULT, same, unless_killed},
};

fn request() -> Request {
    Request {
        cluster: Some("prod".to_owned()),
        region: Some("eu-west-1".to_owned()),
        account: Some("123456789012".to_owned()),
        token: Token::read("t0ken").ok(),
        ..Request::default()
    }
}

async fn account() -> Account {
    let account = DEFAULT.account().await;
    let theirs = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": { "name": "theirs", "labels": { "app.kubernetes.io/managed-by": "Helm" } },
    });
    account.put(Resource::Manifest(Manifest::new(theirs)));
    account.inject(None);
    account
}

async fn run(request: &Request, account: &Account) -> Result<Report, PlanError> {
    let seen = connect::observe("prod", account).await?;
    let spec: Spec = request.complete(Some(&seen))?;
    let planned = seen.plan(&spec)?;
    connect::connect(&spec, planned, account, &CancelToken::new(), &mut |_| ()).await
}

async fn end(account: &Account) -> Result<Report, PlanError> {
    let removal = connect::plan_removal("prod", account).await?;
    connect::disconnect("prod", removal, account, &CancelToken::new(), &mut |_| ()).await
}

async fn completed(account: &Account, what: &str) {
    account.inject(None);
    let report = run(&request(), account).await.unwrap();
    assert!(report.is_complete(), "{what}: {:?}", report.failures().collect::<Vec<_>>());
}

async fn ended(account: &Account, what: &str) {
    account.inject(None);
    let report = end(account).await.unwrap();
    assert!(report.is_complete(), "{what}: {:?}", report.failures().collect::<Vec<_>>());
}

/// The account before and after an undisturbed connect, and the number of its writes.
async fn undisturbed() -> (Account, Account, usize) {
    let before = account().await;
    let after = before.copy();
    completed(&after, "undisturbed").await;
    let writes = after.counts().1;
    assert_eq!(writes, 19, "one for each object");
    (before, after, writes)
}

fn deployment() -> Id {
    Id::new(Kind::Manifest, "Deployment/castai-agent/castai-agent")
}

/// Another program creates a ConfigMap in the agent's namespace.
fn put_foreign_config_map(account: &Account) {
    let theirs = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": { "name": "theirs", "namespace": "castai-agent" },
    });
    account.put(Resource::Manifest(Manifest::new(theirs)));
}

fn edit(account: &Account, id: &Id, change: impl FnOnce(&mut Value)) {
    account.change(id, |resource| {
        if let Resource::Manifest(manifest) = resource {
            let mut value = manifest.value().clone();
            change(&mut value);
            *manifest = Manifest::new(value);
        }
    });
}

#[tokio::test]
async fn reconnect_writes_nothing_and_disconnect_restores_the_cluster() {
    let (before, after, _) = undisturbed().await;
    after.inject(None);
    let report = run(&Request::default(), &after).await.unwrap();
    assert_eq!((report.done(), after.counts().1), (0, 0), "neither token nor choices are needed again");
    ended(&after, "at once").await;
    same(&after, &before, "taken out");
    ended(&after, "again").await;
    assert_eq!(after.counts().1, 0);
}

#[tokio::test]
async fn failed_connect_is_recovered_by_rerun_and_by_disconnect() {
    let (before, reference, writes) = undisturbed().await;
    for fault in
        [InjectedFault::Refused, InjectedFault::Lost, InjectedFault::KilledBefore, InjectedFault::KilledAfter]
    {
        for number in 0..writes {
            let what = format!("write {number} {fault:?}");
            let account = before.copy();
            account.inject(Some((CallIndex::Write(number), fault)));
            let ended_so = unless_killed(&account, run(&request(), &account)).await;
            let is_killed = matches!(fault, InjectedFault::KilledBefore | InjectedFault::KilledAfter);
            assert_eq!(ended_so.is_none(), is_killed, "{what}");
            if let Some(report) = ended_so {
                assert!(!report.unwrap().is_complete(), "{what}");
            }
            let half = account.copy();
            completed(&account, &what).await;
            same(&account, &reference, &what);
            ended(&half, &what).await;
            same(&half, &before, &what);
        }
    }
}

#[tokio::test]
async fn an_interrupted_disconnect_is_finished_by_a_rerun() {
    let (before, connected, _) = undisturbed().await;
    let writes = {
        let account = connected.copy();
        ended(&account, "undisturbed").await;
        account.counts().1
    };
    for fault in
        [InjectedFault::Refused, InjectedFault::Lost, InjectedFault::KilledBefore, InjectedFault::KilledAfter]
    {
        for number in 0..writes {
            let what = format!("write {number} {fault:?}");
            let account = connected.copy();
            account.inject(Some((CallIndex::Write(number), fault)));
            let _ = unless_killed(&account, end(&account)).await;
            ended(&account, &what).await;
            same(&account, &before, &what);
        }
    }
}

#[tokio::test]
async fn a_foreign_namespace_is_a_conflict_before_any_write() {
    let (before, _, _) = undisturbed().await;
    let theirs = json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": { "name": "castai-agent", "labels": { "team": "theirs" } },
    });
    before.put(Resource::Manifest(Manifest::new(theirs)));
    let account = before.copy();
    account.inject(None);
    let report = run(&request(), &account).await.unwrap();
    assert!(report.steps.iter().any(|step| matches!(step.action, Action::Conflict { .. })));
    assert_eq!(account.counts().1, 0);
    same(&account, &before, "a conflict");
    ended(&account, "a conflict").await;
    same(&account, &before, "nothing of ours is there");

    account.inject(None);
    let adopt = Request { adopt: true, ..request() };
    assert!(run(&adopt, &account).await.unwrap().is_complete());
    let namespace = account.object(&Id::new(Kind::Manifest, "Namespace/castai-agent")).unwrap();
    let Resource::Manifest(manifest) = namespace.resource else { panic!("no manifest") };
    assert_eq!(
        (manifest.label("team"), manifest.label("app.kubernetes.io/managed-by")),
        (Some("theirs"), Some("cast-spot"))
    );
}

#[tokio::test]
async fn an_object_created_during_connect_is_not_taken_over() {
    let (before, _, writes) = undisturbed().await;
    for number in 1..writes {
        let account = before.copy();
        let theirs = json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": "castai-agent-autoscaler",
                "namespace": "castai-agent",
                "labels": { "app.kubernetes.io/managed-by": "Helm" },
            },
        });
        let resource = Resource::Manifest(Manifest::new(theirs));
        let id = resource.id();
        let place = account.place(&id);
        account.edit_before(CallIndex::Write(number), {
            let resource = resource.clone();
            move |state| {
                if !state.objects.contains_key(&place) {
                    state.put(place, resource);
                }
            }
        });
        let report = run(&request(), &account).await.unwrap();
        let there = account.object(&id).unwrap().resource;
        let is_theirs = there == resource;
        // Either we created it first, or it stays foreign.
        assert_eq!(report.is_complete(), !is_theirs, "write {number}: {report:?}");
    }
}

#[tokio::test]
async fn drift_is_repaired_and_immutable_changes_recreate_the_object() {
    let (_, reference, _) = undisturbed().await;
    let account = reference.copy();
    edit(&account, &deployment(), |value| value["spec"]["replicas"] = json!(0));
    completed(&account, "drift").await;
    assert_eq!(account.counts().1, 1);
    same(&account, &reference, "drift");

    edit(&account, &deployment(), |value| {
        value["spec"]["selector"] = json!({ "matchLabels": { "app": "older" } });
    });
    let before = account.object(&deployment()).unwrap().created;
    completed(&account, "another selector").await;
    same(&account, &reference, "another selector");
    assert_ne!(account.object(&deployment()).unwrap().created, before);
}

#[tokio::test]
async fn foreign_code_in_a_deployment_is_drift_and_goes() {
    let (_, reference, _) = undisturbed().await;
    let pod = "/spec/template/spec";
    for (part, field, value) in [
        (pod, "initContainers", json!([{ "name": "first", "image": "evil" }])),
        (pod, "volumes", json!([{ "name": "disk", "emptyDir": {} }])),
        (pod, "hostNetwork", json!(true)),
        ("/spec/template/spec/containers/0", "command", json!(["evil"])),
        ("/spec/template/spec/containers/0", "lifecycle", json!({ "postStart": { "exec": {} } })),
    ] {
        let account = reference.copy();
        edit(&account, &deployment(), |object| object.pointer_mut(part).unwrap()[field] = value);
        let planned = connect::observe("prod", &account).await.unwrap();
        let spec = request().complete(Some(&planned)).unwrap();
        assert_eq!(planned.plan(&spec).unwrap().plan.writes().count(), 1, "{part}/{field}");
        completed(&account, field).await;
        same(&account, &reference, field);
    }
}

#[tokio::test]
async fn a_chosen_digest_is_kept_by_later_runs() {
    let (_, account, _) = undisturbed().await;
    let image = |account: &Account| {
        let Resource::Manifest(agent) = account.object(&deployment()).unwrap().resource else { panic!() };
        agent.value().pointer("/spec/template/spec/containers/0/image").cloned()
    };
    let digest = format!("registry.example.com/castai/agent:v0.31.0@sha256:{}", "a".repeat(64));
    let pinned = Request { image: Some(digest.clone()), ..request() };
    assert!(run(&pinned, &account).await.unwrap().is_complete());
    for later in
        [request(), Request::default(), Request { labels: vec!["team=a".to_owned()], ..Request::default() }]
    {
        assert!(run(&later, &account).await.unwrap().is_complete());
        assert_eq!(image(&account), Some(json!(digest)));
    }
}

#[tokio::test]
async fn an_object_recreated_before_its_update_is_planned_again() {
    let (_, reference, _) = undisturbed().await;
    let account = reference.copy();
    edit(&account, &deployment(), |value| value["spec"]["replicas"] = json!(0));
    let place = account.place(&deployment());
    account.edit_before(CallIndex::Write(0), move |state| {
        let object = state.objects.remove(&place).unwrap();
        state.put(place, object.resource);
    });
    let report = run(&request(), &account).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    same(&account, &reference, "recreated meanwhile");
}

#[tokio::test]
async fn a_refused_second_look_keeps_the_report() {
    let (_, account, _) = undisturbed().await;
    edit(&account, &deployment(), |value| value["spec"]["replicas"] = json!(0));
    account.inject(None);
    connect::observe("prod", &account).await.unwrap();
    // After the first look and a write of two calls, which comes too late.
    let second_look = CallIndex::Call(account.counts().0 + 2);
    let place = account.place(&deployment());
    account.edit_before(CallIndex::Write(0), move |state| {
        let object = state.objects.remove(&place).unwrap();
        state.put(place, object.resource);
    });
    account.inject(Some((second_look, InjectedFault::Refused)));
    let report = run(&request(), &account).await.unwrap();
    let failed: Vec<_> = report.failures().map(|(id, error)| (id.clone(), error.reason.clone())).collect();
    assert_eq!(failed, [(deployment(), ErrorKind::Changed)]);
}

#[tokio::test]
async fn foreign_objects_keep_the_namespace_and_nothing_else() {
    let (_, connected, _) = undisturbed().await;
    put_foreign_config_map(&connected);
    let removal = connect::plan_removal("prod", &connected).await.unwrap();
    assert_eq!(removal.unmanaged, ["ConfigMap/theirs"]);
    ended(&connected, "with others").await;
    let left: Vec<String> = connected
        .all()
        .into_keys()
        .filter(|(_, id)| id.kind == Kind::Manifest)
        .map(|(_, id)| id.name)
        .collect();
    let foreign = ["ClusterRole/theirs", "ClusterRoleBinding/theirs", "ConfigMap/castai-agent/theirs"];
    assert_eq!(left, [&foreign[..], &["Namespace/castai-agent"]].concat());
}

#[tokio::test]
async fn an_object_added_after_the_plan_keeps_the_namespace() {
    let (_, connected, _) = undisturbed().await;
    let removal = connect::plan_removal("prod", &connected).await.unwrap();
    assert!(removal.unmanaged.is_empty());
    put_foreign_config_map(&connected);
    let report =
        connect::disconnect("prod", removal, &connected, &CancelToken::new(), &mut |_| ()).await.unwrap();
    assert!(!report.is_complete());
    let (id, error) = report.failures().next().unwrap();
    assert!(id.name.contains("Namespace") && error.message.contains("ConfigMap/theirs"), "{id} {error}");
    assert!(connected.all().into_keys().any(|(_, id)| id.name == "ConfigMap/castai-agent/theirs"));
}
