//! `cast-spot rollback`: the function gets the code that it had before the last change.

use std::process::ExitCode;

use cast_spot_provisioner::{names::FUNCTION, provider::RolledBack};

use crate::{
    environment::Environment,
    plan::table::green,
    refusal::Refusal,
    session,
    target::TargetArgs,
    terminal::{Complaint, Screen},
};

const EXAMPLES: &str = "\
Examples:
  cast-spot rollback --yes           the code before the last `cast-spot onboard --zip`
  cast-spot rollback --yes           once more: forward again

Clusters, settings, rights and rules stay as they are. It is the function of the region, for all of its clusters.
The next `cast-spot onboard` deploys the zip in target/lambda again, unless --zip names that of the earlier release.

Exit codes:
  0    the earlier code runs
  2    wrong call
  4    there is no earlier code, or AWS refused or cannot be reached (rights, credentials, network)";

/// Give the function the code that it had before the last change
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    target: TargetArgs,

    /// Do not ask
    #[arg(long, short, help_heading = "How")]
    yes: bool,
}

/// Runs the command.
pub(crate) fn run(args: &Args, environment: &Environment) -> ExitCode {
    session::run(async {
        let mut complaints = Vec::new();
        let target = args.target.read(environment, &mut complaints);
        if !complaints.is_empty() {
            return Err(Refusal::wrong_call(complaints));
        }
        let mut screen = Screen::standard();
        if !args.yes && !screen.has_person {
            return Err(not_confirmed());
        }
        let provider = session::connect(&target).await?;
        if !args.yes {
            let identity = provider.identity().await?;
            let rollback = provider.rollback().await?;
            confirm(&question(provider.region(), &identity.account, &rollback), &mut screen)?;
        }
        let done = provider.roll_back().await?;
        screen.print(&words(&done))?;
        Ok(0)
    })
}

fn question(region: &str, account: &str, rollback: &RolledBack) -> String {
    let RolledBack { version, from, to } = rollback;
    format!(
        "Function {FUNCTION} in {region} of account {account} gets the code of version {version}:\n\
         {to} in the place of {from}\n\
         Type yes to go on: "
    )
}

fn confirm(question: &str, screen: &mut Screen) -> Result<(), Refusal> {
    if screen.ask(question)? == "yes" { Ok(()) } else { Err(not_confirmed()) }
}

fn not_confirmed() -> Refusal {
    let complaint = Complaint::new("not confirmed; nothing was written", "type `yes`, or give --yes");
    Refusal::wrong_call(vec![complaint])
}

fn words(done: &RolledBack) -> String {
    format!(
        "{} function {FUNCTION} runs the code of version {}: {} in the place of {}\n\
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
    use crate::terminal::recorded::screen;

    fn rollback() -> RolledBack {
        RolledBack { version: "7".to_owned(), from: "LATER".to_owned(), to: "EARLIER".to_owned() }
    }

    #[test]
    fn a_rollback_asks_with_what_it_swaps() {
        let question = question("eu-west-1", "123456789012", &rollback());
        for word in ["eu-west-1", "123456789012", "version 7", "EARLIER in the place of LATER"] {
            assert!(question.contains(word), "{word}: {question}");
        }
        for (answer, is_confirmed) in [("yes\n", true), ("y\n", false), ("\n", false)] {
            assert_eq!(confirm(&question, &mut screen(answer).0).is_ok(), is_confirmed, "{answer}");
        }
    }

    #[test]
    fn a_rollback_names_what_would_undo_it() {
        assert!(words(&rollback()).contains("in target/lambda again unless --zip"), "{}", words(&rollback()));
        assert!(EXAMPLES.contains("the zip in target/lambda again"));
    }
}
