use std::sync::{Arc, Mutex as Lock};

use http::Response;
use kube::client::Body;

use super::*;
use crate::{
    names::HANDLER_GROUP,
    provider::ErrorKind,
    resource::{MappingFields, Principal},
};

type Asked = Arc<Lock<Vec<(String, Value)>>>;

/// An API server that answers method, path and body with status and body.
fn kubernetes(answer: impl Fn(&str, &Value) -> (u16, Value) + Send + Sync + 'static) -> (Kubernetes, Asked) {
    let (asked, answer) = (Asked::default(), Arc::new(answer));
    let heard = asked.clone();
    let service = tower::service_fn(move |request: Request<Body>| {
        let (asked, answer) = (heard.clone(), answer.clone());
        async move {
            let call = format!("{} {}", request.method(), request.uri().path());
            let body = request.into_body().collect_bytes().await?;
            let body: Value = serde_json::from_slice(&body).unwrap_or_default();
            asked.lock().unwrap().push((call.clone(), body.clone()));
            let (status, answer) = answer(&call, &body);
            let answer = Body::from(answer.to_string().into_bytes());
            Ok::<_, kube::Error>(Response::builder().status(status).body(answer).unwrap())
        }
    });
    let kubernetes = Kubernetes::new(None, None, "eu-west-1");
    let state = State { cluster: None, client: Some(Client::new(service, "default")) };
    (Kubernetes { state: Mutex::new(state), ..kubernetes }, asked)
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
    let mapping = MappingFields { users: false, arn, username, groups: vec![HANDLER_GROUP.to_owned()] };
    Resource::AwsAuth { principal: Principal::Role("CastLambdaRoleForSpot".to_owned()), mapping }
}

#[tokio::test]
async fn an_edit_names_the_version_that_it_goes_by_and_is_begun_again_when_overtaken() {
    let version = Lock::new(7);
    let (kubernetes, asked) = kubernetes(move |call, body| {
        let mut version = version.lock().unwrap();
        match call.split(' ').next() {
            Some("GET") => config_map(*version, ""),
            // Somebody is faster, once.
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
async fn a_config_map_that_is_not_there_is_made_and_a_part_of_it_is_nothing() {
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
    let Resource::AwsAuth { mapping, .. } = entry() else { panic!() };
    let mapping = MappingFields { arn: format!("{ARN}-2"), ..mapping };
    let missing = Resource::AwsAuth { principal: Principal::Role("other".to_owned()), mapping };
    let seen = kubernetes.observe(AuthenticationMode::ConfigMap, &[&entry(), &missing]).await;
    assert_eq!(seen, [Ok(Found { resource: entry(), created: None, revision: Some("7".to_owned()) })]);
    assert_eq!(calls(&asked), [format!("GET {AWS_AUTH}")]);
}

#[tokio::test]
async fn an_aws_auth_that_cannot_be_read_is_in_nobodys_way_where_access_entries_count() {
    use AuthenticationMode::{Api, ApiAndConfigMap, ConfigMap};
    for (mode, stops) in [(Api, false), (ApiAndConfigMap, false), (ConfigMap, true)] {
        let (kubernetes, _) = kubernetes(|_, _| config_map(7, "- rolearn: [unclosed"));
        let seen = kubernetes.observe(mode, &[&entry()]).await;
        assert_eq!(seen.iter().any(Result::is_err), stops, "{mode:?}: {seen:?}");
        assert!(seen.iter().all(Result::is_err), "{mode:?}: {seen:?}");
    }
}

#[tokio::test]
async fn an_object_is_replaced_in_its_version_and_keeps_what_is_foreign() {
    let (kubernetes, asked) = kubernetes(|_, _| {
        let labels = json!({ "theirs": "1", "app.kubernetes.io/name": "old" });
        let metadata =
            json!({ "name": "r", "resourceVersion": "9", "labels": labels, "annotations": { "a": "b" } });
        (200, json!({ "metadata": metadata, "rules": [] }))
    });
    let labels = json!({ "app.kubernetes.io/name": "cast-spot" });
    let manifest = json!({ "metadata": { "name": "r", "labels": labels }, "rules": [{ "verbs": ["get"] }] });
    kubernetes.update(&Resource::ClusterRole { name: "r".to_owned(), manifest }, Some("8")).await.unwrap();
    let asked = asked.lock().unwrap();
    let (call, body) = &asked[1];
    assert!(call.starts_with("PUT "), "{call}");
    let metadata = &body["metadata"];
    assert_eq!(metadata["resourceVersion"], "8");
    assert_eq!(metadata["labels"], json!({ "theirs": "1", "app.kubernetes.io/name": "cast-spot" }));
    assert_eq!((&metadata["annotations"]["a"], &body["rules"][0]["verbs"][0]), (&json!("b"), &json!("get")));
}
