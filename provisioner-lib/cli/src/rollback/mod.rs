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
        if !args.yes {
            confirm(&mut screen)?;
        }
        let provider = session::connect(&target).await?;
        let done = provider.roll_back().await?;
        screen.print(&words(&done))?;
        Ok(0)
    })
}

fn confirm(screen: &mut Screen) -> Result<(), Refusal> {
    if screen.has_person {
        let question = format!("Function {FUNCTION} gets the code that it had before. Type yes to go on: ");
        if screen.ask(&question)? == "yes" {
            return Ok(());
        }
    }
    let complaint = Complaint::new("not confirmed; nothing was written", "type `yes`, or give --yes");
    Err(Refusal::wrong_call(vec![complaint]))
}

fn words(done: &RolledBack) -> String {
    format!(
        "{} function {FUNCTION} runs the code of version {}: {} in the place of {}\n\
         hint: `cast-spot status` tests it; `cast-spot rollback` goes forward again\n",
        green("✓"),
        done.version,
        done.to,
        done.from
    )
}
