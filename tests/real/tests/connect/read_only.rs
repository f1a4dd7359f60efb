//! The agent only reads: every write is tried with the token of its pods.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use cast_spot_real::{clock::eventually, lab::PATIENCE, stack::Stack};
use k8s_openapi::api::{
    authorization::v1::{SelfSubjectAccessReview, SelfSubjectAccessReviewSpec},
    rbac::v1::{ClusterRole, ClusterRoleBinding},
};
use kube::{
    Api,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use crate::{
    attempts::{self, LEASE},
    situation::{AGENT, SIZING, Situation},
};

/// What an account of the agent's namespace may write: the agent's the lease by which one replica leads, the sizing's
/// the agent's Deployment. Every authenticated user may also review their own access and identity ("Default roles",
/// `system:basic-user`, in the Kubernetes documentation).
fn expected(account: &str) -> BTreeSet<String> {
    let leases = format!("/apis/coordination.k8s.io/v1/namespaces/{AGENT}/leases");
    let mut expected = if account == SIZING {
        vec![format!("patch /apis/apps/v1/namespaces/{AGENT}/deployments/{AGENT}")]
    } else {
        vec![format!("create {leases}"), format!("update {leases}/{LEASE}")]
    };
    for own in [
        "authorization.k8s.io/v1/selfsubjectaccessreviews",
        "authorization.k8s.io/v1/selfsubjectrulesreviews",
        "authentication.k8s.io/v1/selfsubjectreviews",
    ] {
        expected.push(format!("create /apis/{own}"));
    }
    expected.into_iter().collect()
}

/// Rights of `account` that are allowed and not expected, or expected and not allowed.
async fn surprises(situation: &Situation<'_>, account: &str) -> Result<Vec<String>> {
    let allowed = attempts::writes(situation, account).await?;
    let mut surprises: Vec<String> = allowed.symmetric_difference(&expected(account)).cloned().collect();
    surprises.extend(attempts::reads_of_secrets(situation, account).await?);
    Ok(surprises)
}

pub(crate) async fn the_agent_writes_a_lease_and_the_sizing_one_deployment(stack: &Stack) -> Result<()> {
    let situation = Situation::begin(stack).await?;
    situation.connect(&[]).await?.expect(0)?;
    for account in [AGENT, SIZING] {
        let found = eventually("the rules are known", PATIENCE, async || {
            let found = surprises(&situation, account).await?;
            // A new rule takes a moment to take effect.
            Ok(found.iter().all(|one| !expected(account).contains(one)).then_some(found))
        })
        .await?;
        ensure!(found.is_empty(), "{account}: {found:#?}");
    }

    // Verbs that are not requests of their own.
    let agent = situation.client_of(AGENT).await?;
    let sizing = situation.client_of(SIZING).await?;
    for (verb, group, resource) in [
        ("impersonate", "", "users"),
        ("impersonate", "", "groups"),
        ("impersonate", "", "serviceaccounts"),
        ("escalate", "rbac.authorization.k8s.io", "clusterroles"),
        ("bind", "rbac.authorization.k8s.io", "clusterroles"),
        ("approve", "certificates.k8s.io", "signers"),
        ("*", "*", "*"),
    ] {
        for client in [&agent, &sizing] {
            ensure!(!may(client, verb, group, resource).await?, "{verb} {resource}");
        }
    }
    // The agent's purpose.
    for (group, resource) in [("", "pods"), ("", "nodes"), ("apps", "replicasets"), ("batch", "jobs")] {
        for verb in ["get", "list", "watch"] {
            ensure!(may(&agent, verb, group, resource).await?, "it may not {verb} {resource}");
        }
    }
    // The sizing reads the size of the cluster, and no more of it.
    ensure!(may(&sizing, "list", "", "nodes").await?, "the sizing may not list nodes");
    for (group, resource) in [("", "pods"), ("", "configmaps"), ("apps", "deployments")] {
        ensure!(!may(&sizing, "list", group, resource).await?, "the sizing may list {resource}");
    }
    attempts::lease(&situation).await?;
    situation.end().await
}

async fn may(client: &kube::Client, verb: &str, group: &str, resource: &str) -> Result<bool> {
    let attributes = json!({ "verb": verb, "group": group, "resource": resource });
    let spec: SelfSubjectAccessReviewSpec =
        serde_json::from_value(json!({ "resourceAttributes": attributes }))?;
    let review = SelfSubjectAccessReview { spec, ..Default::default() };
    let answer = Api::all(client.clone()).create(&PostParams::default(), &review).await?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}

/// Excess rules, each with a word of what it allows.
fn weakenings() -> Vec<(Value, &'static str)> {
    let rule = |group: &str, resource: &str, verb: &str| json!({ "apiGroups": [group], "resources": [resource], "verbs": [verb] });
    vec![
        (rule("", "pods", "delete"), "delete /api/v1/namespaces/default/pods/any-other"),
        (rule("", "pods/eviction", "create"), "create /api/v1/namespaces/default/pods/any-other/eviction"),
        (rule("", "nodes", "patch"), "patch /api/v1/nodes/any-other"),
        (
            rule("coordination.k8s.io", "leases", "update"),
            "update /apis/coordination.k8s.io/v1/namespaces/default/leases/any-other",
        ),
        (rule("", "secrets", "list"), "/api/v1/secrets"),
    ]
}

pub(crate) async fn one_verb_more_in_any_rule_is_noticed(stack: &Stack) -> Result<()> {
    let situation = Situation::begin(stack).await?;
    situation.connect(&[]).await?.expect(0)?;
    let roles: Api<ClusterRole> = Api::all(stack.kube.clone());
    let whole: Value = serde_json::to_value(roles.get(AGENT).await?)?;
    for (rule, word) in weakenings() {
        let mut wider = whole["rules"].clone();
        wider.as_array_mut().into_iter().for_each(|list| list.push(rule.clone()));
        roles.patch(AGENT, &PatchParams::default(), &Patch::Merge(json!({ "rules": wider }))).await?;
        eventually(&format!("{rule} is noticed"), PATIENCE, async || {
            let found = surprises(&situation, AGENT).await?;
            Ok(found.iter().any(|one| one == word).then_some(()))
        })
        .await?;
        // The plan reports it, too.
        let planned = situation.plan().await?.expect(10)?;
        ensure!(planned.out.contains("change   ClusterRole"), "{}", planned.out);
        situation.connect(&[]).await?.expect(0)?;
    }

    let bindings: Api<ClusterRoleBinding> = Api::all(stack.kube.clone());
    let binding = json!({
        "metadata": { "name": "foreign" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin" },
        "subjects": [{ "kind": "ServiceAccount", "name": AGENT, "namespace": AGENT }],
    });
    bindings.create(&PostParams::default(), &serde_json::from_value(binding)?).await?;
    let noticed = eventually("a binding to cluster-admin is noticed", PATIENCE, async || {
        Ok((surprises(&situation, AGENT).await?.len() > 500).then_some(()))
    })
    .await;
    bindings.delete("foreign", &DeleteParams::default()).await?;
    noticed?;
    situation.end().await
}
