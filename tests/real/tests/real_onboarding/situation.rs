//! The start of each scenario: a command line, a zip, and the inventory before.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use cast_spot_real::{
    cli::Cli,
    inventory::inventory,
    stack::{CLUSTER, Stack},
};

/// A principal of another account that may assume the role.
pub(crate) const CONSOLE: &str = "arn:aws:iam::210987654321:user/cast-crossrole-lab";
/// The external id, a shared secret.
pub(crate) const EXTERNAL_ID: &str = "0b7f5a3e-lab";

/// A scenario's view of the stack.
pub(crate) struct Situation<'s> {
    pub(crate) stack: &'s Stack,
    pub(crate) cli: Cli,
    before: BTreeSet<String>,
    zip: String,
}

impl<'s> Situation<'s> {
    pub(crate) async fn begin(stack: &'s Stack) -> Result<Self> {
        let zip = stack.tools.zip();
        let before = inventory(stack).await?;
        Ok(Self { stack, cli: Cli::of(stack), before, zip: zip.display().to_string() })
    }

    /// The same with another command line.
    pub(crate) fn with(mut self, cli: Cli) -> Self {
        self.cli = cli;
        self
    }

    /// The arguments of an onboarding with a role.
    pub(crate) fn role(&self, command: &'static str) -> Vec<&str> {
        vec![command, "--principal", CONSOLE, "--external-id", EXTERNAL_ID, "--zip", &self.zip]
    }

    /// The arguments of an onboarding with a user.
    pub(crate) fn user(&self, command: &'static str) -> Vec<&str> {
        vec![command, "--mode", "user", "--zip", &self.zip]
    }

    pub(crate) async fn onboard(&self) -> Result<()> {
        let words = [self.role("onboard"), vec!["--yes"]].concat();
        self.cli.run(&words).await?.expect(0)?;
        Ok(())
    }

    /// Offboards, and asserts that the account is as before.
    pub(crate) async fn end(&self) -> Result<()> {
        self.cli.run(&["offboard", "--yes"]).await?.expect(0)?;
        self.is_as_before().await
    }

    pub(crate) async fn is_as_before(&self) -> Result<()> {
        let after = inventory(self.stack).await?;
        let left: Vec<_> = after.difference(&self.before).collect();
        let missing: Vec<_> = self.before.difference(&after).collect();
        ensure!(left.is_empty() && missing.is_empty(), "left of {CLUSTER}: {left:#?}\ngone: {missing:#?}");
        Ok(())
    }

    pub(crate) fn before(&self) -> &BTreeSet<String> {
        &self.before
    }
}
