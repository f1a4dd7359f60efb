//! The objects as a file that something else applies.

use std::process::Command;

use anyhow::{Result, ensure};
use cast_spot_real::{emulators::ACCOUNT, stack::Stack};

use crate::situation::Situation;

async fn kubectl(stack: &Stack, file: &str) -> Result<()> {
    let path = stack.folder.join("agent.yaml");
    std::fs::write(&path, file)?;
    let mut command = Command::new(stack.tools.control_plane.join("kubectl"));
    command.args(["apply", "--server-side", "--field-manager=cast-spot", "-f"]).arg(&path);
    command.env("KUBECONFIG", stack.control_plane.kubeconfig());
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{stderr}");
    ensure!(!stderr.contains("Warning"), "{stderr}");
    Ok(())
}

pub(crate) async fn a_file_applied_by_kubectl_leaves_an_empty_plan(stack: &Stack) -> Result<()> {
    let situation = Situation::begin(stack).await?;
    let words = ["connect", "--account", ACCOUNT, "--output", "yaml", "--include-token"];
    let file = situation.run_openly(&words).await?.expect(0)?;
    kubectl(stack, &file.out).await?;
    let planned = situation.plan().await?.expect(0)?;
    ensure!(planned.out.contains("Nothing to do: all 19"), "{}", planned.out);
    situation.end().await
}

pub(crate) async fn a_file_without_a_token_leaves_only_the_secret(stack: &Stack) -> Result<()> {
    let situation = Situation::begin(stack).await?;
    let offline = situation.with("CAST_SPOT_AGENT_TOKEN", "").with("KUBECONFIG", "/nonexistent");
    let file = offline.run(&["connect", "--account", ACCOUNT, "--output", "yaml"]).await?.expect(0)?;
    kubectl(stack, &file.out).await?;
    let missing =
        situation.with("CAST_SPOT_AGENT_TOKEN", "").run(&["connect", "--dry-run"]).await?.expect(2)?;
    ensure!(
        missing.err.contains("token: missing") && missing.err.contains("CAST_SPOT_AGENT_TOKEN"),
        "{missing:?}"
    );
    let planned = situation.plan().await?.expect(10)?;
    ensure!(planned.out.contains("create   Secret"), "{}", planned.out);
    ensure!(planned.out.contains("Plan: 1 to create, 18 to keep"), "{}", planned.out);
    situation.connect(&[]).await?.expect(0)?;
    situation.end().await
}
