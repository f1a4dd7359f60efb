//! The command line of cast-spot: parses, calls the libraries, renders.

mod choices;
mod connect;
mod disconnect;
mod environment;
#[cfg(test)]
mod memory;
mod offboard;
mod onboard;
mod plan;
mod policy;
mod refusal;
mod rehearse;
mod rollback;
mod savings;
mod session;
mod status;
mod target;
mod terminal;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use environment::Environment;

/// Exit code of a call that cannot be understood, as clap has it.
const WRONG_CALL: u8 = 2;

const EXAMPLES: &str = "\
Examples:
  cast-spot savings                  what the cluster costs and what it could cost; writes nothing
  cast-spot rehearse                 what happens if nodes go, without touching anything
  cast-spot plan                     what onboarding the cluster of your kubeconfig would make
  cast-spot onboard                  make it, after showing it and asking
  cast-spot status                   whether it still is as it should be, and works
  cast-spot rollback                 the function's code before the last onboard, back
  cast-spot offboard                 take it all out again
  cast-spot connect                  before all that: an agent that only reads
  cast-spot disconnect               take the agent out again

Each command has its own --help, with examples and exit codes.";

/// EC2 Spot interruptions that an EKS cluster does not notice.
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
            // What cannot be printed has nobody who would read a second error.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(WRONG_CALL) } else { ExitCode::SUCCESS };
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
