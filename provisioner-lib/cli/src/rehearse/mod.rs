//! `cast-spot rehearse`: what happens if these nodes go.

mod args;
mod call;
mod list;

use std::io;
use std::process::ExitCode;

use cast_spot_rehearsal::Outcome;
use cast_spot_rehearsal::scenario::{Options, Scenario};
use cast_spot_rehearsal::timeline;

use crate::WRONG_CALL;
use crate::terminal::{self, Complaint};

pub(crate) use args::Args;

/// Exit code when pods were killed or left, or a replacement is missing.
const PODS_LOST: u8 = 1;
/// Exit code when the handler broke one of its laws.
const LAW_BROKEN: u8 = 3;

/// Exit code when the result cannot be written.
const NOT_WRITTEN: u8 = 1;

/// Runs the command.
pub(crate) fn run(args: &Args) -> ExitCode {
    let done = if args.list {
        list(args.json).map(|()| ExitCode::SUCCESS)
    } else {
        let (scenario, options) = match call::read(args) {
            Ok(call) => call,
            Err(complaints) => {
                terminal::complain(&complaints);
                return ExitCode::from(WRONG_CALL);
            }
        };
        let outcome = scenario.rehearse(&options);
        render(args, scenario, &options, &outcome).map(|()| ExitCode::from(exit_code(&outcome)))
    };
    done.unwrap_or_else(|error| {
        terminal::complain(&[Complaint {
            error: format!("standard output: {error}"),
            hint: "give it a place that can be written, with room enough".to_owned(),
        }]);
        ExitCode::from(NOT_WRITTEN)
    })
}

fn list(as_json: bool) -> io::Result<()> {
    terminal::print(&list::render(as_json)?)
}

fn render(args: &Args, scenario: &Scenario, options: &Options, outcome: &Outcome) -> io::Result<()> {
    if args.json {
        let json = serde_json::to_string_pretty(outcome)?;
        return terminal::print(&format!("{json}\n"));
    }
    terminal::print(&timeline::render(outcome, &scenario.heading(options), terminal::width()))
}

fn exit_code(outcome: &Outcome) -> u8 {
    let world = &outcome.world;
    if !world.violations.is_empty() {
        LAW_BROKEN
    } else if world.pods.killed + world.pods.left > 0 || outcome.lacks_replacement() {
        PODS_LOST
    } else {
        0
    }
}
