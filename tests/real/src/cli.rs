//! The command line, called as by a person or a pipeline.

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::{
    account::REGION,
    stack::{CLUSTER, Stack},
};

/// `cast-spot` with the environment of a stack.
#[derive(Debug, Clone)]
pub struct Cli {
    program: PathBuf,
    environment: Vec<(String, String)>,
}

/// The result of a call.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Exit code; `None` for a killed program.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Ended {
    /// Standard output as JSON.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.out).with_context(|| format!("{self:?}"))
    }

    /// Fails unless it ended with `code`.
    pub fn expect(self, code: i32) -> Result<Self> {
        ensure!(self.code == Some(code), "exit code {:?}, not {code}\n{}\n{}", self.code, self.out, self.err);
        Ok(self)
    }
}

impl Cli {
    /// A command line for the root of the account, an administrator of the cluster.
    #[must_use]
    pub fn of(stack: &Stack) -> Self {
        let endpoints = stack.environment(&[]).into_iter().filter(|(name, _)| name.starts_with("AWS_"));
        let settings: Vec<_> = endpoints.map(|(name, value)| format!("{name}={value}")).collect();
        let emulators = &stack.emulators;
        let environment = [
            ("PATH", "/usr/bin:/bin"),
            ("HOME", "/nonexistent"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_REGION", REGION),
            ("AWS_ENDPOINT_URL", &emulators.ministack),
            ("AWS_ENDPOINT_URL_EC2", &emulators.moto),
            ("AWS_ENDPOINT_URL_AUTO_SCALING", &emulators.moto),
            ("AWS_ENDPOINT_URL_PRICING", &emulators.moto),
            ("KUBECONFIG", &stack.control_plane.kubeconfig().display().to_string()),
            ("CAST_SPOT_CLUSTER", CLUSTER),
            ("CAST_SPOT_ENV", &settings.join(" ")),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Self { program: stack.tools.cli.clone(), environment }
    }

    /// The same with other environment variables.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same with another access key.
    #[must_use]
    pub fn as_key(self, id: &str, secret: &str) -> Self {
        self.with("AWS_ACCESS_KEY_ID", id).with("AWS_SECRET_ACCESS_KEY", secret)
    }

    /// Runs a command to its end, without a terminal.
    pub async fn run(&self, arguments: &[&str]) -> Result<Ended> {
        let mut command = self.command(arguments);
        let output = tokio::task::spawn_blocking(move || command.output()).await??;
        Ok(Ended {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Starts a command and discards its output.
    pub fn spawn(&self, arguments: &[&str]) -> Result<Child> {
        Ok(self.command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).env_clear().stdin(Stdio::null());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}
