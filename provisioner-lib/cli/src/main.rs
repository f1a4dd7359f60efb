//! The command line of cast-spot: parses, calls the libraries, renders.

mod choices;
mod connect;
mod disconnect;
mod environment;
mod error;
mod offboard;
mod onboard;
mod plan;
mod policy;
mod rehearse;
mod rollback;
mod savings;
mod session;
mod status;
mod target;
mod terminal;
#[cfg(test)]
mod tests;
mod workflow;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use environment::Environment;
use error::EXIT_USAGE;

const EXAMPLES: &str = "\
Examples:
  cast-spot savings                  show what the cluster costs and what it could cost; writes nothing
  cast-spot rehearse                 show what happens on an interruption, in a simulation
  cast-spot plan                     show what onboarding the cluster of your kubeconfig would create
  cast-spot onboard                  create it, after showing it and asking
  cast-spot status                   check that it is as it should be, and works
  cast-spot rollback                 return to the function's code before the last onboard
  cast-spot offboard                 remove everything again
  cast-spot connect                  install an agent that only reads, before all that
  cast-spot disconnect               remove the agent again

Each command has its own --help, with examples and exit codes.";

/// Handle EC2 Spot interruptions on EKS without disruption.
#[derive(Debug, Parser)]
#[command(name = "cast-spot", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = EXAMPLES)]
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
    Rehearse(rehearse::Args),
}

#[expect(clippy::disallowed_methods, reason = "main is the one place that reads the environment")]
fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // There is no other place to report that this cannot be printed.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(EXIT_USAGE) } else { ExitCode::SUCCESS };
        }
    };
    let environment = Environment::read(|name| std::env::var_os(name));
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
        Command::Rehearse(args) => rehearse::run(&args),
    }
}
