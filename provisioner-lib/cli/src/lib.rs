//! The command line of cast-spot: parses, calls the libraries, renders.
//!
//! Each command has a module with its options, its help text and its `run`. Commands that apply a plan share one
//! workflow: they show the plan, ask, apply it, and report the result. Results go to standard output, all else to
//! standard error. `--json` prints one document, and the exit code is part of the interface.
//!
//! ```
//! // One Spot interruption in a simulated cluster.
//! let code = cast_spot::run(["cast-spot", "rehearse", "--pods-per-node", "1"], |_| None);
//! assert_eq!(code, 0, "every pod ended gracefully");
//!
//! // The options contradict each other, so nothing runs.
//! let code = cast_spot::run(["cast-spot", "rehearse", "--nodes", "9", "--cluster-nodes", "3"], |_| None);
//! assert_eq!(code, 2);
//! ```

mod choices;
mod connect;
mod disconnect;
mod environment;
mod error;
mod escapes;
mod offboard;
mod onboard;
mod plan;
mod policy;
mod prices;
mod rehearse;
mod rollback;
mod savings;
mod session;
mod status;
mod style;
mod target;
mod terminal;
#[cfg(test)]
mod tests;
mod workflow;
mod zip;

use std::ffi::OsString;

use clap::{Parser, Subcommand};

use environment::Environment;
use error::EXIT_USAGE;
use terminal::Screen;

/// Handle EC2 Spot interruptions on EKS without disruption.
#[derive(Debug, Parser)]
#[command(name = "cast-spot", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = include_str!("help.txt"))]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Plan(plan::Args),
    Onboard(onboard::Args),
    Status(status::Args),
    Rollback(rollback::Args),
    Offboard(offboard::Args),
    Connect(connect::Args),
    Disconnect(disconnect::Args),
    Policy(policy::Args),
    Savings(savings::Args),
    Prices(prices::Args),
    Rehearse(rehearse::Args),
}

/// Runs the command line `args`, whose first element is the program, with the environment that `variable` reads.
/// Returns the exit code.
pub fn run<A: Into<OsString> + Clone>(
    args: impl IntoIterator<Item = A>,
    variable: impl Fn(&str) -> Option<OsString>,
) -> u8 {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            let (mut screen, text) = (Screen::standard(), error.render().ansi().to_string());
            if error.use_stderr() {
                screen.eprint(&text);
                return EXIT_USAGE;
            }
            return session::exit_code(screen.print(&text).map(|()| 0).map_err(Into::into), &mut screen);
        }
    };
    let environment = Environment::read(variable);
    match cli.command {
        Command::Plan(args) => plan::run(&args, &environment),
        Command::Onboard(args) => onboard::run(&args, &environment),
        Command::Status(args) => status::run(&args, &environment),
        Command::Rollback(args) => rollback::run(&args, &environment),
        Command::Offboard(args) => offboard::run(&args, &environment),
        Command::Connect(args) => connect::run(&args, &environment),
        Command::Disconnect(args) => disconnect::run(&args, &environment),
        Command::Policy(args) => policy::run(&args, &environment),
        Command::Savings(args) => savings::run(&args, &environment),
        Command::Prices(args) => prices::run(&args, &environment),
        Command::Rehearse(args) => rehearse::run(&args),
    }
}
