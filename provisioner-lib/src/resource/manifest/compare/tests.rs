use serde_json::json;

use super::*;
use crate::{
    desired::Desired,
    names::{LABEL_MANAGED_BY, MANAGED},
    plan::{Action, Found, Observed, diff},
    resource::Resource,
};

fn manifest(value: Value) -> Manifest {
    Manifest::new(value)
}

/// Fields that differ, with what they say and are to say.
fn changes(wanted: Value, found: Value) -> Vec<(String, String, String)> {
    let mut changes = Changes::default();
    compare(&manifest(wanted), &manifest(found), &mut changes);
    changes.0.into_iter().map(|change| (change.field, change.from, change.to)).collect()
}

fn fields(wanted: Value, found: Value) -> Vec<String> {
    changes(wanted, found).into_iter().map(|(field, ..)| field).collect()
}

fn deployment(image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": "d", "namespace": "n", "labels": { LABEL_MANAGED_BY: MANAGED } },
        "spec": {
            "replicas": 1,
            "selector": { "matchLabels": { "app": "d" } },
            "template": {
                "metadata": { "labels": { "app": "d" } },
                "spec": { "containers": [{
                    "name": "main",
                    "image": image,
                    "env": [{ "name": "A", "value": "1" }, { "name": "B", "value": "2" }],
                    "resources": { "requests": { "cpu": "100m" } },
                }] },
            },
        },
    })
}

/// As the API server gives it back, after a controller has set the memory.
fn served(image: &str) -> Value {
    let mut object = deployment(image);
    object["metadata"]["uid"] = json!("u");
    object["metadata"]["annotations"] = json!({ "deployment.kubernetes.io/revision": "3" });
    object["spec"]["progressDeadlineSeconds"] = json!(600);
    object["spec"]["template"]["spec"]["restartPolicy"] = json!("Always");
    let container = &mut object["spec"]["template"]["spec"]["containers"][0];
    container["imagePullPolicy"] = json!("IfNotPresent");
    container["terminationMessagePath"] = json!("/dev/termination-log");
    container["resources"]["requests"]["memory"] = json!("256Mi");
    object["status"] = json!({ "availableReplicas": 1 });
    object
}

#[test]
fn what_the_api_server_and_controllers_fill_in_is_no_difference() {
    assert!(changes(deployment("a:1"), served("a:1")).is_empty());
    let empty = json!({ "metadata": { "labels": {} }, "spec": { "taints": [] } });
    assert!(changes(empty, json!({ "metadata": {} })).is_empty(), "what is empty is left out");
    let namespace = json!({ "kind": "Namespace", "metadata": { "name": "n" } });
    let mut active = namespace.clone();
    active["spec"] = json!({ "finalizers": ["kubernetes"] });
    assert!(changes(namespace, active).is_empty());
}

