//! The table of the administrator's actions in `docs/permissions.md`, each with the commands that need it.

use std::{collections::BTreeMap, fmt::Write, fs};

use anyhow::{Context, Result, ensure};
use cast_spot_real::stack::Stack;

const PAGE: &str = "docs/permissions.md";
const BEGIN: &str = "<!-- From here on written by the suite `real_onboarding`: INSTA_UPDATE=always -->\n";
const END: &str = "<!-- Up to here -->\n";

/// Fails if the page is not current, or rewrites it.
#[expect(clippy::disallowed_methods, reason = "an environment variable selects the rewriting")]
pub(crate) fn holds(stack: &Stack, missed: &[(String, &'static str)]) -> Result<()> {
    let file = stack.tools.workspace.join(PAGE);
    let page = fs::read_to_string(&file)?;
    let (before, rest) = page.split_once(BEGIN).context("the page has the table's begin")?;
    let (_, after) = rest.split_once(END).context("the page has the table's end")?;
    let wanted = format!("{before}{BEGIN}{}{END}{after}", table(missed));
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        fs::write(&file, wanted)?;
    } else {
        ensure!(page == wanted, "{PAGE} is out of date, INSTA_UPDATE=always rewrites it:\n{}", table(missed));
    }
    Ok(())
}

/// One line for each command, in the order of a cluster's life.
fn table(missed: &[(String, &'static str)]) -> String {
    let mut commands: Vec<&str> = Vec::new();
    let mut actions: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (action, command) in missed {
        if !commands.contains(command) {
            commands.push(command);
        }
        actions.entry(command).or_default().push(format!("`{action}`"));
    }
    commands.sort_unstable();
    let mut table = "\n| command | refused without any one of |\n|---|---|\n".to_owned();
    for command in commands {
        // Writing to a String cannot fail.
        let _ = writeln!(table, "| {command} | {} |", actions[command].join(", "));
    }
    table + "\n"
}
