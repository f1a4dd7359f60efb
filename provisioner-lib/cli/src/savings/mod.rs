//! `cast-spot savings`: what the cluster costs, and what it could cost.

mod args;
mod output;
mod source;
mod storm;

use std::process::ExitCode;

use cast_spot_savings::{compare::compare, risk::Storm};

use crate::{
    environment::Environment,
    refusal::{NOT_GOOD, Refusal},
    session,
    terminal::Screen,
};

pub(crate) use args::Args;
use args::Call;

/// Runs the command.
pub(crate) fn run(args: &Args, environment: &Environment) -> ExitCode {
    session::run(async {
        let call = Call::read(args, environment)?;
        Box::pin(report(&call, &mut Screen::standard())).await
    })
}

async fn report(call: &Call, screen: &mut Screen) -> Result<u8, Refusal> {
    let now = session::now();
    let source = source::read(call, now, screen).await?;
    // Files first: they take long to read again, and a table can be made of them.
    if let Some(path) = &call.save_snapshot {
        output::save(path, "--save-snapshot", &source.as_file()?)?;
    }
    let mut comparison = compare(&source.snapshot, source.prices.as_ref(), &call.choices, now);
    if let Some(storm) = Storm::of(&comparison, &source.snapshot).filter(|_| !call.no_rehearsal) {
        match storm::risks(&storm, screen) {
            Some(risks) => comparison.hear(risks),
            None => comparison.report.missing.push(storm::too_big(&storm)),
        }
    }
    let report = comparison.report;
    if let Some(path) = &call.html {
        output::save(path, "--html", &output::page(&report)?)?;
    }
    output::show(&report, call, screen)?;
    Ok(if report.today.count == 0 && report.workloads.is_empty() { NOT_GOOD } else { 0 })
}
