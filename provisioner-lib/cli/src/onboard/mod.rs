//! `cast-spot onboard`: shows the plan, asks, applies it, and reports the result.

mod args;
mod console;
mod credentials;
mod result;

use cast_spot_provisioner::{
    console::announce,
    onboard::{self, Planned},
    provider::Provider,
    report::Report,
    spec::{Access, Spec},
};

use crate::{
    environment::Environment,
    error::{self, CliError, EXIT_REFUSED},
    session::{self, AccountChecked, PartialRequest},
    terminal::{Diagnostic, Screen},
    workflow::{self, Finished, OutputOptions, Workflow},
};
use console::Console;
use credentials::CredentialsFile;

pub(crate) use args::Args;

/// Runs the command.
pub(crate) fn run(args: &Args, environment: &Environment) -> u8 {
    session::run(async |screen| {
        let mut diagnostics = Vec::new();
        let console = Console::read(args, environment, &mut diagnostics);
        let file = file(args, &mut diagnostics);
        let (target, request) = args.choices.read(&args.target, environment, diagnostics)?;
        let provider = session::connect(&target).await?;
        Box::pin(carry_out(request, args.output, (file, console), &provider, screen)).await
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

async fn carry_out(
    request: PartialRequest,
    options: OutputOptions,
    (mut file, console): (Option<CredentialsFile>, Option<Console>),
    provider: &AccountChecked<impl Provider>,
    screen: &mut Screen,
) -> Result<u8, CliError> {
    let zip = request.zip();
    let spec = provider.spec(request).await?;
    let planned = onboard::plan(&spec, provider).await?;
    let workflow = Workflow {
        zip: zip.clone(),
        ..Workflow::new("cast-spot onboard", "cast-spot.onboarding/1", &planned, options)
    };
    workflow::run(
        workflow,
        screen,
        async |cancel, progress| onboard::onboard(&spec, planned.clone(), provider, cancel, progress).await,
        async |report, screen| {
            let kept = keep(report, file.as_mut(), screen);
            let is_announced = announced(&spec, &planned, report, console.as_ref(), screen).await;
            Finished {
                access_key: report.access_key.clone().filter(|_| kept.is_none()),
                code: if is_announced { 0 } else { EXIT_REFUSED },
                ..result::render(&spec, &planned, report, (kept.as_deref(), zip.as_ref()))
            }
        },
    )
    .await
}

/// Writes a new key into its file. Returns the file's name, if the key is in it.
fn keep(report: &Report, file: Option<&mut CredentialsFile>, screen: &mut Screen) -> Option<String> {
    let (key, file) = (report.access_key.as_ref()?, file?);
    let path = file.path().display().to_string();
    match file.write(key) {
        Ok(()) => Some(path),
        // The key exists and cannot be read again, so it must not be lost.
        Err(error) => {
            let error = format!("--credentials-file {path}: {error}");
            screen.warn(&[Diagnostic::new(error, "the key is in the result instead")]);
            None
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
