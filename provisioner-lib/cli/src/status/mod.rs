//! `cast-spot status`: whether it is as it should be, and works.

mod agent;
mod checks;

use std::process::ExitCode;

use cast_spot_provisioner::{
    provider::Provider,
    verify::{Verification, verify},
};
use serde_json::json;

use crate::{
    choices::ChoiceArgs,
    environment::Environment,
    plan::{json, table},
    refusal::{NOT_GOOD, Refusal},
    session::{self, Asked, Guarded},
    target::TargetArgs,
    terminal::Screen,
};

const EXAMPLES: &str = "\
Examples:
  cast-spot status                      the cluster of your kubeconfig, against its own choices
  cast-spot status --zip bootstrap.zip  and whether the function runs this code
  cast-spot status --agent              only the agent of a connected cluster; takes no rights in AWS
  cast-spot status --json               for monitoring

Without --mode, --principal and --external-id, the choices are those that the onboarding was made with. The agent is
shown where the cluster is connected.

Exit codes:
  0  all that is there is as it should be, and works
  1  something has drifted, does not work, or the cluster is neither onboarded nor connected
  2  wrong call
  4  AWS or the cluster refused, or cannot be reached (rights, credentials, network)";

/// Compare an onboarded cluster with what it should be, and try that it works; writes nothing
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    target: TargetArgs,

    #[command(flatten)]
    choices: ChoiceArgs,

    /// Look at the agent alone, by access to Kubernetes alone
    #[arg(long, help_heading = "Output")]
    agent: bool,

    /// Print the result as JSON
    #[arg(long, help_heading = "Output")]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(args: &Args, environment: &Environment) -> ExitCode {
    if args.agent {
        return agent::run(&args.target, args.json, environment);
    }
    session::run(async {
        let mut complaints = Vec::new();
        let target = args.target.read(environment, &mut complaints);
        let request = args.choices.read(&target, environment, false, &mut complaints);
        let asked = Asked::read(request, complaints)?;
        let provider = session::connect(&target).await?;
        Box::pin(look(asked, &target.cluster, args.json, &provider, &mut Screen::standard())).await
    })
}

async fn look(
    asked: Asked,
    cluster: &str,
    as_json: bool,
    provider: &Guarded<impl Provider>,
    screen: &mut Screen,
) -> Result<u8, Refusal> {
    let spec = match provider.spec_of_onboarded(asked).await {
        Ok(spec) => spec,
        // Not onboarded; it may be connected all the same.
        Err(refusal) if refusal.code == NOT_GOOD => {
            let agent = agent::look(cluster, provider).await?;
            return agent::show_alone(&agent, as_json, screen, refusal);
        }
        Err(refusal) => return Err(refusal),
    };
    let verification = verify(&spec, provider, &mut |_| {}).await?;
    let agent = agent::look(cluster, provider).await?;
    let text = if as_json {
        let mut document = document(&verification);
        document["agent"] = agent::document(&agent);
        json::text(&document)?
    } else {
        render(&verification, screen.width) + &agent::render(&agent, screen.width)
    };
    screen.print(&text)?;
    Ok(if verification.is_good() && agent.is_good() { 0 } else { NOT_GOOD })
}

/// `cast-spot.status/1`.
fn document(verification: &Verification) -> serde_json::Value {
    let mut document = json::plan(&verification.planned);
    document["schema"] = json!("cast-spot.status/1");
    document["good"] = json!(verification.is_good());
    document["checks"] = json!(verification.checks);
    document
}

fn render(verification: &Verification, width: usize) -> String {
    let planned = &verification.planned;
    let mut text = table::heading(planned);
    if planned.plan.is_empty() {
        text += &checks::resources(planned.plan.steps.len());
    } else {
        text += &table::steps(planned, width);
    }
    text += &checks::render(&verification.checks);
    text += "\n";
    text += &checks::verdict(verification);
    text
}

#[cfg(test)]
mod tests;
