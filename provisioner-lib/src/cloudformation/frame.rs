//! The part of a template that people write: everything but the properties of the resources.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// A file of `infra/cloudformation/`.
pub(super) struct Frame<'a> {
    text: &'a str,
    /// Optional parameters, by the text that each one replaces: its condition and its name.
    optional: BTreeMap<String, (&'a str, &'a str)>,
}

impl<'a> Frame<'a> {
    /// The text that a parameter replaces is the comment of its condition:
    /// `  IsNamed: !Not [!Equals [!Ref Name, ""]] # cast-eks-${ClusterName}`.
    pub(super) fn new(text: &'a str) -> Self {
        let optional = |line: &'a str| {
            let (condition, rest) = line.trim_start().split_once(": !Not [!Equals [!Ref ")?;
            let (parameter, stands_for) = rest.split_once(", \"\"]] # ")?;
            Some((stands_for.to_owned(), (condition, parameter)))
        };
        Self { text, optional: text.lines().filter_map(optional).collect() }
    }

    /// Logical ids, by the names of the resources.
    pub(super) fn logical_ids(&self) -> BTreeMap<&'a str, &'a str> {
        self.text.lines().filter_map(entry).map(|(logical, name)| (name, logical)).collect()
    }

    /// Settings of the function, each standing for itself.
    pub(super) fn settings(&self) -> BTreeMap<String, String> {
        let settings = self.optional.keys().filter(|text| text.starts_with("CAST_SPOT_"));
        settings.map(|name| (name.clone(), name.clone())).collect()
    }

    /// The template, with the lines that `resource` writes for a logical id.
    pub(super) fn filled(&self, resource: impl Fn(&str) -> String) -> String {
        let lines = |line| entry(line).map_or_else(|| format!("{line}\n"), |(logical, _)| resource(logical));
        self.text.lines().map(lines).collect()
    }

    /// The value with `Ref`, `Fn::Sub` and `Fn::If` in place of placeholders.
    pub(super) fn expressed(&self, value: &Value) -> Value {
        let part = |(key, part): (&String, &Value)| (key.clone(), self.expressed(part));
        match value {
            Value::String(text) => self.expression(text),
            Value::Array(items) => items.iter().map(|item| self.expressed(item)).collect(),
            Value::Object(parts) => parts.iter().map(part).collect::<Map<_, _>>().into(),
            other => other.clone(),
        }
    }

    fn expression(&self, text: &str) -> Value {
        // `${aws:..}` is filled in by IAM.
        let is_literal = text.matches("${").count() == text.matches("${aws:").count();
        let parameter = text
            .strip_prefix("${")
            .and_then(|rest| rest.strip_suffix('}'))
            .filter(|name| !name.contains('}'));
        let value = match parameter {
            _ if is_literal => text.into(),
            Some(name) => json!({ "Ref": name }),
            None => json!({ "Fn::Sub": text.replace("${aws:", "${!aws:") }),
        };
        let Some((condition, name)) = self.optional.get(text) else { return value };
        let otherwise = if value.get("Fn::Sub").is_some() { value } else { json!({ "Ref": "AWS::NoValue" }) };
        json!({ "Fn::If": [condition, { "Ref": name }, otherwise] })
    }
}

/// Logical id and name of a line such as `  Role: # role CastLambdaRoleForSpot`.
fn entry(line: &str) -> Option<(&str, &str)> {
    let (logical, name) = line.strip_prefix("  ")?.split_once(": # ")?;
    logical.chars().all(char::is_alphanumeric).then_some((logical, name))
}
