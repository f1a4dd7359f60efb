//! `cast-spot plan`: shows what onboarding would do.

pub(crate) mod document;
pub(crate) mod groups;
pub(crate) mod json;
pub(crate) mod table;

use cast_spot_provisioner::{
    commands::commands,
    onboard::{self, Planned},
    plan::{Action, Plan},
    provider::Provider,
};
use clap::ValueEnum;

use crate::{
    choices::ChoiceArgs,
    environment::Environment,
    error::{CliError, EXIT_CHANGES, EXIT_CONFLICT},
    session::{self, AccountChecked, PartialRequest},
    target::TargetArgs,
    terminal::{Diagnostic, Screen},
    zip,
};

/// Show what onboarding would create, change and remove; writes nothing
#[derive(Debug, clap::Args)]
#[command(after_help = include_str!("help.txt"))]
pub(crate) struct Args {
    #[command(flatten)]
    target: TargetArgs,

    #[command(flatten)]
    choices: ChoiceArgs,

    /// Format of the plan; commands: those of aws and kubectl that do the same by hand
    #[arg(long = "output", value_name = "FORMAT", value_enum, default_value_t, help_heading = "Output")]
    format: Format,

    /// The same as --output json
    #[arg(long, help_heading = "Output")]
    json: bool,
}

/// How a plan is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Format {
    #[default]
    Table,
    Json,
    Commands,
}

/// Runs the command.
pub(crate) fn run(args: &Args, environment: &Environment) -> u8 {
    session::run(async |screen| {
        let mut diagnostics = Vec::new();
        if args.json && args.format == Format::Commands {
            let hint = "leave one of the two out";
            diagnostics.push(Diagnostic::new("--json: --output commands is not JSON", hint));
        }
        let format = if args.json { Format::Json } else { args.format };
        let (target, request) = args.choices.read(&args.target, environment, diagnostics)?;
        let provider = session::connect(&target, format == Format::Json, screen).await?;
        Box::pin(show(request, format, args.choices.zip_name(), &provider, screen)).await
    })
}

async fn show(
    request: PartialRequest,
    format: Format,
    zip_name: &str,
    provider: &AccountChecked<impl Provider>,
    screen: &mut Screen,
) -> Result<u8, CliError> {
    let zip = request.zip();
    let spec = provider.spec(request).await?;
    let planned = onboard::plan(&spec, provider).await?;
    let text = match format {
        Format::Table => table::render(&planned, screen.width) + &zip::line(zip.as_ref()),
        Format::Json => json::text(&json::with_zip(json::plan(&planned), zip.as_ref()))?,
        Format::Commands => commands(&planned.plan, &planned.facts, zip_name),
    };
    screen.print(&text)?;
    Ok(exit_code(&planned))
}

/// Exit code of a plan.
pub(crate) fn exit_code(planned: &Planned) -> u8 {
    if planned.plan.conflicts().next().is_some() {
        EXIT_CONFLICT
    } else if planned.plan.is_empty() {
        0
    } else {
        EXIT_CHANGES
    }
}

/// Number of steps of each kind, with its key in JSON and its words in text.
pub(crate) fn counts(plan: &Plan) -> [(&'static str, &'static str, usize); 6] {
    let count = |is: fn(&Action) -> bool| plan.steps.iter().filter(|step| is(&step.action)).count();
    [
        ("create", "to create", count(|action| *action == Action::Create)),
        ("update", "to change", count(|action| matches!(action, Action::Update { .. }))),
        ("replace", "to replace", count(|action| matches!(action, Action::Replace { .. }))),
        ("delete", "to remove", count(|action| *action == Action::Delete)),
        ("keep", "to keep", count(|action| *action == Action::Keep)),
        ("conflict", "in conflict", plan.conflicts().count()),
    ]
}

#[cfg(test)]
mod tests;
