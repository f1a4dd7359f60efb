//! The change of one field: both values, or the added and removed parts of a document.

use std::{collections::BTreeSet, slice};

use anstyle::{AnsiColor, Style};
use cast_spot_provisioner::{invisible::visible, plan::Change};
use serde_json::Value;

const GREEN: Style = AnsiColor::Green.on_default();
const RED: Style = AnsiColor::Red.on_default();
const DIM: Style = Style::new().dimmed();
/// Lines of one document; `--json` has all.
const MOST: usize = 16;

/// The change in lines of at most `width` columns, as far as names allow.
pub(crate) fn lines(change: &Change, width: usize) -> Vec<String> {
    match (parse(&change.from), parse(&change.to)) {
        (None, None) => vec![simple(change, width)],
        (from, to) => {
            let mut lines = vec![format!("{}:{}", change.field, admin_lost(change))];
            lines.extend(differences(&from.unwrap_or(Value::Null), &to.unwrap_or(Value::Null), width));
            lines
        }
    }
}

/// The document or list in `text`, if it is one.
fn parse(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok().filter(|value: &Value| value.is_object() || value.is_array())
}

fn simple(change: &Change, width: usize) -> String {
    let Change { field, from, to } = change;
    match (from.as_str(), to.as_str()) {
        ("", to) => format!("{field}: {GREEN}+ {}{GREEN:#}", cut(to, width)),
        (from, "") => format!("{field}: {RED}- {}{RED:#}", cut(from, width)),
        (from, to) => {
            let lost = lines_lost(field, from, to);
            format!("{field}: {} {DIM}->{DIM:#} {}{lost}", cut(from, width / 2), cut(to, width / 2))
        }
    }
}

fn admin_lost(change: &Change) -> String {
    if change.ends_cluster_admin() {
        return format!(" {RED}(not administrator of the cluster any more; --cluster-admin keeps it){RED:#}");
    }
    String::new()
}

/// CloudWatch Logs deletes what is older than the retention; 0 days keep it forever.
fn lines_lost(field: &str, from: &str, to: &str) -> String {
    let days = |text: &str| text.parse().ok().map(|days: u32| if days == 0 { u32::MAX } else { days });
    match (field, days(from), days(to)) {
        ("retention_days", Some(from), Some(to)) if to < from => {
            format!(" {RED}(older log lines are deleted){RED:#}")
        }
        _ => String::new(),
    }
}

/// The removed and added parts, by statement if the document is a policy.
fn differences(from: &Value, to: &Value, width: usize) -> Vec<String> {
    let (old, new) = (parts(from), parts(to));
    let mut lines = Vec::new();
    for (name, old_parts) in &old {
        let Some((_, new_parts)) = new.iter().find(|(other, _)| other == name) else {
            lines.push(signed(RED, "-", name, old_parts, width));
            continue;
        };
        if !name.is_empty() && old_parts != new_parts {
            lines.push(format!("  ~ {name}"));
        }
        let indent = if name.is_empty() { "" } else { "  " };
        let removed = old_parts.difference(new_parts).map(|part| (RED, "-", part));
        let added = new_parts.difference(old_parts).map(|part| (GREEN, "+", part));
        for (style, sign, part) in removed.chain(added) {
            let part = cut(part, width.saturating_sub(6));
            lines.push(format!("  {indent}{style}{sign} {part}{style:#}"));
        }
    }
    for (name, new_parts) in new.iter().filter(|(name, _)| !old.iter().any(|(other, _)| other == name)) {
        lines.push(signed(GREEN, "+", name, new_parts, width));
    }
    let more = lines.len().saturating_sub(MOST);
    if more > 1 {
        lines.truncate(MOST);
        lines.push(format!("  {DIM}… and {more} more lines; --json has all{DIM:#}"));
    }
    lines
}

fn signed(style: Style, sign: &str, name: &str, parts: &BTreeSet<String>, width: usize) -> String {
    let words: Vec<&str> = parts.iter().map(String::as_str).collect();
    let whole = if name.is_empty() { words.join("; ") } else { format!("{name}: {}", words.join("; ")) };
    format!("  {style}{sign} {}{style:#}", cut(&whole, width.saturating_sub(4)))
}

