use std::sync::{Arc, Mutex as Lock};

use http::Response;
use kube::client::Body;
use serde_json::json;

use super::*;
use crate::{
    facts::AuthenticationMode,
    names::HANDLER_GROUP,
    observed::Found,
    provider::{Connection, Services, wire},
    resource::{AwsAuth, Manifest, Mapping, Principal, Resource},
};

mod foreign_fields;

type Asked = Arc<Lock<Vec<(String, Value)>>>;

/// An API server that answers method, path and body with status and body.
fn kubernetes(answer: impl Fn(&str, &Value) -> (u16, Value) + Send + Sync + 'static) -> (Services, Asked) {
    let (asked, answer) = (Asked::default(), Arc::new(answer));
    let requests = asked.clone();
    let service = tower::service_fn(move |request: Request<Body>| {
        let (asked, answer) = (requests.clone(), answer.clone());
        async move {
            let call = format!("{} {}", request.method(), request.uri());
            let body = request.into_body().collect_bytes().await?;
            let body: Value = serde_json::from_slice(&body).unwrap_or_default();
            asked.lock().unwrap().push((call.clone(), body.clone()));
            let (status, answer) = answer(&call, &body);
            let answer = Body::from(answer.to_string().into_bytes());
            Ok::<_, kube::Error>(Response::builder().status(status).body(answer).unwrap())
        }
    });
    let kubernetes = Kubernetes::new(Kubeconfig::of(&Connection::default(), "eu-west-1"));
    let state = State { cluster: None, client: Some(Ok(Client::new(service, "default"))) };
    let (aws, _) = wire::config(|_| (500, String::new()));
    let kubernetes = Kubernetes { state: Mutex::new(state), ..kubernetes };
    (Services { kubernetes, ..Services::of(&aws) }, asked)
}

fn calls(asked: &Asked) -> Vec<String> {
    asked.lock().unwrap().iter().map(|(call, _)| call.clone()).collect()
}

fn status(code: u16) -> (u16, Value) {
    (
        code,
        json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": "no" }),
    )
}

fn config_map(version: u32, roles: &str) -> (u16, Value) {
    let metadata =
        json!({ "name": "aws-auth", "namespace": "kube-system", "resourceVersion": version.to_string() });
    (200, json!({ "metadata": metadata, "data": { "mapRoles": roles, "foreign": "stays" } }))
}

const AWS_AUTH: &str = "/api/v1/namespaces/kube-system/configmaps/aws-auth";
const ARN: &str = "arn:aws:iam::123456789012:role/CastLambdaRoleForSpot";

fn entry() -> Resource {
    let (arn, username) = (ARN.to_owned(), "cast-spot".to_owned());
    let mapping = Mapping { users: false, arn, username, groups: vec![HANDLER_GROUP.to_owned()] };
    Resource::AwsAuth(AwsAuth { principal: Principal::Role("CastLambdaRoleForSpot".to_owned()), mapping })
}

#[tokio::test]
async fn an_overtaken_edit_starts_again_from_the_new_version() {
    let version = Lock::new(7);
    let (kubernetes, asked) = kubernetes(move |call, body| {
        let mut version = version.lock().unwrap();
        match call.split(' ').next() {
            Some("GET") => config_map(*version, ""),
            // Another writer is faster, once.
            _ if *version == 7 => {
                *version = 8;
                status(409)
            }
            _ => (200, body.clone()),
        }
    });
    let made = kubernetes.create(&entry()).await.unwrap();
    let (get, put) = (format!("GET {AWS_AUTH}"), format!("PUT {AWS_AUTH}"));
    assert_eq!(calls(&asked), [get.clone(), put.clone(), get, put]);
    let asked = asked.lock().unwrap();
    let versions = [1, 3].map(|index: usize| asked[index].1["metadata"]["resourceVersion"].clone());
    assert_eq!(versions, ["7", "8"]);
    let data = &asked[3].1["data"];
    assert_eq!(data["foreign"], "stays");
    assert!(data["mapRoles"].as_str().unwrap().contains(ARN), "{data}");
    assert!(made.backup.unwrap().contains("foreign"));
}

