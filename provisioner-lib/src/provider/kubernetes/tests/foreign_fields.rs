//! Fields that others have set, and those that the API server or a webhook sets.

use super::*;
use crate::resource::Change;

/// An object merged into another one, as an apply does.
fn merge(body: &Value, there: &mut Value) {
    match (body, there) {
        (Value::Object(body), Value::Object(there)) => {
            body.iter().for_each(|(key, value)| merge(value, there.entry(key).or_insert(Value::Null)));
        }
        (body, there) => *there = body.clone(),
    }
}

#[tokio::test]
async fn what_contradicts_the_manifest_goes_before_the_apply() {
    let place = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/b";
    let wanted = Manifest::new(json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": { "name": "b" },
        "spec": { "policyName": "p", "validationActions": ["Deny"] },
    }));
    let mut there = wanted.value().clone();
    there["metadata"]["uid"] = json!("u-1");
    there["spec"] =
        json!({ "policyName": "q", "validationActions": ["Deny"], "matchResources": { "x": "y" } });
    let there = Arc::new(Lock::new(there));
    let stored = there.clone();
    let (kubernetes, asked) = kubernetes(move |call, body| {
        let mut there = stored.lock().unwrap();
        match call.split(' ').next() {
            Some("PUT") => there.clone_from(body),
            Some("PATCH") => merge(body, &mut there),
            _ => {}
        }
        let is_valid = there["spec"]["policyName"] == "q" || there["spec"]["matchResources"].is_null();
        if is_valid { (200, there.clone()) } else { status(422) }
    });
    let wanted = Resource::Manifest(wanted);
    let change = |field: &str, to: &str| Change { field: field.into(), from: "x".into(), to: to.into() };
    let changes = [change("spec.policyName", "p"), change("spec.matchResources", "")];
    kubernetes.update(&wanted, &changes, Some("u-1")).await.unwrap();
    let put = format!("PUT {place}?fieldManager=cast-spot");
    let apply = format!("PATCH {place}?fieldManager=cast-spot&force=true");
    assert_eq!(calls(&asked), [format!("GET {place}"), put, apply]);
    assert_eq!(asked.lock().unwrap()[1].1["metadata"]["uid"], "u-1", "it is the object that was observed");
    let expected = json!({ "policyName": "p", "validationActions": ["Deny"] });
    assert_eq!(there.lock().unwrap()["spec"], expected);
}

/// The state found of a Deployment with a foreign field, by an API server that answers the dry run with `made`.
async fn found_with_priority(made: fn(&Value) -> (u16, Value)) -> (Value, Asked) {
    let Resource::Manifest(wanted) = manifest("a") else { panic!("no manifest") };
    let mut there = wanted.value().clone();
    there["metadata"]["resourceVersion"] = json!("7");
    there["status"] = json!({ "replicas": 1 });
    there["spec"]["template"]["spec"]["priority"] = json!(9);
    let (kubernetes, asked) = kubernetes(move |call, body| match call.split(' ').next() {
        Some("GET") => (200, there.clone()),
        _ => made(body),
    });
    let found = kubernetes.observe(AuthenticationMode::Api, &[&manifest("a")]).await.remove(0).unwrap();
    let Resource::Manifest(found) = found.resource else { panic!("no manifest") };
    (found.value()["spec"]["template"]["spec"]["priority"].clone(), asked)
}

#[tokio::test]
async fn what_the_api_server_puts_back_is_not_a_difference() {
    let (priority, asked) = found_with_priority(|body| {
        let mut made = body.clone();
        made["metadata"]["generation"] = json!(2);
        made["spec"]["template"]["spec"]["priority"] = json!(9);
        (200, made)
    })
    .await;
    assert_eq!(priority, json!(null), "a default of a newer server, or of a webhook");
    let asked = asked.lock().unwrap();
    let (call, body) = &asked[1];
    assert_eq!(*call, format!("PUT {DEPLOYMENT}?fieldManager=cast-spot&dryRun=All"));
    assert_eq!(body["metadata"]["resourceVersion"], "7");
    assert_eq!(body["spec"]["template"]["spec"]["priority"], json!(null));
}

#[tokio::test]
async fn what_it_leaves_out_or_does_not_answer_is_a_difference() {
    for made in [|body: &Value| (200, body.clone()), |_: &Value| status(403), |_: &Value| status(409)] {
        assert_eq!(found_with_priority(made).await.0, json!(9));
    }
}
