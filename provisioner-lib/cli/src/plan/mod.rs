//! `cast-spot plan`: what onboarding would do.

pub(crate) mod document;
pub(crate) mod groups;
pub(crate) mod json;
pub(crate) mod table;

use std::process::ExitCode;

use cast_spot_provisioner::{
    commands::commands,
    onboard::{self, Planned},
    plan::{Action, Plan},
    provider::Provider,
};

use crate::{
    choices::{ChoiceArgs, zip_name},
    environment::Environment,
    refusal::{CHANGES, CONFLICT, Refusal},
    session::{self, Asked, Guarded},
    target::TargetArgs,
    terminal::{Complaint, Screen},
};

const EXAMPLES: &str = "\
Examples:
  cast-spot plan --principal arn:aws:iam::123456789012:user/console --external-id 3f0c…
                                       the cluster of your kubeconfig, managed by a role
  cast-spot plan --mode user           managed by a user with an access key
  cast-spot plan                       once onboarded: whether anything differs
  cast-spot plan --output commands     the aws and kubectl commands that do the same by hand
  cast-spot plan --json | jq '.steps[] | select(.action != \"keep\")'

Exit codes:
  0   nothing is to be done
  2   wrong call, or the request cannot be fulfilled for this cluster
  3   something that is not ours stands in the way; --adopt makes it ours
  4   AWS or the cluster refused, or cannot be reached (rights, credentials, network)
  10  there are changes";

/// Show what onboarding would make, change and remove; writes nothing
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    target: TargetArgs,

    #[command(flatten)]
    choices: ChoiceArgs,

    /// table, json, or commands: those of aws and kubectl that do the same by hand
    #[arg(long, value_name = "FORM", default_value = "table", help_heading = "Output")]
    output: String,

    /// The same as --output json
    #[arg(long, help_heading = "Output")]
    json: bool,
}

/// How a plan is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Table,
    Json,
    Commands,
}

impl Form {
    fn read(args: &Args, complaints: &mut Vec<Complaint>) -> Self {
        match args.output.as_str() {
            "table" if args.json => Self::Json,
            "table" => Self::Table,
            "json" => Self::Json,
            "commands" if !args.json => Self::Commands,
            other => {
                let error = if other == "commands" {
                    "--json: --output commands is no JSON".to_owned()
                } else {
                    format!("--output {other}: not one of table, json, commands")
                };
                complaints.push(Complaint::new(error, "see `cast-spot plan --help`"));
                Self::Table
            }
        }
    }
}

/// Runs the command.
pub(crate) fn run(args: &Args, environment: &Environment) -> ExitCode {
    session::run(async {
        let mut complaints = Vec::new();
        let form = Form::read(args, &mut complaints);
        let target = args.target.read(environment, &mut complaints);
        let request = args.choices.read(&target, environment, true, &mut complaints);
        let asked = Asked::read(request, complaints)?;
        let provider = session::connect(&target).await?;
        Box::pin(show(asked, form, zip_name(&args.choices), &provider, &mut Screen::standard())).await
    })
}

async fn show(
    asked: Asked,
    form: Form,
    zip: &str,
    provider: &Guarded<impl Provider>,
    screen: &mut Screen,
) -> Result<u8, Refusal> {
    let spec = provider.spec(asked).await?;
    let planned = onboard::plan(&spec, provider).await?;
    let text = match form {
        Form::Table => table::render(&planned, screen.width),
        Form::Json => json::text(&json::plan(&planned))?,
        Form::Commands => commands(&planned.plan, &planned.facts, zip),
    };
    screen.print(&text)?;
    Ok(exit_code(&planned))
}

/// What a plan comes to.
pub(crate) fn exit_code(planned: &Planned) -> u8 {
    if planned.plan.conflicts().next().is_some() {
        CONFLICT
    } else if planned.plan.is_empty() {
        0
    } else {
        CHANGES
    }
}

/// How many steps there are of each kind: in JSON, in words.
pub(crate) fn counts(plan: &Plan) -> [(&'static str, &'static str, usize); 6] {
    let count = |is: fn(&Action) -> bool| plan.steps.iter().filter(|step| is(&step.action)).count();
    [
        ("create", "to create", count(|action| *action == Action::Create)),
        ("update", "to change", count(|action| matches!(action, Action::Update { .. }))),
        ("replace", "to replace", count(|action| matches!(action, Action::Replace { .. }))),
        ("delete", "to remove", count(|action| *action == Action::Delete)),
        ("keep", "to keep", count(|action| *action == Action::Keep)),
        ("conflict", "in the way", plan.conflicts().count()),
    ]
}

#[cfg(test)]
mod tests;
