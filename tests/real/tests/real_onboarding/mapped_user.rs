//! What the user of `--mode user` may do in the cluster: by default, and with `--cluster-admin`.

use anyhow::{Context, Result, ensure};
use cast_spot_infra::kubernetes::MANAGER;
use cast_spot_real::{
    emulators::ACCOUNT,
    stack::{CLUSTER, Stack},
};
use k8s_openapi::api::rbac::v1::ClusterRole;
use kube::Api;

use crate::{mapping::exactly, situation::Situation};

const ROLE: &str = "cast-spot-manager";
const GROUP: &str = "cast-spot:manager";

pub(crate) async fn a_user_manages_nodes_and_is_administrator_by_choice_alone(stack: &Stack) -> Result<()> {
    let situation = Situation::begin(stack).await?;
    let onboard = |more: &[&'static str]| {
        [situation.user("onboard"), vec!["--yes", "--show-secret"], more.to_vec()].concat()
    };

    situation.cli.run(&onboard(&[])).await?.expect(0)?;
    ensure!(entry(stack).await? == (vec![GROUP.to_owned()], vec![]), "{:?}", entry(stack).await?);
    let role: ClusterRole = serde_saphyr::from_str(MANAGER.split("\n---\n").next().unwrap_or_default())?;
    let user = stack.control_plane.client_as(&format!("cast-eks-{CLUSTER}"), &[GROUP])?;
    exactly(stack, user, &role).await?;

    situation.cli.run(&onboard(&["--cluster-admin"])).await?.expect(0)?;
    let (groups, policies) = entry(stack).await?;
    ensure!(groups.is_empty() && policies == ["AmazonEKSClusterAdminPolicy"], "{groups:?} {policies:?}");
    ensure!(Api::<ClusterRole>::all(stack.kube.clone()).get_opt(ROLE).await?.is_none(), "{ROLE} is left");

    // The choice is not kept, and both the plan and the report say so.
    let plan = situation.cli.run(&situation.user("plan")).await?.expect(10)?;
    ensure!(plan.out.contains("not administrator of the cluster any more"), "{}", plan.out);
    let narrowed = situation.cli.run(&onboard(&[])).await?.expect(0)?;
    ensure!(narrowed.out.contains("Narrowed: access entry"), "{}", narrowed.out);
    ensure!(entry(stack).await? == (vec![GROUP.to_owned()], vec![]), "{:?}", entry(stack).await?);
    situation.end().await
}

/// Groups and access policies of the user.
async fn entry(stack: &Stack) -> Result<(Vec<String>, Vec<String>)> {
    let (eks, arn) = (&stack.account.eks, format!("arn:aws:iam::{ACCOUNT}:user/cast-eks-{CLUSTER}"));
    let entry = eks.describe_access_entry().cluster_name(CLUSTER).principal_arn(&arn).send().await?;
    let groups = entry.access_entry.context("an access entry")?.kubernetes_groups.unwrap_or_default();
    let policies =
        eks.list_associated_access_policies().cluster_name(CLUSTER).principal_arn(arn).send().await?;
    let policies = policies.associated_access_policies.unwrap_or_default();
    let names = policies.into_iter().filter_map(|policy| policy.policy_arn);
    Ok((groups, names.map(|arn| arn.rsplit('/').next().unwrap_or_default().to_owned()).collect()))
}
