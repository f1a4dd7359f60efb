//! Policies as conditions on a request, by "IAM JSON policy elements" and "Policy evaluation logic" in the IAM User Guide.
//! What is not known here fails: nothing is passed over.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    cases::{Pattern, literal},
    expression::{Expression, Over, RESOURCE, all, any, no, not, present, test, yes},
};
use crate::{
    documents::{statements, strings},
    evaluation::Caller,
};

/// One statement of a caller's policies.
#[derive(Debug)]
pub(crate) struct Statement {
    allows: bool,
    actions: Vec<Pattern>,
    /// Which requests it concerns.
    when: Expression,
}

/// The statements of all policies of a caller.
pub(crate) fn translated(caller: &Caller) -> Vec<Statement> {
    let policies = caller.all();
    let all = policies.iter().flat_map(statements);
    all.map(|statement| translate(statement, &caller.tags)).collect()
}

/// Whether they allow an action: a statement does, and none denies it.
pub(crate) fn allowed(statements: &[Statement], action: &str) -> Expression {
    let of = |allows: bool| {
        let concern =
            |it: &&Statement| it.allows == allows && it.actions.iter().any(|wanted| wanted.matches(action));
        any(statements.iter().filter(concern).map(|statement| statement.when.clone()))
    };
    all([of(true), not(of(false))])
}

type Tags = BTreeMap<String, String>;

fn translate(statement: &Value, tags: &Tags) -> Statement {
    let known = ["Sid", "Effect", "Action", "Resource", "NotResource", "Condition"];
    let unknown: Vec<_> =
        statement.as_object().unwrap().keys().filter(|name| !known.contains(&&name[..])).collect();
    assert!(unknown.is_empty(), "translate {unknown:?} of {statement}");
    let patterns = |part: &str| strings(&statement[part]).into_iter();
    let one_of = |part: &str| {
        let resources = patterns(part).map(|text| pattern(text, tags, Pattern::glob));
        resources.collect::<Option<Vec<_>>>().map(|patterns| test(RESOURCE, Over::One, patterns))
    };
    let concerned = if statement.get("NotResource").is_some() {
        one_of("NotResource").map(not)
    } else {
        one_of("Resource")
    };
    let mut parts = vec![concerned.unwrap_or(no())];
    for (operator, keys) in statement["Condition"].as_object().into_iter().flatten() {
        for (key, values) in keys.as_object().unwrap() {
            parts.push(condition(operator, key, &strings(values), tags));
        }
    }
    Statement {
        allows: match statement["Effect"].as_str() {
            Some("Allow") => true,
            Some("Deny") => false,
            other => panic!("{other:?} of {statement}"),
        },
        actions: patterns("Action").map(|action| Pattern::glob(action).ignoring_case()).collect(),
        when: all(parts),
    }
}

/// The pattern of a text with variables, or none if the caller has not the tag that a variable names: then the statement
/// concerns no request ("IAM policy elements: Variables and tags"). Wildcards in a value have no meaning.
fn pattern(text: &str, tags: &Tags, of: fn(&str) -> Pattern) -> Option<Pattern> {
    let mut filled = String::new();
    for (index, part) in text.split("${").enumerate() {
        let rest = if index == 0 {
            part
        } else {
            let (variable, rest) = part.split_once('}').unwrap();
            filled.push_str(&literal(match variable {
                "*" | "?" | "$" => variable,
                _ => tags.get(
                    variable
                        .strip_prefix("aws:PrincipalTag/")
                        .unwrap_or_else(|| panic!("translate the variable {variable} of {text}")),
                )?,
            }));
            rest
        };
        filled.push_str(rest);
    }
    Some(of(&filled))
}

fn condition(operator: &str, key: &str, values: &[&str], tags: &Tags) -> Expression {
    assert!(!key.contains("${"), "a variable in the name of the condition key {key}");
    let (over, base) = match operator.split_once(':') {
        Some(("ForAllValues", base)) => (Over::Each, base),
        Some(("ForAnyValue", base)) => (Over::Some, base),
        Some(_) => panic!("translate {operator}"),
        None => (Over::One, operator),
    };
    if base == "Null" {
        return match values {
            ["true"] => not(present(key)),
            ["false"] => present(key),
            other => panic!("Null of {key} is {other:?}"),
        };
    }
    let if_exists = base.strip_suffix("IfExists");
    let base = if_exists.unwrap_or(base);
    let (negated, positive) = match base.split_once("Not") {
        Some((before, after)) => (true, format!("{before}{after}")),
        None => (false, base.to_owned()),
    };
    let of: fn(&str) -> Pattern = match &positive[..] {
        "StringEquals" => Pattern::exact,
        "StringEqualsIgnoreCase" | "Bool" => |text| Pattern::exact(text).ignoring_case(),
        "StringLike" => Pattern::glob,
        // A part of an ARN is compared for itself, and `ArnEquals` takes wildcards too.
        "ArnEquals" | "ArnLike" => Pattern::arn,
        _ => panic!("translate {operator}"),
    };
    let Some(patterns) = values.iter().map(|text| pattern(text, tags, of)).collect::<Option<Vec<_>>>() else {
        return no();
    };
    // With a negation, none of the values matches; with `ForAnyValue`, one of them does not.
    let over = match over {
        Over::Each if negated => Over::Some,
        Over::Some if negated => Over::Each,
        over => over,
    };
    let tested = match key.strip_prefix("aws:PrincipalTag/").map(|tag| tags.get(tag)) {
        None => test(key, over, patterns),
        Some(Some(value)) if patterns.iter().any(|pattern| pattern.matches(value)) => yes(),
        Some(_) => no(),
    };
    let tested = if negated { not(tested) } else { tested };
    if if_exists.is_some() { any([not(present(key)), tested]) } else { tested }
}

#[test]
#[should_panic(expected = "translate NumericLessThan")]
fn an_operator_that_is_not_known_fails() {
    condition("NumericLessThan", "a:b", &["1"], &Tags::new());
}

#[test]
#[should_panic(expected = "translate the variable aws:username")]
fn a_variable_that_is_not_known_fails() {
    pattern("${aws:username}", &Tags::new(), Pattern::glob);
}

#[test]
fn wildcards_in_the_value_of_a_variable_have_no_meaning() {
    let tags = Tags::from([("a".to_owned(), "*".to_owned())]);
    let found = pattern("${aws:PrincipalTag/a}?", &tags, Pattern::glob).unwrap();
    assert!(found.matches("*x") && !found.matches("yx"));
    assert_eq!(pattern("${aws:PrincipalTag/b}", &tags, Pattern::glob), None);
}