#[test]
fn a_default_of_another_value_is_a_difference() {
    let mut found = served("a:1");
    found["spec"]["template"]["spec"]["restartPolicy"] = json!("Never");
    found["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = json!("Never");
    let pod = "spec.template.spec";
    let expected = [format!("{pod}.containers[main].imagePullPolicy"), format!("{pod}.restartPolicy")];
    assert_eq!(fields(deployment("a:1"), found), expected);
}

/// What an earlier administrator can put into an object: its kind and spec, and where a field is set to what.
fn planted() -> Vec<(Value, &'static str, &'static str, Value)> {
    let of = |kind: &str, spec: Value| json!({ "kind": kind, "metadata": { "name": "a" }, "spec": spec });
    let policy = || {
        let rule = json!({ "resources": ["pods"], "operations": ["DELETE"] });
        let spec = json!({ "matchConstraints": { "resourceRules": [rule] }, "failurePolicy": "Fail" });
        of("ValidatingAdmissionPolicy", spec)
    };
    let binding = of("ValidatingAdmissionPolicyBinding", json!({ "policyName": "a" }));
    let never = json!({ "matchLabels": { "never": "there" } });
    let role = json!({ "kind": "ClusterRole", "metadata": { "name": "a" }, "rules": [] });
    let account = json!({ "kind": "ServiceAccount", "metadata": { "name": "a" } });
    let secret = json!({ "kind": "Secret", "metadata": { "name": "a" }, "data": { "API_KEY": "eA==" } });
    let schema = of("FlowSchema", json!({ "rules": [{ "subjects": [] }] }));
    let network =
        of("NetworkPolicy", json!({ "podSelector": {}, "egress": [{ "ports": [{ "port": 53 }] }] }));
    let agent = || deployment("a:1");
    vec![
        (binding.clone(), "/spec", "matchResources", json!({ "objectSelector": never })),
        (binding, "/spec", "paramRef", json!({ "name": "none" })),
        (policy(), "/spec/matchConstraints", "excludeResourceRules", json!([{ "resources": ["*"] }])),
        (policy(), "/spec/matchConstraints", "namespaceSelector", never.clone()),
        (policy(), "/spec/matchConstraints/resourceRules/0", "resourceNames", json!(["none"])),
        (policy(), "/spec", "matchConditions", json!([{ "name": "never", "expression": "false" }])),
        (role, "", "aggregationRule", json!({ "clusterRoleSelectors": [never] })),
        (account, "", "imagePullSecrets", json!([{ "name": "theirs" }])),
        (secret, "/data", "HTTPS_PROXY", json!("eA==")),
        (schema, "/spec/rules/0", "nonResourceRules", json!([{ "verbs": ["*"], "nonResourceURLs": ["*"] }])),
        (network.clone(), "/spec", "ingress", json!([{}])),
        (network.clone(), "/spec/podSelector", "matchLabels", json!({ "never": "there" })),
        (network, "/spec/egress/0", "to", json!([{ "ipBlock": { "cidr": "10.0.0.0/8" } }])),
        (agent(), "/spec/template/spec", "initContainers", json!([{ "name": "first", "image": "evil" }])),
        (agent(), "/spec/template/spec", "volumes", json!([{ "name": "disk", "hostPath": { "path": "/" } }])),
        (agent(), "/spec/template/spec", "hostNetwork", json!(true)),
        (agent(), "/spec/template/spec/containers/0", "command", json!(["sh"])),
        (agent(), "/spec/template/spec/containers/0", "lifecycle", json!({ "postStart": { "exec": {} } })),
        (
            agent(),
            "/spec/template/spec/containers/0/env/0",
            "valueFrom",
            json!({ "fieldRef": { "fieldPath": "x" } }),
        ),
        (agent(), "/spec", "paused", json!(true)),
    ]
}

#[test]
fn a_field_that_others_have_set_differs_and_goes() {
    for (wanted, parent, field, value) in planted() {
        let mut found = wanted.clone();
        found.pointer_mut(parent).unwrap()[field] = value;
        let differs = fields(wanted.clone(), found.clone());
        assert_eq!(differs.len(), 1, "{parent}/{field}: {differs:?}");
        assert_eq!(merged(&wanted, &found), wanted, "{parent}/{field}");
    }
}

#[test]
fn metadata_status_and_sizes_of_others_stay() {
    let mut found = served("a:1");
    found["metadata"]["finalizers"] = json!(["theirs"]);
    found["spec"]["template"]["metadata"]["annotations"] = json!({ "restartedAt": "now" });
    found["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"] = json!({ "memory": "1Gi" });
    assert!(changes(deployment("a:1"), found.clone()).is_empty());
    assert_eq!(merged(&deployment("a:1"), &found), found);
}

#[test]
fn a_difference_is_named_by_its_path_with_both_values() {
    let image = "spec.template.spec.containers[main].image".to_owned();
    assert_eq!(changes(deployment("a:2"), served("a:1")), [(image, "a:1".to_owned(), "a:2".to_owned())]);
    let mut scaled = served("a:1");
    scaled["spec"]["replicas"] = json!(0);
    let replicas = ("spec.replicas".to_owned(), "0".to_owned(), "1".to_owned());
    assert_eq!(changes(deployment("a:1"), scaled), [replicas]);
}

#[test]
fn named_items_match_by_name_and_extra_ones_differ() {
    let mut found = served("a:1");
    let container = &mut found["spec"]["template"]["spec"]["containers"][0];
    container["env"] = json!([{ "name": "B", "value": "3" }, { "name": "A", "value": "1" }, { "name": "C" }]);
    found["spec"]["template"]["spec"]["containers"].as_array_mut().unwrap().push(json!({ "name": "second" }));
    let container = "spec.template.spec.containers";
    let expected = [
        format!("{container}[main].env[B].value"),
        format!("{container}[main].env[C]"),
        format!("{container}[second]"),
    ];
    assert_eq!(fields(deployment("a:1"), found), expected);
}

#[test]
fn a_list_without_names_is_compared_as_a_whole() {
    let drop = |list: Value| json!({ "spec": { "drop": list } });
    assert_eq!(fields(drop(json!(["ALL"])), drop(json!(["ALL", "NET_RAW"]))), ["spec.drop"]);
    assert_eq!(fields(drop(json!(["ALL"])), drop(json!([]))), ["spec.drop"]);
    let rule = |rule: Value| json!({ "spec": { "matchConstraints": { "resourceRules": [rule] } } });
    assert!(fields(rule(json!({ "a": 1 })), rule(json!({ "a": 1, "scope": "*" }))).is_empty());
    let path = "spec.matchConstraints.resourceRules";
    assert_eq!(fields(rule(json!({ "a": 1 })), rule(json!({ "a": 1, "scope": "Namespaced" }))), [path]);
}

#[test]
fn rules_and_selectors_are_compared_to_the_last_word() {
    let rules = |rule: Value| json!({ "kind": "ClusterRole", "rules": [rule] });
    let wide = json!({ "apiGroups": [""], "resources": ["pods"], "verbs": ["get"] });
    let mut narrow = wide.clone();
    narrow["resourceNames"] = json!(["one"]);
    assert_eq!(fields(rules(wide), rules(narrow)), ["rules"]);
    let mut older = served("a:1");
    older["spec"]["selector"]["matchLabels"]["app.kubernetes.io/instance"] = json!("d");
    assert_eq!(fields(deployment("a:1"), older), ["spec.selector"]);
}

#[test]
fn of_a_secret_only_the_names_are_shown() {
    let secret = |data: Value| json!({ "kind": "Secret", "type": "Opaque", "data": data });
    let changes = changes(secret(json!({ "KEY": "bmV3", "MORE": "eA==" })), secret(json!({ "KEY": "b2xk" })));
    let expected = [("data.KEY", HIDDEN, "(another secret)"), ("data.MORE", "", "(another secret)")];
    let expected = expected.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned()));
    assert_eq!(changes, expected);
}

