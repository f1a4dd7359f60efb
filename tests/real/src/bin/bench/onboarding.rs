//! AWS calls of onboarding and offboarding, counted by their authorizations.

use std::{collections::BTreeMap, fmt::Write, path::Path};

use anyhow::Result;
use cast_spot_real::{cli::Cli, stack::Stack, tools::Tools};
use serde::Serialize;

/// A principal of another account.
const CONSOLE: &str = "arn:aws:iam::210987654321:user/console";
/// Access key of the account's root, whose calls are counted.
const KEY: &str = "test";

/// The second onboarding of an unchanged cluster: it must write nothing.
pub(crate) const NOTHING_TO_DO: &str = "onboard, nothing to do";

/// One command.
#[derive(Debug, Serialize)]
pub(crate) struct Command {
    pub(crate) name: &'static str,
    reads: usize,
    pub(crate) writes: usize,
    /// Calls by action.
    calls: BTreeMap<String, usize>,
}

/// Counts the calls of onboarding, of a second onboarding, and of offboarding.
pub(crate) async fn measure(tools: Tools, folder: &Path) -> Result<Vec<Command>> {
    let zip = tools.zip().display().to_string();
    let stack = Stack::bare(tools, folder, |step| eprintln!("{step}")).await?;
    let cli = Cli::of(&stack);
    let onboarding = |command| vec![command, "--principal", CONSOLE, "--external-id", "bench", "--zip", &zip];
    let onboard = [onboarding("onboard"), vec!["--yes"]].concat();
    let mut commands = Vec::new();
    for (name, words) in [
        ("plan", onboarding("plan")),
        ("onboard", onboard.clone()),
        (NOTHING_TO_DO, onboard),
        ("status", onboarding("status")),
        ("offboard", vec!["offboard", "--yes"]),
    ] {
        eprintln!("{name}");
        let before = stack.emulators.calls_of(KEY)?.len();
        cli.run(&words).await?.expect(if name == "plan" { 10 } else { 0 })?;
        commands.push(Command::of(name, &stack.emulators.calls_of(KEY)?[before..]));
    }
    Ok(commands)
}

impl Command {
    fn of(name: &'static str, actions: &[String]) -> Self {
        let mut calls = BTreeMap::new();
        for action in actions {
            *calls.entry(action.clone()).or_default() += 1;
        }
        let reads = actions.iter().filter(|action| is_read(action)).count();
        Self { name, reads, writes: actions.len() - reads, calls }
    }
}

fn is_read(action: &str) -> bool {
    let name = action.split(':').nth(1).unwrap_or_default();
    // The synthetic notice of `status` is a dry run.
    ["Get", "List", "Describe", "Simulate", "InvokeFunction"].iter().any(|read| name.starts_with(read))
}

/// A table of the commands.
pub(crate) fn markdown(commands: &[Command]) -> String {
    let mut out = "| command | reads | writes |\n|---|---|---|\n".to_owned();
    for command in commands {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "| {} | {} | {} |", command.name, command.reads, command.writes);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_that_only_observe_are_reads() {
        let actions = ["iam:GetRole", "iam:CreateRole", "sts:GetCallerIdentity", "lambda:InvokeFunction"];
        let command = Command::of("x", &actions.map(str::to_owned));
        assert_eq!((command.reads, command.writes), (3, 1));
    }
}
