//! The contract of `infra/`: handler and provisioner do not depend on each other, they agree through its files, which
//! are compared with the code and the payloads that rely on them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that fails says so")]

use std::{collections::BTreeSet, fs};

use aws_sdk_sts::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use base64::{Engine, prelude::BASE64_STANDARD};
use cast_spot_handler::{config::Config, event::KINDS, ports::Right};
use cast_spot_infra::{
    events::{ALL, SPOT_INTERRUPTION},
    iam,
    kubernetes::{ADMISSION, FLOW_CONTROL, RBAC, SAVINGS},
    partitions::Partition,
};
use cast_spot_provisioner::{
    endpoints::{ENDPOINTS_VARIABLE, Endpoints},
    names,
};
use cast_spot_rehearsal::scenario::{self, Options};
use cast_spot_tests::{payload, root, rust_files};
use futures_util::FutureExt;
use serde_json::{Value, json};

/// The calls of the handler: it counts each one under its name (`ec2:DescribeInstances`,
/// `kubernetes:create pods/eviction`), which is in its source.
fn called() -> BTreeSet<String> {
    let mut called = BTreeSet::new();
    for file in rust_files("lambda/src") {
        let source = fs::read_to_string(&file).unwrap();
        let code = source.split("#[cfg(test)]").next().unwrap();
        called
            .extend(code.split('"').skip(1).step_by(2).filter(|literal| is_call(literal)).map(String::from));
        // Called when the function starts, before calls are counted.
        if code.contains(".describe_cluster()") {
            called.insert("eks:DescribeCluster".into());
        }
    }
    called
}

fn is_call(literal: &str) -> bool {
    match literal.split_once(':') {
        // Tag keys (`eks:cluster-name`) go on in lower case, lifecycle transitions have underscores.
        Some(("ec2" | "autoscaling" | "eks", name)) => {
            name.starts_with(|c: char| c.is_ascii_uppercase())
                && name.chars().all(|c| c.is_ascii_alphanumeric())
        }
        Some(("kubernetes", name)) => name.contains(' '),
        _ => false,
    }
}

fn called_of(kubernetes: bool) -> BTreeSet<String> {
    called().into_iter().filter(|call| call.starts_with("kubernetes:") == kubernetes).collect()
}

fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().flat_map(strings).collect(),
        Value::String(text) => vec![text.clone()],
        _ => vec![],
    }
}

fn statements() -> Vec<Value> {
    let policy: Value = serde_json::from_str(iam::HANDLER).unwrap();
    assert_eq!(policy["Version"], "2012-10-17");
    policy["Statement"].as_array().unwrap().clone()
}

fn rbac(kind: &str) -> Value {
    let documents: Vec<Value> = serde_saphyr::from_multiple(RBAC).unwrap();
    let [found] = documents.iter().filter(|document| document["kind"] == kind).collect::<Vec<_>>()[..] else {
        panic!("one {kind} in {documents:?}");
    };
    assert_eq!(found["apiVersion"], "rbac.authorization.k8s.io/v1");
    found.clone()
}

#[test]
fn the_event_pattern_matches_a_real_notice_and_no_other_event() {
    let pattern: Value = serde_json::from_str(SPOT_INTERRUPTION.pattern).unwrap();
    let mut event: Value =
        serde_json::from_str(&fs::read_to_string(payload("spot-terminate.json")).unwrap()).unwrap();
    let matches = |event: &Value| {
        pattern
            .as_object()
            .unwrap()
            .iter()
            .all(|(field, values)| values.as_array().unwrap().contains(&event[field]))
    };
    assert!(matches(&event));
    event["detail-type"] = "EC2 Instance Rebalance Recommendation".into();
    assert!(!matches(&event));
}

#[test]
fn every_kind_of_event_has_its_places() {
    let text = |path: &str| fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
    let (docs, table) = (text("docs/architecture.md"), text("infra/src/events.rs"));
    let section = docs.split("### A new kind of event\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows: Vec<Vec<&str>> = section
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|row| row.split('`').skip(1).step_by(2).collect())
        .collect();
    assert_eq!((rows.len(), KINDS.len()), (ALL.len(), ALL.len()));
    for (kind, row) in ALL.into_iter().zip(rows) {
        let [name, decoder, signal, constant, pattern, scenario] = row[..] else { panic!("{row:?}") };
        assert_eq!(name, kind.name);
        assert!(KINDS.iter().any(|known| known.event == kind), "{name} is not decoded");
        assert!(text(decoder).contains(&format!("event: {constant},")), "{decoder}");
        assert!(text("lambda/src/plan/course.rs").contains(&format!("{signal}(")), "{signal} has no course");
        assert!(table.contains(&format!("pub const {constant}: EventKind")), "{constant}");
        assert_eq!(text(pattern), kind.pattern, "{pattern}");
        let world = scenario::find(scenario).unwrap().world(&Options::default());
        let is_sent =
            |event: &Value| event["detail-type"] == kind.detail_type && event["source"] == kind.source;
        assert!(world.deliveries.iter().any(|delivery| is_sent(&delivery.payload)), "{scenario}");
    }
}

