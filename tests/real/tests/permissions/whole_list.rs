//! The permissions of `infra/` equal those of the table of needs: a new permission without a need fails.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use cast_spot_real::stack::{Stack, handler_policy, rbac};
use serde_json::Value;

use crate::{needs::needs, permission::Permission};

pub(crate) async fn every_verb_of_the_cluster_role_is_proven_to_be_needed(_: &Stack) -> Result<()> {
    let (role, _) = rbac()?;
    let mut allowed = BTreeSet::new();
    for rule in role.rules.iter().flatten() {
        for resource in rule.resources.iter().flatten() {
            allowed.extend(rule.verbs.iter().map(|verb| format!("{verb} {resource}")));
        }
    }
    let proven = needs().into_iter().filter_map(|need| match need.permission {
        Permission::Verb(verb, resource) => Some(format!("{verb} {resource}")),
        Permission::Action(_) => None,
    });
    same(&allowed, &proven.collect())
}

pub(crate) async fn every_action_of_the_policy_is_proven_to_be_needed(_: &Stack) -> Result<()> {
    let policy: Value = serde_json::from_str(&handler_policy())?;
    let statements = policy["Statement"].as_array().context("a policy has statements")?;
    let allowed = statements.iter().flat_map(|statement| match &statement["Action"] {
        Value::Array(actions) => actions.clone(),
        action => vec![action.clone()],
    });
    let allowed = allowed.filter_map(|action| action.as_str().map(str::to_owned)).collect();
    let proven = needs().into_iter().filter_map(|need| match need.permission {
        Permission::Action(action) => Some(action.to_owned()),
        Permission::Verb(..) => None,
    });
    same(&allowed, &proven.collect())
}

fn same(allowed: &BTreeSet<String>, proven: &BTreeSet<String>) -> Result<()> {
    ensure!(allowed == proven, "infra/ allows {allowed:?}\nthe table proves {proven:?}");
    Ok(())
}
