use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::plan::Action;

fn spec() -> Spec {
    let request = Request {
        cluster: Some("prod".to_owned()),
        region: Some("eu-west-1".to_owned()),
        account: Some("123456789012".to_owned()),
        labels: vec!["team=platform".to_owned()],
        token: Token::read("t0ken").ok(),
        ..Request::default()
    };
    request.complete(None).unwrap()
}

fn object<'o>(objects: &'o [Value], kind: &str, name: &str) -> &'o Value {
    let found = objects.iter().find(|object| object["kind"] == kind && object["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("no {kind} {name}"))
}

#[test]
fn every_object_of_the_documentation_is_made() {
    let objects = manifests(&spec());
    let kinds: BTreeSet<&str> = objects.iter().filter_map(|object| object["kind"].as_str()).collect();
    let listed = [
        "ClusterRole",
        "ClusterRoleBinding",
        "ConfigMap",
        "Deployment",
        "Namespace",
        "ResourceQuota",
        "Role",
        "RoleBinding",
        "Secret",
        "ServiceAccount",
    ];
    assert_eq!(kinds, listed.into());
    assert_eq!(objects.len(), 11, "two Deployments: the agent and its sizing");
}

#[test]
fn all_objects_and_pods_are_filled_in_and_labelled() {
    let objects = manifests(&spec());
    for object in &objects {
        let text = object.to_string();
        assert!(!text.contains(":\"<") && !text.contains("null"), "{text}");
        let labels = &object["metadata"]["labels"];
        assert_eq!(
            (&labels[LABEL_MANAGED_BY], &labels["team"]),
            (&json!(MANAGED), &json!("platform")),
            "{text}"
        );
    }
    for name in [AGENT, SIZING] {
        let deployment = object(&objects, "Deployment", name);
        let selector = deployment["spec"]["selector"]["matchLabels"].as_object().unwrap();
        let labels = &deployment["spec"]["template"]["metadata"]["labels"];
        assert!(selector.iter().all(|(key, value)| labels[key] == *value), "{labels}");
        assert_eq!(labels["team"], "platform");
    }
    let env = &object(&objects, "Deployment", AGENT)["spec"]["template"]["spec"]["containers"][0]["env"];
    let env: Vec<_> = env.as_array().unwrap().iter().map(|one| one["value"].as_str().unwrap()).collect();
    assert_eq!(env, ["https://api.cast.ai", "eks", "6060", "123456789012", "eu-west-1", "prod"]);
    assert_eq!(object(&objects, "Secret", AGENT)["data"]["API_KEY"], "dDBrZW4=");
}

#[test]
fn a_value_never_changes_the_structure_of_an_object() {
    let mut spec = spec();
    spec.choices.cluster = "<token>\n  evil: true".to_owned();
    let objects = manifests(&spec);
    let env = &object(&objects, "Deployment", AGENT)["spec"]["template"]["spec"]["containers"][0]["env"];
    assert_eq!(env[5]["value"], "<token>\n  evil: true");
    assert_eq!(object(&objects, "Deployment", AGENT)["evil"], Value::Null);
}

#[test]
fn rules_write_only_lease_and_sizing_and_read_no_secrets() {
    let objects = manifests(&spec());
    let mut writes = BTreeSet::new();
    for object in objects.iter().filter(|object| object["rules"].is_array()) {
        for rule in object["rules"].as_array().unwrap() {
            assert!(!rule.to_string().contains("secrets") && !rule.to_string().contains('*'), "{rule}");
            for verb in rule["verbs"].as_array().unwrap() {
                if !["get", "list", "watch"].contains(&verb.as_str().unwrap()) {
                    assert_eq!(object["kind"], "Role", "{rule}");
                    writes.insert((verb.to_string(), rule["resources"].to_string()));
                }
            }
        }
    }
    let expected = [("create", "leases"), ("patch", "deployments"), ("update", "leases")]
        .map(|(verb, resource)| (format!("\"{verb}\""), format!("[\"{resource}\"]")));
    assert_eq!(writes, expected.into());
}

#[test]
fn an_object_comes_after_those_that_it_refers_to() {
    let desired = Desired { present: objects::resources(&spec()), ..Desired::default() };
    let plan = diff(&desired, &Observed::new(), false);
    assert!(plan.steps.iter().all(|step| step.action == Action::Create));
    let place = |name: &str| plan.steps.iter().position(|step| step.id.name == name).unwrap();
    for (first, then) in [
        ("Namespace/castai-agent", "ResourceQuota/castai-agent/castai-agent-critical-pods"),
        ("ClusterRole/castai-agent", "ClusterRoleBinding/castai-agent"),
        ("Role/castai-agent/castai-agent", "RoleBinding/castai-agent/castai-agent"),
        ("ServiceAccount/castai-agent/castai-agent", "Deployment/castai-agent/castai-agent"),
        ("Secret/castai-agent/castai-agent", "Deployment/castai-agent/castai-agent"),
        ("ConfigMap/castai-agent/castai-agent-autoscaler", "Deployment/castai-agent/castai-agent-cpvpa"),
    ] {
        assert!(place(first) < place(then), "{first} after {then}");
        let after = &plan.steps[place(then)].after;
        assert!(after.iter().any(|id| id.name == first), "{then} waits for {after:?}");
    }
}

#[test]
fn plans_and_debug_output_never_contain_the_token() {
    let desired = Desired { present: objects::resources(&spec()), ..Desired::default() };
    let plan = diff(&desired, &Observed::new(), false);
    let shown = format!("{}{plan:?}{:?}", serde_json::to_string(&plan).unwrap(), spec());
    assert!(!shown.contains("t0ken") && !shown.contains("dDBrZW4="), "{shown}");
}
