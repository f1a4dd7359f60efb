//! The function in the emulated Lambda: the binary that ships, its role, its settings, its log.

use std::{fs, process::Command, time::Duration};

use anyhow::{Context, Result, ensure};
use aws_sdk_cloudwatchlogs::operation::filter_log_events::FilterLogEventsError;
use aws_sdk_lambda::{
    primitives::Blob,
    types::{Architecture, Environment, FunctionCode, InvocationType, Runtime, State},
};
use serde_json::Value;

use crate::{account::Account, clock::eventually, tools::Tools};

/// Timeout of the functions: that of cargo-lambda.toml.
const TIMEOUT: i32 = 150;

/// A deployed function.
#[derive(Debug, Clone)]
pub struct Function {
    account: Account,
    /// Its name.
    pub name: String,
}

/// The answer of a synchronous invocation.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The function's return value, or its error document.
    pub payload: Value,
    /// `Unhandled` if the function failed.
    pub error: Option<String>,
}

impl Function {
    /// The function of that name, which need not exist yet.
    #[must_use]
    pub fn named(account: &Account, name: &str) -> Self {
        Self { account: account.clone(), name: name.to_owned() }
    }

    /// Deploys the function with `cargo deploy-lambda`, as in the README; `environment` is passed as `--env-var`.
    pub async fn deploy(
        &self,
        tools: &Tools,
        endpoint: &str,
        role: &str,
        environment: &[(String, String)],
    ) -> Result<()> {
        let mut command = Command::new("cargo");
        command
            .current_dir(&tools.workspace)
            .args(["deploy-lambda", "--endpoint-url", endpoint, "--role", role])
            .args(["--region", crate::account::REGION])
            .envs([("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")]);
        for (name, value) in environment {
            command.args(["--env-var", &format!("{name}={value}")]);
        }
        // cargo-lambda writes the zip that it uploads, and other suites deploy at the same time.
        let lock = fs::File::create(tools.workspace.join("target/real/deploy.lock"))?;
        let deploy = move || lock.lock().and_then(|()| command.output());
        let output = tokio::task::spawn_blocking(deploy).await??;
        ensure!(
            output.status.success(),
            "cargo deploy-lambda: {}\n{}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        self.active().await
    }

    /// Creates another function of the same code.
    pub async fn create(
        account: &Account,
        tools: &Tools,
        name: &str,
        role: &str,
        environment: &[(String, String)],
    ) -> Result<Self> {
        let zip = tools.zip();
        let code = fs::read(&zip)
            .with_context(|| format!("{}\nhint: cargo build-lambda --output-format zip", zip.display()))?;
        let variables = environment.iter().cloned().collect();
        let call = account
            .lambda
            .create_function()
            .function_name(name)
            .role(role)
            .runtime(Runtime::Providedal2023)
            .architectures(Architecture::X8664)
            .handler("bootstrap")
            .timeout(TIMEOUT)
            .memory_size(512)
            .environment(Environment::builder().set_variables(Some(variables)).build())
            .code(FunctionCode::builder().zip_file(Blob::new(code)).build());
        call.send().await.with_context(|| format!("function {name}"))?;
        let function = Self::named(account, name);
        function.active().await?;
        Ok(function)
    }

    async fn active(&self) -> Result<()> {
        eventually(&format!("function {} is Active", self.name), Duration::from_secs(20), async || {
            let found =
                self.account.lambda.get_function_configuration().function_name(&self.name).send().await?;
            Ok((found.state() == Some(&State::Active)).then_some(()))
        })
        .await
    }

    /// Invokes the function and waits for its answer.
    pub async fn invoke(&self, payload: &Value) -> Result<Answer> {
        let call = self.account.lambda.invoke().function_name(&self.name);
        let answer = call.payload(Blob::new(payload.to_string())).send().await?;
        let body = answer.payload().map(|body| body.as_ref().to_owned()).unwrap_or_default();
        Ok(Answer { payload: serde_json::from_slice(&body)?, error: answer.function_error })
    }

    /// Invokes the function asynchronously, as EventBridge does: without an answer, with retries after errors.
    pub async fn invoke_later(&self, payload: &Value) -> Result<()> {
        let call =
            self.account.lambda.invoke().function_name(&self.name).invocation_type(InvocationType::Event);
        call.payload(Blob::new(payload.to_string())).send().await?;
        Ok(())
    }

    /// The lines of the function's log.
    pub async fn log(&self) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        let mut token = None;
        loop {
            let call =
                self.account.logs.filter_log_events().log_group_name(format!("/aws/lambda/{}", self.name));
            let page = match call.set_next_token(token).send().await {
                Ok(page) => page,
                // Before the first invocation there is no log group.
                Err(error)
                    if error
                        .as_service_error()
                        .is_some_and(FilterLogEventsError::is_resource_not_found_exception) =>
                {
                    break;
                }
                Err(error) => return Err(error.into()),
            };
            let messages = page.events.into_iter().flatten().filter_map(|event| event.message);
            lines.extend(messages.flat_map(|message| message.lines().map(str::to_owned).collect::<Vec<_>>()));
            token = page.next_token;
            if token.is_none() {
                break;
            }
        }
        Ok(lines)
    }

    /// The reports on an instance in the function's log, oldest first.
    pub async fn reports(&self, instance: &str) -> Result<Vec<Value>> {
        let lines = self.log().await?;
        let reports = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        Ok(reports
            .filter(|line| line["schema"] == "cast-spot.report/1" && line["event"]["instance_id"] == instance)
            .collect())
    }

    /// Waits for the `nth` report (from 1) on an instance.
    pub async fn report(&self, instance: &str, nth: usize, patience: Duration) -> Result<Value> {
        eventually(&format!("report {nth} of {} on {instance}", self.name), patience, async || {
            Ok(self.reports(instance).await?.into_iter().nth(nth - 1))
        })
        .await
    }
}
