//! `cast-spot rehearse`: the handler over a simulated cluster.

mod args;
mod list;

use std::{fs, io};

use cast_spot_rehearsal::{
    Outcome,
    scenario::{EventFile, Options, Scenario},
    timeline,
};

use crate::{
    error::{self, CliError},
    plan::json,
    session::{self, now},
    terminal::{Diagnostic, Screen},
};

pub(crate) use args::Args;

/// Exit code when pods were killed or left, or a replacement is missing.
const EXIT_PODS_LOST: u8 = 1;
/// Exit code when the handler broke one of its laws.
const EXIT_LAW_BROKEN: u8 = 3;
const EVENT_HINT: &str =
    "FILE must hold the payload of the function: an EventBridge event, or an SQS batch of them";

/// Runs the command.
pub(crate) fn run(args: &Args) -> u8 {
    let mut screen = Screen::standard();
    session::exit_code(rehearse(args, &mut screen), &mut screen)
}

fn rehearse(args: &Args, screen: &mut Screen) -> Result<u8, CliError> {
    if args.list {
        screen.print(&list::render(args.json)?)?;
        return Ok(0);
    }
    let scenario = args.scenario();
    let options = read(args, scenario)?;
    let outcome = scenario.rehearse(&options);
    let text = if args.json {
        json::text(&outcome)?
    } else {
        timeline::render(&outcome, &scenario.heading(&options), screen.width)
    };
    screen.print(&text)?;
    Ok(exit_code(&outcome))
}

/// The options, or every fault of them.
fn read(args: &Args, scenario: &Scenario) -> Result<Options, CliError> {
    let (mut options, mut diagnostics) = (args.options(), Vec::new());
    if let Some(file) = &args.event {
        match event(file) {
            Ok(event) => options.event = Some(event),
            Err(error) => diagnostics.push(Diagnostic::new(format!("--event {file}: {error}"), EVENT_HINT)),
        }
    }
    let faults = scenario.faults(&options).into_iter();
    diagnostics.extend(faults.map(|fault| Diagnostic::new(fault, "see `cast-spot rehearse --help`")));
    error::check(diagnostics)?;
    Ok(options)
}

fn event(file: &str) -> Result<EventFile, String> {
    let text = if file == "-" { io::read_to_string(io::stdin()) } else { fs::read_to_string(file) };
    let text = text.map_err(|error| error.to_string())?;
    EventFile::parse(&text, now()).map_err(|error| error.to_string())
}

fn exit_code(outcome: &Outcome) -> u8 {
    let world = &outcome.world;
    if !world.violations.is_empty() {
        EXIT_LAW_BROKEN
    } else if world.pods.killed + world.pods.left > 0 || outcome.lacks_replacement() {
        EXIT_PODS_LOST
    } else {
        0
    }
}
