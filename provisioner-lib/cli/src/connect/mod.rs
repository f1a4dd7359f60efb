//! `cast-spot connect`: shows the plan, asks, puts the agent in, and says what came of it.

mod args;
mod yaml;

use std::{fmt::Write, process::ExitCode};

use anstyle::Style;
use cast_spot_provisioner::{
    apply::{Progress, Stop},
    connect::{self, AGENT, Request, Seen, Spec},
    onboard::Planned,
    provider::{self, Aws, Provider},
    report::Report,
};

use crate::{
    environment::Environment,
    onboard::{
        confirm, outcome,
        progress::{Ended, follow_plan},
        show,
    },
    plan::{
        self, json,
        table::{self, green},
    },
    refusal::{self, CONFLICT, INTERRUPTED, Refusal},
    session,
    target::Direct,
    terminal::Screen,
};
use args::Form;

pub(crate) use args::Args;

/// Runs the command.
pub(crate) fn run(args: &Args, environment: &Environment) -> ExitCode {
    session::run(async {
        let mut complaints = Vec::new();
        let target = args.target.read_direct(environment, &mut complaints);
        let form = args.form(&mut complaints);
        let mut request = args.request(&target, form, environment, &mut complaints);
        complaints.extend(request.faults().iter().map(refusal::of_fault));
        if !complaints.is_empty() {
            return Err(Refusal::wrong_call(complaints));
        }
        let mut screen = Screen::standard();
        if form == Form::Yaml {
            know_account(&mut request, None, &target, &mut screen).await;
            let spec = complete(&request, None)?;
            screen.print(&yaml::render(&spec, args.include_token)?)?;
            return Ok(0);
        }
        let provider = provider::Direct::connect(&target.connection);
        let cluster = target.cluster.clone().unwrap_or_default();
        let seen = connect::look(&cluster, &provider).await?;
        know_account(&mut request, Some(&seen), &target, &mut screen).await;
        let spec = complete(&request, Some(&seen))?;
        Box::pin(carry_out(&spec, &seen, args, form, &provider, &mut screen)).await
    })
}

/// The account of a cluster whose kubeconfig does not name it: that of whoever works on it. This takes no rights, and
/// where nobody answers, it is missing.
async fn know_account(request: &mut Request, seen: Option<&Seen>, target: &Direct, screen: &mut Screen) {
    if request.account.is_some() || seen.is_some_and(|seen| seen.choices.is_some()) {
        return;
    }
    let Ok(aws) = Aws::connect(&target.connection).await else { return };
    if let Ok(identity) = aws.identity().await {
        // Nothing else tells whose cluster it is, and the agent reports by it.
        let account = &identity.account;
        screen.say(&format!("account {account} is that of the AWS credentials; --account says another\n"));
        request.account = Some(identity.account);
    }
}

fn complete(request: &Request, seen: Option<&Seen>) -> Result<Spec, Refusal> {
    request
        .complete(seen)
        .map_err(|faults| Refusal::wrong_call(faults.0.iter().map(refusal::of_fault).collect()))
}

async fn carry_out(
    spec: &Spec,
    seen: &Seen,
    args: &Args,
    form: Form,
    provider: &impl Provider,
    screen: &mut Screen,
) -> Result<u8, Refusal> {
    let planned = seen.plan(spec)?;
    if args.dry_run {
        let text = match form {
            Form::Json => json::text(&json::plan(&planned))?,
            _ => table::render(&planned, screen.width),
        };
        screen.print(&text)?;
        return Ok(plan::exit_code(&planned));
    }
    show(&planned, form == Form::Json, screen)?;
    if planned.plan.conflicts().next().is_some() {
        return Ok(CONFLICT);
    }
    if !planned.plan.is_empty() && !args.yes {
        confirm(screen)?;
    }
    make(spec, planned, form, provider, screen).await
}

async fn make(
    spec: &Spec,
    planned: Planned,
    form: Form,
    provider: &impl Provider,
    screen: &mut Screen,
) -> Result<u8, Refusal> {
    let work = async |stop: &Stop, heard: &mut (dyn FnMut(Progress<'_>) + Send)| {
        connect::connect(spec, planned.clone(), provider, stop, heard).await
    };
    let Ended::Done(report) = follow_plan(&planned.plan, "cast-spot connect --dry-run", screen, work).await?
    else {
        return Ok(INTERRUPTED);
    };
    if form == Form::Json {
        screen.print(&json::text(&json::report(json::CONNECTION, &planned, &report, None))?)?;
    } else if report.is_complete() {
        screen.print(&result(spec, &report))?;
    } else {
        screen.print(&format!("\n{}", outcome::incomplete(&report, "cast-spot connect")))?;
    }
    Ok(outcome::exit_code(&report))
}

fn result(spec: &Spec, report: &Report) -> String {
    const BOLD: Style = Style::new().bold();
    let choices = &spec.choices;
    let done = match report.done() {
        0 => "nothing was to be done".to_owned(),
        1 => "1 step was done".to_owned(),
        done => format!("{done} steps were done"),
    };
    let mut text =
        format!("\n{} cluster {} is connected, read-only; {done}\n\n", green("✓"), choices.cluster);
    for (name, value) in [
        ("Agent", format!("Deployment {AGENT} in namespace {AGENT}")),
        ("Image", choices.image.clone()),
        ("Reports to", choices.api_url.clone()),
        ("As", format!("{} in {}, account {}", choices.cluster, choices.region, choices.account)),
    ] {
        let _ = writeln!(text, "  {name:12} {value}");
    }
    let _ = writeln!(text, "\n{BOLD}Next:{BOLD:#}");
    for (command, what) in [
        ("cast-spot status --agent", "whether it is as it should be, and runs"),
        ("cast-spot onboard", "let Spot interruptions be handled"),
        ("cast-spot disconnect", "takes it out again"),
    ] {
        let _ = writeln!(text, "  {command:26} {what}");
    }
    text
}

#[cfg(test)]
mod tests;