#[test]
fn the_policy_grants_exactly_the_aws_calls_of_the_handler() {
    let granted: BTreeSet<String> =
        statements().iter().flat_map(|statement| strings(&statement["Action"])).collect();
    assert_eq!(granted, called_of(false));
}

#[test]
fn every_write_of_the_policy_is_scoped_to_one_cluster() {
    for statement in statements() {
        assert_eq!(statement["Effect"], "Allow");
        let writes = strings(&statement["Action"]).iter().any(|action| !action.contains(":Describe"));
        let scoped =
            statement["Condition"].to_string().contains("aws:ResourceTag/kubernetes.io/cluster/<cluster>");
        assert!(!writes || (scoped && statement["Resource"] != "*"), "{statement}");
    }
}

#[test]
fn the_placeholders_of_the_policy_are_the_documented_four() {
    let found: BTreeSet<&str> =
        iam::HANDLER.split('<').skip(1).map(|rest| rest.split('>').next().unwrap()).collect();
    assert_eq!(found, BTreeSet::from(["account", "cluster", "partition", "region"]));
}

#[test]
fn the_cluster_role_grants_exactly_the_handlers_calls() {
    let mut granted = BTreeSet::new();
    for rule in rbac("ClusterRole")["rules"].as_array().unwrap() {
        for resource in strings(&rule["resources"]) {
            let group = if resource == "poddisruptionbudgets" { "policy" } else { "" };
            assert_eq!(strings(&rule["apiGroups"]), [group], "{resource}");
            granted
                .extend(strings(&rule["verbs"]).iter().map(|verb| format!("kubernetes:{verb} {resource}")));
        }
    }
    // Every authenticated user may review their own access ("Default roles: system:basic-user" in the Kubernetes
    // documentation).
    granted.insert("kubernetes:create selfsubjectaccessreviews".to_owned());
    assert_eq!(granted, called_of(true));
}

#[test]
fn the_self_test_reviews_each_granted_verb_and_unwanted_ones() {
    let mut granted = BTreeSet::new();
    for rule in rbac("ClusterRole")["rules"].as_array().unwrap() {
        let group = rule["apiGroups"][0].as_str().unwrap();
        for resource in strings(&rule["resources"]) {
            let (resource, sub) = resource.split_once('/').unwrap_or((&resource, ""));
            granted.extend(
                strings(&rule["verbs"])
                    .into_iter()
                    .map(|verb| (verb, group.to_owned(), resource.to_owned(), sub.to_owned())),
            );
        }
    }
    let rights = |rights: &[Right]| -> BTreeSet<_> {
        let own = |right: &Right| {
            let Right { verb, api_group, resource, subresource } = *right;
            (verb.to_owned(), api_group.to_owned(), resource.to_owned(), subresource.to_owned())
        };
        rights.iter().map(own).collect()
    };
    assert_eq!(rights(&Right::NEEDED), granted);
    assert!(rights(&Right::UNWANTED).is_disjoint(&granted));
}

#[test]
fn the_cluster_role_is_bound_to_the_function_alone() {
    let (role, binding) = (rbac("ClusterRole"), rbac("ClusterRoleBinding"));
    assert_eq!(binding["roleRef"]["name"], role["metadata"]["name"]);
    assert_eq!(binding["roleRef"]["kind"], "ClusterRole");
    let [subject] = &binding["subjects"].as_array().unwrap()[..] else { panic!("{binding}") };
    assert_eq!(subject["kind"], "User");
    let session = names::HANDLER_USERNAME.replace("{{SessionName}}", names::FUNCTION);
    assert_eq!(subject["name"], session[..]);
    // "Create access entries" in the EKS User Guide.
    let reserved = ["system:", "eks:", "aws:", "amazon:", "iam:"];
    assert!(reserved.iter().all(|prefix| !session.starts_with(prefix)));
    assert!(names::HANDLER_USERNAME.split_once("{{SessionName}}").unwrap().0.contains(':'));
}

