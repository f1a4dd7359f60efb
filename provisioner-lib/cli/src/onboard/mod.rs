//! `cast-spot onboard`: shows the plan, asks, makes it, and says what came of it.

mod args;
mod console;
mod credentials;
pub(crate) mod outcome;
pub(crate) mod progress;
mod result;

use std::process::ExitCode;

use cast_spot_provisioner::{
    apply::{Progress, Stop},
    console::announce,
    onboard::{self, Planned},
    provider::Provider,
    report::Report,
    spec::{Access, Spec},
};

use crate::{
    environment::Environment,
    plan::{self, json, table},
    refusal::{self, CONFLICT, INTERRUPTED, NOT_GOOD, REFUSED, Refusal},
    session::{self, Asked, Guarded},
    terminal::{Complaint, Screen, complain},
};
use console::Console;
use credentials::CredentialsFile;
use progress::{Ended, follow_plan};

pub(crate) use args::Args;

/// What is done with the results.
#[derive(Default)]
struct Order {
    yes: bool,
    dry_run: bool,
    json: bool,
    file: Option<CredentialsFile>,
    console: Option<Console>,
}

/// Runs the command.
pub(crate) fn run(args: &Args, environment: &Environment) -> ExitCode {
    session::run(async {
        let mut complaints = Vec::new();
        let target = args.target.read(environment, &mut complaints);
        let request = args.choices.read(&target, environment, true, &mut complaints);
        let console = Console::read(args, environment, &mut complaints);
        let file = file(args, &mut complaints);
        let asked = Asked::read(request, complaints)?;
        let order = Order { yes: args.yes, dry_run: args.dry_run, json: args.json, file, console };
        let provider = session::connect(&target).await?;
        Box::pin(carry_out(asked, order, &provider, &mut Screen::standard())).await
    })
}

fn file(args: &Args, complaints: &mut Vec<Complaint>) -> Option<CredentialsFile> {
    let path = args.credentials_file.as_deref()?;
    if args.choices.mode.as_deref() == Some("role") {
        let hint = "leave it out, or give --mode user";
        complaints.push(Complaint::new("--credentials-file: a role has no access key", hint));
        return None;
    }
    if args.dry_run {
        return None;
    }
    CredentialsFile::create(path).map_err(|complaint| complaints.push(complaint)).ok()
}

async fn carry_out(
    asked: Asked,
    mut order: Order,
    provider: &Guarded<impl Provider>,
    screen: &mut Screen,
) -> Result<u8, Refusal> {
    let spec = provider.spec(asked).await?;
    let planned = onboard::plan(&spec, provider).await?;
    if order.dry_run {
        let text = if order.json {
            json::text(&json::plan(&planned))?
        } else {
            table::render(&planned, screen.width)
        };
        screen.print(&text)?;
        return Ok(plan::exit_code(&planned));
    }
    show(&planned, order.json, screen)?;
    if planned.plan.conflicts().next().is_some() {
        return Ok(CONFLICT);
    }
    if !planned.plan.is_empty() && !order.yes {
        confirm(screen)?;
    }
    make(&spec, planned, &mut order, provider, screen).await
}

/// The plan, where it is no part of the JSON document.
pub(crate) fn show(planned: &Planned, json: bool, screen: &mut Screen) -> Result<(), Refusal> {
    let text = table::render(planned, screen.width);
    if json {
        screen.say(&text);
    } else {
        screen.print(&text)?;
    }
    Ok(())
}

/// Fails unless somebody says yes.
pub(crate) fn confirm(screen: &mut Screen) -> Result<(), Refusal> {
    if !screen.has_person {
        let complaint = Complaint::new(
            "nobody is there to confirm the plan: standard input is no terminal",
            "give --yes to make it without a question, or --dry-run to see it only",
        );
        return Err(Refusal::wrong_call(vec![complaint]));
    }
    let answer = screen.ask("\nMake it so? (yes/no) ")?.to_lowercase();
    if ["y", "yes"].contains(&answer.as_str()) {
        return Ok(());
    }
    let complaint = Complaint::new("not confirmed; nothing was written", "answer yes, or give --yes");
    Err(Refusal { complaints: vec![complaint], code: NOT_GOOD })
}

async fn make(
    spec: &Spec,
    planned: Planned,
    order: &mut Order,
    provider: &Guarded<impl Provider>,
    screen: &mut Screen,
) -> Result<u8, Refusal> {
    let work = async |stop: &Stop, heard: &mut (dyn FnMut(Progress<'_>) + Send)| {
        onboard::onboard(spec, planned.clone(), provider, stop, heard).await
    };
    let Ended::Done(report) = follow_plan(&planned.plan, "cast-spot plan", screen, work).await? else {
        return Ok(INTERRUPTED);
    };
    let kept = keep(&report, order);
    let is_told = tell(spec, &planned, &report, order, screen).await;
    if order.json {
        let key = report.access_key.as_ref().filter(|_| kept.is_none());
        screen.print(&json::text(&json::report(json::ONBOARDING, &planned, &report, key))?)?;
    } else {
        screen.print(&result::render(spec, &planned, &report, kept.as_deref()))?;
    }
    let code = outcome::exit_code(&report);
    Ok(if code == 0 && !is_told { REFUSED } else { code })
}

/// Puts a new key into its file: the file's name, if it is in there.
fn keep(report: &Report, order: &mut Order) -> Option<String> {
    let key = report.access_key.as_ref()?;
    let file = order.file.as_mut()?;
    match file.write(key) {
        Ok(()) => Some(file.path().display().to_string()),
        // Made, and shown only now: it must not be lost.
        Err(error) => {
            let error = format!("--credentials-file {}: {error}", file.path().display());
            complain(&[Complaint::new(error, "the key is in the result instead")]);
            None
        }
    }
}

/// Tells the console. Whether it knows now, if it is to know at all.
async fn tell(spec: &Spec, planned: &Planned, report: &Report, order: &Order, screen: &mut Screen) -> bool {
    let Some(console) = &order.console else { return true };
    let Access::Role { .. } = spec.access else { return true };
    if !report.is_complete() {
        return true;
    }
    screen.say(&format!("Telling {} the role's ARN …\n", console.url));
    let arn = result::principal_arn(spec, planned);
    let told = announce(&console.url, &console.cluster_id, &console.token, &arn).await;
    if let Err(error) = &told {
        complain(&[refusal::of_call(error)]);
    }
    told.is_ok()
}

#[cfg(test)]
mod tests;
