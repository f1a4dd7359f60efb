//! `cast-spot rollback`: returns the function to the code before its last change.

use std::process::ExitCode;

use cast_spot_provisioner::{names::FUNCTION, provider::RolledBack};

use crate::{
    environment::Environment,
    error::{CliError, EXIT_USAGE},
    plan::table::green,
    session,
    target::TargetArgs,
    workflow::{confirm, ensure_interactive},
};

const EXAMPLES: &str = "\
Examples:
  cast-spot rollback --yes           the code before the last `cast-spot onboard --zip`
  cast-spot rollback --yes           once more: forward again

Clusters, settings, permissions and rules do not change. The function serves all clusters of the region.
The next `cast-spot onboard` deploys the zip in target/lambda again, unless --zip names that of the earlier release.

Exit codes:
  0    the earlier code runs
  2    wrong call, or it was not confirmed
  4    there is no earlier code, or AWS refused or cannot be reached (permissions, credentials, network)";

/// Return the function to the code before its last change
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    target: TargetArgs,

    /// Do not ask for confirmation
    #[arg(long, short, help_heading = "How")]
    yes: bool,
}

/// Runs the command.
pub(crate) fn run(args: &Args, environment: &Environment) -> ExitCode {
    session::run(async |screen| {
        let target = args.target.read(environment)?;
        if !args.yes {
            ensure_interactive(screen)?;
        }
        let provider = session::connect(&target).await?;
        if !args.yes {
            let identity = provider.identity().await?;
            let question = question(provider.region(), &identity.account, &provider.rollback().await?);
            let confirmed = confirm(&question, &["yes"], screen);
            confirmed.map_err(|error| CliError { code: EXIT_USAGE, ..error })?;
        }
        screen.print(&words(&provider.roll_back().await?))?;
        Ok(0)
    })
}

fn question(region: &str, account: &str, rollback: &RolledBack) -> String {
    let RolledBack { version, from, to } = rollback;
    format!(
        "Function {FUNCTION} in {region} of account {account} gets the code of version {version}:\n\
         {to} instead of {from}\n\
         Type yes to continue: "
    )
}

fn words(done: &RolledBack) -> String {
    format!(
        "{} function {FUNCTION} runs the code of version {}: {} instead of {}\n\
         hint: `cast-spot status` tests it; `cast-spot rollback` goes forward again; `cast-spot onboard` deploys the zip\n\
         in target/lambda again unless --zip names another one\n",
        green("✓"),
        done.version,
        done.to,
        done.from
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::capture::screen;

    fn rollback() -> RolledBack {
        RolledBack { version: "7".to_owned(), from: "LATER".to_owned(), to: "EARLIER".to_owned() }
    }

    #[test]
    fn the_question_names_both_codes() {
        let question = question("eu-west-1", "123456789012", &rollback());
        for word in ["eu-west-1", "123456789012", "version 7", "EARLIER instead of LATER"] {
            assert!(question.contains(word), "{word}: {question}");
        }
        for (answer, is_confirmed) in [("yes\n", true), ("y\n", false), ("\n", false)] {
            assert_eq!(confirm(&question, &["yes"], &mut screen(answer).0).is_ok(), is_confirmed, "{answer}");
        }
    }

    #[test]
    fn the_result_names_what_would_undo_it() {
        assert!(words(&rollback()).contains("in target/lambda again unless --zip"), "{}", words(&rollback()));
        assert!(EXAMPLES.contains("the zip in target/lambda again"));
    }
}
