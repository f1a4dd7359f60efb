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
    situation::{AGENT, Situation},
};

/// What the agent may do, and what every authenticated user may: review their own access and identity ("Default
/// roles", `system:basic-user`, in the Kubernetes documentation).
fn expected() -> BTreeSet<String> {
    let leases = format!("namespaces/{AGENT}/leases");
    let mut expected = vec![
        format!("create /apis/coordination.k8s.io/v1/{leases}"),
        format!("update /apis/coordination.k8s.io/v1/{leases}/{LEASE}"),
        format!("patch /apis/apps/v1/namespaces/{AGENT}/deployments/{AGENT}"),
    ];
    for own in [
        "authorization.k8s.io/v1/selfsubjectaccessreviews",
        "authorization.k8s.io/v1/selfsubjectrulesreviews",
    ] {
        expected.push(format!("create /apis/{own}"));
    }
    expected.push("create /apis/authentication.k8s.io/v1/selfsubjectreviews".to_owned());
    expected.into_iter().collect()
}

/// Rights that are allowed and not expected, or expected and not allowed.
async fn surprises(situation: &Situation<'_>) -> Result<Vec<String>> {
    let allowed = attempts::writes(situation).await?;
    let mut surprises: Vec<String> = allowed.symmetric_difference(&expected()).cloned().collect();
    surprises.extend(attempts::reads_of_secrets(situation).await?);
    Ok(surprises)
}

pub(crate) async fn the_agent_writes_its_lease_and_size_only_and_reads_no_secret(
    stack: &Stack,
) -> Result<()> {
    let situation = Situation::begin(stack).await?;
    situation.connect(&[]).await?.expect(0)?;
    let found = eventually("the rules are known", PATIENCE, async || {
        let found = surprises(&situation).await?;
        // A new rule takes a moment to take effect.
        Ok(found.iter().all(|one| !expected().contains(one)).then_some(found))
    })
    .await?;
    ensure!(found.is_empty(), "{found:#?}");

    // Verbs that are not requests of their own.
    let agent = stack.control_plane.client_with(&situation.agents_token().await?)?;
    for (verb, group, resource) in [
        ("impersonate", "", "users"),
        ("impersonate", "", "groups"),
        ("impersonate", "", "serviceaccounts"),
        ("escalate", "rbac.authorization.k8s.io", "clusterroles"),
        ("bind", "rbac.authorization.k8s.io", "clusterroles"),
        ("approve", "certificates.k8s.io", "signers"),
        ("*", "*", "*"),
    ] {
        ensure!(!may(&agent, verb, group, resource).await?, "{verb} {resource}");
    }
    // The agent's purpose.
    for (group, resource) in [("", "pods"), ("", "nodes"), ("apps", "replicasets"), ("batch", "jobs")] {
        for verb in ["get", "list", "watch"] {
            ensure!(may(&agent, verb, group, resource).await?, "it may not {verb} {resource}");
        }
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
            let found = surprises(&situation).await?;
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
        Ok((surprises(&situation).await?.len() > 500).then_some(()))
    })
    .await;
    bindings.delete("foreign", &DeleteParams::default()).await?;
    noticed?;
    situation.end().await
}