#[tokio::test]
async fn an_edit_that_is_always_overtaken_ends() {
    let (kubernetes, asked) =
        kubernetes(|call, _| if call.starts_with("GET") { config_map(7, "") } else { status(409) });
    let error = kubernetes.create(&entry()).await.unwrap_err();
    assert_eq!(error.reason, ErrorKind::Changed);
    assert!(calls(&asked).len() <= 10);
}

#[tokio::test]
async fn a_missing_config_map_is_created_and_has_no_entries() {
    let (kubernetes, asked) =
        kubernetes(|call, body| if call.starts_with("GET") { status(404) } else { (201, body.clone()) });
    assert!(kubernetes.observe(AuthenticationMode::ConfigMap, &[&entry()]).await.is_empty());
    kubernetes.create(&entry()).await.unwrap();
    kubernetes.delete(&entry()).await.unwrap();
    let get = format!("GET {AWS_AUTH}");
    let post = "POST /api/v1/namespaces/kube-system/configmaps".to_owned();
    assert_eq!(calls(&asked), [get.clone(), get.clone(), post, get]);
}

#[tokio::test]
async fn one_config_map_serves_all_entries() {
    let roles = format!("- rolearn: {ARN}\n  username: cast-spot\n  groups:\n    - {HANDLER_GROUP}\n");
    let (kubernetes, asked) = kubernetes(move |_, _| config_map(7, &roles));
    let Resource::AwsAuth(AwsAuth { mapping, .. }) = entry() else { panic!() };
    let mapping = Mapping { arn: format!("{ARN}-2"), ..mapping };
    let missing = Resource::AwsAuth(AwsAuth { principal: Principal::Role("other".to_owned()), mapping });
    let seen = kubernetes.observe(AuthenticationMode::ConfigMap, &[&entry(), &missing]).await;
    assert_eq!(seen, [Ok(Found { revision: Some("7".to_owned()), ..Found::from(entry()) })]);
    assert_eq!(calls(&asked), [format!("GET {AWS_AUTH}")]);
}

#[tokio::test]
async fn an_unreadable_aws_auth_is_ignored_with_access_entries() {
    use AuthenticationMode::{Api, ApiAndConfigMap, ConfigMap};
    for (mode, stops) in [(Api, false), (ApiAndConfigMap, false), (ConfigMap, true)] {
        let (kubernetes, _) = kubernetes(|_, _| config_map(7, "- rolearn: [unclosed"));
        let seen = kubernetes.observe(mode, &[&entry()]).await;
        assert_eq!(seen.iter().any(Result::is_err), stops, "{mode:?}: {seen:?}");
        assert!(seen.iter().all(Result::is_err), "{mode:?}: {seen:?}");
    }
}

fn manifest(image: &str) -> Resource {
    let containers = json!([{ "name": "main", "image": image }]);
    Resource::Manifest(Manifest::new(json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": "d", "namespace": "n" },
        "spec": { "template": { "spec": { "containers": containers } } },
    })))
}

const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/n/deployments/d";

#[tokio::test]
async fn only_an_update_of_the_same_uid_is_forced() {
    let (kubernetes, asked) = kubernetes(|_, body| (200, body.clone()));
    kubernetes.create(&manifest("a")).await.unwrap();
    kubernetes.update(&manifest("a"), &[], Some("u-1")).await.unwrap();
    let apply = |force| format!("PATCH {DEPLOYMENT}?fieldManager=cast-spot&force={force}");
    assert_eq!(calls(&asked), [apply(false), apply(true)]);
    let asked = asked.lock().unwrap();
    let uids = [0, 1].map(|index: usize| asked[index].1["metadata"]["uid"].clone());
    assert_eq!(uids, [json!(null), json!("u-1")]);
}

