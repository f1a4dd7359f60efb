//! Weakened policies, each without one part. Without any one grant a needed call is refused; what the limits keep out,
//! the proof shows.

use cast_spot_provisioner::policy::AdminMode;
use serde_json::Value;

use crate::{
    administrator,
    calls::{A, calls, documented},
    documents::strings,
    evaluation::{Caller, Request},
};

/// A caller without one part of one statement.
pub(crate) struct Variant {
    pub(crate) what: String,
    pub(crate) caller: Caller,
    /// The statement's actions.
    pub(crate) actions: Vec<String>,
    /// Whether a name was widened; else a part was removed.
    pub(crate) widens: bool,
}

impl Variant {
    /// Whether the part can affect the request.
    fn concerns(&self, request: &Request) -> bool {
        let service = |action: &String| request.action.starts_with(&action[..=action.find(':').unwrap()]);
        self.actions.iter().any(service)
    }
}

/// Variants of a caller, each without one part.
pub(crate) fn without(whole: &Caller, parts: fn(&Value) -> Vec<(String, Value)>) -> Vec<Variant> {
    let mut variants = Vec::new();
    for (number, policy) in whole.policies.iter().enumerate() {
        for (index, statement) in policy["Statement"].as_array().unwrap().iter().enumerate() {
            for (what, weakened) in parts(statement) {
                let mut variant = whole.clone();
                variant.policies[number]["Statement"][index].clone_from(&weakened);
                let actions = strings(&statement["Action"]).into_iter().map(str::to_owned).collect();
                let what = format!("{}: {what}", statement["Sid"].as_str().unwrap());
                let widens = strings(&weakened["Resource"]) != strings(&statement["Resource"]);
                variants.push(Variant { what, caller: variant, actions, widens });
            }
        }
    }
    variants
}

/// Allow statements without one of their condition keys.
pub(crate) fn conditions(statement: &Value) -> Vec<(String, Value)> {
    if statement["Effect"] == "Deny" { Vec::new() } else { each_condition(statement) }
}

/// Deny statements without one of their condition keys: they deny more.
pub(crate) fn exemptions(statement: &Value) -> Vec<(String, Value)> {
    if statement["Effect"] == "Allow" { Vec::new() } else { each_condition(statement) }
}

fn each_condition(statement: &Value) -> Vec<(String, Value)> {
    let mut variants = Vec::new();
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
    let values = strings(&statement[part]);
    let without = |index: usize| {
        let mut weakened = statement.clone();
        let left = values.iter().enumerate().filter(|(at, _)| *at != index).map(|(_, value)| *value);
        weakened[part] = left.collect();
        (values[index].to_owned(), weakened)
    };
    (0..values.len()).map(without).collect()
}

pub(crate) fn grants(statement: &Value) -> Vec<(String, Value)> {
    if statement["Effect"] == "Deny" {
        return Vec::new();
    }
    let resources =
        if statement["Resource"].is_array() { each_of(statement, "Resource") } else { Vec::new() };
    [each_of(statement, "Action"), resources].concat()
}

/// Allow statements, with one of their resources in any region or of any name.
pub(crate) fn resources(statement: &Value) -> Vec<(String, Value)> {
    if statement["Effect"] == "Deny" {
        return Vec::new();
    }
    let mut variants = Vec::new();
    let resources: Vec<String> = strings(&statement["Resource"]).into_iter().map(String::from).collect();
    for (index, resource) in resources.iter().enumerate() {
        let parts: Vec<&str> = resource.splitn(6, ':').collect();
        if parts.len() < 6 {
            continue;
        }
        // A queue has a name alone.
        let kind = parts[5].find([':', '/']).map_or("", |at| &parts[5][..=at]);
        let any_name = [&parts[..5], &[&format!("{kind}*")]].concat().join(":");
        let any_region = [&parts[..3], &["*"], &parts[4..]].concat().join(":");
        for wide in [any_name, any_region] {
            if wide != *resource {
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
pub(crate) fn denials(statement: &Value) -> Vec<(String, Value)> {
    if statement["Effect"] == "Allow" {
        return Vec::new();
    }
    each_of(statement, "Action")
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
    let wanted = [calls(&A), documented(&A)].concat().into_iter().flat_map(|call| call.requests);
    let idle = idle_grants(&A.documented_principal(), &wanted.collect::<Vec<_>>());
    assert!(idle.is_empty(), "grants that nothing needs: {idle:#?}");
}

#[test]
fn every_grant_of_the_administrator_is_needed_by_a_call() {
    for mode in [AdminMode::Role, AdminMode::User] {
        let idle = idle_grants(&administrator::administrator(mode, &A), &administrator::calls(mode, &A));
        assert!(idle.is_empty(), "{mode:?}, grants that nothing needs: {idle:#?}");
    }
}
