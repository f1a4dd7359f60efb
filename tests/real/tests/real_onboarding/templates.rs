//! The templates of `infra/cloudformation/`, deployed with the commands of docs/cloudformation.md: the library finds
//! what it would have created, but for what CloudFormation cannot create.

use std::{collections::BTreeSet, fs};

use anyhow::{Context, Result, ensure};
use cast_spot_real::{
    account::REGION,
    stack::{CLUSTER, HANDLER_ROLE, Stack},
};
use serde_json::Value;

use crate::{
    situation::{CONSOLE, EXTERNAL_ID, Situation},
    story::shell,
};

pub(crate) async fn stacks_equal_the_library_and_are_deleted_without_a_trace(stack: &Stack) -> Result<()> {
    let mut situation = Situation::begin(stack).await?;
    // The settings of the other scenarios are endpoints, which no template has.
    situation.cli = situation.cli.with("CAST_SPOT_ENV", "");
    let commands = commands(stack)?;
    let [make, as_user, remove] = &commands[..] else { anyhow::bail!("not three blocks: {commands:#?}") };

    shell(stack, &in_the_lab(stack, make)).await?;
    let untagged = ["CastEKSPolicy", "CastEKSRestrictedAccess-", "cast-lab-eks-"];
    let recorded = [HANDLER_ROLE, "cast-eks-lab"];
    is_as_planned(&situation, &situation.role("plan"), &untagged, &recorded, &[]).await?;

    shell(stack, &in_the_lab(stack, as_user)).await?;
    let missing = ["create access_key cast-eks-lab"];
    is_as_planned(&situation, &situation.user("plan"), &untagged, &recorded[..1], &missing).await?;

    shell(stack, &in_the_lab(stack, remove)).await?;
    situation.is_as_before().await
}

/// The blocks of commands on the page.
fn commands(stack: &Stack) -> Result<Vec<String>> {
    let page = fs::read_to_string(stack.tools.workspace.join("docs/cloudformation.md"))?;
    let blocks = page.split("```bash\n").skip(1).filter_map(|rest| rest.split_once("```"));
    Ok(blocks.map(|(commands, _)| commands.to_owned()).collect())
}

/// Fills in the names of the page's placeholders. The zip is the one that the plan compares with: other suites write the
/// page's when they deploy.
fn in_the_lab(stack: &Stack, commands: &str) -> String {
    let commands = commands
        .replace("target/lambda/cast-spot-handler/bootstrap.zip", &stack.tools.zip().to_string_lossy());
    format!(
        "export AWS_DEFAULT_REGION={REGION} CLUSTER={CLUSTER} BUCKET=cast-spot-code PRINCIPAL={CONSOLE} \
         EXTERNAL_ID={EXTERNAL_ID}\n{commands}"
    )
}

/// With `--adopt`, the plan only tags what is `untagged`, records code and choices in the tags of the roles `recorded` and
/// does what is `missing`; without, it says whose the untagged are.
async fn is_as_planned(
    situation: &Situation<'_>,
    words: &[&str],
    untagged: &[&str],
    recorded: &[&str],
    missing: &[&str],
) -> Result<()> {
    let json = ["--output", "json"];
    let steps = steps(situation, &[words, &json, &["--adopt"]].concat()).await?;
    let (mut tagged, mut done) = (BTreeSet::new(), BTreeSet::new());
    for step in steps.iter().filter(|step| step["action"] != "keep") {
        let changes: Vec<_> = step["changes"].as_array().into_iter().flatten().collect();
        let only_tags =
            changes.iter().all(|change| change["field"].as_str().is_some_and(|f| f.starts_with("tags.")));
        if step["action"] == "update" && only_tags {
            tagged.insert(name(step));
        } else {
            let kind = step["id"]["kind"].as_str().unwrap_or_default();
            done.insert(format!("{} {kind} {}", step["action"].as_str().unwrap_or_default(), name(step)));
        }
    }
    ensure!(done == missing.iter().map(ToString::to_string).collect(), "{steps:#?}");
    ensure!(recorded.iter().all(|role| tagged.remove(*role)), "not all of {recorded:?}: {tagged:?}");
    let expected = |name: &String| untagged.iter().any(|prefix| name.starts_with(prefix));
    ensure!(tagged.len() == untagged.len() && tagged.iter().all(expected), "{tagged:?}");

    let steps = self::steps(situation, &[words, &json].concat()).await?;
    let conflicts: BTreeSet<_> = steps.iter().filter(|step| step["action"] == "conflict").map(name).collect();
    ensure!(conflicts == tagged, "{conflicts:?}, not {tagged:?}");
    Ok(())
}

async fn steps(situation: &Situation<'_>, words: &[&str]) -> Result<Vec<Value>> {
    let plan = situation.cli.run(words).await?.json()?;
    Ok(plan["steps"].as_array().context("steps")?.clone())
}

fn name(step: &Value) -> String {
    step["id"]["name"].as_str().unwrap_or_default().to_owned()
}
