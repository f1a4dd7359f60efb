//! The scheduled self-test, in the function's log and metric.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aws_sdk_eventbridge::types::RuleState;
use cast_spot_real::stack::Stack;
use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use kube::{Api, api::DeleteParams};
use serde_json::Value;

use crate::situation::Situation;

const RULE: &str = "cast-spot-self-test";
/// The instance of a self-test, which does not exist.
const SELF_TEST_INSTANCE: &str = "i-00000000000000000";
/// The shortest possible rate, and a margin.
const PATIENCE: Duration = Duration::from_secs(100);

pub(crate) async fn a_failed_scheduled_self_test_is_logged_and_counted(stack: &Stack) -> Result<()> {
    let situation = Situation::begin(stack).await?;
    situation.onboard().await?;
    // The real schedule has one test a day.
    let hurry = stack.account.event_bridge.put_rule().name(RULE).schedule_expression("rate(1 minute)");
    hurry.state(RuleState::Enabled).send().await?;

    let report = stack.function.report(SELF_TEST_INSTANCE, 1, PATIENCE).await?;
    ensure!(report["outcome"] == "passed" && report["event"]["kind"] == "self_test", "{report}");
    ensure!(failed(stack).await? == [0], "one metric, and nothing failed");

    let bindings: Api<ClusterRoleBinding> = Api::all(stack.kube.clone());
    bindings.delete("cast-spot-handler", &DeleteParams::default()).await?;
    let report = stack.function.report(SELF_TEST_INSTANCE, 2, PATIENCE).await?;
    ensure!(report["outcome"] == "failed", "{report}");
    let log = stack.function.log().await?;
    let errors: Vec<_> = log.iter().filter(|line| line.contains("self-test failed")).collect();
    ensure!(
        errors.len() == 1 && errors[0].contains("ERROR") && errors[0].contains("patch nodes"),
        "{errors:?}"
    );
    ensure!(failed(stack).await?.get(1).is_some_and(|count| *count > 0), "{log:#?}");

    let status = situation.cli.run(&situation.role("status")).await?.expect(1)?;
    ensure!(status.out.contains("schedule: rate(1 minute) -> rate(1 day)"), "{}", status.out);
    situation.onboard().await?;
    situation.cli.run(&situation.role("status")).await?.expect(0)?;
    situation.end().await
}

/// The metric of each self-test.
async fn failed(stack: &Stack) -> Result<Vec<u64>> {
    let lines = stack.function.log().await?;
    let metrics = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let metrics = metrics.filter(|line| !line["SelfTestFailed"].is_null());
    metrics.map(|line| line["SelfTestFailed"].as_u64().context("a count")).collect()
}
