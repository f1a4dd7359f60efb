//! Policy documents as JSON: filling in, joining, measuring, comparing.

use std::{
    collections::{BTreeMap, BTreeSet},
    slice,
};

use serde_json::{Value, json};

/// One text, or a list of them.
pub(crate) fn texts(value: &Value) -> impl Iterator<Item = &str> {
    let (one, many) = (value.as_str(), value.as_array());
    one.into_iter().chain(many.into_iter().flatten().filter_map(Value::as_str))
}

/// Reads a document of `infra/`. They are part of the program, and its tests read them all.
pub(super) fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

/// Puts values in the place of placeholders, in strings and in the names of condition keys.
pub(crate) fn fill(value: Value, values: &[(&str, &str)]) -> Value {
    let text = |text: String| {
        values.iter().fold(text, |text, (placeholder, value)| text.replace(placeholder, value))
    };
    match value {
        Value::String(found) => Value::String(text(found)),
        Value::Array(found) => found.into_iter().map(|value| fill(value, values)).collect(),
        Value::Object(found) => {
            Value::Object(found.into_iter().map(|(key, value)| (text(key), fill(value, values))).collect())
        }
        other => other,
    }
}

/// Each item of a list once.
pub(super) fn distinct(value: Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut once: Vec<Value> = Vec::with_capacity(items.len());
            for item in items.into_iter().map(distinct) {
                if !once.contains(&item) {
                    once.push(item);
                }
            }
            once.into()
        }
        Value::Object(parts) => parts.into_iter().map(|(key, part)| (key, distinct(part))).collect(),
        other => other,
    }
}

/// One policy with the statements of both.
pub(super) fn merge(mut first: Value, second: Value) -> Value {
    let more = statements(second);
    if let Some(statements) = first["Statement"].as_array_mut() {
        statements.extend(more);
    }
    first
}

/// The policy in as few policies of at most `limit` characters as its order of statements allows. A statement is
/// never divided.
#[must_use]
pub fn split(policy: &Value, limit: usize) -> Vec<Value> {
    let of = |statements: &[Value]| json!({ "Version": policy["Version"], "Statement": statements });
    let mut parts: Vec<Vec<Value>> = vec![Vec::new()];
    for statement in statements(policy.clone()) {
        match parts.last_mut() {
            Some(part)
                if part.is_empty()
                    || size(&of(&[&part[..], slice::from_ref(&statement)].concat())) <= limit =>
            {
                part.push(statement);
            }
            _ => parts.push(vec![statement]),
        }
    }
    parts.iter().map(|part| of(part)).collect()
}

/// The policy as IAM is best given it.
#[must_use]
pub fn minified(policy: &Value) -> String {
    policy.to_string()
}

/// Size as IAM counts it: characters without white space.
#[must_use]
pub fn size(policy: &Value) -> usize {
    minified(policy).chars().filter(|character| !character.is_whitespace()).count()
}

/// Whether two policies have the same effect for all that the order and the notation of their parts can change:
/// order of statements, actions, resources and values, one string or a list of one, names of statements, letter
/// case of actions, an account's root or its bare id.
#[must_use]
pub fn same(a: &Value, b: &Value) -> bool {
    normal(a) == normal(b)
}

/// Whether `to` allows some of the actions that `from` allows, and no other.
pub(crate) fn narrows(from: &Value, to: &Value) -> bool {
    let allowed = |policy: &Value| -> BTreeSet<String> {
        let allows =
            statements(policy.clone()).into_iter().filter(|statement| statement["Effect"] == "Allow");
        allows
            .flat_map(|statement| texts(&statement["Action"]).map(str::to_owned).collect::<Vec<_>>())
            .collect()
    };
    let (from, to) = (allowed(from), allowed(to));
    to.is_subset(&from) && from != to
}

fn statements(policy: Value) -> Vec<Value> {
    let Value::Object(mut policy) = policy else { return Vec::new() };
    match policy.remove("Statement") {
        Some(Value::Array(statements)) => statements,
        Some(statement) => vec![statement],
        None => Vec::new(),
    }
}

fn normal(policy: &Value) -> (String, BTreeSet<String>) {
    let version = policy["Version"].as_str().unwrap_or("2008-10-17").to_owned();
    let effect = |mut statement: Value| {
        if let Some(parts) = statement.as_object_mut() {
            parts.remove("Sid");
        }
        each(statement, part).to_string()
    };
    (version, statements(policy.clone()).into_iter().map(effect).collect())
}

fn part(name: &str, value: Value) -> Value {
    match name {
        "Action" | "NotAction" => list(value, |action| action.to_ascii_lowercase()),
        "Effect" => value,
        // { operator: { key: values } } and { kind: values }.
        "Condition" => each(value, |_, keys| each(keys, |_, values| list(values, |text| text))),
        "Principal" | "NotPrincipal" if value.is_object() => {
            each(value, |_, values| list(values, bare_account))
        }
        _ => list(value, |text| text),
    }
}

/// Changes the values of an object, and sorts it: serde_json keeps the order where any crate asks it to.
fn each(value: Value, change: impl Fn(&str, Value) -> Value) -> Value {
    let Value::Object(parts) = value else { return value };
    let changed: BTreeMap<_, _> =
        parts.into_iter().map(|(key, value)| (key.clone(), change(&key, value))).collect();
    Value::Object(changed.into_iter().collect())
}

/// Sorted, each value once, all of them strings: IAM takes `true` and `"true"` for the same.
fn list(value: Value, change: impl Fn(String) -> String) -> Value {
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    let values = match value {
        Value::Array(values) => values,
        one => vec![one],
    };
    values.into_iter().map(|value| change(text(value))).collect::<BTreeSet<_>>().into_iter().collect()
}

/// IAM shows a principal that was given as a bare account id as that account's root.
fn bare_account(principal: String) -> String {
    let parts: Vec<&str> = principal.split(':').collect();
    match parts[..] {
        ["arn", _, "iam", "", account, "root"] => account.to_owned(),
        _ => principal,
    }
}
