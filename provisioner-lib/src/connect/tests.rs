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
        "LimitRange",
        "Namespace",
        "NetworkPolicy",
        "ResourceQuota",
        "Role",
        "RoleBinding",
        "Secret",
        "ServiceAccount",
    ];
    assert_eq!(kinds, listed.into());
    assert_eq!(objects.len(), 19, "an account, its rights and a Deployment for the agent and for its sizing");
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
    assert_eq!(env, ["https://api.cast.ai", "eks", "123456789012", "eu-west-1", "prod"]);
    assert_eq!(object(&objects, "Secret", AGENT)["data"]["API_KEY"], "dDBrZW4=");
}

#[test]
fn a_value_never_changes_the_structure_of_an_object() {
    let mut spec = spec();
    spec.choices.cluster = "<token>\n  evil: true".to_owned();
    let objects = manifests(&spec);
    let env = &object(&objects, "Deployment", AGENT)["spec"]["template"]["spec"]["containers"][0]["env"];
    assert_eq!(env[4]["value"], "<token>\n  evil: true");
    assert_eq!(object(&objects, "Deployment", AGENT)["evil"], Value::Null);
}

#[test]
fn the_agent_writes_a_lease_and_the_sizing_one_deployment() {
    let objects = manifests(&spec());
    let mut writes = BTreeSet::new();
    for object in objects.iter().filter(|object| object["rules"].is_array()) {
        for rule in object["rules"].as_array().unwrap() {
            assert!(!rule.to_string().contains("secrets") && !rule.to_string().contains('*'), "{rule}");
            for verb in rule["verbs"].as_array().unwrap() {
                if !["get", "list", "watch"].contains(&verb.as_str().unwrap()) {
                    assert_eq!(object["kind"], "Role", "{rule}");
                    let role = object["metadata"]["name"].as_str().unwrap();
                    writes.insert(format!("{role}: {verb} {}", rule["resources"]));
                }
            }
        }
    }
    let expected = [
        r#"castai-agent-cpvpa: "patch" ["deployments"]"#,
        r#"castai-agent: "create" ["leases"]"#,
        r#"castai-agent: "update" ["leases"]"#,
    ];
    assert_eq!(writes, expected.map(str::to_owned).into());
    for (kind, binding) in ["ClusterRoleBinding", "RoleBinding"]
        .into_iter()
        .flat_map(|kind| [AGENT, SIZING].map(|name| (kind, object(&objects, kind, name))))
    {
        let subjects = binding["subjects"].as_array().unwrap();
        assert_eq!(subjects.len(), 1, "{kind}");
        assert_eq!(subjects[0]["name"], binding["metadata"]["name"], "{kind}");
    }
    for name in [AGENT, SIZING] {
        let pod = &object(&objects, "Deployment", name)["spec"]["template"]["spec"];
        assert_eq!(pod["serviceAccountName"], name);
    }
}

#[test]
fn nothing_comes_in_and_only_names_and_https_go_out() {
    let at = |url: &str| {
        let mut spec = spec();
        spec.choices.api_url = url.to_owned();
        object(&manifests(&spec), "NetworkPolicy", AGENT)["spec"].clone()
    };
    let policy = at("https://api.cast.ai");
    assert_eq!(policy["podSelector"], json!({}), "all pods of the namespace");
    assert_eq!((&policy["policyTypes"], &policy["ingress"]), (&json!(["Ingress", "Egress"]), &Value::Null));
    let ports = |policy: &Value| {
        let rules = policy["egress"].as_array().unwrap().iter();
        let ports = rules.flat_map(|rule| rule["ports"].as_array().unwrap());
        ports.map(|port| format!("{} {}", port["protocol"], port["port"])).collect::<BTreeSet<_>>()
    };
    assert_eq!(ports(&policy), [r#""TCP" 443"#, r#""TCP" 53"#, r#""UDP" 53"#].map(str::to_owned).into());
    assert!(ports(&at("https://console.example.com:8443/v1")).contains(r#""TCP" 8443"#));
    let text = serde_json::to_string(&manifests(&spec())).unwrap();
    assert!(!text.contains("PPROF") && !text.contains("6060"), "profiling is open to every pod");
}

/// CPUs in thousandths, bytes of memory in MiB.
fn amount(quantity: &Value) -> u64 {
    let text = quantity.as_str().unwrap();
    for (unit, factor) in [("Gi", 1024), ("Mi", 1), ("m", 1), ("", 1000)] {
        if let Some(number) = text.strip_suffix(unit) {
            return number.parse::<u64>().unwrap() * factor;
        }
    }
    panic!("{text}")
}

#[test]
fn the_quota_has_room_for_two_rollouts_at_full_size() {
    let objects = manifests(&spec());
    let sizes = object(&objects, "ConfigMap", "castai-agent-autoscaler")["data"].clone();
    let sizes: Value = serde_json::from_str(sizes["castai-agent-autoscaler"].as_str().unwrap()).unwrap();
    let quota = object(&objects, "ResourceQuota", AGENT)["spec"]["hard"].clone();
    let limits = object(&objects, "LimitRange", AGENT)["spec"]["limits"][0].clone();
    for (kind, what) in [("requests", "cpu"), ("requests", "memory"), ("limits", "cpu"), ("limits", "memory")]
    {
        let [agent, sizing] = [AGENT, SIZING].map(|name| {
            let pod = &object(&objects, "Deployment", name)["spec"]["template"]["spec"];
            let own = &pod["containers"][0]["resources"][kind][what];
            amount(if own.is_null() { &sizes["agent"][kind][what]["max"] } else { own })
        });
        // One more pod of each Deployment while it is rolled.
        assert!(2 * (agent + sizing) <= amount(&quota[format!("{kind}.{what}")]), "{kind}.{what}");
        assert!(agent.max(sizing) <= amount(&limits["max"][what]), "{kind}.{what}");
    }
    assert_eq!(quota["pods"], "4");
    for name in ["castai-agent", "castai-agent-critical-pods"] {
        assert_eq!(object(&objects, "ResourceQuota", name)["spec"]["hard"]["pods"], "4", "{name}");
    }
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
        ("ResourceQuota/castai-agent/castai-agent", "Deployment/castai-agent/castai-agent"),
        ("LimitRange/castai-agent/castai-agent", "Deployment/castai-agent/castai-agent-cpvpa"),
        ("NetworkPolicy/castai-agent/castai-agent", "Deployment/castai-agent/castai-agent"),
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
