//! `cast-spot rehearse`: what happens if these nodes go.

mod args;
mod list;

use std::io::Read;
use std::process::ExitCode;
use std::{fs, io};

use cast_spot_rehearsal::Outcome;
use cast_spot_rehearsal::scenario::{self, EventFile, Options, Scenario};
use cast_spot_rehearsal::timeline;

use crate::{WRONG_CALL, terminal};

pub(crate) use args::Args;

/// Exit code when pods were killed or left.
const PODS_LOST: u8 = 1;
/// Exit code when the handler broke one of its laws.
const LAW_BROKEN: u8 = 3;

/// A call that cannot be carried out: all that is wrong with it, and what to type instead.
struct WrongCall {
    errors: Vec<String>,
    hint: &'static str,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> ExitCode {
    let done = match prepare(args) {
        Ok(Some((scenario, options))) => {
            let outcome = scenario.rehearse(&options);
            let printed = render(args, scenario, &options, &outcome);
            printed.map(|()| ExitCode::from(exit_code(&outcome)))
        }
        Ok(None) => list(args.json).map(|()| ExitCode::SUCCESS),
        Err(wrong) => {
            terminal::complain(wrong.errors.iter().map(String::as_str), wrong.hint);
            return ExitCode::from(WRONG_CALL);
        }
    };
    done.unwrap_or_else(|error| {
        terminal::complain([error.to_string().as_str()], "standard output must be writable");
        ExitCode::from(WRONG_CALL)
    })
}

/// The scenario and the choices; `None` if only the list is asked for.
fn prepare(args: &Args) -> Result<Option<(&'static Scenario, Options)>, WrongCall> {
    if args.list {
        return Ok(None);
    }
    let wrong = |errors, hint| Err(WrongCall { errors, hint });
    let Some(scenario) = scenario::find(&args.scenario) else {
        return wrong(
            vec![format!("--scenario {}: unknown", args.scenario)],
            "see `cast-spot rehearse --list`",
        );
    };
    let event = match args.event.as_deref().map(read_event).transpose() {
        Ok(event) => event,
        Err(error) => {
            return wrong(
                vec![error],
                "FILE must hold the payload of the function: an EventBridge event, or an SQS batch of them",
            );
        }
    };
    let options = args.options(event);
    let faults = scenario.faults(&options);
    if faults.is_empty() {
        Ok(Some((scenario, options)))
    } else {
        wrong(faults, "see `cast-spot rehearse --help`")
    }
}

fn list(as_json: bool) -> io::Result<()> {
    terminal::print(&list::render(as_json)?)
}

fn read_event(file: &str) -> Result<EventFile, String> {
    let text = if file == "-" {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(file)
    };
    let text = text.map_err(|error| format!("--event {file}: {error}"))?;
    EventFile::parse(&text).map_err(|error| format!("--event {file}: {error}"))
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
    } else if world.pods.killed + world.pods.left > 0 {
        PODS_LOST
    } else {
        0
    }
}
