//! A function with a role, an access entry and a ClusterRole of its own, all as in `infra/` but for one permission.

use anyhow::{Context, Result};
use cast_spot_real::{
    function::Function,
    stack::{CLUSTER, HANDLER_ROLE, SESSIONS, Stack, handler_policy, rbac, user_of},
};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use kube::{Api, api::PostParams};
use serde_json::Value;

/// A permission of the function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Permission {
    /// A verb on a resource, in the cluster.
    Verb(&'static str, &'static str),
    /// An IAM action.
    Action(&'static str),
}

impl Permission {
    /// The name in refusals of Kubernetes and IAM.
    pub(crate) fn in_refusals(self) -> String {
        match self {
            Self::Verb(verb, resource) => format!("cannot {verb} resource \"{resource}\""),
            Self::Action(action) => format!("is not authorized to perform: {action}"),
        }
    }
}

/// Creates a function with all permissions of `infra/` but `missing`.
pub(crate) async fn function(
    stack: &Stack,
    name: &str,
    missing: Option<Permission>,
    settings: &[(&str, &str)],
) -> Result<Function> {
    let (role, binding) = bound(name, missing)?;
    Api::all(stack.kube.clone()).create(&PostParams::default(), &role).await?;
    Api::all(stack.kube.clone()).create(&PostParams::default(), &binding).await?;
    let policy = policy(missing)?;
    let role = stack.account.function_role(&format!("{HANDLER_ROLE}-{name}"), &policy).await?;
    stack.account.access_entry(CLUSTER, &role, SESSIONS).await?;
    Function::create(&stack.account, &stack.tools, name, &role, &stack.environment(settings)).await
}

fn bound(name: &str, missing: Option<Permission>) -> Result<(ClusterRole, ClusterRoleBinding)> {
    let (mut role, mut binding) = rbac()?;
    let called = format!("{}-{name}", role.metadata.name.as_deref().unwrap_or_default());
    role.metadata.name = Some(called.clone());
    if let Some(Permission::Verb(verb, resource)) = missing {
        for rule in role.rules.iter_mut().flatten() {
            if rule.resources.iter().flatten().any(|named| named == resource) {
                rule.verbs.retain(|allowed| allowed != verb);
            }
        }
        // The API server refuses rules without a verb.
        role.rules.iter_mut().for_each(|rules| rules.retain(|rule| !rule.verbs.is_empty()));
    }
    binding.metadata.name = Some(called.clone());
    binding.role_ref.name = called;
    binding.subjects.iter_mut().flatten().for_each(|subject| subject.name = user_of(name));
    Ok((role, binding))
}

fn policy(missing: Option<Permission>) -> Result<String> {
    let mut policy: Value = serde_json::from_str(&handler_policy())?;
    if let Some(Permission::Action(action)) = missing {
        let statements = policy["Statement"].as_array_mut().context("a policy has statements")?;
        for statement in statements.iter_mut() {
            if let Some(allowed) = statement["Action"].as_array_mut() {
                allowed.retain(|allowed| allowed != action);
            }
        }
        statements.retain(|statement| statement["Action"] != action);
    }
    Ok(policy.to_string())
}