#[test]
fn every_write_of_the_cluster_role_has_its_admission_policy() {
    let mut policed = BTreeSet::new();
    for (name, policy) in documents(ADMISSION, "ValidatingAdmissionPolicy") {
        let spec = &policy["spec"];
        assert_eq!(spec["failurePolicy"], "Fail", "{name}");
        // No requests of others.
        let [condition] = &spec["matchConditions"].as_array().unwrap()[..] else { panic!("{name}") };
        let known = condition["expression"].as_str().unwrap();
        let group = "'cast-spot:handler' in request.userInfo.?groups.orValue([])";
        let user = "request.userInfo.?username.orValue('').startsWith('cast-spot:')";
        assert_eq!(known, format!("{group} || {user}"), "{name}");
        // An answer of 422 would be read as a node that has changed.
        let validations = spec["validations"].as_array().unwrap();
        assert!(validations.iter().all(|rule| rule["reason"] == "Forbidden" && rule["message"].is_string()));
        let [rule] = &spec["matchConstraints"]["resourceRules"].as_array().unwrap()[..] else { panic!() };
        for operation in strings(&rule["operations"]) {
            let verb = if operation == "UPDATE" { "patch".to_owned() } else { operation.to_lowercase() };
            policed.extend(strings(&rule["resources"]).iter().map(|resource| format!("{verb} {resource}")));
        }
        let bindings = documents(ADMISSION, "ValidatingAdmissionPolicyBinding");
        let binding = bindings.iter().find(|(own, _)| *own == name).unwrap();
        let spec = json!({ "policyName": name, "validationActions": ["Deny"] });
        assert_eq!(binding.1["spec"], spec);
    }
    let role = rbac("ClusterRole");
    let mut writes = BTreeSet::new();
    for rule in role["rules"].as_array().unwrap() {
        let verbs =
            strings(&rule["verbs"]).into_iter().filter(|verb| !["get", "list", "watch"].contains(&&**verb));
        for verb in verbs {
            writes.extend(strings(&rule["resources"]).iter().map(|resource| format!("{verb} {resource}")));
        }
    }
    assert_eq!(policed, writes);
}

/// The documents of a kind, by name.
fn documents(text: &str, kind: &str) -> Vec<(String, Value)> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).unwrap();
    let of_kind = documents.into_iter().filter(|document| document["kind"] == kind);
    of_kind.map(|document| (document["metadata"]["name"].as_str().unwrap().to_owned(), document)).collect()
}

#[test]
fn cordons_and_evictions_have_flow_schemas_of_their_own() {
    let (nodes, evictions) = ("cast-spot-nodes", "cast-spot-evictions");
    let mut calls = std::collections::BTreeMap::<String, BTreeSet<String>>::new();
    for (name, schema) in documents(FLOW_CONTROL, "FlowSchema") {
        let spec = &schema["spec"];
        assert_eq!(spec["priorityLevelConfiguration"]["name"], name[..]);
        // Before service-accounts and global-default.
        assert!(spec["matchingPrecedence"].as_i64().unwrap() < 9000, "{name}");
        let by_namespace = spec["distinguisherMethod"]["type"] == "ByNamespace";
        assert_eq!(by_namespace, name == evictions, "{name}");
        let [rule] = &spec["rules"].as_array().unwrap()[..] else { panic!("one rule in {spec}") };
        assert_eq!(rule["subjects"][0]["user"]["name"], rbac("ClusterRoleBinding")["subjects"][0]["name"]);
        for rule in rule["resourceRules"].as_array().unwrap() {
            // A list of all namespaces has no namespace.
            let listed = strings(&rule["verbs"]).iter().any(|verb| verb == "list");
            assert!(!listed || rule["clusterScope"] == true, "{rule}");
            let resources = strings(&rule["resources"]);
            calls.entry(name.clone()).or_default().extend(strings(&rule["verbs"]).iter().flat_map(|verb| {
                resources.iter().map(move |resource| format!("kubernetes:{verb} {resource}"))
            }));
        }
    }
    let set = |calls: &[&str]| calls.iter().map(|call| format!("kubernetes:{call}")).collect::<BTreeSet<_>>();
    let of_nodes = set(&["get nodes", "list nodes", "patch nodes", "list pods", "watch pods"]);
    let of_evictions = set(&["create pods/eviction", "delete pods"]);
    assert_eq!((&calls[nodes], &calls[evictions]), (&of_nodes, &of_evictions));
    // The rest of the handler's calls are few, and may wait.
    let asides: BTreeSet<String> =
        called_of(true).difference(&(&of_nodes | &of_evictions)).cloned().collect();
    let few = ["create events", "create selfsubjectaccessreviews", "list poddisruptionbudgets"];
    assert_eq!(asides, set(&few));
}

#[test]
fn the_priority_levels_are_small_and_lend_what_is_idle() {
    let levels = documents(FLOW_CONTROL, "PriorityLevelConfiguration");
    let names: BTreeSet<&str> = levels.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, BTreeSet::from(["cast-spot-nodes", "cast-spot-evictions"]));
    for (name, level) in &levels {
        let limited = &level["spec"]["limited"];
        assert_eq!(
            (&level["spec"]["type"], &limited["limitResponse"]["type"]),
            (&"Limited".into(), &"Queue".into())
        );
        assert!(limited["nominalConcurrencyShares"].as_i64().unwrap() <= 20, "{name}");
        assert!(limited["lendablePercent"].as_i64().unwrap() >= 90, "{name}");
    }
}