fn owned_by(manager: &str, mut object: Value) -> Value {
    object["metadata"]["managedFields"] = json!([{
        "manager": manager,
        "operation": "Apply",
        "fieldsType": "FieldsV1",
        "fieldsV1": {
            "f:metadata": { "f:annotations": { "f:old": {}, "f:kept": {} } },
            "f:spec": { "f:template": { "f:spec": { "f:containers": { "k:{\"name\":\"main\"}": {
                ".": {}, "f:resources": { "f:limits": { "f:memory": {} } },
            } } } } },
        },
    }]);
    object
}

#[test]
fn what_others_may_set_differs_where_we_have_set_it_before() {
    let (mut wanted, mut found) = (deployment("a:1"), served("a:1"));
    wanted["metadata"]["annotations"] = json!({ "kept": "1" });
    found["metadata"]["annotations"] = json!({ "kept": "1", "old": "2", "theirs": "3" });
    let container = &mut found["spec"]["template"]["spec"]["containers"][0];
    container["resources"]["limits"] = json!({ "memory": "1Gi" });
    let expected = ["metadata.annotations.old", "spec.template.spec.containers[main].resources.limits"];
    assert_eq!(fields(wanted.clone(), owned_by(FIELD_MANAGER, found.clone())), expected);
    assert!(fields(wanted, owned_by("kubectl", found)).is_empty());
}

#[test]
fn merging_removes_extra_list_items_only() {
    let mut found = served("a:1");
    found["spec"]["template"]["spec"]["containers"].as_array_mut().unwrap().push(json!({ "name": "second" }));
    let wanted = deployment("a:2");
    let merged = merged(&wanted, &found);
    assert!(changes(wanted, merged.clone()).is_empty(), "{merged}");
    let containers = merged["spec"]["template"]["spec"]["containers"].as_array().unwrap();
    assert_eq!(containers.len(), 1);
    assert_eq!(containers[0]["resources"]["requests"]["memory"], "256Mi");
    assert_eq!(merged["metadata"]["uid"], "u");
}

fn action(wanted: Value, found: Option<Value>, adopt: bool) -> Action {
    let resource = |value: Value| Resource::Manifest(manifest(value));
    let wanted = resource(wanted);
    let found = found.map(|found| Found::from(resource(found)));
    let observed: Observed = found.into_iter().map(|found| (wanted.id(), found)).collect();
    let desired = Desired { present: vec![wanted], ..Desired::default() };
    diff(&desired, &observed, adopt).steps.remove(0).action
}

#[test]
fn an_object_is_created_kept_changed_or_recreated() {
    assert_eq!(action(deployment("a:1"), None, false), Action::Create);
    assert_eq!(action(deployment("a:1"), Some(served("a:1")), false), Action::Keep);
    assert!(matches!(action(deployment("a:2"), Some(served("a:1")), false), Action::Update { .. }));
    let mut older = served("a:1");
    older["spec"]["selector"]["matchLabels"] = json!({ "app": "older" });
    let Action::Replace { why } = action(deployment("a:1"), Some(older), false) else { panic!("kept") };
    assert!(why.starts_with("spec.selector cannot be changed from "), "{why}");
}

#[test]
fn an_unlabelled_object_is_a_conflict_until_adopted() {
    let mut theirs = served("a:1");
    theirs["metadata"]["labels"][LABEL_MANAGED_BY] = json!("Helm");
    let Action::Conflict { why } = action(deployment("a:1"), Some(theirs.clone()), false) else {
        panic!("not a conflict")
    };
    assert!(why.contains(LABEL_MANAGED_BY), "{why}");
    let adopted = action(deployment("a:1"), Some(theirs), true);
    assert_eq!(adopted, Action::Replace { why: RECREATE_REASON.to_owned() });
}

#[test]
fn a_namespace_that_is_adopted_keeps_what_is_in_it() {
    let namespace = |tool: &str| json!({ "kind": "Namespace", "metadata": { "name": "n", "labels": { LABEL_MANAGED_BY: tool } } });
    let adopted = action(namespace(MANAGED), Some(namespace("Helm")), true);
    let Action::Update { changes } = adopted else { panic!("{adopted:?}") };
    let label = (changes[0].field.as_str(), changes[0].from.as_str(), changes[0].to.as_str());
    assert_eq!(label, ("metadata.labels.app.kubernetes.io/managed-by", "Helm", MANAGED));
}
