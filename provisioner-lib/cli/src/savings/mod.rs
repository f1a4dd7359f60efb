//! `cast-spot savings`: compares what the cluster costs with what it could cost.

mod args;
mod output;
mod rehearsal;
mod source;

use std::process::ExitCode;

use cast_spot_savings::{compare::compare, risk::InterruptionScenario};

use crate::{
    environment::Environment,
    error::{CliError, EXIT_INCOMPLETE},
    session,
    terminal::Screen,
};

pub(crate) use args::Args;
use args::Call;

/// Runs the command.
pub(crate) fn run(args: &Args, environment: &Environment) -> ExitCode {
    session::run(async |screen| {
        let call = Call::read(args, environment)?;
        Box::pin(report(&call, screen)).await
    })
}

async fn report(call: &Call, screen: &mut Screen) -> Result<u8, CliError> {
    let now = session::now();
    let source = source::read(call, now, screen).await?;
    // Files first: reading them again takes long, and a table can be made from them.
    if let Some(path) = &call.save_snapshot {
        output::save(path, "--save-snapshot", &source.as_file()?)?;
    }
    let mut comparison = compare(&source.snapshot, source.prices.as_ref(), &call.choices, now);
    if let Some(storm) =
        InterruptionScenario::of(&comparison, &source.snapshot).filter(|_| !call.no_rehearsal)
    {
        match rehearsal::risks(&storm, screen) {
            Some(risks) => comparison.set_risks(risks),
            None => comparison.report.missing.push(rehearsal::too_big(&storm)),
        }
    }
    let report = comparison.report;
    if let Some(path) = &call.html {
        output::save(path, "--html", &output::page(&report)?)?;
    }
    output::show(&report, call, screen)?;
    Ok(if report.today.count == 0 && report.workloads.is_empty() { EXIT_INCOMPLETE } else { 0 })
}
