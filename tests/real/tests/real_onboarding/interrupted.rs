//! Disturbed onboardings: killed, concurrent, in conflict with foreign resources.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use cast_spot_real::{
    account::Account,
    inventory::inventory,
    stack::{CLUSTER, HANDLER_ROLE, Stack},
};
use tokio::time::sleep;

use crate::situation::Situation;

/// Moments at which the program is killed. It takes about a second here.
const MOMENTS_MS: [u64; 8] = [150, 300, 400, 500, 600, 750, 900, 1_200];

pub(crate) async fn a_killed_onboarding_is_finished_by_the_next(stack: &Stack) -> Result<()> {
    let situation = Situation::begin(stack).await?;
    situation.onboard().await?;
    let whole = names(stack).await?;
    situation.end().await?;

    let words = [situation.role("onboard"), vec!["--yes"]].concat();
    let killed_after = async |moment| -> Result<()> {
        let mut child = situation.cli.spawn(&words)?;
        sleep(Duration::from_millis(moment)).await;
        child.kill()?;
        child.wait()?;
        Ok(())
    };
    for moment in MOMENTS_MS {
        killed_after(moment).await?;
        situation.onboard().await.with_context(|| format!("after {moment} ms"))?;
        let finished = names(stack).await?;
        ensure!(finished == whole, "after {moment} ms: {finished:#?}");
        situation.end().await?;
        // Offboarding works from the point where it was killed, too.
        killed_after(moment).await?;
        situation.end().await.with_context(|| format!("after {moment} ms"))?;
    }
    Ok(())
}

/// The inventory without unique ids of roles, which differ each time.
async fn names(stack: &Stack) -> Result<Vec<String>> {
    let lines = inventory(stack).await?;
    Ok(lines.into_iter().map(|line| line.split("\"AROA").next().unwrap_or_default().to_owned()).collect())
}

pub(crate) async fn two_onboardings_at_once_end_as_one(stack: &Stack) -> Result<()> {
    let situation = Situation::begin(stack).await?;
    let words = [situation.role("onboard"), vec!["--yes"]].concat();
    let (one, two) = tokio::try_join!(situation.cli.run(&words), situation.cli.run(&words))?;
    one.expect(0)?;
    two.expect(0)?;
    situation.cli.run(&situation.role("status")).await?.expect(0)?;
    situation.end().await
}

pub(crate) async fn a_foreign_object_is_a_conflict_and_nothing_is_written(stack: &Stack) -> Result<()> {
    let situation = Situation::begin(stack).await?;
    foreign_role(&stack.account).await?;
    let before = inventory(stack).await?;

    let words = [situation.role("onboard"), vec!["--yes"]].concat();
    let refused = situation.cli.run(&words).await?.expect(3)?;
    ensure!(refused.err.contains(HANDLER_ROLE) || refused.out.contains(HANDLER_ROLE), "{refused:?}");
    ensure!(inventory(stack).await? == before, "something was written");
    situation.cli.run(&["offboard", "--yes"]).await?.expect(1)?;
    ensure!(inventory(stack).await? == before, "a foreign resource was deleted");

    let adopting = [situation.role("onboard"), vec!["--yes", "--adopt"]].concat();
    situation.cli.run(&adopting).await?.expect(0)?;
    situation.cli.run(&situation.role("status")).await?.expect(0)?;
    situation.end().await
}

async fn foreign_role(account: &Account) -> Result<()> {
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    account.iam.create_role().role_name(HANDLER_ROLE).assume_role_policy_document(trust).send().await?;
    Ok(())
}

pub(crate) async fn a_recreated_role_gets_a_new_access_entry(stack: &Stack) -> Result<()> {
    let situation = Situation::begin(stack).await?;
    situation.onboard().await?;
    let eks = &stack.account.eks;
    let arn = format!("arn:aws:iam::{}:role/{HANDLER_ROLE}", cast_spot_real::emulators::ACCOUNT);
    let entry = || eks.describe_access_entry().cluster_name(CLUSTER).principal_arn(&arn).send();
    let first = entry().await?.access_entry.context("an access entry")?.access_entry_arn;

    // The role is deleted with its contents, and onboarding recreates it.
    let iam = &stack.account.iam;
    for policy in iam.list_attached_role_policies().role_name(HANDLER_ROLE).send().await?.attached_policies()
    {
        let detach = iam.detach_role_policy().role_name(HANDLER_ROLE);
        detach.set_policy_arn(policy.policy_arn.clone()).send().await?;
    }
    for name in iam.list_role_policies().role_name(HANDLER_ROLE).send().await?.policy_names() {
        iam.delete_role_policy().role_name(HANDLER_ROLE).policy_name(name).send().await?;
    }
    iam.delete_role().role_name(HANDLER_ROLE).send().await?;
    let planned = situation.cli.run(&situation.role("plan")).await?.expect(10)?;
    ensure!(planned.out.contains("recreated"), "{}", planned.out);
    situation.onboard().await?;

    let second = entry().await?.access_entry.context("an access entry")?.access_entry_arn;
    ensure!(first != second, "{first:?} is still there");
    situation.cli.run(&situation.role("status")).await?.expect(0)?;
    situation.end().await
}