#[tokio::test]
async fn the_handlers_rbac_is_changed_in_the_version_that_was_read() {
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": { "name": "cast-spot-handler", "uid": "u-1", "resourceVersion": "7" },
        "rules": [],
    });
    let observed = role.clone();
    let (kubernetes, asked) = kubernetes(move |call, _| match call.split(' ').next() {
        Some("GET") => (200, observed.clone()),
        _ => status(409),
    });
    let wanted = Resource::Manifest(Manifest::new(role));
    let found = kubernetes.observe(AuthenticationMode::Api, &[&wanted]).await.remove(0).unwrap();
    let error = kubernetes.update(&wanted, &[], found.revision.as_deref()).await.unwrap_err();
    assert_eq!(error.reason, ErrorKind::Changed, "what others have changed meanwhile is read again");
    assert_eq!(asked.lock().unwrap()[1].1["metadata"]["resourceVersion"], "7");
}

#[tokio::test]
async fn an_object_created_concurrently_by_others_is_kept() {
    let (kubernetes, _) = kubernetes(|_, _| status(409));
    let error = kubernetes.create(&manifest("a")).await.unwrap_err();
    assert_eq!((error.reason, error.call.as_str()), (ErrorKind::Changed, "patch deployments"));
}

#[tokio::test]
async fn foreign_list_items_are_removed_by_a_full_write() {
    let (kubernetes, asked) = kubernetes(|call, body| {
        let mut there = body.clone();
        there["metadata"]["resourceVersion"] = json!("7");
        if call.starts_with("PATCH") {
            // An apply leaves what others have.
            let second = json!({ "name": "second" });
            there["spec"]["template"]["spec"]["containers"].as_array_mut().unwrap().push(second);
        }
        (200, there)
    });
    kubernetes.update(&manifest("a"), &[], Some("u-1")).await.unwrap();
    let asked = asked.lock().unwrap();
    let (call, body) = &asked[1];
    assert_eq!(*call, format!("PUT {DEPLOYMENT}?fieldManager=cast-spot"));
    assert_eq!(body["spec"]["template"]["spec"]["containers"], json!([{ "name": "main", "image": "a" }]));
    assert_eq!(body["metadata"]["resourceVersion"], "7", "nothing that was changed meanwhile is undone");
}

#[tokio::test(start_paused = true)]
async fn an_object_is_gone_when_it_is_not_there_any_more() {
    let looks = Lock::new(0);
    let (kubernetes, asked) = kubernetes(move |call, _| {
        let mut looks = looks.lock().unwrap();
        *looks += usize::from(call.starts_with("GET"));
        let going = json!({ "metadata": { "deletionTimestamp": "2026-11-27T07:00:00Z" } });
        if *looks > 3 { status(404) } else { (200, going) }
    });
    let Resource::Manifest(manifest) = manifest("a") else { panic!("no manifest") };
    let mut there = manifest.value().clone();
    there["metadata"]["uid"] = json!("u-1");
    kubernetes.delete(&Resource::Manifest(Manifest::new(there))).await.unwrap();
    assert_eq!(calls(&asked)[0], format!("DELETE {DEPLOYMENT}"));
    assert_eq!(calls(&asked).len(), 5, "asked until it is gone");
    assert_eq!(asked.lock().unwrap()[0].1["preconditions"]["uid"], "u-1");
}

#[tokio::test(start_paused = true)]
async fn a_delete_waits_for_the_same_uid_only() {
    let answers = |going: bool| {
        let looks = Lock::new(0);
        move |call: &str, _: &Value| {
            let mut looks = looks.lock().unwrap();
            *looks += usize::from(call.starts_with("GET"));
            let there = if going { json!("2026-11-27T07:00:00Z") } else { json!(null) };
            match (call.starts_with("DELETE"), *looks) {
                (true, _) => status(409),
                (_, 3..) => status(404),
                _ => (200, json!({ "metadata": { "deletionTimestamp": there } })),
            }
        }
    };
    let (kubernetes, asked) = kubernetes(answers(true));
    kubernetes.delete(&manifest("a")).await.unwrap();
    assert_eq!(calls(&asked).len(), 4);
    let (kubernetes, _) = self::kubernetes(answers(false));
    assert_eq!(kubernetes.delete(&manifest("a")).await.unwrap_err().reason, ErrorKind::Changed);
}

