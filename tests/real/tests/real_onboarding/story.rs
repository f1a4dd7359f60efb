//! From an empty account to a handler that has drained a node, and back.

use std::{process::Command, time::Duration};

use anyhow::{Context, Result, ensure};
use aws_sdk_ec2::types::IamInstanceProfileSpecification;
use aws_sdk_iam::types::Role;
use cast_spot_real::{
    clock::eventually,
    inventory::inventory,
    lab::{Lab, PATIENCE, phase},
    notice::Notice,
    stack::{CLUSTER, FUNCTION, Stack},
    workload::Workload,
};
use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use kube::{Api, api::DeleteParams};
use serde_json::{Value, json};

use crate::situation::Situation;

pub(crate) async fn onboard_drain_and_offboard_leave_no_trace(stack: &Stack) -> Result<()> {
    let situation = Situation::begin(stack).await?;
    let planned = situation.cli.run(&situation.role("plan")).await?.expect(10)?;
    ensure!(planned.out.contains("CastEKSPolicy") && planned.out.contains(FUNCTION), "{}", planned.out);
    ensure!(inventory(stack).await? == *situation.before(), "a plan has written something");

    situation.onboard().await?;
    drain(stack).await?;
    let status = situation.cli.run(&situation.role("status")).await?.expect(0)?;
    ensure!(!status.out.contains("FAIL"), "{}", status.out);
    situation.end().await
}

/// A Spot notice on the bus, as in production.
async fn drain(stack: &Stack) -> Result<()> {
    let mut lab = Lab::open(stack, "onboarded").await?;
    lab.run(&Workload::deployment("web", 3)).await?;
    lab.budget("web", "web", &json!({ "minAvailable": 2 })).await?;
    lab.scale(2).await?;
    let victim = lab.victim().clone();

    // As onboarded, the function stays with the empty node until the last moment.
    lab.send(&Notice::of(&victim).seconds_ago(70)).await?;
    let report = stack.function.report(&victim.instance, 1, Duration::from_secs(150)).await?;

    ensure!(report["outcome"] == "drained", "{report}");
    ensure!(lab.pods_on(&victim).await?.is_empty(), "{report}");
    eventually("three pods run elsewhere", PATIENCE, async || {
        let pods = lab.pods_of("web").await?;
        Ok((pods.iter().filter(|pod| phase(pod) == "Running").count() == 3).then_some(()))
    })
    .await?;
    let group = lab.group().await?;
    ensure!(group.len() == 2 && !group.contains_key(&victim.instance), "{group:?}");
    Ok(())
}

pub(crate) async fn a_second_onboarding_reads_and_writes_nothing(stack: &Stack) -> Result<()> {
    let situation = Situation::begin(stack).await?;
    situation.onboard().await?;
    let (before, policy) = (inventory(stack).await?, versions(stack).await?);

    let words = [situation.role("onboard"), vec!["--yes", "--json"]].concat();
    let report = situation.cli.run(&words).await?.expect(0)?.json()?;

    ensure!(report["complete"] == true && report["written"] == 0, "{report}");
    ensure!(inventory(stack).await? == before && versions(stack).await? == policy, "something was written");
    situation.end().await
}

/// Versions of the shared policy.
async fn versions(stack: &Stack) -> Result<usize> {
    let arn = format!("arn:aws:iam::{}:policy/CastEKSPolicy", cast_spot_real::emulators::ACCOUNT);
    Ok(stack.account.iam.list_policy_versions().policy_arn(arn).send().await?.versions().len())
}

pub(crate) async fn drift_is_shown_and_repaired(stack: &Stack) -> Result<()> {
    let situation = Situation::begin(stack).await?;
    situation.onboard().await?;
    let (lambda, logs) = (&stack.account.lambda, &stack.account.logs);
    lambda.update_function_configuration().function_name(FUNCTION).memory_size(128).send().await?;
    logs.put_retention_policy().log_group_name("/aws/lambda/cast-spot").retention_in_days(1).send().await?;
    let attached = "arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess";
    let principal = format!("cast-eks-{CLUSTER}");
    stack.account.iam.detach_role_policy().role_name(principal).policy_arn(attached).send().await?;
    let bindings: Api<ClusterRoleBinding> = Api::all(stack.kube.clone());
    bindings.delete("cast-spot-handler", &DeleteParams::default()).await?;

    let status = situation.cli.run(&situation.role("status")).await?.expect(1)?;
    let lost = "FAIL  may patch nodes";
    for drift in ["memory_mb", "128", "retention_days", "AmazonEC2ReadOnlyAccess", lost] {
        ensure!(status.out.contains(drift), "{drift} is not in\n{}", status.out);
    }
    ensure!(status.out.contains("cluster lab: get nodes, list nodes, "), "{}", status.out);
    ensure!(!status.out.contains("FAIL  may not get secrets"), "{}", status.out);
    situation.onboard().await?;
    situation.cli.run(&situation.role("status")).await?.expect(0)?;
    let function = lambda.get_function_configuration().function_name(FUNCTION).send().await?;
    ensure!(function.memory_size() == Some(512), "{function:?}");
    situation.end().await
}

