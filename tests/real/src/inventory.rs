//! Inventory of everything that onboarding could leave behind, as lines to compare before and after.

use std::{collections::BTreeSet, fmt::Debug};

use anyhow::Result;
use aws_sdk_eventbridge::types::InputTransformer;
use aws_sdk_lambda::types::LayerVersionsListItem;
use k8s_openapi::api::{
    admissionregistration::v1::{ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding},
    core::v1::ConfigMap,
    rbac::v1::{ClusterRole, ClusterRoleBinding},
};
use kube::{Api, api::ListParams};

use crate::stack::{CLUSTER, Stack};

/// One line for each object, with its content.
pub async fn inventory(stack: &Stack) -> Result<BTreeSet<String>> {
    let mut lines = iam(stack).await?;
    lines.extend(services(stack).await?);
    lines.extend(cluster(stack).await?);
    Ok(lines)
}

fn line(kind: &str, name: impl Debug, content: impl Debug) -> String {
    format!("{kind} {name:?}: {content:?}")
}

async fn iam(stack: &Stack) -> Result<BTreeSet<String>> {
    let iam = &stack.account.iam;
    let mut lines = BTreeSet::new();
    for role in iam.list_roles().send().await?.roles {
        let name = &role.role_name;
        let attached = iam.list_attached_role_policies().role_name(name).send().await?;
        let inline = iam.list_role_policies().role_name(name).send().await?;
        let attached: Vec<_> =
            attached.attached_policies().iter().map(|policy| policy.policy_arn()).collect();
        lines.insert(line("role", name, (role.role_id(), attached, inline.policy_names())));
    }
    for user in iam.list_users().send().await?.users {
        let name = &user.user_name;
        let attached = iam.list_attached_user_policies().user_name(name).send().await?;
        let keys = iam.list_access_keys().user_name(name).send().await?;
        let keys: Vec<_> = keys.access_key_metadata().iter().map(|key| key.access_key_id()).collect();
        let attached: Vec<_> =
            attached.attached_policies().iter().map(|policy| policy.policy_arn()).collect();
        lines.insert(line("user", name, (user.user_id(), attached, keys)));
    }
    let local = iam.list_policies().scope(aws_sdk_iam::types::PolicyScopeType::Local);
    for policy in local.send().await?.policies() {
        lines.insert(line("policy", policy.policy_name(), policy.default_version_id()));
    }
    for profile in iam.list_instance_profiles().send().await?.instance_profiles {
        let roles: Vec<_> = profile.roles().iter().map(aws_sdk_iam::types::Role::role_name).collect();
        lines.insert(line("instance profile", profile.instance_profile_name(), roles));
    }
    Ok(lines)
}

async fn services(stack: &Stack) -> Result<BTreeSet<String>> {
    let account = &stack.account;
    let mut lines = BTreeSet::new();
    for function in account.lambda.list_functions().send().await?.functions() {
        let variables = function.environment().and_then(|environment| environment.variables());
        let clusters = variables.and_then(|variables| variables.get("CAST_SPOT_CLUSTERS"));
        lines.insert(line("function", function.function_name(), (function.code_sha256(), clusters)));
    }
    for layer in account.lambda.list_layers().send().await?.layers() {
        let latest = layer.latest_matching_version().map(LayerVersionsListItem::version);
        lines.insert(line("layer", layer.layer_name(), latest));
    }
    for rule in account.event_bridge.list_rules().send().await?.rules() {
        let name = rule.name().unwrap_or_default();
        let targets = account.event_bridge.list_targets_by_rule().rule(name).send().await?;
        let targets = targets
            .targets()
            .iter()
            .map(|target| (target.arn(), target.input_transformer().map(InputTransformer::input_template)));
        let on = (rule.event_pattern(), rule.schedule_expression());
        lines.insert(line("rule", name, (on, targets.collect::<Vec<_>>())));
    }
    for queue in account.sqs.list_queues().send().await?.queue_urls() {
        lines.insert(line("queue", queue, ()));
    }
    for group in account.logs.describe_log_groups().send().await?.log_groups() {
        lines.insert(line("log group", group.log_group_name(), group.retention_in_days()));
    }
    for group in account.ec2.describe_security_groups().send().await?.security_groups() {
        lines.insert(line("security group", group.group_id(), group.ip_permissions().len()));
    }
    for cluster in account.eks.list_clusters().send().await?.clusters() {
        for entry in account.eks.list_access_entries().cluster_name(cluster).send().await?.access_entries() {
            lines.insert(line("access entry", (cluster, entry), ()));
        }
    }
    Ok(lines)
}

async fn cluster(stack: &Stack) -> Result<BTreeSet<String>> {
    let ours = ListParams::default().labels("app.kubernetes.io/name=cast-spot");
    let mut lines = BTreeSet::new();
    for role in Api::<ClusterRole>::all(stack.kube.clone()).list(&ours).await? {
        lines.insert(line("ClusterRole", (CLUSTER, role.metadata.name), ()));
    }
    for binding in Api::<ClusterRoleBinding>::all(stack.kube.clone()).list(&ours).await? {
        lines.insert(line("ClusterRoleBinding", (CLUSTER, binding.metadata.name), ()));
    }
    for policy in Api::<ValidatingAdmissionPolicy>::all(stack.kube.clone()).list(&ours).await? {
        lines.insert(line("ValidatingAdmissionPolicy", (CLUSTER, policy.metadata.name), ()));
    }
    for binding in Api::<ValidatingAdmissionPolicyBinding>::all(stack.kube.clone()).list(&ours).await? {
        lines.insert(line("ValidatingAdmissionPolicyBinding", (CLUSTER, binding.metadata.name), ()));
    }
    let maps: Api<ConfigMap> = Api::namespaced(stack.kube.clone(), "kube-system");
    if let Some(map) = maps.get_opt("aws-auth").await? {
        lines.insert(line("aws-auth", CLUSTER, map.data));
    }
    Ok(lines)
}