#[test]
fn the_handler_reads_the_endpoints_that_onboarding_writes() {
    // A SEQUENCE of 768 bytes.
    let der = [&[0x30, 0x82, 3, 0][..], &[7; 768]].concat();
    let encoded = BASE64_STANDARD.encode(der);
    let pem = format!("-----BEGIN CERTIFICATE-----\n{encoded}\n-----END CERTIFICATE-----\n");
    let server = "https://0123456789ABCDEF.gr7.eu-west-1.eks.amazonaws.com";
    let described = json!({ "prod": { "server": server, "ca": BASE64_STANDARD.encode(pem) } });
    let endpoints = Endpoints::read(&described.to_string()).unwrap().text();
    assert!(endpoints.contains(&encoded), "without the PEM: {endpoints}");
    for (endpoints, known) in [(endpoints, 1), (Endpoints::default().text(), 0)] {
        let config = Config::from_lookup(|name| match name {
            "CAST_SPOT_CLUSTERS" => Some("prod".to_owned()),
            ENDPOINTS_VARIABLE => Some(endpoints.clone()),
            _ => None,
        });
        assert_eq!(config.unwrap().endpoints.len(), known, "{endpoints}");
    }
}

/// The calls of `cast-spot savings`, in its source under the names of IAM and RBAC.
fn read_for_savings(literal: impl Fn(&str) -> Option<String>) -> BTreeSet<String> {
    let files = rust_files("provisioner-lib/savings/src/provider");
    let sources = files.iter().filter(|file| !file.ends_with("tests.rs"));
    let sources: Vec<String> = sources.map(|file| fs::read_to_string(file).unwrap()).collect();
    sources.iter().flat_map(|source| source.split('"').skip(1).step_by(2)).filter_map(literal).collect()
}

#[test]
fn the_policy_of_savings_grants_exactly_its_calls() {
    let policy: Value = serde_json::from_str(iam::SAVINGS).unwrap();
    let statements = policy["Statement"].as_array().unwrap();
    let granted: BTreeSet<String> =
        statements.iter().flat_map(|statement| strings(&statement["Action"])).collect();
    let mut called = read_for_savings(|literal| {
        let is_action = ["ec2:", "pricing:"].iter().any(|service| literal.starts_with(service));
        is_action.then(|| literal.to_owned())
    });
    // Made on the way to the API server, by the library of all commands.
    called.insert("eks:DescribeCluster".into());
    assert_eq!(granted, called);
}

#[test]
fn the_cluster_role_of_savings_grants_exactly_its_lists() {
    let role: Value = serde_saphyr::from_str(SAVINGS).unwrap();
    let mut granted = BTreeSet::new();
    for rule in role["rules"].as_array().unwrap() {
        assert_eq!(strings(&rule["verbs"]), ["list"]);
        let [group] = &strings(&rule["apiGroups"])[..] else { panic!("one group in {rule}") };
        let suffix = if group.is_empty() { String::new() } else { format!(".{group}") };
        granted.extend(strings(&rule["resources"]).iter().map(|resource| format!("{resource}{suffix}")));
    }
    let source =
        fs::read_to_string(root().join("provisioner-lib/savings/src/provider/kubernetes.rs")).unwrap();
    let listed =
        source.split("list(client, \"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned());
    assert_eq!(granted, listed.collect());
}

/// Of the vendored data each region, and regions that they do not know.
#[test]
fn the_sdk_resolves_sts_as_the_partitions_say() {
    let data = fs::read_to_string(root().join("infra/aws/partitions.json")).unwrap();
    let data: Value = serde_json::from_str(&data).unwrap();
    let known = data["partitions"].as_array().unwrap().iter().flat_map(|entry| strings(&entry["regions"]));
    let younger = ["eu-newest-9", "us-gov-newest-9", "cn-newest-9", "eusc-de-newest-9", "us-iso-newest-9"];
    let others = ["us-isob-newest-9", "eu-isoe-newest-9", "us-isof-newest-9", "nz-north-1"];
    for region in known.chain(younger.into_iter().chain(others).map(str::to_owned)) {
        let params = Params::builder().region(&region).build().unwrap();
        let endpoint = DefaultResolver::new().resolve_endpoint(&params).now_or_never().unwrap().unwrap();
        let suffix = Partition::of_region_or_aws(&region).dns_suffix;
        assert_eq!(endpoint.url(), format!("https://sts.{region}.{suffix}"));
    }
}
