//! Each part of the principal's policies taken away, one at a time: a condition that can go without opening a way
//! out, or a grant that can go without a call being refused, should go.

use cast_spot_provisioner::policy::AdminMode;
use serde_json::Value;

use crate::{
    administrator,
    attacks::attacks,
    calls::{A, B, FAR, calls},
    documents::strings,
    evaluation::{Asker, Request},
};

/// An asker without one part of one statement.
struct Variant {
    what: String,
    asker: Asker,
    /// Of the statement.
    services: Vec<String>,
}

impl Variant {
    /// Whether the part can have a say.
    fn concerns(&self, request: &Request) -> bool {
        self.services.iter().any(|service| request.action.starts_with(service))
    }
}

/// Variants of an asker, each without one part.
fn without(whole: &Asker, parts: fn(&Value) -> Vec<(String, Value)>) -> Vec<Variant> {
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
                    asker: variant,
                    services,
                });
            }
        }
    }
    variants
}

/// Statements that allow, without one of their condition keys.
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
    let mut gone = statement.clone();
    gone["Effect"] = "Deny".into();
    gone["Action"] = "none:None".into();
    variants.push(("the statement".into(), gone));
    variants
}

/// Statements that allow, with one of their resources anywhere, or of any name.
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

/// Statements that deny, without one of their actions.
fn denials(statement: &Value) -> Vec<(String, Value)> {
    if statement["Effect"] == "Allow" {
        return Vec::new();
    }
    each_of(statement, "Action")
}

/// All that A's principal must not do.
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
        forbidden.iter().any(|request| variant.concerns(request) && variant.asker.may(request))
    };
    let (needed, idle): (Vec<_>, Vec<_>) = variants.partition(opens);
    assert!(needed.len() > 60, "{}", needed.len());
    let idle: Vec<_> = idle.into_iter().map(|variant| variant.what).collect();
    assert!(idle.is_empty(), "limits that keep nothing out: {idle:#?}");
}

/// Grants that can go without any of these requests being refused.
fn idle_grants(asker: &Asker, wanted: &[Request]) -> Vec<String> {
    let refuses = |variant: &Variant| {
        wanted.iter().any(|request| variant.concerns(request) && !variant.asker.may(request))
    };
    let (needed, idle): (Vec<_>, Vec<_>) = without(asker, grants).into_iter().partition(refuses);
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