pub(crate) async fn a_node_role_in_use_is_removed_only_on_request(stack: &Stack) -> Result<()> {
    let situation = Situation::begin(stack).await?;
    situation.onboard().await?;
    let (iam, ec2) = (&stack.account.iam, &stack.account.ec2);
    let roles = iam.list_roles().send().await?.roles;
    let role = roles.iter().map(Role::role_name).find(|name| name.starts_with("cast-lab-eks-"));
    let role = role.context("a node role")?;
    // Like a node group of EKS: the role in a profile of its own.
    let profile = "eks-node-group";
    iam.create_instance_profile().instance_profile_name(profile).send().await?;
    iam.add_role_to_instance_profile().instance_profile_name(profile).role_name(role).send().await?;
    let run = ec2.run_instances().image_id("ami-12c6146b").min_count(1).max_count(1);
    let of = IamInstanceProfileSpecification::builder().name(profile).build();
    let launched = run.iam_instance_profile(of).send().await?;
    let node = launched.instances().first().and_then(|node| node.instance_id()).context("a node")?;

    let before = inventory(stack).await?;
    let refused = situation.cli.run(&["offboard", "--yes"]).await?.expect(2)?;
    ensure!(refused.err.contains(node) && refused.err.contains("--nodes-lose-access"), "{}", refused.err);
    ensure!(inventory(stack).await? == before, "something was written");

    ec2.terminate_instances().instance_ids(node).send().await?;
    iam.remove_role_from_instance_profile().instance_profile_name(profile).role_name(role).send().await?;
    iam.delete_instance_profile().instance_profile_name(profile).send().await?;
    situation.end().await
}

pub(crate) async fn commands_typed_by_hand_leave_an_empty_plan(stack: &Stack) -> Result<()> {
    let situation = Situation::begin(stack).await?;
    let words = [situation.role("plan"), vec!["--output", "commands"]].concat();
    let commands = situation.cli.run(&words).await?.expect(10)?.out;
    let output = shell(stack, &commands).await?;

    let again = situation.cli.run(&[situation.role("plan"), vec!["--output", "json"]].concat()).await?;
    let plan: Value = again.json()?;
    let steps = plan["steps"].as_array().context("steps")?;
    let undone: Vec<_> = steps.iter().filter(|step| step["action"] != "keep").collect();
    ensure!(undone.is_empty(), "{undone:#?}\n{commands}\n{output}");
    situation.end().await
}

/// For this service the aws command reads no environment variable.
const SQS: &str = r#"aws() { if [ "$1" = sqs ]; then set -- --endpoint-url "$AWS_ENDPOINT_URL" "$@"; fi; command aws "$@"; }
"#;

/// Runs a script up to its first error.
pub(crate) async fn shell(stack: &Stack, script: &str) -> Result<String> {
    let programs = [stack.tools.moto.parent(), Some(stack.tools.control_plane.as_path())];
    let programs: Vec<_> = programs.iter().flatten().map(|folder| folder.display().to_string()).collect();
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", &format!("{SQS}{script}")]).current_dir(&stack.tools.workspace);
    command.env("PATH", format!("{}:/usr/bin:/bin", programs.join(":")));
    command.env("KUBECONFIG", stack.control_plane.kubeconfig()).envs([
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", cast_spot_real::account::REGION),
        ("AWS_PAGER", ""),
        ("AWS_ENDPOINT_URL", &stack.emulators.ministack),
        ("AWS_ENDPOINT_URL_EC2", &stack.emulators.moto),
    ]);
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{CLUSTER}: {}\n{error}\n{script}", output.status);
    Ok(text)
}