#[tokio::test(start_paused = true)]
async fn an_object_that_does_not_go_says_what_keeps_it() {
    let (kubernetes, _) = kubernetes(|_, _| {
        let conditions = json!([
            { "type": "NamespaceContentRemaining", "status": "True", "message": "pods. has 1 resource instances" },
            { "type": "NamespaceDeletionDiscoveryFailure", "status": "False", "message": "fine" },
        ]);
        let metadata = json!({ "deletionTimestamp": "2026-11-27T07:00:00Z" });
        (200, json!({ "metadata": metadata, "status": { "conditions": conditions } }))
    });
    let error = kubernetes.delete(&manifest("a")).await.unwrap_err();
    let expected = "deleted, but still there after 120 s: pods. has 1 resource instances";
    assert_eq!(error.message, expected);
}

#[tokio::test]
async fn unmanaged_objects_are_neither_managed_nor_owned() {
    let (kubernetes, asked) = kubernetes(|call, _| {
        let resource = |name: &str, kind: &str, verbs: Value| json!({ "name": name, "kind": kind, "namespaced": true, "verbs": verbs });
        let all = || json!(["list", "delete"]);
        let object = |name: &str, more: Value| {
            let mut metadata = json!({ "name": name });
            for (key, value) in more.as_object().into_iter().flatten() {
                metadata[key] = value.clone();
            }
            json!({ "metadata": metadata })
        };
        let ours = json!({ "labels": { "app.kubernetes.io/managed-by": "cast-spot" } });
        match call {
            "GET /api/v1" => {
                let nodes = json!({ "name": "nodes", "kind": "Node", "namespaced": false, "verbs": ["list", "delete"] });
                let resources =
                    [resource("configmaps", "ConfigMap", all()), resource("pods", "Pod", all()), nodes];
                (200, json!({ "resources": resources }))
            }
            "GET /apis" => {
                let group = |version: &str| json!({ "preferredVersion": { "groupVersion": version } });
                (200, json!({ "groups": [group("metrics.k8s.io/v1"), group("down.example.com/v1")] }))
            }
            "GET /apis/metrics.k8s.io/v1" => {
                (200, json!({ "resources": [resource("pods", "PodMetrics", json!(["list"]))] }))
            }
            "GET /apis/down.example.com/v1" => status(503),
            "GET /api/v1/namespaces/n/configmaps" => {
                let root = object("kube-root-ca.crt", json!({}));
                (200, json!({ "items": [root, object("ours", ours), object("theirs", json!({}))] }))
            }
            "GET /api/v1/namespaces/n/pods" => {
                let owned = object("owned", json!({ "ownerReferences": [{ "kind": "ReplicaSet" }] }));
                let going = object("going", json!({ "deletionTimestamp": "2026-11-27T07:00:00Z" }));
                (200, json!({ "items": [owned, going, object("bare", json!({}))] }))
            }
            other => panic!("{other}"),
        }
    });
    let down = "whatever down.example.com/v1 holds, which does not answer";
    assert_eq!(
        kubernetes.kubernetes.unmanaged_objects("n").await.unwrap(),
        ["ConfigMap/theirs", "Pod/bare", down]
    );
    assert_eq!(calls(&asked).len(), 6);
}

#[tokio::test]
async fn a_list_that_fails_does_not_pass_for_an_empty_one() {
    for code in [403, 429, 500, 503] {
        let (kubernetes, _) = kubernetes(move |call, _| match call {
            "GET /api/v1" => (200, json!({ "resources": [] })),
            "GET /apis" => {
                (200, json!({ "groups": [{ "preferredVersion": { "groupVersion": "apps/v1" } }] }))
            }
            "GET /apis/apps/v1" => {
                let verbs = ["list", "delete"];
                let kind = json!({ "name": "deployments", "kind": "Deployment", "namespaced": true, "verbs": verbs });
                (200, json!({ "resources": [kind] }))
            }
            _ => status(code),
        });
        assert!(kubernetes.kubernetes.unmanaged_objects("n").await.is_err(), "{code}");
    }
}
