//! `cast-spot onboard`: shows the plan, asks, applies it, and reports the result.

mod args;
mod console;
mod credentials;
mod result;

use cast_spot_provisioner::{
    console::announce,
    onboard::{self, Planned},
    plan::{Action, Step},
    provider::Provider,
    report::Report,
    resource::Kind,
    spec::{Access, Spec},
};

use crate::{
    environment::Environment,
    error::{self, CliError, EXIT_INCOMPLETE, EXIT_REFUSED, EXIT_USAGE},
    session::{self, AccountChecked, PartialRequest},
    terminal::{Diagnostic, Screen},
    workflow::{self, Finished, OutputOptions, Workflow},
};
use console::Console;
use credentials::CredentialsFile;
use result::KeyPlace;

pub(crate) use args::Args;

/// Runs the command.
pub(crate) fn run(args: &Args, environment: &Environment) -> u8 {
    session::run(async |screen| {
        let mut diagnostics = Vec::new();
        let console = Console::read(args, environment, &mut diagnostics);
        let file = file(args, &mut diagnostics);
        let (target, request) = args.choices.read(&args.target, environment, diagnostics)?;
        let provider = session::connect(&target, args.output.json, screen).await?;
        let results = Results { file, console, show_secret: args.show_secret };
        Box::pin(carry_out(request, args.output, results, &provider, screen)).await
    })
}

fn file(args: &Args, diagnostics: &mut Vec<Diagnostic>) -> Option<CredentialsFile> {
    let path = args.credentials_file.as_deref()?;
    if args.choices.mode.as_deref() == Some("role") {
        let hint = "leave it out, or give --mode user";
        diagnostics.push(Diagnostic::new("--credentials-file: a role has no access key", hint));
        return None;
    }
    if args.output.dry_run {
        return None;
    }
    CredentialsFile::create(path).map_err(|diagnostic| diagnostics.push(diagnostic)).ok()
}

/// Where results go besides the report.
#[derive(Default)]
struct Results {
    file: Option<CredentialsFile>,
    console: Option<Console>,
    /// Whether a key is printed although standard output is not a terminal.
    show_secret: bool,
}

async fn carry_out(
    request: PartialRequest,
    options: OutputOptions,
    mut results: Results,
    provider: &AccountChecked<impl Provider>,
    screen: &mut Screen,
) -> Result<u8, CliError> {
    let zip = request.zip();
    let spec = provider.spec(request).await?;
    let planned = onboard::plan(&spec, provider).await?;
    let shows_key = screen.is_shown || results.show_secret;
    if !options.dry_run && makes_key(&planned) && results.file.is_none() && !shows_key {
        return Err(nowhere_for_the_key());
    }
    let workflow = Workflow {
        zip: zip.clone(),
        ..Workflow::new("cast-spot onboard", "cast-spot.onboarding/1", &planned, options)
    };
    workflow::run(
        workflow,
        screen,
        async |cancel, progress| onboard::onboard(&spec, planned.clone(), provider, cancel, progress).await,
        async |report, screen| {
            let (kept, is_kept) = keep(report, results.file.as_mut(), shows_key, screen);
            let is_announced = announced(&spec, &planned, report, results.console.as_ref(), screen).await;
            Finished {
                access_key: report.access_key.clone().filter(|_| kept == KeyPlace::Result),
                code: match (is_announced, is_kept && !planned.plan.has_unexpected()) {
                    (false, _) => EXIT_REFUSED,
                    (true, false) => EXIT_INCOMPLETE,
                    (true, true) => 0,
                },
                ..result::render(&spec, &planned, report, (&kept, zip.as_ref()))
            }
        },
    )
    .await
}

/// Whether the plan makes an access key.
fn makes_key(planned: &Planned) -> bool {
    let has_conflicts = planned.plan.conflicts().next().is_some();
    let is_new = |step: &Step| step.id.kind == Kind::AccessKey && step.action != Action::Delete;
    !has_conflicts && planned.plan.writes().any(is_new)
}

fn nowhere_for_the_key() -> CliError {
    let error =
        "the new access key: standard output is not a terminal, so a log or a file may keep the secret";
    let hint = "--credentials-file FILE receives it, or --show-secret prints it all the same";
    CliError::new(EXIT_USAGE, error, hint)
}

/// Writes a new key into its file. Returns where the key is, and whether that is as it was asked for.
fn keep(
    report: &Report,
    file: Option<&mut CredentialsFile>,
    shows_key: bool,
    screen: &mut Screen,
) -> (KeyPlace, bool) {
    let elsewhere = if shows_key { KeyPlace::Result } else { KeyPlace::Nowhere };
    let (Some(key), Some(file)) = (&report.access_key, file) else {
        let is_lost = report.access_key.is_some() && !shows_key;
        return (elsewhere, !is_lost);
    };
    let path = file.path().display().to_string();
    match file.write(key) {
        Ok(()) => (KeyPlace::File(path), true),
        Err(error) => {
            let hint = match elsewhere {
                KeyPlace::Result => "the key is in the result instead",
                _ => "--rotate-key makes another one, and disables this one",
            };
            screen.warn(&[Diagnostic::new(format!("--credentials-file {path}: {error}"), hint)]);
            (elsewhere, false)
        }
    }
}

/// Sends the role's ARN to the console. False if that was due and has failed.
async fn announced(
    spec: &Spec,
    planned: &Planned,
    report: &Report,
    console: Option<&Console>,
    screen: &mut Screen,
) -> bool {
    let (Some(console), Access::Role { .. }, true) = (console, &spec.access, report.is_complete()) else {
        return true;
    };
    screen.eprint(&format!("Sending the role's ARN to {} …\n", console.url));
    let arn = result::principal_arn(spec, planned);
    let sent = announce(&console.url, &console.cluster_id, &console.token, &arn).await;
    if let Err(error) = &sent {
        screen.warn(&[error::of_call(error)]);
    }
    sent.is_ok()
}

#[cfg(test)]
mod tests;