/// The statements of a policy by name, or else one nameless whole: each as a set of short texts.
fn parts(document: &Value) -> Vec<(String, BTreeSet<String>)> {
    let whole = |items| vec![(String::new(), items)];
    let statements = match (&document["Statement"], document) {
        (Value::Array(statements), _) => statements.as_slice(),
        (statement @ Value::Object(_), _) => slice::from_ref(statement),
        (_, Value::Null) => return Vec::new(),
        (_, Value::Array(items)) => return whole(items.iter().map(short).collect()),
        (_, other) => return whole(flat(other)),
    };
    let named = statements.iter().enumerate().map(|(index, statement)| {
        let mut fields = statement.clone();
        let name = fields.as_object_mut().and_then(|fields| fields.remove("Sid"));
        let name = name.as_ref().and_then(Value::as_str).map(str::to_owned);
        (name.unwrap_or_else(|| format!("statement {}", index + 1)), flat(&fields))
    });
    named.collect()
}

/// An item of a list. An object has no braces: a rule of Kubernetes is `resources nodes; verbs get, list`.
fn short(item: &Value) -> String {
    let Value::Object(fields) = item else { return word(item) };
    let field = |(name, value): (&String, &Value)| {
        let words: Vec<String> =
            value.as_array().map_or_else(|| vec![word(value)], |list| list.iter().map(word).collect());
        let words: Vec<String> = words.into_iter().filter(|word| !word.is_empty()).collect();
        (!words.is_empty()).then(|| format!("{name} {}", words.join(", ")))
    };
    fields.iter().filter_map(field).collect::<Vec<_>>().join("; ")
}

fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Every value with its path.
fn flat(value: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect("", value, &mut found);
    found
}

fn collect(path: &str, value: &Value, found: &mut BTreeSet<String>) {
    let below = |name: &str| format!("{path} {name}").trim_start().to_owned();
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| collect(&below(key), value, found)),
        Value::Array(items) => items.iter().for_each(|item| collect(path, item, found)),
        other => drop(found.insert(below(&word(other)))),
    }
}

fn cut(text: &str, width: usize) -> String {
    let text = visible(text);
    let width = width.max(20);
    if text.chars().count() <= width {
        return text;
    }
    text.chars().take(width - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_value_stays_on_its_line() {
        assert_eq!(shown("data", "a\nb", "\u{1b}[31m"), ["data: a\u{fffd}b -> \u{fffd}[31m"]);
    }

    fn shown(field: &str, from: &str, to: &str) -> Vec<String> {
        let change = Change { field: field.to_owned(), from: from.to_owned(), to: to.to_owned() };
        lines(&change, 80).iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect()
    }

    #[test]
    fn a_plain_field_shows_both_values_or_the_only_one() {
        for (from, to, line) in [
            ("256", "512", "memory_mb: 256 -> 512"),
            ("", "prod", "memory_mb: + prod"),
            ("prod", "", "memory_mb: - prod"),
        ] {
            assert_eq!(shown("memory_mb", from, to), [line]);
        }
    }

    #[test]
    fn a_policy_shows_only_what_differs_in_each_statement() {
        let from = r#"{"Statement":[
            {"Sid":"Same","Effect":"Allow","Action":"a:B","Resource":"*"},
            {"Sid":"Wide","Effect":"Allow","Action":["ec2:CreateTags","ec2:Run"],"Resource":"*"},
            {"Sid":"Old","Effect":"Allow","Action":"iam:CreateRole","Resource":"*"}]}"#;
        let to = r#"{"Statement":[
            {"Sid":"Wide","Effect":"Allow","Action":"ec2:Run","Resource":"*","Condition":{"StringEquals":{"k":"v"}}},
            {"Sid":"Same","Effect":"Allow","Action":["a:B"],"Resource":"*"},
            {"Sid":"New","Effect":"Deny","Action":"iam:*","Resource":"*"}]}"#;
        let lines = shown("document", from, to);
        let expected = [
            "document:",
            "  ~ Wide",
            "    - Action ec2:CreateTags",
            "    + Condition StringEquals k v",
            "  - Old: Action iam:CreateRole; Effect Allow; Resource *",
            "  + New: Action iam:*; Effect Deny; Resource *",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_list_shows_added_and_removed_items() {
        assert_eq!(shown("groups", r#"["a","b"]"#, r#"["b","c"]"#), ["groups:", "  - a", "  + c"]);
        let rules = (r#"[{"apiGroups":[""],"resources":["nodes"],"verbs":["get","list"]}]"#, "[]");
        assert_eq!(shown("rules", rules.0, rules.1), ["rules:", "  - resources nodes; verbs get, list"]);
    }

    #[test]
    fn a_long_document_is_cut_with_a_note() {
        let list = format!("[{}]", (0..40).map(|n| format!("\"a{n}\"")).collect::<Vec<_>>().join(","));
        let lines = shown("policies", &list, "[]");
        assert_eq!(lines.len(), MOST + 2);
        assert!(lines.last().unwrap().contains("and 24 more lines"), "{lines:?}");
    }
}
