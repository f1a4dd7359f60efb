//! Weakened policies: without any one limit a known attack is allowed, without any one grant a needed call is
//! refused. A part whose removal changes nothing is to be deleted.

use cast_spot_provisioner::policy::AdminMode;
use serde_json::Value;

use crate::{
    administrator,
    attacks::attacks,
    calls::{A, B, FAR, calls},
    documents::strings,
    evaluation::{Caller, Request},
};

/// A caller without one part of one statement.
struct Variant {
    what: String,
    caller: Caller,
    /// Services of the statement's actions.
    services: Vec<String>,
}

impl Variant {
    /// Whether the part can affect the request.
    fn concerns(&self, request: &Request) -> bool {
        self.services.iter().any(|service| request.action.starts_with(service))
    }
}

/// Variants of a caller, each without one part.
fn without(whole: &Caller, parts: fn(&Value) -> Vec<(String, Value)>) -> Vec<Variant> {
    let mut variants = Vec::new();
    for (number, policy) in whole.policies.iter().enumerate() {
        for (index, statement) in policy["Statement"].as_array().unwrap().iter().enumerate() {
            for (what, weakened) in parts(statement) {
                let mut variant = whole.clone();
                variant.policies[number]["Statement"][index] = weakened;
                let actions = strings(&statement["Action"]).into_iter();
                let services =
                    actions.map(|action| action[..=action.find(':').unwrap()].to_owned()).collect();
                variants.push(Variant {
                    what: format!("{}: {what}", statement["Sid"]),
                    caller: variant,
                    services,
                });
            }
        }
    }
    variants
}

/// Allow statements without one of their condition keys.
fn conditions(statement: &Value) -> Vec<(String, Value)> {
    let mut variants = Vec::new();
    if statement["Effect"] == "Deny" {
        return variants;
    }
    for (operator, keys) in statement["Condition"].as_object().into_iter().flatten() {
        for key in keys.as_object().unwrap().keys() {
            let mut weakened = statement.clone();
            weakened["Condition"][operator].as_object_mut().unwrap().remove(key);
            variants.push((format!("{operator} {key}"), weakened));
        }
    }
    variants
}

fn each_of(statement: &Value, part: &str) -> Vec<(String, Value)> {
    let Value::Array(values) = &statement[part] else { return Vec::new() };
    let mut variants = Vec::new();
    for (index, value) in values.iter().enumerate() {
        let mut weakened = statement.clone();
        weakened[part].as_array_mut().unwrap().remove(index);
        variants.push((value.to_string(), weakened));
    }
    variants
}

fn grants(statement: &Value) -> Vec<(String, Value)> {
    if statement["Effect"] == "Deny" {
        return Vec::new();
    }
    let mut variants = [each_of(statement, "Action"), each_of(statement, "Resource")].concat();
    let mut removed = statement.clone();
    removed["Effect"] = "Deny".into();
    removed["Action"] = "none:None".into();
    variants.push(("the statement".into(), removed));
    variants
}

/// Allow statements, with one of their resources in any region or of any name.
fn resources(statement: &Value) -> Vec<(String, Value)> {
    if statement["Effect"] == "Deny" {
        return Vec::new();
    }
    let mut variants = Vec::new();
    let resources: Vec<String> = strings(&statement["Resource"]).into_iter().map(String::from).collect();
    for (index, resource) in resources.iter().enumerate() {
        let parts: Vec<&str> = resource.splitn(6, ':').collect();
        let kind = parts[5].split([':', '/']).next().unwrap();
        let separator = &parts[5][kind.len()..=kind.len()];
        let any_name = [&parts[..5], &[&format!("{kind}{separator}*")]].concat().join(":");
        let any_region = [&parts[..3], &["*"], &parts[4..]].concat().join(":");
        // IAM has no regions, and other regions of these services are denied anyway.
        let regional = !["iam", "ec2", "lambda", "events"].contains(&parts[2]);
        for (wide, counts) in [(any_name, !resource.ends_with("/*")), (any_region, regional)] {
            if counts {
                let mut widened = statement.clone();
                let mut all = resources.clone();
                all[index].clone_from(&wide);
                widened["Resource"] = all.into();
                variants.push((wide, widened));
            }
        }
    }
    variants
}

/// Deny statements without one of their actions.
fn denials(statement: &Value) -> Vec<(String, Value)> {
    if statement["Effect"] == "Allow" {
        return Vec::new();
    }
    each_of(statement, "Action")
}

/// Requests that must be denied to A's principal.
fn forbidden() -> Vec<Request> {
    let neutral: Vec<Request> = calls(&A).into_iter().flat_map(|call| call.requests).collect();
    let of_others = [B, FAR].iter().flat_map(calls).flat_map(|call| call.requests);
    of_others
        .chain(attacks().into_iter().map(|(_, request)| request))
        .filter(|it| !neutral.contains(it))
        .collect()
}

#[test]
fn every_limit_of_the_policies_blocks_a_known_attack() {
    let whole = A.principal();
    let forbidden: Vec<Request> = forbidden().into_iter().filter(|request| !whole.may(request)).collect();
    let variants = [conditions, denials, resources].into_iter().flat_map(|parts| without(&whole, parts));
    let opens = |variant: &Variant| {
        forbidden.iter().any(|request| variant.concerns(request) && variant.caller.may(request))
    };
    let (needed, idle): (Vec<_>, Vec<_>) = variants.partition(opens);
    assert!(needed.len() > 60, "{}", needed.len());
    let idle: Vec<_> = idle.into_iter().map(|variant| variant.what).collect();
    assert!(idle.is_empty(), "limits that keep nothing out: {idle:#?}");
}

/// Grants that none of these requests needs.
fn idle_grants(caller: &Caller, wanted: &[Request]) -> Vec<String> {
    let refuses = |variant: &Variant| {
        wanted.iter().any(|request| variant.concerns(request) && !variant.caller.may(request))
    };
    let (needed, idle): (Vec<_>, Vec<_>) = without(caller, grants).into_iter().partition(refuses);
    assert!(needed.len() > 80, "{}", needed.len());
    idle.into_iter().map(|variant| variant.what).collect()
}

#[test]
fn every_grant_is_needed_by_a_documented_call() {
    let wanted: Vec<Request> = calls(&A).into_iter().flat_map(|call| call.requests).collect();
    let idle = idle_grants(&A.principal(), &wanted);
    assert!(idle.is_empty(), "grants that nothing needs: {idle:#?}");
}

#[test]
fn every_grant_of_the_administrator_is_needed_by_a_call() {
    for mode in [AdminMode::Role, AdminMode::User] {
        let idle = idle_grants(&administrator::administrator(mode, &A), &administrator::calls(mode, &A));
        assert!(idle.is_empty(), "{mode:?}, grants that nothing needs: {idle:#?}");
    }
}
