use serde_json::{Value, json};

use super::*;
use crate::{
    facts::AuthenticationMode,
    provider::{
        ErrorKind, Services,
        wire::{self, Asked},
    },
    resource::{Principal, Resource},
};

const ARN: &str = "arn:aws:iam::123456789012:user/cast-eks-prod";
const ADMIN: &str = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy";

fn eks(mut answer: impl FnMut(&str) -> (u16, Value) + Send + 'static) -> (Services, Asked) {
    let (config, asked) = wire::config(move |asked| {
        let (status, body) = answer(asked);
        (status, body.to_string())
    });
    (Services::of(&config), asked)
}

fn entry(policies: &[&str]) -> Resource {
    Resource::AccessEntry(AccessEntry {
        cluster: "prod".into(),
        principal: Principal::User("cast-eks-prod".into()),
        principal_arn: ARN.into(),
        entry_type: "STANDARD".into(),
        username: None,
        groups: Vec::new(),
        policies: policies.iter().map(ToString::to_string).collect(),
        tags: Tags::new(),
    })
}

fn no(code: &str, message: &str) -> (u16, Value) {
    (400, json!({ "__type": code, "message": message }))
}

#[tokio::test(start_paused = true)]
async fn a_principal_that_eks_does_not_know_yet_is_waited_for() {
    let mut refusals = vec![
        no("InvalidParameterException", "The specified principalArn is invalid: invalid principal."),
        no("InvalidParameterException", "The specified principalArn is invalid: invalid principal."),
    ];
    let (eks, asked) = eks(move |_| refusals.pop().unwrap_or((200, json!({}))));
    eks.create(&entry(&[ADMIN])).await.unwrap();
    let calls = wire::calls(&asked);
    assert_eq!(calls.len(), 4, "{calls:?}");
    assert!(calls[3].ends_with("/access-policies"), "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_is_not_there_is_not_waited_for() {
    let begin = tokio::time::Instant::now();
    let (eks, _) = eks(|_| no("ResourceNotFoundException", "No cluster found for name: prod."));
    assert_eq!(eks.create(&entry(&[])).await.unwrap_err().reason, ErrorKind::Other);
    assert_eq!(begin.elapsed().as_secs(), 0);
}

#[tokio::test]
async fn policies_that_are_not_wanted_any_more_are_taken_off() {
    let (eks, asked) = eks(|asked| {
        let scope = json!({ "type": "cluster" });
        let there = json!({ "policyArn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy", "accessScope": scope });
        (
            200,
            if asked.starts_with("GET") { json!({ "associatedAccessPolicies": [there] }) } else { json!({}) },
        )
    });
    let change = Change { field: "policies".into(), from: String::new(), to: String::new() };
    eks.update(&entry(&[ADMIN]), &[change], None).await.unwrap();
    let methods: Vec<String> = wire::calls(&asked)
        .iter()
        .map(|call| call.split(' ').next().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(methods, ["GET", "POST", "DELETE"]);
}

#[tokio::test]
async fn a_cluster_without_access_entries_is_not_asked_for_them() {
    let (eks, asked) = eks(|_| (200, json!({})));
    assert!(eks.observe(AuthenticationMode::ConfigMap, &[&entry(&[])]).await.is_empty());
    assert!(asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_policy_on_namespaces_is_drift_and_taken_off() {
    let scope = json!({ "type": "namespace", "namespaces": ["kube-system", "shop"] });
    let edit = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy";
    let there = json!({ "associatedAccessPolicies": [{ "policyArn": edit, "accessScope": scope }] });
    let described = json!({ "accessEntry": { "type": "STANDARD" } });
    let (eks, asked) = eks(move |asked| {
        let is_list = asked.starts_with("GET") && asked.contains("/access-policies");
        (200, if is_list { there.clone() } else { described.clone() })
    });
    let seen = eks.observe(AuthenticationMode::Api, &[&entry(&[])]).await;
    let found = seen[0].as_ref().unwrap();
    let changes = entry(&[]).changes(&found.resource);
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert!(changes[0].from.contains("AmazonEKSEditPolicy on namespaces kube-system, shop"), "{changes:?}");
    eks.update(&entry(&[]), &changes, None).await.unwrap();
    let last = wire::calls(&asked).pop().unwrap();
    assert!(last.starts_with("DELETE") && last.ends_with("AmazonEKSEditPolicy"), "{last}");
}
