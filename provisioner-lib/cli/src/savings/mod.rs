//! `cast-spot savings`: compares what the cluster costs with what it could cost.

mod args;
mod choices;
mod output;
mod rehearsal;
mod source;

use cast_spot_provisioner::invisible::is_invisible;
use cast_spot_savings::{
    compare::{compare, compare_rehearsed},
    render::page,
    report::Before,
};

use crate::{
    environment::Environment,
    error::{CliError, EXIT_INCOMPLETE, EXIT_OVER},
    session,
    terminal::Screen,
};

pub(crate) use args::Args;
use args::Origin;
pub(crate) use output::save;

/// Runs the command.
pub(crate) fn run(args: &Args, environment: &Environment) -> u8 {
    session::run(async |screen| {
        let origin = args.read(environment)?;
        Box::pin(report(args, &origin, screen)).await
    })
}

async fn report(args: &Args, origin: &Origin, screen: &mut Screen) -> Result<u8, CliError> {
    let now = session::now();
    let snapshot = source::read(args, origin, now, screen).await?;
    // Files first: reading them again takes long, and a table can be made from them.
    if let Some(path) = &args.save_snapshot {
        output::save(path, "--save-snapshot", &snapshot.to_json().map_err(std::io::Error::other)?)?;
    }
    let choices = args.choices.choices();
    let prices = snapshot.prices.as_ref();
    let mut comparison = if args.no_rehearsal {
        compare(&snapshot, prices, &choices, now)
    } else {
        let rehearse = |comparison: &_| rehearsal::risks(comparison, &snapshot, screen);
        let mut comparison = compare_rehearsed(&snapshot, prices, &choices, now, rehearse);
        comparison.report.missing.extend(rehearsal::missing(&comparison));
        comparison
    };
    if let Some(mut earlier) = source::earlier(args)? {
        // No figure of the earlier cluster is one of usage.
        earlier.pod_metrics.clear();
        let earlier = compare(&earlier, prices, &choices, now).report;
        comparison.report.before = Some(Before::of(earlier));
    }
    let report = &comparison.report;
    if let Some(path) = &args.html {
        let page = page::render(report).map_err(std::io::Error::other)?;
        output::save(path, "--html", &page.replace(|c| c != '\n' && is_invisible(c), "\u{fffd}"))?;
    }
    output::show(&comparison, &snapshot, args.format(), screen)?;
    let is_empty = report.today.count == 0 && report.workloads.is_empty();
    if let Some(percent) = args.fail_over.filter(|_| !is_empty) {
        if report.range.is_none() {
            let text = format!("--fail-over {percent}: possible savings are not known");
            return Err(CliError::new(EXIT_INCOMPLETE, text, "the report names what is missing"));
        }
        if let Some(range) = report.range.as_ref().filter(|_| report.saves_more_than(percent)) {
            let text = format!("--fail-over {percent}: {} % could be saved", range.high.percent);
            return Err(CliError::new(EXIT_OVER, text, "the report has the proposal"));
        }
    }
    // What could not be read may change every figure.
    Ok(if is_empty || !snapshot.missing.is_empty() { EXIT_INCOMPLETE } else { 0 })
}
