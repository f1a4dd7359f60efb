//! The command line of cast-spot: parses, calls the libraries, renders.

mod rehearse;
mod terminal;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Exit code of a call that cannot be understood, as clap has it.
const WRONG_CALL: u8 = 2;

/// EC2 Spot interruptions that an EKS cluster does not notice.
#[derive(Debug, Parser)]
#[command(name = "cast-spot", version, propagate_version = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Rehearse(rehearse::Args),
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // What cannot be printed has nobody who would read a second error.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(WRONG_CALL) } else { ExitCode::SUCCESS };
        }
    };
    match cli.command {
        Command::Rehearse(args) => rehearse::run(&args),
    }
}
