//! The address of a running stack: for other programs as `stack.json`, for a shell as `env`.

use std::{
    fmt::Write as _,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use cast_spot_real::{
    account::{Account, REGION},
    stack::{CLUSTER, Stack},
};
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde::{Deserialize, Serialize};

const FILE: &str = "stack.json";

/// Everything needed to talk to a running stack.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Address {
    /// The stack's folder.
    pub(crate) folder: PathBuf,
    moto: String,
    ministack: String,
    kubeconfig: PathBuf,
    kubectl: PathBuf,
    aws: PathBuf,
    cast_spot: PathBuf,
    /// Settings that a function needs to reach this stack, `NAME=VALUE`.
    settings: Vec<String>,
}

impl Address {
    pub(crate) fn of(stack: &Stack) -> Result<Self> {
        let endpoints = stack.environment(&[]).into_iter().filter(|(name, _)| name.starts_with("AWS_"));
        Ok(Self {
            folder: fs::canonicalize(&stack.folder)?,
            moto: stack.emulators.moto.clone(),
            ministack: stack.emulators.ministack.clone(),
            kubeconfig: stack.control_plane.kubeconfig(),
            kubectl: stack.tools.control_plane.join("kubectl"),
            aws: stack.tools.moto.with_file_name("aws"),
            cast_spot: stack.tools.cli.clone(),
            settings: endpoints.map(|(name, value)| format!("{name}={value}")).collect(),
        })
    }

    /// The address in `folder`, if its stack answers.
    pub(crate) async fn of_running(folder: &Path) -> Option<Self> {
        let address = Self::read(folder).ok()?;
        address.kube().await.ok()?.apiserver_version().await.ok()?;
        let account = address.account().await;
        account.ec2.describe_instances().send().await.ok()?;
        account.event_bridge.list_rules().send().await.ok()?;
        Some(address)
    }

    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let file = folder.join(FILE);
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        Ok(serde_json::from_str(&text)?)
    }

    /// Writes it into the folder, with links to the programs that people use: their own folders have others that a
    /// shell should not find.
    pub(crate) fn write(&self) -> Result<()> {
        let programs = self.programs();
        fs::create_dir_all(&programs)?;
        symlink(&self.kubectl, programs.join("kubectl"))?;
        symlink(&self.aws, programs.join("aws"))?;
        symlink(&self.cast_spot, programs.join("cast-spot"))?;
        fs::write(self.folder.join("env"), self.shell())?;
        fs::write(self.folder.join(FILE), serde_json::to_string_pretty(self)?)?;
        Ok(())
    }

    pub(crate) async fn account(&self) -> Account {
        Account::at(&self.moto, &self.ministack).await
    }

    pub(crate) async fn kube(&self) -> Result<kube::Client> {
        let file = Kubeconfig::read_from(&self.kubeconfig)?;
        let config = kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?;
        Ok(config.try_into()?)
    }

    /// The address as a script for `sh`.
    pub(crate) fn shell(&self) -> String {
        let mut lines = String::new();
        for (name, value) in [
            ("KUBECONFIG", self.kubeconfig.display().to_string().as_str()),
            ("AWS_ENDPOINT_URL", &self.ministack),
            ("AWS_ENDPOINT_URL_EC2", &self.moto),
            ("AWS_ENDPOINT_URL_AUTO_SCALING", &self.moto),
            ("AWS_ENDPOINT_URL_PRICING", &self.moto),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_REGION", REGION),
            ("AWS_DEFAULT_REGION", REGION),
            ("CAST_SPOT_CLUSTER", CLUSTER),
            ("CAST_SPOT_ENV", &self.settings.join(" ")),
        ] {
            let _ = writeln!(lines, "export {name}={}", quoted(value));
        }
        // A session or a profile of a real account does not belong here.
        lines.push_str("unset AWS_SESSION_TOKEN AWS_PROFILE AWS_DEFAULT_PROFILE\n");
        let _ = writeln!(lines, "export PATH={}:\"$PATH\"", quoted(&self.programs().display().to_string()));
        lines
    }

    fn programs(&self) -> PathBuf {
        self.folder.join("bin")
    }
}

/// This program. Not `current_exe`: a build that has replaced it meanwhile would leave none there.
pub(crate) fn program() -> Result<PathBuf> {
    let called = std::env::args_os().next().context("a program has a name")?;
    Ok(std::path::absolute(called)?)
}

/// Quotes a text as one word of `sh`.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-:".contains(c);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}
